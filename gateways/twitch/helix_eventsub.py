"""EventSub subscriptions: create, list, delete. WebSocket ones by the user's token, others by the application's."""

from __future__ import annotations

from domain.errors import Conflict, Rejected
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Request
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.outcomes import Call, Verdict
from gateways.twitch.scopes import event_scopes

_PATH = "/eventsub/subscriptions"


class EventSubCalls:
    """Subscriptions. An empty `channel_id` stands for the application (webhooks, conduits)."""

    def __init__(self, *, caller: HelixCaller) -> None:
        self._caller = caller

    async def create(
        self,
        channel_id: str,
        event_type: str,
        version: str,
        condition: dict[str, str],
        transport: dict[str, str],
    ) -> RemoteSubscription:
        """See `Helix.subscribe`."""
        by_user = transport.get("method") == "websocket"
        request = Request(
            call=Call.SUBSCRIBE,
            method="POST",
            path=_PATH,
            user_id=channel_id if by_user else "",
            body={"type": event_type, "version": version, "condition": condition, "transport": transport},
            channel_id=channel_id,
            # Twitch only says "missing proper authorization"; the reader has to know which one.
            scopes=event_scopes(event_type) or ("unknown",),
        )
        reply = await self._caller.call(request)
        match reply.outcome:
            case Verdict.EXISTS:
                raise Conflict(reply.message or "The subscription exists.", code="twitch.subscription_exists")
            case Verdict.REFUSED:
                raise Rejected(reply.message or "Twitch refuses it.", code="twitch.subscription")
        return self._caller.parse(shapes.subscription, self._caller.read(reply, shapes.one))

    async def all(self, channel_id: str) -> list[RemoteSubscription]:
        """See `Helix.subscriptions`; ended ones are listed for a while, their `status` says why they ended."""
        request = Request(call=Call.SUBSCRIPTIONS, method="GET", path=_PATH, user_id=channel_id)
        return [
            self._caller.parse(shapes.subscription, row)
            async for rows in self._caller.pages(request)
            for row in rows
        ]

    async def delete(self, channel_id: str, subscription_id: str) -> bool:
        """See `Helix.unsubscribe`."""
        request = Request(
            call=Call.UNSUBSCRIBE,
            method="DELETE",
            path=_PATH,
            user_id=channel_id,
            params=(("id", subscription_id),),
        )
        reply = await self._caller.call(request)
        return reply.outcome is Verdict.OK or reply.again
