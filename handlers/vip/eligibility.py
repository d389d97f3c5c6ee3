"""May this viewer have this time? Fetches what the rules ask for and judges."""

from __future__ import annotations

import structlog

from domain.channel import Channel, Reward, Viewer
from domain.ports import Clock
from domain.rules import Facts, Refusal, judge, needs
from domain.vip import VipSession
from gateways.twitch.contracts import Helix, LoginNeeded
from storage.viewers import Viewers

log = structlog.get_logger(__name__)


class Eligibility:
    """For redemptions and for every other cause."""

    def __init__(self, *, viewers: Viewers, helix: Helix, clock: Clock) -> None:
        self._viewers, self._helix, self._clock = viewers, helix, clock

    async def refusal(
        self,
        channel: Channel,
        viewer: Viewer,
        *,
        reward: Reward | None,
        added_ms: int,
        session: VipSession | None,
    ) -> Refusal | None:
        """Why the viewer may not have `added_ms` more, by the rules of the reward (`None`: the channel's); `None` if he
        may. `session`: the open one that it would extend.

        What Twitch does not tell for want of a permission is no wait: the points would hang until the streamer looks,
        and a rule that cannot be checked must not be passed over. That is `Refusal.UNKNOWN`. A login that is dead as a
        whole is raised (`LoginNeeded` without scopes): nothing can be given back either, until somebody logs in.
        """
        rules = channel.rules_of(reward)
        record = await self._viewers.get(channel.id, viewer.id)
        wanted = needs(rules, record.listed)
        try:
            is_subscriber = wanted.subscription and await self._helix.is_subscriber(channel.id, viewer.id)
            # Who fails the first rule need not be asked about the second.
            asks = wanted.follow and (is_subscriber or not wanted.subscription)
            followed_at = await self._helix.followed_at(channel.id, viewer.id) if asks else None
        except LoginNeeded as error:
            if not error.scopes:
                raise
            log.warning("eligibility.unknown", channel=channel.id, scopes=error.scopes)
            return Refusal.UNKNOWN
        now = self._clock.now()
        facts = Facts(
            added_ms=added_ms,
            left_ms=None if session is None else session.left_ms(now),
            listed=record.listed,
            is_subscriber=is_subscriber,
            followed_at=followed_at,
            last_ended_at=record.last_vip_ended_at,
        )
        return judge(rules, facts, now=now)
