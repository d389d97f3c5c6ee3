"""What the local admin socket answers: the commands of the CLI that need the running daemon."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from daemon.channel_overview import ChannelOverview
from daemon.keys import add_encryption_key, keep_encryption_keys
from daemon.settings import Settings
from domain.errors import Broken, Rejected
from domain.inbox import RowState
from domain.ports import Clock
from handlers.accounts.permissions import Uses
from handlers.intake import Poke
from handlers.vip.channels import Enrolment
from handlers.vip.grants import Grants
from storage.backup import Backup, Header, described
from storage.catalog import PASSING
from storage.contracts import Scalar, Store
from storage.inbox import Inbox
from storage.sealing import Rotated, Sealer

Command = Callable[..., Awaitable[Any]]
SealAgain = Callable[[Sealer], Awaitable[Rotated]]
"""Seals everything of one kind with the newest key."""
DAY_MS = 86_400_000
SHOWN = (
    "source",
    "kind",
    "lane",
    "channel_id",
    "state",
    "attempts",
    "received_at",
    "due_at",
    "result",
    "waiting_for",
)


class InboxCommands:
    """`cuelight inbox list|show|redrive|purge`."""

    def __init__(self, *, inbox: Inbox, poke: Poke, clock: Clock) -> None:
        self._inbox, self._poke, self._clock = inbox, poke, clock

    async def list(
        self, *, state: str = "", lane: str = "", source: str = "", limit: int = 50
    ) -> dict[str, Any]:
        """Rows, newest first, with how many there are in each state."""
        if state and state not in set(RowState):
            raise Rejected(
                f"There is no state {state}.", code="inbox.state", advice=f"Use {', '.join(RowState)}."
            )
        where: dict[str, Scalar] = {
            name: value for name, value in (("state", state), ("lane", lane), ("source", source)) if value
        }
        page = await self._inbox.page(where, limit=max(1, min(int(limit), 1000)))
        rows = [
            {
                "id": row["_id"],
                **{name: row.get(name) for name in SHOWN},
                "error": (row.get("error") or {}).get("code"),
            }
            for row in page.documents
        ]
        return {"rows": rows, "counts": await self._inbox.counts(), "more": page.cursor is not None}

    async def show(self, *, id: str) -> dict[str, Any]:
        """One row whole. Raises `NotFound`."""
        await self._inbox.get(id)
        document = await self._inbox.document(id)
        return document or {}

    async def redrive(self, *, id: str = "", all_dead: bool = False, dry_run: bool = False) -> dict[str, Any]:
        """Send one row, or every dead one, round again."""
        if bool(id) == bool(all_dead):
            raise Rejected(
                "Name one row, or say --all-dead.",
                code="inbox.which",
                advice="cuelight inbox list --state dead",
            )
        ids = [id] if id else [row["_id"] for row in await self._inbox.documents(RowState.DEAD)]
        if not dry_run:
            for row_id in ids:
                row = await self._inbox.redrive(row_id)
                self._poke(row.lane)
        return {"rows": ids, "redriven": 0 if dry_run else len(ids), "dry_run": dry_run}

    async def purge(self, *, older_than_days: float = 30, dry_run: bool = False) -> dict[str, Any]:
        """Remove rows that were done long ago; what is open, dead or parked always stays."""
        if older_than_days < 1:
            raise Rejected(
                "Rows younger than a day are needed to recognise duplicates.",
                code="inbox.too_young",
                advice="Use --older-than-days 1 or more.",
            )
        before = self._clock.now() - round(older_than_days * DAY_MS)
        return {
            "purged": await self._inbox.purge(finished_before=before, dry_run=dry_run),
            "dry_run": dry_run,
        }


class ChannelCommands:
    """`cuelight channels list|add|remove|restart|pause|resume|reconcile`, and the login by code of `cuelight setup`."""

    def __init__(self, *, enrolment: Enrolment, overview: ChannelOverview, enter: Command) -> None:
        """`enter` lets in a streamer by tokens."""
        self._enrolment, self._overview, self.enter = enrolment, overview, enter
        self.list = overview.list

    async def add(
        self,
        *,
        access_token: str,
        refresh_token: str = "",
        login: str = "",
        reward_title: str = "VIP",
        reward_cost: int = 10_000,
        vip_seconds: int = 86_400,
    ) -> dict[str, Any]:
        channel = await self._enrolment.add(
            access_token=access_token,
            refresh_token=refresh_token,
            login=login,
            reward_title=reward_title,
            reward_cost=reward_cost,
            vip_seconds=vip_seconds,
        )
        rewards = [
            {"id": reward.id, "title": reward.title, "vip_seconds": reward.vip_ms // 1000}
            for reward in channel.rewards
        ]
        return {"id": channel.id, "login": channel.login, "name": channel.name, "rewards": rewards}

    async def remove(self, *, id: str) -> dict[str, Any]:
        await self._enrolment.remove(id)
        return {"removed": id}

    async def restart(self, *, id: str) -> dict[str, Any]:
        await self._enrolment.restart(id)
        return {"restarted": id}

    async def pause(self, *, id: str) -> dict[str, Any]:
        await self._enrolment.pause(id)
        return {"id": id, "paused": True}

    async def resume(self, *, id: str) -> dict[str, Any]:
        await self._enrolment.resume(id)
        return {"id": id, "paused": False}

    async def reconcile(self, *, id: str) -> dict[str, Any]:
        return await self._overview.reconcile(id)


class KeyCommands:
    """`cuelight keys rotate`: a new key in front, everything sealed again, then the old keys forgotten."""

    def __init__(
        self, *, settings: Settings, grants: Grants, uses: Uses, others: Sequence[SealAgain] = ()
    ) -> None:
        """`others`: what else is sealed, beside the grants."""
        self._settings, self._grants, self._uses, self._others = settings, grants, uses, tuple(others)

    async def rotate(self) -> dict[str, Any]:
        """Safe to repeat: after a crash in between, both keys are in place. Keys that the operator gave
        (ENCRYPTION_KEYS) are applied as they are: newest first, what is sealed with an older one is sealed again."""
        given = bool(self._settings.encryption_keys)
        if not given:
            self._grants.sealer = Sealer(await asyncio.to_thread(add_encryption_key, self._settings))
        rotated = [await self._grants.seal_again()]
        rotated += [await seal_again(self._grants.sealer) for seal_again in self._others]
        unreadable = [name for one in rotated for name in one.unreadable]
        if not given and not unreadable:
            self._grants.sealer = Sealer(await asyncio.to_thread(keep_encryption_keys, self._settings, 1))
        return {
            "documents": sum(one.documents for one in rotated),
            "rotated": sum(one.changed for one in rotated),
            "unreadable": unreadable,
        }

    async def grants(self) -> list[dict[str, Any]]:
        """For `cuelight doctor`: whose logins there are, which are over, and which scopes they lack for what they are
        used for. No token leaves the daemon."""
        told = []
        for user_id in await self._grants.ids():
            try:
                token = await self._grants.load(user_id)
            except Broken as error:
                told.append({"user_id": user_id, "login": "", "dead": error.message, "lacking": []})
                continue
            if token is not None:
                told.append(
                    {
                        "user_id": user_id,
                        "login": token.login,
                        "dead": token.dead,
                        "lacking": list(await self._uses.lacking(user_id, token.scopes)),
                    }
                )
        return told


class DataCommands:
    """`cuelight backup` beside a running daemon: the file goes to the command line in blocks, which writes it where
    its user may, whatever the daemon itself may see of the disk."""

    def __init__(self, *, store: Store, engine: str, version: str, clock: Clock) -> None:
        """`engine`: sqlite or mongodb, for the header."""
        self._store, self._engine, self._version, self._clock = store, engine, version, clock

    async def backup(self, *, progress: Callable[..., Awaitable[None]]) -> dict[str, Any]:
        """Each progress has `documents` so far and a `block` of the file in base64; the result tells what is in it."""
        header = Header(self._version, self._clock.now(), self._engine)
        backup = Backup(self._store, header, passing=PASSING)
        async with aclosing(backup.blocks()) as blocks:
            async for block in blocks:
                await progress(documents=backup.documents, block=base64.b64encode(block).decode("ascii"))
        assert backup.contents is not None
        return described(backup.contents)

    async def probe(self) -> dict[str, Any]:
        """For `cuelight doctor`: can the store be written, how long does that take, how large is it?"""
        begun = self._clock.monotonic()
        await self._store.probe()
        return {
            "write_ms": round((self._clock.monotonic() - begun) * 1000, 1),
            "store_bytes": await self._store.size_bytes(),
        }


def build_commands(
    *,
    inbox: InboxCommands,
    channels: ChannelCommands,
    keys: KeyCommands,
    status: Command,
    data: DataCommands | None = None,
    more: Mapping[str, Command] | None = None,
) -> Mapping[str, Command]:
    """The table of the admin socket. `more`: rows of others (`daemon/privacy_commands.py`)."""
    return {
        "status": status,
        "inbox.list": inbox.list,
        "inbox.show": inbox.show,
        "inbox.redrive": inbox.redrive,
        "inbox.purge": inbox.purge,
        "channels.list": channels.list,
        "channels.add": channels.add,
        "channels.remove": channels.remove,
        "channels.restart": channels.restart,
        "channels.pause": channels.pause,
        "channels.resume": channels.resume,
        "channels.reconcile": channels.reconcile,
        "channels.enter": channels.enter,
        "keys.rotate": keys.rotate,
        "keys.grants": keys.grants,
        **({} if data is None else {"backup": data.backup, "store.probe": data.probe}),
        **(more or {}),
    }
