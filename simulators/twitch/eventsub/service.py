"""EventSub as a whole: creates subscriptions and carries each event to those that it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.eventsub.conduits import Conduit, ConduitRegister, Shard
from simulators.twitch.eventsub.faults import EventFaults, Outgoing
from simulators.twitch.eventsub.sessions import Session, SessionHall, envelope
from simulators.twitch.eventsub.subscriptions import PENDING, Subscription, SubscriptionRegister
from simulators.twitch.eventsub.types import EventType, check_condition, find_type
from simulators.twitch.eventsub.webhooks import Parcel, WebhookCourier, check_transport
from simulators.twitch.ids import Ids
from simulators.twitch.ledger import Ledger
from simulators.twitch.moment import rfc3339
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.tokens import Token, TokenBook
from simulators.twitch.world import World

MISSING_SESSION = "websocket transport session does not exist or has already disconnected"
DIFFERENT_USERS = "websocket transport cannot have subscriptions created by different users"
WRONG_TOKEN = "invalid transport and auth combination"
NO_CONSENT = "subscription missing proper authorization"


class EventSub:
    """The service. `publish` is what `Life` calls."""

    def __init__(
        self, *, settings: SimulatorSettings, ids: Ids, ledger: Ledger, tokens: TokenBook, world: World
    ) -> None:
        self._settings = settings
        self._ids = ids
        self._ledger = ledger
        self._tokens = tokens
        self._world = world
        self.register = SubscriptionRegister(settings=settings)
        self.hall = SessionHall(
            settings=settings,
            ids=ids,
            register=self.register,
            on_end=self._session_ended,
            on_move=self._session_moved,
        )
        self.courier = WebhookCourier(settings=settings, ids=ids)
        self.conduits = ConduitRegister(
            settings=settings, ids=ids, on_shard_disabled=self._shard_disabled, on_gone=self._conduit_gone
        )
        self.faults = EventFaults(hold_s=settings.reorder_hold_s, send=self._send, dropped=self._dropped)

    async def start(self) -> None:
        await self.courier.start()
        self.hall.start()

    async def stop(self) -> None:
        self.faults.clear()
        await self.hall.stop()
        await self.courier.stop()

    def publish(self, kind: str, facts: Mapping[str, str], event: dict[str, Any], copies: int = 1) -> None:
        """One message for each subscription concerned."""
        for subscription in self.register.interested(kind, facts):
            self.faults.send(Outgoing(self._ids.unique(), subscription, event, copies))

    # Creating

    def subscribe(self, token: Token, body: Mapping[str, Any]) -> Subscription:
        """Raises ApiError 400, 403, 409 or 429 as Create EventSub Subscription does."""
        kind = find_type(body.get("type"), body.get("version"))
        condition = check_condition(kind, body.get("condition"))
        transport = body.get("transport")
        method = transport.get("method") if isinstance(transport, dict) else None
        if not isinstance(transport, dict) or method not in ("websocket", "webhook", "conduit"):
            raise ApiError(400, "invalid transport method")
        if token.is_app != (method != "websocket"):
            raise ApiError(400, WRONG_TOKEN)
        if method not in kind.transports:
            raise ApiError(400, f"subscription type {kind.name} is not available over {method}")
        self._check_consent(kind, condition, token)
        make = {"websocket": self._over_socket, "webhook": self._over_webhook, "conduit": self._over_conduit}
        return make[method](token, kind, condition, transport)

    def _over_socket(
        self, token: Token, kind: EventType, condition: dict[str, str], transport: dict[str, Any]
    ) -> Subscription:
        session = self.hall.find(str(transport.get("session_id", "")))
        if session is None or session.shard is not None:
            raise ApiError(400, MISSING_SESSION)
        owner = (token.client_id, token.user_id or "")
        if session.owner not in (None, owner):
            raise ApiError(400, DIFFERENT_USERS)
        where = {
            "method": "websocket",
            "session_id": session.id,
            "connected_at": rfc3339(session.connected_at),
        }
        subscription = self._new(token, kind, condition, where)
        self.register.check_room(subscription)
        session.owner, session.used = owner, True
        self.register.add(subscription)
        return subscription

    def _over_webhook(
        self, token: Token, kind: EventType, condition: dict[str, str], transport: dict[str, Any]
    ) -> Subscription:
        callback, secret = check_transport(transport, https=self._settings.webhooks_need_https)
        subscription = self._new(token, kind, condition, {"method": "webhook", "callback": callback})
        subscription.secret = secret
        subscription.status = PENDING
        self.register.check_room(subscription)
        self.register.add(subscription)

        def verified(works: bool) -> None:
            if subscription.status == PENDING and works:
                subscription.status = "enabled"
            elif subscription.status == PENDING:
                self.register.end(subscription, "webhook_callback_verification_failed")

        self.courier.verify(
            self._parcel(subscription, "webhook_callback_verification", self._ids.unique()), verified
        )
        return subscription

    def _over_conduit(
        self, token: Token, kind: EventType, condition: dict[str, str], transport: dict[str, Any]
    ) -> Subscription:
        try:
            conduit = self.conduits.require(token.client_id, str(transport.get("conduit_id", "")))
        except ApiError as error:
            raise ApiError(400, "conduit_id: " + error.message) from error
        where = {"method": "conduit", "conduit_id": conduit.id}
        subscription = self._new(token, kind, condition, where)
        self.register.check_room(subscription)
        self.register.add(subscription)
        return subscription

    def _new(
        self, token: Token, kind: EventType, condition: dict[str, str], where: dict[str, Any]
    ) -> Subscription:
        return Subscription(
            id=self._ids.unique(),
            type=kind.name,
            version=kind.version,
            condition=condition,
            transport=where,
            client_id=token.client_id,
            user_id=token.user_id,
            cost=self._cost(kind, condition, token.client_id),
        )

    def _cost(self, kind: EventType, condition: dict[str, str], client_id: str) -> int:
        """Types that need a consent cost nothing; the others cost 1 unless that user knows the application."""
        if kind.scopes or kind.key == "client_id":
            return 0
        return 0 if self._tokens.has_grant(client_id, condition[kind.key]) else 1

    def _check_consent(self, kind: EventType, condition: dict[str, str], token: Token) -> None:
        if kind.key == "client_id":
            if condition["client_id"] != token.client_id or not token.is_app:
                raise ApiError(403, NO_CONSENT)
            return
        for name in kind.required:
            if self._world.user(condition[name]) is None:
                raise ApiError(400, f"invalid {name} in subscription condition")
        if not kind.scopes:
            return
        grantor = condition[kind.granted_by]
        if token.is_app:
            granted = self._tokens.scopes_granted(token.client_id, grantor)
        else:
            granted = token.scopes if token.user_id == grantor else frozenset()
        if granted.isdisjoint(kind.scopes):
            raise ApiError(403, NO_CONSENT)
        if token.is_app and kind.name == "channel.chat.message":
            self._check_chat_consent(token, condition)

    def _check_chat_consent(self, token: Token, condition: dict[str, str]) -> None:
        """With an app token the reader needs user:bot, and channel:bot from the broadcaster or a moderator's place."""
        reader, broadcaster = condition["user_id"], condition["broadcaster_user_id"]
        channel = self._world.channels.get(broadcaster)
        moderates = channel is not None and (reader in channel.moderators or reader == broadcaster)
        invited = "channel:bot" in self._tokens.scopes_granted(token.client_id, broadcaster)
        bot = "user:bot" in self._tokens.scopes_granted(token.client_id, reader)
        if not bot or not (moderates or invited):
            raise ApiError(403, NO_CONSENT)

    # Ending

    def revoke(self, subscription: Subscription, status: str) -> None:
        """End a subscription and say so, once, over its own transport."""
        if not subscription.alive:
            return
        route = self._route(subscription)
        self.register.end(subscription, status)
        message_id = self._ids.unique()
        self._carry(route, subscription, "revocation", message_id=message_id, event=None, done=lambda _: None)

    def revoke_user(self, user_id: str, status: str) -> None:
        """The user withdrew: everything that rests on this consent ends."""
        for subscription in self.register:
            concerned = user_id in (subscription.user_id, subscription.condition.get("broadcaster_user_id"))
            if concerned or subscription.condition.get("user_id") == user_id:
                self.revoke(subscription, status)

    def _session_ended(self, session: Session, status: str) -> None:
        if session.shard is not None:
            self.conduits.disable(*session.shard, status, session_id=session.id)

    def _session_moved(self, old: Session, new: Session) -> None:
        if old.shard is None:
            return
        if self._settings.reconnect_moves_shard:
            self.conduits.move(*old.shard, old.id, new.id)
        else:
            new.shard = None
            self.conduits.disable(*old.shard, "websocket_failed_to_reconnect", session_id=old.id)

    def _shard_disabled(self, conduit: Conduit, shard: Shard) -> None:
        transport = {
            "method": shard.transport.get("method"),
            "callback": shard.transport.get("callback"),
            "session_id": shard.transport.get("session_id"),
            "connected_at": shard.transport.get("connected_at"),
            "disconnected_at": shard.transport.get("disconnected_at"),
        }
        event = {
            "conduit_id": conduit.id,
            "shard_id": shard.id,
            "status": shard.status,
            "transport": transport,
        }
        facts = {"client_id": conduit.client_id, "conduit_id": conduit.id}
        self.publish("conduit.shard.disabled", facts, event)

    def _conduit_gone(self, conduit: Conduit) -> None:
        for subscription in self.register:
            if subscription.transport.get("conduit_id") == conduit.id:
                self.register.remove(subscription)

    # Carrying

    def _send(self, message: Outgoing) -> None:
        subscription = message.subscription

        def done(delivered: bool) -> None:
            if not delivered:
                self._dropped(message)
            if subscription.method == "webhook":
                subscription.failures = 0 if delivered else subscription.failures + 1
                if subscription.failures >= self._settings.webhook_failures_allowed:
                    self.revoke(subscription, "notification_failures_exceeded")

        route = self._route(subscription)
        self._carry(
            route, subscription, "notification", message_id=message.id, event=message.event, done=done
        )

    def _route(self, subscription: Subscription) -> Session | tuple[str, str] | None:
        """Where messages of a subscription go at present: a socket, a callback with its secret, or nowhere."""
        if subscription.method == "webhook":
            return str(subscription.transport["callback"]), subscription.secret
        if subscription.method == "websocket":
            return self.hall.find(subscription.session_id)
        channel_id = next(iter(subscription.condition.values()))
        shard = self.conduits.route(str(subscription.transport["conduit_id"]), channel_id)
        if shard is None:
            return None
        if shard.transport["method"] == "webhook":
            return str(shard.transport["callback"]), shard.secret
        return self.hall.find(str(shard.transport["session_id"]))

    def _carry(
        self,
        route: Session | tuple[str, str] | None,
        subscription: Subscription,
        message_type: str,
        *,
        message_id: str,
        event: dict[str, Any] | None,
        done: Callable[[bool], None],
    ) -> None:
        if route is None:
            done(False)
        elif isinstance(route, Session):
            self._to_socket(route, self._frame(message_type, message_id, subscription, event))
        else:
            parcel = self._parcel(subscription, message_type, message_id, event)
            self.courier.deliver(replace(parcel, callback=route[0], secret=route[1]), done)

    def _to_socket(self, session: Session, frame: str) -> None:
        session.send(frame)
        old = session.predecessor
        if old is not None and not old.ended and self._settings.overlap_duplicates:
            old.send(frame)
        if session.backlog() > self._settings.outbox_messages:
            self.hall.end(session, 4005)

    def _dropped(self, message: Outgoing) -> None:
        subscription = message.subscription
        self._ledger.write(
            "event_dropped",
            channel_id=subscription.condition.get("broadcaster_user_id", ""),
            by="twitch",
            type=subscription.type,
            message_id=message.id,
        )

    @staticmethod
    def _frame(
        message_type: str, message_id: str, subscription: Subscription, event: dict[str, Any] | None
    ) -> str:
        payload: dict[str, Any] = {"subscription": subscription.to_json()}
        if event is not None:
            payload["event"] = event
        return envelope(
            message_type,
            message_id,
            payload,
            subscription_type=subscription.type,
            subscription_version=subscription.version,
        )

    @staticmethod
    def _parcel(
        subscription: Subscription, message_type: str, message_id: str, event: dict[str, Any] | None = None
    ) -> Parcel:
        body: dict[str, Any] = {"subscription": subscription.to_json()}
        if event is not None:
            body["event"] = event
        return Parcel(
            callback=str(subscription.transport.get("callback", "")),
            secret=subscription.secret,
            type=message_type,
            message_id=message_id,
            subscription_type=subscription.type,
            subscription_version=subscription.version,
            body=body,
        )
