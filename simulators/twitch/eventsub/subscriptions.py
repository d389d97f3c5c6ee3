"""The register of subscriptions: who has which, what they cost, and what has become of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.eventsub.types import TYPES
from simulators.twitch.moment import now_ms, rfc3339
from simulators.twitch.settings import SimulatorSettings

PENDING = "webhook_callback_verification_pending"


@dataclass
class Subscription:
    """`user_id` is the user whose token made it, None when an app token did."""

    id: str
    type: str
    version: str
    condition: dict[str, str]
    transport: dict[str, Any]
    client_id: str
    user_id: str | None
    cost: int
    status: str = "enabled"
    created_at: int = field(default_factory=now_ms)
    ended_at: int | None = None
    secret: str = ""
    failures: int = 0

    @property
    def method(self) -> str:
        return str(self.transport["method"])

    @property
    def session_id(self) -> str:
        return str(self.transport.get("session_id", ""))

    @property
    def alive(self) -> bool:
        return self.status in ("enabled", PENDING)

    def wants(self, facts: Mapping[str, str]) -> bool:
        """Whether an event with these facts meets the condition; a fact "*" meets any value."""
        return all(not value or facts.get(name) in (value, "*") for name, value in self.condition.items())

    def to_json(self) -> dict[str, Any]:
        condition = {name: value for name, value in self.condition.items() if value}
        return {
            "id": self.id,
            "status": self.status,
            "type": self.type,
            "version": self.version,
            "cost": self.cost,
            "condition": condition,
            "transport": self.transport,
            "created_at": rfc3339(self.created_at),
        }


class SubscriptionRegister:
    """All subscriptions, indexed by what events look them up by, and by session."""

    def __init__(self, *, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._all: dict[str, Subscription] = {}
        self._by_key: dict[tuple[str, str], dict[str, Subscription]] = {}
        self._by_session: dict[str, dict[str, Subscription]] = {}
        self._by_owner: dict[tuple[str, str | None], dict[str, Subscription]] = {}
        self._ended: deque[Subscription] = deque()
        self._costly: dict[tuple[str, str | None], dict[str, Subscription]] = {}

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._all.values()))

    def get(self, subscription_id: str) -> Subscription | None:
        return self._all.get(subscription_id)

    def add(self, subscription: Subscription) -> None:
        self._all[subscription.id] = subscription
        self._by_key.setdefault(self._key(subscription), {})[subscription.id] = subscription
        self._by_owner.setdefault(self._owner(subscription), {})[subscription.id] = subscription
        if subscription.cost:
            self._costly.setdefault(self._owner(subscription), {})[subscription.id] = subscription
        if subscription.method == "websocket":
            self._by_session.setdefault(subscription.session_id, {})[subscription.id] = subscription

    def remove(self, subscription: Subscription) -> None:
        self._all.pop(subscription.id, None)
        self._by_key.get(self._key(subscription), {}).pop(subscription.id, None)
        self._by_owner.get(self._owner(subscription), {}).pop(subscription.id, None)
        self._costly.get(self._owner(subscription), {}).pop(subscription.id, None)
        self._by_session.get(subscription.session_id, {}).pop(subscription.id, None)

    def end(self, subscription: Subscription, status: str) -> None:
        """Disable it. It stays listed for a while."""
        if subscription.alive:
            subscription.status = status
            subscription.ended_at = now_ms()
            self._ended.append(subscription)
            if subscription.method == "websocket":
                now = rfc3339(subscription.ended_at)
                subscription.transport = {**subscription.transport, "disconnected_at": now}

    def of_session(self, session_id: str) -> list[Subscription]:
        return list(self._by_session.get(session_id, {}).values())

    def move_session(self, old: str, new: str) -> None:
        """Carry the living subscriptions of one session over to its successor."""
        if old == new:
            return
        for subscription in self.of_session(old):
            if subscription.alive:
                del self._by_session[old][subscription.id]
                subscription.transport = {**subscription.transport, "session_id": new}
                self._by_session.setdefault(new, {})[subscription.id] = subscription

    def interested(self, kind: str, facts: Mapping[str, str]) -> list[Subscription]:
        """The enabled subscriptions which an event of this type concerns."""
        key = (kind, facts.get(TYPES[kind].key, ""))
        return [s for s in self._by_key.get(key, {}).values() if s.status == "enabled" and s.wants(facts)]

    def owned(self, client_id: str, user_id: str | None) -> list[Subscription]:
        """What a token of this client and user (None: the app) may see; what lapsed long ago is dropped here."""
        self._drop_lapsed()
        return list(self._by_owner.get((client_id, user_id), {}).values())

    def total(self, client_id: str, user_id: str | None) -> int:
        """How many are listed. An application may have tens of thousands, so nothing here goes through all of them."""
        self._drop_lapsed()
        return len(self._by_owner.get((client_id, user_id), {}))

    def total_cost(self, client_id: str, user_id: str | None) -> int:
        self._drop_lapsed()
        costly = self._costly.get((client_id, user_id), {})
        return sum(s.cost for s in costly.values() if self._counts(s))

    def max_total_cost(self, user_id: str | None) -> int:
        return self._settings.app_max_total_cost if user_id is None else self._settings.user_max_total_cost

    def check_room(self, wanted: Subscription) -> None:
        """Raises ApiError 409 (exists) or 429 (same condition, cost, sockets, per socket)."""
        self._drop_lapsed()
        same = [
            s
            for s in self._by_key.get(self._key(wanted), {}).values()
            if self._counts(s)
            and self._owner(s) == self._owner(wanted)
            and (s.version, s.condition) == (wanted.version, wanted.condition)
        ]
        for other in same:
            if other.alive and other.transport == wanted.transport:
                raise ApiError(409, "subscription already exists", extra={"id": other.id})
        if len(same) >= self._settings.same_subscriptions:
            raise ApiError(429, "maximum subscriptions with type and condition exceeded")
        if wanted.cost and self.total_cost(
            wanted.client_id, wanted.user_id
        ) + wanted.cost > self.max_total_cost(wanted.user_id):
            raise ApiError(429, "subscription cost exceeds the maximum total cost")
        if wanted.method == "websocket":
            self._check_sockets(wanted, self.owned(wanted.client_id, wanted.user_id))

    def _check_sockets(self, wanted: Subscription, mine: list[Subscription]) -> None:
        sockets = {s.session_id for s in mine if s.method == "websocket" and self._counts(s)}
        if len(sockets | {wanted.session_id}) > self._settings.sockets_per_user:
            raise ApiError(429, "number of websocket transports limit exceeded")
        here = sum(1 for s in self.of_session(wanted.session_id) if s.alive)
        if here >= self._settings.subscriptions_per_socket:
            raise ApiError(429, "number of subscriptions on the websocket transport limit exceeded")

    def _counts(self, subscription: Subscription) -> bool:
        """Alive, or so recently ended that the accounting has not noticed."""
        if subscription.alive:
            return True
        ended = subscription.ended_at or 0
        return (
            subscription.method == "websocket" and now_ms() - ended < self._settings.accounting_lag_s * 1000
        )

    def _drop_lapsed(self) -> None:
        """What ended long ago is listed no more."""
        for _ in range(len(self._ended)):
            subscription = self._ended.popleft()
            if self._lapsed(subscription):
                self.remove(subscription)
            elif subscription.id in self._all:
                self._ended.append(subscription)

    def _lapsed(self, subscription: Subscription) -> bool:
        if subscription.alive or subscription.ended_at is None:
            return False
        websocket = subscription.method == "websocket"
        listed = self._settings.disabled_listed_s if websocket else self._settings.disabled_webhooks_listed_s
        return now_ms() - subscription.ended_at > listed * 1000

    @staticmethod
    def _key(subscription: Subscription) -> tuple[str, str]:
        return subscription.type, subscription.condition[TYPES[subscription.type].key]

    @staticmethod
    def _owner(subscription: Subscription) -> tuple[str, str | None]:
        return subscription.client_id, subscription.user_id
