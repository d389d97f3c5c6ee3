"""Custom rewards and their redemptions. Only what our own application made can be listed, fulfilled or refunded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from domain.errors import Rejected
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Reply, Request, broken
from gateways.twitch.contracts import RemoteRedemption, RemoteReward, Resolve
from gateways.twitch.outcomes import Call, Verdict

_REWARDS = "/channel_points/custom_rewards"
_REDEMPTIONS = f"{_REWARDS}/redemptions"


class RewardCalls:
    """Rewards and redemptions of channels."""

    def __init__(self, *, caller: HelixCaller) -> None:
        self._caller = caller

    async def resolve(
        self, channel_id: str, reward_id: str, redemption_id: str, status: Literal["FULFILLED", "CANCELED"]
    ) -> Resolve:
        """See `Helix.resolve`. `CANCELED` gives the points back; neither can be taken back."""
        request = Request(
            call=Call.RESOLVE,
            method="PATCH",
            path=_REDEMPTIONS,
            user_id=channel_id,
            params=(("broadcaster_id", channel_id), ("reward_id", reward_id), ("id", redemption_id)),
            body={"status": status},
        )
        reply = await self._caller.call(request)
        if not isinstance(reply.outcome, Resolve):
            raise broken(reply.answer, "an answer to resolve that is none")
        if reply.outcome is Resolve.DONE:
            row = self._caller.read(reply, shapes.one)
            if row.get("id") != redemption_id:
                raise broken(reply.answer, "another redemption than the one that was resolved")
        return reply.outcome

    async def redemption(
        self, channel_id: str, reward_id: str, redemption_id: str
    ) -> RemoteRedemption | None:
        reply = await self._caller.call(_listed(channel_id, reward_id, ("id", redemption_id)))
        if reply.outcome is Verdict.GONE:
            return None
        for row in self._caller.read(reply, shapes.rows):
            found = self._caller.parse(shapes.redemption, row)
            if found.id == redemption_id:
                return found
        return None

    async def unfulfilled(self, channel_id: str, reward_id: str) -> AsyncIterator[RemoteRedemption]:
        """See `Helix.unfulfilled`. A reward that is gone has none: Twitch fulfils them when it is deleted."""
        request = _listed(
            channel_id, reward_id, ("status", "UNFULFILLED"), ("sort", "OLDEST"), ("first", "50")
        )
        async for rows in self._caller.pages(request):
            for row in rows:
                yield self._caller.parse(shapes.redemption, row)

    async def mine(self, channel_id: str) -> list[RemoteReward]:
        """See `Helix.rewards`. Raises `Rejected` (`twitch.reward`) for a channel without channel points."""
        request = Request(
            call=Call.REWARDS,
            method="GET",
            path=_REWARDS,
            user_id=channel_id,
            params=(("broadcaster_id", channel_id), ("only_manageable_rewards", "true")),
        )
        reply = await self._caller.call(request)
        if reply.outcome is Verdict.GONE:
            return []
        _refuse(reply)
        return [self._caller.parse(shapes.reward, row) for row in self._caller.read(reply, shapes.rows)]

    async def create(self, channel_id: str, body: dict[str, Any]) -> RemoteReward:
        """See `Helix.create_reward`. Not repeated after a 503: the title could be there then, made by us."""
        request = Request(
            call=Call.CREATE_REWARD,
            method="POST",
            path=_REWARDS,
            user_id=channel_id,
            params=(("broadcaster_id", channel_id),),
            body=body,
            repeatable=False,
        )
        reply = await self._caller.call(request)
        _refuse(reply)
        return self._caller.parse(shapes.reward, self._caller.read(reply, shapes.one))


def _listed(channel_id: str, reward_id: str, *more: tuple[str, str]) -> Request:
    return Request(
        call=Call.REDEMPTIONS,
        method="GET",
        path=_REDEMPTIONS,
        user_id=channel_id,
        params=(("broadcaster_id", channel_id), ("reward_id", reward_id), *more),
    )


def _refuse(reply: Reply) -> None:
    if reply.outcome is Verdict.REFUSED:
        raise Rejected(
            reply.message or "Twitch refuses this reward.",
            code="twitch.reward",
            advice="Channel points are for affiliates and partners; titles are unique, at most 45 characters.",
        )
