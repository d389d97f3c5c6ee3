"""What the admin socket answers about people's data: the audit chain, exports, erasures."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain.errors import Conflict, NotFound, Rejected, Unavailable
from domain.inbox import Delivery, InboxRow, RowState
from domain.ports import Clock
from handlers.accounts.leaving import leave_lane
from handlers.audit_verify import Verifier
from handlers.erasure import Eraser
from handlers.erasure_rows import CHANNEL, VIEWER, order_of
from handlers.exporting import Exporter, Manifest
from handlers.intake import Intake
from handlers.vip.operations import OUTCOME
from storage.audit_chain import AuditChain
from storage.channels import Channels
from storage.inbox import Inbox

Command = Callable[..., Awaitable[Any]]
Progress = Callable[..., Awaitable[None]]

LOOK_SECONDS = 0.5
LONGEST_SECONDS = 20 * 60.0  # a channel's VIPs are removed in minutes
MOST_ID = 64


def person_id(written: str, what: str) -> str:
    """The id of a viewer or a channel. Raises `Rejected`."""
    if not written.isascii() or not written.isdigit() or len(written) > MOST_ID:
        raise Rejected(
            f"{written[:40]!r} is not the id of a {what}: it has digits only.",
            code="privacy.id",
            advice="The id stays when somebody is renamed. `cuelight channels list` and the audit log tell it.",
        )
    return written


class ChainCommands:
    """`cuelight audit verify|head`."""

    def __init__(self, *, chain: AuditChain, verifier: Verifier, clock: Clock) -> None:
        self._chain, self._verifier, self._clock = chain, verifier, clock

    async def verify(self, *, progress: Progress, channel: str = "") -> dict[str, Any]:
        """One chain, or all. Raises `NotFound` for a channel without one."""
        channels = await self._chain.channels()
        if channel and channel not in channels:
            raise NotFound(f"There is no audit chain of channel {channel[:40]}.", code="audit.no_chain")
        reports = []
        for each in [channel] if channel else channels:

            async def told(blocks: int, each: str = each) -> None:
                await progress(channel=each, blocks=blocks)

            reports.append((await self._verifier.verify(each, now=self._clock.now(), told=told)).told())
        waiting, oldest = await self._chain.waiting()
        return {
            "whole": all(report["whole"] for report in reports),
            "channels": reports,
            "waiting": waiting,
            "waiting_since_at": oldest,
        }

    async def head(self) -> list[dict[str, Any]]:
        """The newest block of each channel."""
        lasts = [await self._chain.last(each) for each in await self._chain.channels()]
        return [
            {"channel": last.channel_id, "block": last.n, "hash": last.hash, "made_at": last.at}
            for last in lasts
            if last is not None
        ]

    async def state(self) -> dict[str, Any]:
        """For `cuelight doctor`: the newest block, what waits, and a sample that was verified."""
        lasts = [await self._chain.last(each) for each in await self._chain.channels()]
        newest = max((last for last in lasts if last is not None), key=lambda last: last.at, default=None)
        waiting, oldest = await self._chain.waiting()
        faults = 0
        if newest is not None:
            faults = (await self._verifier.sample(newest.channel_id, now=self._clock.now())).faults
        return {
            "channels": len(lasts),
            "newest_at": None if newest is None else newest.at,
            "waiting": waiting,
            "waiting_since_at": oldest,
            "now_at": self._clock.now(),
            "sample_faults": faults,
        }


class ExportCommands:
    """`cuelight export`: the file goes to the command line in blocks, which writes it where its user may."""

    def __init__(self, *, exporter: Exporter) -> None:
        self._exporter = exporter

    async def export(self, *, progress: Progress, viewer: str = "", channel: str = "") -> dict[str, Any]:
        """Each progress has the `lines` so far and a `block` in base64."""
        manifest = Manifest()
        if viewer:
            of = person_id(channel, "channel") if channel else None
            pieces = self._exporter.viewer(person_id(viewer, "viewer"), of, manifest)
        else:
            pieces = self._exporter.channel(person_id(channel, "channel"), manifest)
        async for piece in pieces:
            block = base64.b64encode(piece).decode("ascii")
            await progress(lines=manifest.counts.total(), block=block)
        return manifest.told()


class EraseCommands:
    """`cuelight erase`. With `intake`, what has to happen at Twitch first does, in the lanes of the daemon; without it
    (nobody works on this store) that is refused."""

    def __init__(
        self,
        *,
        eraser: Eraser,
        channels: Channels,
        inbox: Inbox,
        clock: Clock,
        open_vips: Callable[[str, str], Awaitable[bool]],
        intake: Intake | None = None,
    ) -> None:
        """`open_vips` tells whether a viewer has VIP of ours in a channel, or waits for it."""
        self._eraser, self._channels, self._inbox = eraser, channels, inbox
        self._clock, self._open_vips, self._intake = clock, open_vips, intake

    async def erase(
        self, *, progress: Progress, viewer: str = "", channel: str = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Erase one viewer in a channel or everywhere, or a channel. Counts documents by collection."""
        if not viewer and not channel:
            raise Rejected("Name a viewer, a channel, or both.", code="privacy.who")
        if viewer and viewer == channel:
            raise Rejected(
                "That is the streamer of this channel.",
                code="privacy.streamer",
                advice="Erase the channel: --channel without --viewer.",
            )
        if viewer:
            of = [person_id(channel, "channel")] if channel else None
            return await self._viewer(person_id(viewer, "viewer"), of, progress, dry_run=dry_run)
        return await self._channel(person_id(channel, "channel"), progress, dry_run=dry_run)

    # One viewer

    async def _viewer(
        self, viewer: str, channels: list[str] | None, progress: Progress, *, dry_run: bool
    ) -> dict[str, Any]:
        everywhere = channels is None
        where = await self._eraser.data.channels_of(viewer) if channels is None else channels
        total: Counter[str] = Counter()
        unfinished: list[str] = []
        changed = []
        for done, each in enumerate(where):
            await progress(channels=done, of=len(where))
            counts = await self._eraser.count_viewer(each, viewer)
            if counts and not dry_run:
                done_here, whole = await self._viewer_in(each, viewer, progress)
                counts = dict(done_here)
                unfinished += [] if whole else [each]
            changed += [each] if counts else []
            total.update(counts)
        if everywhere:
            total.update(await (self._eraser.count_account if dry_run else self._eraser.account)(viewer))
        return _told(
            total, dry_run=dry_run, channels=[each for each in changed if each], unfinished=unfinished
        )

    async def _viewer_in(
        self, channel: str, viewer: str, progress: Progress
    ) -> tuple[Mapping[str, int], bool]:
        if self._intake is None or not channel:
            if channel and await self._open_vips(channel, viewer):
                raise Conflict(
                    f"This viewer is VIP, or waits for it, in channel {channel}: that has to end first.",
                    code="privacy.open_vip",
                    advice="Start the daemon and ask again.",
                )
            return await self._eraser.viewer(channel, viewer), True
        row = await self._carried_out(
            order_of(VIEWER, channel, message_id=secrets.token_hex(16), viewer_id=viewer), progress
        )
        outcome = row.steps.get(OUTCOME, {})
        return outcome.get("counts", {}), outcome.get("result") != "erased_unfinished"

    # A channel

    async def _channel(self, channel: str, progress: Progress, *, dry_run: bool) -> dict[str, Any]:
        counts = await self._eraser.count_channel(channel)
        if dry_run or not counts:
            return _told(Counter(counts), dry_run=dry_run, channels=[channel] if counts else [])
        watched = await self._channels.get(channel) is not None
        if self._intake is None:
            if watched:
                raise Conflict(
                    "This channel is looked after: its VIPs and its grant at Twitch have to end first.",
                    code="privacy.watched",
                    advice="Start the daemon and ask again.",
                )
            return _told(Counter(await self._eraser.whole_channel(channel)), channels=[channel])
        message_id = secrets.token_hex(16)
        whole = True
        if watched:
            row = await self._carried_out(_leave(channel, message_id), progress)
            whole = row.result == "left"
        else:
            await self._carried_out(order_of(CHANNEL, channel, message_id=message_id), progress)
        return _told(Counter(counts), channels=[channel], unfinished=[] if whole else [channel])

    async def _carried_out(self, order: Delivery, progress: Progress) -> InboxRow:
        """Store a row and wait for its end. What a crash interrupts goes on by itself."""
        assert self._intake is not None
        await self._intake.accept(order)
        begun = self._clock.monotonic()
        with self._inbox.watched(order.row_id) as changed:
            while (waited := self._clock.monotonic() - begun) < LONGEST_SECONDS:
                await progress(channel=order.channel_id, seconds=round(waited))
                changed.clear()
                row = await self._inbox.get(order.row_id)
                if row.state is RowState.DONE:
                    return row
                if row.state is not RowState.OPEN:
                    break
                await self._clock.wait(changed, LOOK_SECONDS)
        raise Unavailable(
            "The erasure has not come to its end.",
            code="privacy.unfinished",
            advice=f"It goes on by itself, or see `cuelight inbox show {order.row_id}`.",
        )


def _leave(channel: str, message_id: str) -> Delivery:
    """The same row by which a streamer disconnects his channel."""
    order = order_of("channel.leave", channel, message_id=message_id)
    body = b'{"remove_vips": true, "erase": true, "actor": {"kind": "system", "id": "", "name": "Cuelight"}}'
    return Delivery(
        source="dashboard",
        message_id=order.message_id,
        kind=order.kind,
        lane=leave_lane(channel),
        channel_id=channel,
        raw=body,
    )


def _told(
    counts: Counter[str], *, channels: list[str], unfinished: list[str] | None = None, dry_run: bool = False
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "documents": counts.total(),
        "counts": {name: count for name, count in sorted(counts.items()) if count},
        "channels": channels,
        "unfinished": unfinished or [],
    }


def privacy_commands(
    *, chain: ChainCommands, exports: ExportCommands, erasures: EraseCommands
) -> Mapping[str, Command]:
    """The rows of the admin socket's table."""
    return {
        "audit.verify": chain.verify,
        "audit.head": chain.head,
        "audit.state": chain.state,
        "export": exports.export,
        "erase": erasures.erase,
    }
