"""Get VIPs, Add Channel VIP, Remove Channel VIP, Get Moderators."""

from __future__ import annotations

from gateways.pace import Pace
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Lost, Reply, Request, broken
from gateways.twitch.contracts import AddVip, RemoveVip, TwitchDown, User, Waiting
from gateways.twitch.outcomes import Call, Verdict

VIP_PACE = 10  # per window and channel, adds and removals apart: Twitch's limit
# Twitch counts ten seconds from arrival to arrival. The eleventh call may travel faster than the first did, and the
# price of being too early is ten more seconds.
VIP_WINDOW_SECONDS = 10.0 + 0.25

_VIPS = "/channels/vips"
_MODERATORS = "/moderation/moderators"


class VipCalls:
    """The VIPs of channels. An answer that does not say enough is cleared up by reading back."""

    def __init__(self, *, caller: HelixCaller, pace: Pace) -> None:
        self._caller = caller
        self._pace = pace

    async def add(self, channel_id: str, user_id: str) -> AddVip:
        """See `Helix.add_vip`. When an attempt may have had its effect already, "already VIP" means `ADDED`."""
        try:
            reply = await self._paced("add", _change(Call.ADD_VIP, "POST", channel_id, user_id))
        except Lost as lost:
            if await self._look(channel_id, user_id, lost):
                return AddVip.ADDED
            raise
        match reply.outcome:
            case AddVip.ALREADY_VIP if reply.again:
                return AddVip.ADDED
            case AddVip():
                return reply.outcome
        if await self.is_vip(channel_id, user_id):
            return AddVip.ADDED if reply.again or _success(reply) else AddVip.ALREADY_VIP
        if await self.is_moderator(channel_id, user_id):
            return AddVip.MODERATOR
        raise broken(reply.answer, "an answer to add_vip that reading back does not explain")

    async def remove(self, channel_id: str, user_id: str) -> RemoveVip:
        """See `Helix.remove_vip`."""
        try:
            reply = await self._paced("remove", _change(Call.REMOVE_VIP, "DELETE", channel_id, user_id))
        except Lost as lost:
            if not await self._look(channel_id, user_id, lost):
                return RemoveVip.REMOVED
            raise
        match reply.outcome:
            case RemoveVip.NOT_VIP if reply.again:
                return RemoveVip.REMOVED
            case RemoveVip():
                return reply.outcome
        if not await self.is_vip(channel_id, user_id):
            return RemoveVip.REMOVED if reply.again or _success(reply) else RemoveVip.NOT_VIP
        raise broken(reply.answer, "an answer to remove_vip that reading back does not explain")

    async def is_vip(self, channel_id: str, user_id: str) -> bool:
        return await self._holds(Call.VIPS, _VIPS, channel_id, user_id)

    async def is_moderator(self, channel_id: str, user_id: str) -> bool:
        return await self._holds(Call.MODERATORS, _MODERATORS, channel_id, user_id)

    async def all(self, channel_id: str) -> list[User]:
        return await self._everybody(Call.VIPS, _VIPS, channel_id)

    async def moderators(self, channel_id: str) -> list[User]:
        return await self._everybody(Call.MODERATORS, _MODERATORS, channel_id)

    async def _everybody(self, call: Call, path: str, channel_id: str) -> list[User]:
        request = _list(call, path, channel_id, ("first", "100"))
        return [
            self._caller.parse(shapes.role_holder, row)
            async for rows in self._caller.pages(request)
            for row in rows
        ]

    async def _holds(self, call: Call, path: str, channel_id: str, user_id: str) -> bool:
        reply = await self._caller.call(_list(call, path, channel_id, ("user_id", user_id)))
        rows = self._caller.read(reply, shapes.rows)
        return any(self._caller.parse(shapes.role_holder, row).id == user_id for row in rows)

    async def _look(self, channel_id: str, user_id: str, lost: Lost) -> bool:
        """Whether the viewer is VIP now. If even that cannot be learned, the attempt failed as it did."""
        try:
            return await self.is_vip(channel_id, user_id)
        except TwitchDown:
            raise lost from None

    async def _paced(self, verb: str, request: Request) -> Reply:
        """A call within our pace. One that was put off came to nothing, so it does not count."""
        key = f"vip.{verb}:{request.user_id}"
        seconds = await self._pace.take(key, limit=VIP_PACE, window_seconds=VIP_WINDOW_SECONDS)
        if seconds > 0:
            raise self._caller.wait("pace", seconds, "Ten of these are allowed per ten seconds and channel.")
        try:
            return await self._caller.call(request)
        except Waiting:
            await self._pace.give_back(key)
            raise


def _change(call: Call, method: str, channel_id: str, user_id: str) -> Request:
    return Request(
        call=call,
        method=method,
        path=_VIPS,
        user_id=channel_id,
        params=(("broadcaster_id", channel_id), ("user_id", user_id)),
    )


def _list(call: Call, path: str, channel_id: str, more: tuple[str, str]) -> Request:
    return Request(
        call=call, method="GET", path=path, user_id=channel_id, params=(("broadcaster_id", channel_id), more)
    )


def _success(reply: Reply) -> bool:
    """A success that is not the documented one: `LOOK` stands for it and for an unknown 422."""
    return reply.outcome is Verdict.LOOK and 200 <= reply.answer.status < 300
