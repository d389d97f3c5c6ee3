"""`cuelight audit`, `export` and `erase`: people's data, and the trail that nobody may alter.

A running daemon does it, since it holds the store. On a stopped SQLite store, and on MongoDB, the command does it
itself.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from daemon.admin_client import admin_call
from daemon.backup_file import BackupFile
from daemon.cli_output import ProgressLine, print_record, print_table
from daemon.offline import StorePlace, opened, refuse_running
from daemon.settings import Settings
from domain.errors import Conflict, Rejected, Unavailable

LONGEST_SILENCE_SECONDS = 600.0
See = Callable[[dict[str, Any]], None]


class KeptPlace(StorePlace):
    """Where the data lies, and what retention leaves of it."""

    retention_audit_days: int = Field(Settings.model_fields["retention_audit_days"].default, ge=1)
    retention_max_documents: int = Field(Settings.model_fields["retention_max_documents"].default, ge=1000)


def audit_verify(options: argparse.Namespace) -> int:
    """Verify the chains; 1 if somebody has altered something."""
    told = _ask(options, "audit.verify", {"channel": options.channel or ""})
    if options.json:
        print_record(told, as_json=True)
        return 0 if told["whole"] else 1
    columns = ("channel_id", "blocks", "records", "erased", "aged", "faults", "head")
    print_table(told["channels"], columns, as_json=False)
    for report in told["channels"]:
        for finding in report["findings"]:
            where = f"channel {report['channel_id']}, block {finding['n']}" if finding["n"] else "erasure"
            print(f"{where}: {finding['fault']} {finding['record_id']}".rstrip(), file=sys.stderr)
    count = sum(report["faults"] for report in told["channels"])
    said = "Every chain is whole." if told["whole"] else f"{count} faults: somebody has altered the store."
    print(f"{said} {told['waiting']} records are not linked yet.", file=sys.stderr)
    return 0 if told["whole"] else 1


def audit_head(options: argparse.Namespace) -> int:
    """The newest hash of each chain: noted down elsewhere, it proves later that the chain was not made anew."""
    print_table(_ask(options, "audit.head"), ("channel", "block", "hash", "made_at"), as_json=options.json)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write what is held of a viewer or a channel into a private file."""
    given = _who(options)
    with BackupFile(Path(options.out), force=options.force) as file:
        told = _ask(options, "export", given, see=lambda facts: file.write(base64.b64decode(facts["block"])))
        told = {"file": options.out, "bytes": file.finish(), **told}
    print_record(told, as_json=options.json)
    if not told["lines"]:
        print("Nothing is held there. Is it the right id?", file=sys.stderr)
    return 0


def erase(options: argparse.Namespace) -> int:
    """Erase a viewer or a channel, once its user has written whom."""
    given = _who(options)
    who = given["viewer"] or given["channel"]
    if not options.dry_run and not options.yes:
        _confirm(who, "viewer" if options.viewer else "channel")
    told = _ask(options, "erase", {**given, "dry_run": options.dry_run})
    print_record(told, as_json=options.json)
    if told["unfinished"]:
        print(
            "Twitch could not be told of everything: a VIP badge may be left in "
            f"{', '.join(told['unfinished'])}. Remove it on Twitch.",
            file=sys.stderr,
        )
    if not options.dry_run and told["documents"]:
        print(
            "Backups still hold it: after a restore, erase again. Keep this id elsewhere if you have to.",
            file=sys.stderr,
        )
    return 0


def _who(options: argparse.Namespace) -> dict[str, str]:
    if not options.viewer and not options.channel:
        raise Rejected(
            "Nobody is named.",
            code="privacy.who",
            advice="Say --viewer ID, --channel ID, or both: his data in it.",
        )
    return {"viewer": options.viewer or "", "channel": options.channel or ""}


def _confirm(who: str, what: str) -> None:
    """Raises `Rejected` unless the id is written once more."""
    if not sys.stdin.isatty():
        raise Rejected(
            "There is nobody to ask whether this is meant.",
            code="privacy.confirm",
            advice="Say --yes, or --dry-run to see what would go.",
        )
    print(
        f"Everything of {what} {who} is erased, for good. Write the id once more: ", end="", file=sys.stderr
    )
    if sys.stdin.readline().strip() != who:
        raise Rejected("That is another one. Nothing was erased.", code="privacy.confirm")


def _ask(
    options: argparse.Namespace,
    command: str,
    args: Mapping[str, Any] | None = None,
    *,
    see: See | None = None,
) -> Any:
    """Through the daemon of this data directory if one runs, else on the store itself."""
    where = KeptPlace.load(data_dir=options.data_dir)
    line = ProgressLine(silent=options.json)

    def told(facts: dict[str, Any]) -> None:
        if see is not None:
            see(facts)
        line({name: value for name, value in facts.items() if name != "block"})

    try:
        try:
            return admin_call(
                where.data_dir, command, args, progress=told, timeout_seconds=LONGEST_SILENCE_SECONDS
            )
        except Unavailable as error:
            if error.code != "admin.no_daemon":
                raise
        where.refuse_missing()
        return asyncio.run(_here(where, command, dict(args or {}), told))
    finally:
        line.end()


async def _here(where: KeptPlace, command: str, args: dict[str, Any], told: See) -> Any:
    from daemon.wiring_privacy import open_privacy_commands  # noqa: PLC0415 - a daemon is asked without all this

    async def progress(**facts: Any) -> None:
        await asyncio.to_thread(told, facts)

    async with opened(where) as (store, clock):
        try:
            await refuse_running(store, clock)
            works = False
        except Conflict:
            works = True
        commands = await open_privacy_commands(store, where, clock=clock, works=works)
        wanted = commands[command]
        if "progress" in inspect.signature(wanted).parameters:
            args["progress"] = progress
        return await wanted(**args)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "audit_verify": audit_verify,
    "audit_head": audit_head,
    "export": export,
    "erase": erase,
}
