"""`python -m simulators.players`: simulated viewers who join a real room, as a program."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from simulators.players.habits import Feelings, Habit, Programme, Votes
from simulators.players.network import PROFILES
from simulators.players.party import Change, Party, Truth, networks
from simulators.players.viewer import Viewer

_DESCRIPTION = """\
Simulated viewers join a watch party over real sockets. Each has a clock that is off by up to 5 s and 100 ppm, a network
(delays in both directions, made by the client itself) and a player that starts and seeks late, drifts and stalls; they
chat now and then, and vote and show what they feel if told to. They stay for --seconds, or until SIGTERM or SIGINT. The
first line on standard output says which room they are in, {"room_id": ...}; the last one what was measured: how far the
players were from the film, in ms."""
_EXAMPLES = """\
examples:
  python -m simulators.players --url ws://127.0.0.1:8080/ws/connect --room mint-owl-42 --invite v1.… --viewers 12
  python -m simulators.players --url … --tokens tokens.txt --film https://films.example/a.mp4 --seconds 120 --evening"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.players",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="of the socket, ws://…/ws/connect")
    parser.add_argument("--room", default="", help="which room; without it the first viewer opens one")
    parser.add_argument("--viewers", type=int, default=12, help="how many (default 12)")
    parser.add_argument("--seconds", type=float, help="how long they stay (default: until a signal comes)")
    parser.add_argument("--apart", type=float, default=0.1, help="seconds between two joins (default 0.1)")
    parser.add_argument("--networks", default="fibre,wifi",
                        help=f"dealt out in turn, of: {', '.join(PROFILES)} (default fibre,wifi)")  # fmt: skip
    parser.add_argument("--chat-each", type=float, default=40.0,
                        help="mean seconds between two chat messages of a viewer; 0: silent (default 40)")  # fmt: skip
    parser.add_argument("--votes-each", type=float, default=0.0,
                        help="mean seconds between two votes of a viewer; 0: none (default)")  # fmt: skip
    parser.add_argument("--feels-each", type=float, default=0.0,
                        help="mean seconds between two reactions of a viewer; 0: none (default)")  # fmt: skip
    parser.add_argument("--stalls-each", type=float, default=0.0,
                        help="mean seconds between two stalls of the last viewer")  # fmt: skip
    parser.add_argument(
        "--names", default="", help="of the viewers, with commas between (default: Viewer 1 …)"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--invite", default="", help="an invite into the room: they come as guests")
    who.add_argument("--tokens", type=Path, help="a file with a token for each viewer, one a line")
    parser.add_argument("--settings", default="{}", help="JSON: of the room that the first viewer opens")
    parser.add_argument("--channel", default="", help="id of the channel that this room is of")
    parser.add_argument("--film", default="", help="address of a film that the first viewer puts on")
    parser.add_argument("--film-seconds", type=float, default=7200.0, help="its length (default 7200)")
    parser.add_argument("--evening", action="store_true",
                        help="the first viewer pauses at 35 %% of the time, and seeks at 70 %%")  # fmt: skip
    parser.add_argument("--programme", type=Path,
                        help="a file with JSON: items that the first viewer plays and queues, on and on")  # fmt: skip
    parser.add_argument("--tell-each", type=float, default=0.0,
                        help="seconds between two lines of what was measured (default: one at the end)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of all clocks, players and delays (default 1)")
    chosen = parser.parse_args(arguments)
    if chosen.evening and not (chosen.seconds and chosen.film):
        parser.error("--evening needs --seconds and --film")
    unknown = set(chosen.networks.split(",")) - set(PROFILES)
    if unknown:
        parser.error(f"there is no network {', '.join(sorted(unknown))}")
    return chosen


def changes(chosen: argparse.Namespace) -> list[Change]:
    """What the first viewer does as host: nothing without a film."""
    if not chosen.film:
        return []
    item = {"kind": "video", "url": chosen.film, "title": "Film", "duration": chosen.film_seconds}
    found = [Change(0.5, "party:media", {"item": item}), Change(3.0, "party:play", {})]
    if chosen.evening:
        rest = min(8.0, chosen.seconds * 0.1)
        found += [
            Change(chosen.seconds * 0.35, "party:pause", {}),
            Change(chosen.seconds * 0.35 + rest, "party:play", {}),
            Change(chosen.seconds * 0.70, "party:seek", {"currentTime": chosen.film_seconds / 2}),
        ]
    return found


def viewers(chosen: argparse.Namespace, truth: Truth) -> list[Viewer]:
    """Everybody, in the order in which they come."""
    tokens = chosen.tokens.read_text("utf-8").split() if chosen.tokens else []
    if chosen.tokens and len(tokens) < chosen.viewers:
        raise SystemExit(f"{chosen.tokens} has {len(tokens)} tokens for {chosen.viewers} viewers")
    profiles = chosen.networks.split(",")
    names = dict(enumerate(chosen.names.split(","))) if chosen.names else {}
    opening = {"settings": json.loads(chosen.settings)} | (
        {"channel": chosen.channel} if chosen.channel else {}
    )
    found = []
    for number in range(chosen.viewers):
        opens = number == 0 and not chosen.room
        name = {"userName": names.get(number, f"Viewer {number + 1}")}
        hello: Mapping[str, Any] | None = None
        if tokens:
            hello = {"token": tokens[number]}
        elif chosen.invite:
            hello = {"invite": chosen.invite, "roomId": chosen.room}
        found.append(
            Viewer(
                url=chosen.url,
                hello=hello,
                begin="party:create" if opens else "party:join",
                with_data=name | (opening if opens else {"roomId": chosen.room}),
                profile=PROFILES[networks(profiles, number)],
                seed=f"{chosen.seed}/{number}",
                chats_each=chosen.chat_each,
                stalls_each=chosen.stalls_each if number == chosen.viewers - 1 else 0.0,
                habits=habits(chosen, number),
                overhear=truth.overhear,
            )
        )
    return found


def habits(chosen: argparse.Namespace, number: int, *, now: float | None = None) -> list[Habit]:
    """What the viewer with this number does besides."""
    dice, now = Random(f"{chosen.seed}/{number}/habits"), time.monotonic() if now is None else now
    found: list[Habit] = []
    if chosen.programme and number == 0:
        found.append(Programme(json.loads(chosen.programme.read_text("utf-8"))))
    if chosen.votes_each:
        found.append(Votes(dice, each=chosen.votes_each, now=now))
    if chosen.feels_each:
        found.append(Feelings(dice, each=chosen.feels_each, now=now))
    return found


async def attend(chosen: argparse.Namespace) -> dict[str, Any]:
    """The whole visit; what was measured."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    truth = Truth(chosen.url)
    everybody = viewers(chosen, truth)
    party = Party(everybody, truth, apart=chosen.apart, changes=changes(chosen))
    async with asyncio.TaskGroup() as group:
        going = group.create_task(party.run())
        telling = group.create_task(_tell(party, everybody[0], each=chosen.tell_each))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), chosen.seconds)
        measured = party.measured()
        telling.cancel()
        going.cancel()
    return measured


async def _tell(party: Party, first: Viewer, *, each: float) -> None:
    await first.entered.wait()
    if first.talk.room_id:
        print(json.dumps({"room_id": first.talk.room_id}), flush=True)
    while each:
        await asyncio.sleep(each)
        print(json.dumps(party.measured()), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when somebody was let in, 1 when nobody was."""
    chosen = parse(arguments)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    measured = asyncio.run(attend(chosen))
    print(json.dumps(measured), flush=True)
    return 0 if measured["room_id"] and measured["kept"] + measured["samples"] else 1


if __name__ == "__main__":
    sys.exit(main())
