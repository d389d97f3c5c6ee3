"""Subscriptions, cheers and power-ups become VIP time, if the streamer has switched that on.

The way is that of a redemption, with the same rules and lists, but nothing can be given back: what is refused is told,
and recorded. Who contributes does not wait for a slot and pushes nobody out. Subscriptions, cheers and built-in
power-ups cannot be asked for afterwards: what happens while nobody listens makes no VIP.

Each event counts once, by the id of the custom power-up's redemption or else by that of the message. One purchase may
come as two events; only one of them is read (`domain.events.contribution_event`, `gateways/twitch/subscriptions.py`).
"""

from __future__ import annotations

from domain.audit import SYSTEM, Action, Actor
from domain.channel import Channel, VipTime
from domain.decisions import time_to_add
from domain.events import Cause, ContributionEvent, Malformed, contribution_event, text
from domain.messages import EVENTS
from domain.ports import Clock, Metrics
from domain.redemption import Refusal
from domain.vip import Method, VipSession
from handlers.vip.announce import Line
from handlers.vip.eligibility import Eligibility
from handlers.vip.gifts import Gifts
from handlers.vip.granting import Gift, Granting, Permit
from handlers.work import Work
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.sessions import Sessions

METHODS: dict[Cause, Method] = {
    Cause.SUBSCRIPTION: Method.SUBSCRIPTION,
    Cause.BITS: Method.BITS,
    Cause.POWER_UP: Method.POWER_UP,
}
ANONYMOUS = frozenset({"407665396", "274598607"})
"""The accounts that Twitch puts in place of who cheers or gives anonymously (AnAnonymousCheerer, AnAnonymousGifter)."""


class Contributions:
    """Handles `vip.contributed`."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        audit: AuditTrail,
        granting: Granting,
        eligibility: Eligibility,
        gifts: Gifts,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._channels, self._sessions, self._audit, self._granting = channels, sessions, audit, granting
        self._eligibility, self._gifts = eligibility, gifts
        self._clock, self._metrics = clock, metrics

    async def contributed(self, work: Work) -> str:
        """Returns `granted`, `extended`, `refused`, or why it does not concern us: `off`, `anonymous`,
        `counted_elsewhere`, `too_little`, `counted_before`, `not_ours`."""
        event = contribution_event(work.event, _type(work))
        channel = await self._channels.get(event.channel_id)
        if channel is None:
            return "not_ours"
        if event.cause is None:
            return "counted_elsewhere"
        if event.viewer.id in ANONYMOUS:
            return "anonymous"
        time = _time(channel, event.cause)
        if time is None:
            return "off"
        if time.ms_for(event.units) <= 0:
            return "too_little"
        cause = f"powerup-{event.id}" if event.id else work.row.id
        if event.id and await self._counted(cause) and work.noted("grant") is None:
            return "counted_before"  # under another message id
        if event.viewer.id == channel.id:
            return await self._refuse(cause, event, Refusal.BROADCASTER)
        session = await self._sessions.open_for(channel.id, event.viewer.id)
        gift = Gift(
            cause=cause,
            viewer=event.viewer,
            ms=time_to_add(time, event.units, session, now=self._clock.now()),
            method=METHODS[event.cause],
            granted_by=event.viewer.id,
            until_stream_end=time.lasting.value == "stream",
            reward_title=event.title,
        )
        given = await self._granting.give(work, channel, gift, permit=self._permit(channel, event, gift))
        if isinstance(given, Refusal):
            return await self._refuse(cause, event, given)
        actor = Actor("viewer", event.viewer.id, event.viewer.shown)
        template = "contributed" if given.word == "granted" else ""
        await self._gifts.tell(
            cause, given, actor=actor, cause=event.cause.value, template=template, **_detail(event)
        )
        return given.word

    def _permit(self, channel: Channel, event: ContributionEvent, gift: Gift) -> Permit:
        async def permit(session: VipSession | None) -> Refusal | None:
            if channel.paused:
                return Refusal.PAUSED
            return await self._eligibility.refusal(
                channel, event.viewer, reward=None, added_ms=gift.ms, session=session
            )

        return permit

    async def _counted(self, cause: str) -> bool:
        """Whether this redemption of a power-up was told of before."""
        for word in ("granted", "extended", "refused"):
            if await self._audit.get(f"{cause}:{word}") is not None:
                return True
        return False

    async def _refuse(self, cause: str, event: ContributionEvent, why: Refusal) -> str:
        told = f"refused.{why.value}"
        line = Line(told, event.viewer.shown, reason=why.value) if told in EVENTS else None
        assert event.cause is not None
        new = await self._gifts.write(
            f"{cause}:refused",
            event.channel_id,
            Action.REFUSED,
            event.viewer,
            actor=SYSTEM,
            cause=event.cause.value,
            reason=why.value,
            detail=_detail(event),
            line=line,
        )
        if new:
            self._metrics.count("vip_refused_total", reason=why.value)
        return "refused"


def _type(work: Work) -> str:
    subscription = work.payload.get("subscription")
    if not isinstance(subscription, dict):
        raise Malformed("The notification does not name its subscription.")
    return text(subscription, "type", most=200)


def _time(channel: Channel, cause: Cause) -> VipTime | None:
    causes = channel.settings.causes
    return {
        Cause.SUBSCRIPTION: causes.subscription,
        Cause.BITS: causes.bits,
        Cause.POWER_UP: causes.power_up,
    }[cause]


def _detail(event: ContributionEvent) -> dict[str, object]:
    unit = "tier" if event.cause is Cause.SUBSCRIPTION else "bits"
    return {unit: event.units, **({"title": event.title} if event.title else {})}
