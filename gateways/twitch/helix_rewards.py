"""Custom rewards and their redemptions. Only what our own application made can be listed, fulfilled or refunded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Literal

from domain.errors import NotFound, Rejected
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Reply, Request, broken
from gateways.twitch.contracts import RemoteRedemption, RemoteReward, Resolve
from gateways.twitch.outcomes import Call, Verdict, Words, says

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
        """See `Helix.rewards`. Raises `Rejected` (`twitch.reward_forbidden`) for a channel without channel points."""
        return await self._get(channel_id, ("only_manageable_rewards", "true"))

    async def all(self, channel_id: str) -> list[RemoteReward]:
        """See `Helix.all_rewards`. Raises as `mine` does."""
        return await self._get(channel_id)

    async def _get(self, channel_id: str, *more: tuple[str, str]) -> list[RemoteReward]:
        reply = await self._caller.call(_about(Call.REWARDS, "GET", channel_id, *more))
        if reply.outcome is Verdict.GONE:
            return []
        _refuse(reply)
        return [self._caller.parse(shapes.reward, row) for row in self._caller.read(reply, shapes.rows)]

    async def create(self, channel_id: str, body: dict[str, Any]) -> RemoteReward:
        """See `Helix.create_reward`. Not repeated after a 503: the title could be there then, made by us."""
        request = _about(Call.CREATE_REWARD, "POST", channel_id)
        reply = await self._caller.call(replace(request, body=body, repeatable=False))
        _refuse(reply)
        return self._caller.parse(shapes.reward, self._caller.read(reply, shapes.one))

    async def update(self, channel_id: str, reward_id: str, body: dict[str, Any]) -> RemoteReward:
        """See `Helix.update_reward`."""
        request = _about(Call.UPDATE_REWARD, "PATCH", channel_id, ("id", reward_id))
        reply = await self._caller.call(replace(request, body=body))
        if reply.outcome is Verdict.GONE:
            raise NotFound(
                "Twitch does not have this reward any more.",
                code="twitch.reward_gone",
                advice="It was deleted on Twitch. Remove it here, or create it anew.",
            )
        _refuse(reply)
        found = self._caller.parse(shapes.reward, self._caller.read(reply, shapes.one))
        if found.id != reward_id:
            raise broken(reply.answer, "another reward than the one that was changed")
        return found

    async def delete(self, channel_id: str, reward_id: str) -> bool:
        """See `Helix.delete_reward`. Repeated after a 503: the second time it may be gone, which is what was wanted."""
        reply = await self._caller.call(_about(Call.DELETE_REWARD, "DELETE", channel_id, ("id", reward_id)))
        _refuse(reply)
        return reply.outcome is not Verdict.GONE


def _about(call: Call, method: str, channel_id: str, *more: tuple[str, str]) -> Request:
    return Request(
        call=call,
        method=method,
        path=_REWARDS,
        user_id=channel_id,
        params=(("broadcaster_id", channel_id), *more),
    )


def _listed(channel_id: str, reward_id: str, *more: tuple[str, str]) -> Request:
    return Request(
        call=Call.REDEMPTIONS,
        method="GET",
        path=_REDEMPTIONS,
        user_id=channel_id,
        params=(("broadcaster_id", channel_id), ("reward_id", reward_id), *more),
    )


_REFUSALS: tuple[tuple[int, Words, str, str], ...] = (
    (
        400,
        (("duplicate",), ("title", "unique"), ("already", "title")),
        "twitch.reward_title",
        "Choose another title: each is there once in a channel, rewards that are switched off count too.",
    ),
    (
        400,
        (("50", "reward"), ("limit of", "rewards"), ("too_many",), ("maximum number",)),
        "twitch.reward_limit",
        "A channel has 50 custom rewards at most, switched off or not: delete one on Twitch.",
    ),
    (
        403,
        (),
        "twitch.reward_forbidden",
        "Channel points are for affiliates and partners, and a reward can be changed only by what made it.",
    ),
    (
        400,
        (),
        "twitch.reward",
        "A title has 45 characters at most, a description 200, and a price is 1 or more.",
    ),
)
"""Status, words in the sentence (see `outcomes.says`), code, what to do. The first row that fits; the words are not
documented, so a sentence that says none of them has the code of the last row."""


def _refuse(reply: Reply) -> None:
    if reply.outcome is not Verdict.REFUSED:
        return
    for status, words, code, advice in _REFUSALS:
        if status == reply.answer.status and (not words or says(reply.message, words)):
            raise Rejected(reply.message or "Twitch refuses this reward.", code=code, advice=advice)
    raise broken(reply.answer, "a refusal of a reward that is none")
