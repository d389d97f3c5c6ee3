"""From "this viewer shall be VIP" to a session, for every cause but channel points: step by step, durable, once.

As with redemptions (`redeem.py`), every step may be the last before a crash: the world is looked at again, a grant is
preceded by its intent, and what a session holds already is not added twice. Nothing is paid with points here, so there
is nothing to give back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain import vip
from domain.channel import Channel, Viewer
from domain.decisions import World
from domain.errors import Broken
from domain.ports import Checkpoint, Clock
from domain.redemption import Refusal
from domain.vip import Method, VipSession
from gateways.twitch.contracts import AddVip, Helix
from handlers.vip.endings import Endings
from handlers.vip.room import Room
from handlers.work import Work
from storage.sessions import Sessions

REFUSALS: dict[AddVip, Refusal] = {
    AddVip.ALREADY_VIP: Refusal.VIP_BY_HAND,
    AddVip.MODERATOR: Refusal.MODERATOR,
    AddVip.NO_SLOT: Refusal.SLOTS_FULL,
    AddVip.BLOCKED: Refusal.BLOCKED,
    AddVip.LOCKED: Refusal.NOT_UNLOCKED,
    AddVip.UNKNOWN_USER: Refusal.VIEWER_GONE,
}
"""What each answer but "added" means."""

MOST_LOOKS = 4  # a session that lost its VIP is closed once, then there is none; more would be a loop of our own making


@dataclass(frozen=True, slots=True)
class Gift:
    """VIP time, and what it is for. `cause` makes it happen once: the same cause never adds twice to a session."""

    cause: str
    viewer: Viewer
    ms: int
    method: Method
    granted_by: str
    until_stream_end: bool = False
    after_stream_ms: int = 0  # of `ms`: see `domain.vip.opened`
    reward_id: str = ""
    reward_title: str = ""

    @property
    def session_id(self) -> str:
        """The id of the session that this opens, if it opens one."""
        return "vip-" + hashlib.sha256(self.cause.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Given:
    """`word`: granted, extended or adopted."""

    word: str
    session: VipSession


Permit = Callable[[VipSession | None], Awaitable[Refusal | None]]
"""Asked right before time is given (to the open session, or to a new one): why not, or `None`."""


async def anybody(session: VipSession | None) -> Refusal | None:
    """The permit of what no rule applies to."""
    return None


def intends(work: Work) -> bool:
    """Whether an earlier attempt at this row may have made the viewer VIP without writing it down."""
    intent = work.noted("grant")
    return intent is not None and not intent.get("refused")


class Granting:
    """`session_changed` wakes the scheduler of expiries."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        helix: Helix,
        endings: Endings,
        room: Room,
        clock: Clock,
        checkpoint: Checkpoint,
        session_changed: Callable[[], None],
    ) -> None:
        self._sessions, self._helix, self._endings = sessions, helix, endings
        self._room, self._clock, self._checkpoint = room, clock, checkpoint
        self._session_changed = session_changed

    async def give(
        self, work: Work, channel: Channel, gift: Gift, *, permit: Permit = anybody, force: bool = False
    ) -> Given | Refusal:
        """Grant, or extend the session that is open. `force`: whatever our own cap says; Twitch has the last word."""
        await self._endings.resume(work)
        session, world = await self.look(work, channel.id, gift)
        if session is not None:
            if session.has(gift.cause):
                return Given("granted" if session.id == gift.session_id else "extended", session)
            refusal = await permit(session)
            return refusal or Given("extended", await self.extend(work, session, gift))
        if world.is_vip and intends(work):
            return Given("granted", await self.open(work, channel.id, gift))
        if world.is_vip or world.is_moderator:
            return Refusal.MODERATOR if world.is_moderator else Refusal.VIP_BY_HAND
        if not intends(work):
            refusal = await permit(None)
            if refusal is not None:
                return refusal
        return await self.add(work, channel, gift, force=force)

    async def look(self, work: Work, channel_id: str, gift: Gift) -> tuple[VipSession | None, World]:
        """The viewer's open session and what Twitch says of him. A session whose VIP was removed by hand, the notice of
        which is still under way, is closed first; where a stopped process may have removed it, it is restored."""
        for _ in range(MOST_LOOKS):
            session = await self._sessions.open_for(channel_id, gift.viewer.id)
            is_vip = await self._helix.is_vip(channel_id, gift.viewer.id)
            is_moderator = not is_vip and await self._helix.is_moderator(channel_id, gift.viewer.id)
            if session is None or is_vip:
                return session, World(is_vip, is_moderator)
            await self._endings.lost(work, session)
        raise Broken("A session loses its VIP again and again.", code="vip.loop")

    async def add(self, work: Work, channel: Channel, gift: Gift, *, force: bool = False) -> Given | Refusal:
        """Ask Twitch, intent first. The viewer was seen to be no VIP; the slot that he takes is given back if Twitch
        refuses."""
        intended = intends(work)
        intent = {"was_vip": False, "was_moderator": False, "session_id": gift.session_id}
        if not intended:
            if not force and not await self._reserved(channel, gift):
                return Refusal.SLOTS_FULL
            await work.note("grant", intent)
        self._checkpoint("vip.intended")
        work.hold()
        outcome = await self._helix.add_vip(channel.id, gift.viewer.id)
        self._checkpoint("vip.granted")
        if outcome is AddVip.ADDED or (outcome is AddVip.ALREADY_VIP and intended):
            await self._room.freed(channel.id)  # it had a slot, whatever it said before
            return Given("granted", await self.open(work, channel.id, gift))
        await work.note("grant", {**intent, "refused": True})  # a badge that comes now is not of our making
        viewer_id, session_id = gift.viewer.id, gift.session_id
        if outcome is AddVip.NO_SLOT:
            await self._room.no_slot(channel, viewer_id=viewer_id, session_id=session_id)
        else:
            await self._room.release(channel.id, viewer_id=viewer_id, session_id=session_id)
        return REFUSALS[outcome]

    async def _reserved(self, channel: Channel, gift: Gift) -> bool:
        # What cannot be given back is worth a call, also while Twitch is believed to have no slot.
        return await self._room.reserve(
            channel, viewer_id=gift.viewer.id, session_id=gift.session_id, asks=True
        )

    async def open(self, work: Work, channel_id: str, gift: Gift) -> VipSession:
        """Write the session down for a VIP that is there."""
        work.ensure_held()  # the call may have taken long, and what another has decided since is not to be crossed
        fresh = vip.opened(
            id=gift.session_id,
            channel_id=channel_id,
            viewer=gift.viewer,
            cause=gift.cause,
            added_ms=gift.ms,
            now=self._clock.now(),
            method=gift.method,
            granted_by=gift.granted_by,
            reward_id=gift.reward_id,
            reward_title=gift.reward_title,
            until_stream_end=gift.until_stream_end,
            after_stream_ms=gift.after_stream_ms,
        )
        session = await self._sessions.create(vip.fenced(fresh, work.fence))
        await self._room.taken(session)
        self._checkpoint("vip.counted")
        self._session_changed()
        return session

    async def extend(self, work: Work, session: VipSession, gift: Gift) -> VipSession:
        """Add the time to the open session."""
        now, fence = self._clock.now(), work.fence
        work.ensure_held()
        session = await self._sessions.change(
            session.id,
            lambda held: vip.extended(
                vip.renamed(vip.fenced(held, fence), gift.viewer),
                cause=gift.cause,
                added_ms=gift.ms,
                now=now,
                until_stream_end=gift.until_stream_end,
                after_stream_ms=gift.after_stream_ms,
            ),
        )
        self._checkpoint("vip.counted")
        self._session_changed()
        return session
