"""The commands that a running daemon carries out: each asks it over the admin socket and prints what it says."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from daemon.admin_client import admin_call
from daemon.cli_output import ProgressLine, print_record, print_table, tell_error
from domain.errors import CuelightError, NotFound, Rejected

INBOX_COLUMNS = ("id", "state", "kind", "lane", "attempts", "received_at", "due_at", "result", "error")
CHANNEL_COLUMNS = (
    "id",
    "login",
    "state",
    "vips",
    "by_hand",
    "waiting",
    "backlog",
    "login_state",
    "rewards",
    "detail",
)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_VIP_SECONDS = 10 * 366 * 86_400
MOST_TOKEN_BYTES = 8192


def status(options: argparse.Namespace) -> int:
    print_record(_ask(options, "status"), as_json=options.json)
    return 0


def keys_rotate(options: argparse.Namespace) -> int:
    print_record(_ask(options, "keys.rotate"), as_json=options.json)
    return 0


def inbox_list(options: argparse.Namespace) -> int:
    args = {"state": options.state, "lane": options.lane, "source": options.source, "limit": options.limit}
    result = _ask(options, "inbox.list", args)
    if options.json:
        print_record(result, as_json=True)
        return 0
    print_table(result["rows"], INBOX_COLUMNS, as_json=False)
    counts = ", ".join(f"{count} {state}" for state, count in result["counts"].items())
    more = " There are more rows: see --limit." if result["more"] else ""
    print(f"In all: {counts or 'nothing'}.{more}", file=sys.stderr)
    return 0


def inbox_show(options: argparse.Namespace) -> int:
    print_record(_ask(options, "inbox.show", {"id": options.id}), as_json=options.json)
    return 0


def inbox_redrive(options: argparse.Namespace) -> int:
    args: dict[str, Any] = {"dry_run": options.dry_run}
    args |= {"all_dead": True} if options.all_dead else {"id": options.id}
    print_record(_ask(options, "inbox.redrive", args), as_json=options.json)
    return 0


def inbox_purge(options: argparse.Namespace) -> int:
    args = {"older_than_days": options.older_than_days, "dry_run": options.dry_run}
    print_record(_ask(options, "inbox.purge", args), as_json=options.json)
    return 0


def channels_list(options: argparse.Namespace) -> int:
    channels = _ask(options, "channels.list")["channels"]
    for channel in [] if options.json else channels:
        connection = channel.get("connection") or {}
        channel["rewards"] = ", ".join(_reward(reward) for reward in channel.get("rewards", []))
        channel["detail"] = channel.get("login_detail") or connection.get("detail") or ""
    print_table(channels, CHANNEL_COLUMNS, as_json=options.json)
    return 0


def channels_add(options: argparse.Namespace) -> int:
    vip_seconds = duration_seconds(options.vip)
    tokens = read_tokens(os.environ)
    args = {
        "login": options.login,
        "reward_title": options.reward_title,
        "reward_cost": options.reward_cost,
        "vip_seconds": vip_seconds,
        **tokens,
    }
    print_record(_ask(options, "channels.add", args), as_json=options.json)
    return 0


def channels_remove(options: argparse.Namespace) -> int:
    print_record(_ask(options, "channels.remove", {"id": _id(options)}), as_json=options.json)
    return 0


def channels_restart(options: argparse.Namespace) -> int:
    print_record(_ask(options, "channels.restart", {"id": _id(options)}), as_json=options.json)
    return 0


def channels_pause(options: argparse.Namespace) -> int:
    """Several, or all. Where one is unknown, nothing is done; one that fails does not keep the others from it."""
    return _each(options, "channels.pause")


def channels_resume(options: argparse.Namespace) -> int:
    return _each(options, "channels.resume")


def channels_reconcile(options: argparse.Namespace) -> int:
    return _each(options, "channels.reconcile")


def _each(options: argparse.Namespace, command: str) -> int:
    known = _ask(options, "channels.list")["channels"]
    rows, failed = [], False
    for channel in known if options.all else _named(options.ids, known):
        try:
            rows.append({"login": channel["login"], **_ask(options, command, {"id": channel["id"]})})
        except CuelightError as error:
            tell_error(error, as_json=False)
            failed = True
    print_table(rows, ("id", "login", "paused", "state", "result", "row"), as_json=options.json)
    return int(failed)


def _id(options: argparse.Namespace) -> str:
    """The id of the channel that is named by id or login. Raises `NotFound`."""
    if options.id.isdigit():
        return str(options.id)
    return str(_named([options.id], _ask(options, "channels.list")["channels"])[0]["id"])


def _named(wanted: Sequence[str], known: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Channels by id or login. Raises `NotFound` for the first that there is not."""
    found = []
    for one in wanted:
        match = next((each for each in known if one.lower() in {each["id"], each["login"]}), None)
        if match is None:
            raise NotFound(
                f"There is no channel {one}.", advice="`cuelight channels list` shows which there are."
            )
        found.append(match)
    return found


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    command.__name__: command
    for command in (
        status,
        keys_rotate,
        inbox_list,
        inbox_show,
        inbox_redrive,
        inbox_purge,
        channels_list,
        channels_add,
        channels_remove,
        channels_restart,
        channels_pause,
        channels_resume,
        channels_reconcile,
    )
}


def duration_seconds(text: str) -> int:
    """`90s`, `30m`, `12h`, `7d`, `2w` in seconds; raises `Rejected` for anything else, zero and above ten years."""
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip().lower())
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    if not 1 <= seconds <= LONGEST_VIP_SECONDS:
        raise Rejected(
            f"{text!r} is not a duration.",
            code="cli.duration",
            advice="Write a number and s, m, h, d or w, like 7d.",
        )
    return seconds


def read_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The channel's tokens: from CUELIGHT_ACCESS_TOKEN and CUELIGHT_REFRESH_TOKEN, else from stdin.

    Never from the arguments, which every user of the machine can read. On stdin: a JSON object with `access_token`
    and `refresh_token`, or the two on a line each. On a terminal they are asked for, unseen.
    """
    access, refresh = environ.get("CUELIGHT_ACCESS_TOKEN", ""), environ.get("CUELIGHT_REFRESH_TOKEN", "")
    if not access and sys.stdin.isatty():
        access = getpass.getpass("Access token: ", stream=sys.stderr).strip()
        refresh = getpass.getpass("Refresh token: ", stream=sys.stderr).strip()
    elif not access:
        access, refresh = _parse_tokens(sys.stdin.read(MOST_TOKEN_BYTES))
    if not access or not refresh:
        raise Rejected(
            "The channel's access token and refresh token are missing.",
            code="cli.tokens",
            advice='Pipe {"access_token": …, "refresh_token": …} in, or set CUELIGHT_ACCESS_TOKEN and'
            " CUELIGHT_REFRESH_TOKEN.",
        )
    return {"access_token": access, "refresh_token": refresh}


def _parse_tokens(text: str) -> tuple[str, str]:
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except ValueError:
            return "", ""
        return str(given.get("access_token", "")), str(given.get("refresh_token", ""))
    access, _, refresh = text.strip().partition("\n")
    return access.strip(), refresh.strip()


def _ask(options: argparse.Namespace, command: str, args: Mapping[str, Any] | None = None) -> Any:
    progress = ProgressLine(silent=options.json)
    try:
        given = {name: value for name, value in (args or {}).items() if value is not None}
        return admin_call(_data_dir(options), command, given, progress=progress)
    finally:
        progress.end()


def _data_dir(options: argparse.Namespace) -> Path:
    if options.data_dir:
        return Path(options.data_dir)
    from daemon.settings import load_place  # noqa: PLC0415 - pydantic takes longer than all the rest

    return load_place().data_dir


def _reward(reward: Mapping[str, Any]) -> str:
    points = "1 point" if reward["cost"] == 1 else f"{reward['cost']} points"
    return f"{reward['title']} ({points}, {duration_text(reward['vip_seconds'])})"


def duration_text(seconds: int) -> str:
    """A short text that `duration_seconds` reads as the same number; in days at most, as people speak of VIPs."""
    for unit, size in reversed(UNITS.items()):
        if unit != "w" and seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
