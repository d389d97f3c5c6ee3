"""The watch party of a demo: viewers of the channel as a program of their own (`simulators/players`), who watch the
test clip together, again and again, each with a clock, a network and a player that are wrong in their own way.

The first of them is of the channel's team: he opens the room and keeps its queue filled. The streamer, who is at the
dashboard, may come in and take over: pause, and everybody pauses.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from daemon.programs import end
from domain.channel import Viewer
from domain.ports import Clock
from handlers.party.issuer_keys import OWN_ISSUER
from handlers.party.standing import of_twitch
from handlers.party.tickets import derived

VIEWERS = 12
CLIP, CLIP_SECONDS = "/static/watch/clip.mp4", 24
TITLES = (
    "The lamp, take one",
    "Amber, green, red",
    "Six hundred frames",
    "The lamp comes back",
    "Counting to twenty-four",
    "The long rail",
)
SETTINGS = {
    "title": "Test clips with friends",
    "isPublic": True,
    "control": "cohost",
    "hosting": "cohost",
    "hostReturns": True,
}
NETWORKS = "fibre,wifi,wifi,mobile,fibre,wifi"
CHAT_SECONDS, VOTE_SECONDS, FEEL_SECONDS, STALL_SECONDS = 50, 20, 40, 20
TOLD_SECONDS = 0.5
TOKEN_SECONDS = 90 * 86400

TOGETHER_MS = 500.0
"""Half of all samples are nearer to the film than this by far, also where the processors have ten times too much to do.
Who is not in step at all is seconds away."""


@dataclass(frozen=True, slots=True)
class Guests:
    """Who comes to the party of a channel; the first one opens it. `secret`: by which the daemon knows its tokens."""

    channel_id: str = ""
    viewers: tuple[Viewer, ...] = ()
    secret: str = field(default="", repr=False)


class DemoParty:
    """`start` once the daemon answers. `follow` has to run beside, until `stop`; then `verdict`."""

    def __init__(self, guests: Guests, *, folder: Path, clock: Clock) -> None:
        self._guests, self._folder, self._clock = guests, folder, clock
        self._process: asyncio.subprocess.Process | None = None
        self._measured: Mapping[str, Any] = {}
        self._code = 0
        self.room_id = ""
        self.opened = asyncio.Event()
        self._told_all = asyncio.Event()

    @property
    def is_whole(self) -> bool:
        """Whether everybody is in the room, and it is known how they keep together."""
        return self._measured.get("here") == len(self._guests.viewers) and self._measured["samples"] > 0

    async def start(self, port: int) -> None:
        """Send them to the daemon on this port."""
        tokens, programme = self._folder / "tokens", self._folder / "programme"
        tokens.write_text("\n".join(self._tokens()), "utf-8")
        programme.write_text(json.dumps(films()), "utf-8")
        options = {
            "url": f"ws://127.0.0.1:{port}/ws/connect",
            "viewers": len(self._guests.viewers),
            "names": ",".join(one.shown for one in self._guests.viewers),
            "tokens": tokens,
            "channel": self._guests.channel_id,
            "settings": json.dumps(SETTINGS),
            "programme": programme,
            "networks": NETWORKS,
            "chat-each": CHAT_SECONDS,
            "votes-each": VOTE_SECONDS,
            "feels-each": FEEL_SECONDS,
            "stalls-each": STALL_SECONDS,
            "tell-each": TOLD_SECONDS,
        }
        words = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulators.players",
            *words,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,  # Ctrl-C is for who directs them
        )

    async def follow(self) -> None:
        """Take in what they tell, until their end."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                told = json.loads(line)
                self.room_id = told.get("room_id") or self.room_id
                if "samples" in told:
                    self._measured = told
                self.opened.set()
        finally:
            self._told_all.set()
            self.opened.set()  # nobody waits for a room that will never be

    async def stop(self) -> None:
        """Send them home. `follow` ends with that."""
        if self._process is not None:
            self._code = await end(self._process)
            await self._told_all.wait()

    def verdict(self, *, kills: int, seen: bool) -> tuple[dict[str, Any], list[str]]:
        """What was measured, and what of it is a fault. `kills` of the daemon excuse that a viewer had to begin
        anew; where somebody has `seen` it, he may have sent viewers out or closed the room."""
        found = self._measured
        if not found:
            return {"members": 0}, ["nobody came to the watch party"]
        told = {
            "members": found["members"],
            **{name: found[name] for name in ("p50_ms", "p95_ms", "p99_ms")},
            "lost": found["holes"],
            "resets": found["resets"],
        }
        wrong = faults_of(found, guests=0 if seen else len(self._guests.viewers), kills=kills)
        if self._code:
            wrong.append(f"the viewers of the watch party ended by themselves ({self._code})")
        return told, wrong

    def _tokens(self) -> Sequence[str]:
        """Credentials as the daemon gives them to who is signed in, but good for as long as a demo may be looked at."""
        now = self._clock.now() // 1000
        key = derived(self._guests.secret, "token")
        told = [
            {"iss": OWN_ISSUER, "sub": of_twitch(one.id), "name": one.shown, "exp": now + TOKEN_SECONDS}
            for one in self._guests.viewers
        ]
        return [jwt.encode(claims, key, algorithm="HS256") for claims in told]


def films() -> list[dict[str, Any]]:
    """What is on: the same clip under many titles, so that there is something to vote about."""
    return [{"kind": "video", "url": CLIP, "title": title, "duration": CLIP_SECONDS} for title in TITLES]


def faults_of(found: Mapping[str, Any], *, guests: int, kills: int) -> list[str]:
    """What was wrong with the party, in sentences. `guests` have to be there all the time; 0: nobody has to."""
    refused = ", ".join(found["refused"])
    wrong = (
        (found["members"] < guests, f"only {found['members']} of {guests} came to the watch party"),
        (found["here"] < guests, f"only {found['here']} of {guests} were at the watch party in the end"),
        (bool(refused and guests), f"viewers of the watch party were refused: {refused}"),
        (found["holes"] > 0, f"{found['holes']} messages of the watch party were missed"),
        (found["doubles"] > 0, f"{found['doubles']} messages of the watch party came twice"),
        (found["resets"] > 0 and not kills, f"{found['resets']} viewers had to begin anew"),
        (not found["samples"] and guests > 0, "the film of the watch party never played"),
        (found["p50_ms"] > TOGETHER_MS, f"the viewers are {found['p50_ms']:.0f} ms from the film"),
    )
    return [sentence for is_so, sentence in wrong if is_so]
