"""What people order from the dashboard or by the API: grant, extend, revoke, protect, lists. Rows in the viewer's lane
like everything else; each writes down what came of it (`outcome`), for who asked and waits for the answer.

The rules for viewers do not apply to what a streamer orders, nor does his own cap: Twitch alone may refuse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.audit import Action, Actor
from domain.channel import Channel, Viewer
from domain.orders import (
    GrantOrder,
    ListOrder,
    extend_order,
    grant_order,
    list_order,
    protect_order,
    revoke_order,
)
from domain.ports import Clock
from domain.redemption import Refusal
from domain.viewer import Listed
from domain.vip import Ended, Method
from gateways.twitch.contracts import Helix
from handlers.vip.endings import Endings
from handlers.vip.gifts import Gifts
from handlers.vip.granting import Gift, Given, Granting, intends
from handlers.vip.hands import Hands
from handlers.vip.live import Live
from handlers.work import Work
from storage.channels import Channels
from storage.sessions import Sessions
from storage.viewers import Viewers

LONGEST_STREAM_MS = 48 * 3_600_000
"""Twitch ends a stream after 48 hours: how long a VIP "until the stream ends" may last if nobody says otherwise."""

Told = tuple[str, str, str]
"""Code, sentence and advice of a refusal."""

NOT_VIP: Told = ("vip.not_vip", "This viewer is not VIP through us.", "Look at the list of VIPs again.")
ALREADY: Told = ("vip.already", "This viewer is VIP already.", "Extend the VIP time instead.")
BY_HAND: Told = (
    "vip.by_hand",
    "This viewer has a VIP badge that was given by hand.",
    "Adopt it: then it gets an end, and we take it away when the time is up.",
)
PROTECTED: Told = (
    "vip.protected",
    "This viewer's VIP badge is protected.",
    "Take the protection away first, if that is what you want.",
)
LISTS_FULL: Told = (
    "viewers.full",
    "There are as many viewers on the lists of this channel as may be.",
    "Take somebody off a list first.",
)
GONE: Told = ("vip.no_channel", "We do not look after this channel.", "Connect it first.")
REFUSED: dict[Refusal, Told] = {
    Refusal.SLOTS_FULL: (
        "vip.slots_full",
        "Twitch has no VIP slot left for this channel.",
        "Take the VIP from somebody else first.",
    ),
    Refusal.MODERATOR: (
        "vip.moderator",
        "This viewer is a moderator, and moderators cannot be VIP.",
        "Take the moderator's sword away first.",
    ),
    Refusal.BLOCKED: ("vip.blocked", "This viewer is banned or blocked.", "Lift the ban on Twitch first."),
    Refusal.NOT_UNLOCKED: (
        "vip.not_unlocked",
        "This channel has not unlocked VIPs yet.",
        "Twitch's dashboard shows what is missing (Build a Community).",
    ),
    Refusal.VIEWER_GONE: ("vip.no_viewer", "Twitch does not know this account.", "Check the spelling."),
    Refusal.BROADCASTER: ("vip.broadcaster", "It is the channel's own account.", "Choose a viewer."),
    Refusal.VIP_BY_HAND: BY_HAND,
}


class ByHand:
    """Handles `vip.grant`, `vip.extend`, `vip.revoke`, `vip.protect` and `viewer.list`."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        helix: Helix,
        granting: Granting,
        gifts: Gifts,
        endings: Endings,
        hands: Hands,
        live: Live,
        clock: Clock,
        most_listed: int,
    ) -> None:
        """`most_listed`: so many viewers of a channel may be on its lists."""
        self._channels, self._sessions, self._viewers, self._helix = channels, sessions, viewers, helix
        self._granting, self._gifts, self._endings, self._hands = granting, gifts, endings, hands
        self._live, self._clock, self._most_listed = live, clock, most_listed

    async def grant(self, work: Work) -> str:
        """Make a viewer VIP. Returns `granted`, `adopted`, `already_vip` or `refused`."""
        order = grant_order(work.payload)
        channel = await self._channels.get(work.row.channel_id)
        if channel is None:
            return await _refused(work, GONE)
        if order.viewer.id == channel.id:
            return await _refused(work, REFUSED[Refusal.BROADCASTER])
        gift = _gift(work, order, channel)
        await self._endings.resume(work)
        session, world = await self._granting.look(work, channel.id, gift)
        if session is not None and session.has(gift.cause):
            word = "adopted" if session.method is Method.ADOPTED else "granted"
            return await self._granted(work, order, Given(word, session))
        if session is not None:
            return await _outcome(work, "already_vip", told=ALREADY, session_id=session.id)
        intended = intends(work)
        if world.is_vip and not intended:
            return await self._adopt(work, order, channel, gift)
        if world.is_vip:
            return await self._granted(
                work, order, Given("granted", await self._granting.open(work, channel.id, gift))
            )
        record = await self._viewers.get(channel.id, order.viewer.id)
        if record.listed is Listed.PROTECTED and not intended:
            return await _refused(work, PROTECTED)
        if world.is_moderator:
            return await _refused(work, REFUSED[Refusal.MODERATOR])
        given = await self._granting.add(work, channel, gift, force=True)
        if isinstance(given, Refusal):
            return await _refused(work, REFUSED[given])
        return await self._granted(work, order, given)

    async def _adopt(self, work: Work, order: GrantOrder, channel: Channel, gift: Gift) -> str:
        """Give an end to a VIP that is there. Nothing is to be called: what is opened is the end."""
        record = await self._viewers.get(channel.id, order.viewer.id)
        if record.listed is Listed.PROTECTED:
            return await _refused(work, PROTECTED)
        if not order.adopt:
            return await _refused(work, BY_HAND)
        session = await self._granting.open(work, channel.id, replace(gift, method=Method.ADOPTED))
        return await self._granted(work, order, Given("adopted", session))

    async def _granted(self, work: Work, order: GrantOrder, given: Given) -> str:
        if given.word == "adopted":
            await self._hands.forget(given.session.channel_id, order.viewer)
        detail = {"note": order.note} if order.note else {}
        await self._gifts.tell(work.row.id, given, actor=order.actor, cause=_cause(order.actor), **detail)
        return await _outcome(work, given.word, session_id=given.session.id)

    async def extend(self, work: Work) -> str:
        """Add time to the open session. Returns `extended` or `not_vip`."""
        order, channel_id = extend_order(work.payload), work.row.channel_id
        gift = Gift(work.row.id, order.viewer, order.ms, Method.DASHBOARD, order.actor.id)
        await self._endings.resume(work)
        session = await self._sessions.open_for(channel_id, order.viewer.id)
        if session is not None and not session.has(gift.cause):
            session, _ = await self._granting.look(work, channel_id, gift)
        if session is None:
            return await _outcome(work, "not_vip", told=NOT_VIP)
        given = Given("extended", await self._granting.extend(work, session, gift))
        await self._gifts.tell(gift.cause, given, actor=order.actor, cause=_cause(order.actor))
        return await _outcome(work, "extended", session_id=session.id)

    async def revoke(self, work: Work) -> str:
        """Take a VIP away, ours or one by hand. Returns `revoked`, `not_vip` or `refused` (protected)."""
        order, channel_id = revoke_order(work.payload), work.row.channel_id
        cause = _cause(order.actor)
        if await self._endings.resume(work) is not None:
            return await _outcome(work, "revoked")
        record = await self._viewers.get(channel_id, order.viewer.id)
        begun = work.noted("revoke") is not None
        if record.listed is Listed.PROTECTED and not begun:
            return await _refused(work, PROTECTED)
        session = await self._sessions.open_for(channel_id, order.viewer.id)
        if session is not None:
            await self._endings.end(
                work, session, Ended.REVOKED, actor=order.actor, cause=cause, remove=True, note=order.note
            )
            return await _outcome(work, "revoked", session_id=session.id)
        if not begun and not await self._helix.is_vip(channel_id, order.viewer.id):
            return await _outcome(work, "not_vip", told=NOT_VIP)
        await work.note("revoke", {"was_vip": True})
        work.hold()
        await self._helix.remove_vip(channel_id, order.viewer.id)
        detail = {"by_hand": True, **({"note": order.note} if order.note else {})}
        await self._gifts.write(
            f"{work.row.id}:revoked",
            channel_id,
            Action.ENDED,
            order.viewer,
            actor=order.actor,
            cause=cause,
            reason=Ended.REVOKED.value,
            detail=detail,
        )
        await self._hands.taken_away(channel_id, order.viewer)
        return await _outcome(work, "revoked")

    async def protect(self, work: Work) -> str:
        """Keep a VIP for good, or no longer. Returns `protected`, `unprotected` or `refused`."""
        return await self._put_on(work, protect_order(work.payload))

    async def list_viewer(self, work: Work) -> str:
        """Put a viewer on a list, or off all of them. Returns `listed`, `protected`, `unprotected` or `refused`."""
        return await self._put_on(work, list_order(work.payload))

    async def _put_on(self, work: Work, order: ListOrder) -> str:
        channel_id, viewer, cause = work.row.channel_id, order.viewer, _cause(order.actor)
        was = (await self._viewers.get(channel_id, viewer.id)).listed
        begun = work.noted("list")
        if begun is None:
            only_unprotects = work.row.kind == "vip.protect" and order.listed is Listed.NONE
            if only_unprotects and was is not Listed.PROTECTED:
                return await _outcome(work, "unprotected")  # and stays on the list that he is on
            joins = order.listed is not Listed.NONE and was is Listed.NONE
            if joins and await self._viewers.count_listed(channel_id) >= self._most_listed:
                return await _refused(work, LISTS_FULL)
            await work.note("list", {"was": was.value})
        else:
            was = Listed(begun["was"])
        now = self._clock.now()
        record = await self._viewers.change(
            channel_id, viewer, lambda held: replace(held, listed=order.listed, seen_at=now)
        )
        word = "listed"
        if order.listed is Listed.PROTECTED:
            word = "protected"
            await self._protect(work, channel_id, order.actor, cause, viewer)
        elif was is Listed.PROTECTED:
            word = "unprotected"
            await self._hands.show(record, key=work.row.id)
        action = {"protected": Action.PROTECTED, "unprotected": Action.UNPROTECTED}.get(word, Action.LISTED)
        await self._gifts.write(
            f"{work.row.id}:listed",
            channel_id,
            action,
            viewer,
            actor=order.actor,
            cause=cause,
            detail={"listed": order.listed.value, "was": was.value},
        )
        await self._live.show_settings(channel_id, by=order.actor, parts=("viewers",), key=work.row.id)
        return await _outcome(work, word)

    async def _protect(self, work: Work, channel_id: str, actor: Actor, cause: str, viewer: Viewer) -> None:
        """Our session ends, the badge stays; from now on it is one by hand."""
        await self._endings.resume(work)
        session = await self._sessions.open_for(channel_id, viewer.id)
        if session is not None:
            await self._endings.end(work, session, Ended.PROTECTED, actor=actor, cause=cause, remove=False)
            return
        record = await self._viewers.get(channel_id, viewer.id)
        if record.by_hand_since:
            await self._hands.show(record, key=work.row.id)
        elif await self._helix.is_vip(channel_id, viewer.id):
            await self._hands.made(channel_id, viewer, since=self._clock.now())


def _gift(work: Work, order: GrantOrder, channel: Channel) -> Gift:
    ms = order.ms
    if ms is None:
        ms = channel.settings.default_vip_ms
        if order.until_stream_end:
            ms = max(ms, LONGEST_STREAM_MS)
    return Gift(
        cause=work.row.id,
        viewer=order.viewer,
        ms=ms,
        method=Method.DASHBOARD,
        granted_by=order.actor.id,
        until_stream_end=order.until_stream_end,
    )


def _cause(actor: Actor) -> str:
    return "api" if actor.kind == "api" else "dashboard"


async def _outcome(work: Work, word: str, *, told: Told | None = None, **more: Any) -> str:
    """Write down what came of an order; the last step of its row."""
    outcome: dict[str, Any] = {"result": word, **more}
    if told is not None:
        outcome |= dict(zip(("code", "message", "advice"), told, strict=True))
    await work.note("outcome", outcome)
    return word


async def _refused(work: Work, told: Told) -> str:
    return await _outcome(work, "refused", told=told)
