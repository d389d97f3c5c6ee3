"""Disturbances of the event stream that a test can order: duplicate, reorder, drop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.twitch.eventsub.subscriptions import Subscription


@dataclass
class Outgoing:
    """An event on its way to one subscription. The id stays the same however often it is delivered."""

    id: str
    subscription: Subscription
    event: dict[str, Any]
    copies: int = 1


@dataclass
class Rule:
    """`action` is duplicate, reorder or drop; empty `type` and `broadcaster_id` meet everything."""

    action: str
    times: int
    type: str = ""
    broadcaster_id: str = ""
    copies: int = 2
    held: list[Outgoing] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    def meets(self, message: Outgoing) -> bool:
        subscription = message.subscription
        broadcaster = subscription.condition.get("broadcaster_user_id", "")
        return (
            self.times > 0
            and self.type in ("", subscription.type)
            and self.broadcaster_id in ("", broadcaster)
        )


class EventFaults:
    """Each message passes through here on its way out; the first rule that meets it applies."""

    def __init__(
        self, *, hold_s: float, send: Callable[[Outgoing], None], dropped: Callable[[Outgoing], None]
    ) -> None:
        self._hold_s = hold_s
        self._send = send
        self._dropped = dropped
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self._rules.append(rule)

    def clear(self) -> None:
        for rule in self._rules:
            self._release(rule)
        self._rules.clear()

    def send(self, message: Outgoing) -> None:
        rule = next((rule for rule in self._rules if rule.meets(message)), None)
        if rule is None:
            self._deliver(message)
            return
        rule.times -= 1
        if rule.action == "drop":
            self._dropped(message)
        elif rule.action == "duplicate":
            message.copies *= rule.copies
            self._deliver(message)
        else:
            self._hold(rule, message)
        self._rules = [rule for rule in self._rules if rule.times > 0]

    def _hold(self, rule: Rule, message: Outgoing) -> None:
        rule.held.append(message)
        if rule.times == 0:
            self._release(rule)
        elif rule.timer is None:
            rule.timer = asyncio.get_running_loop().call_later(self._hold_s, self._release, rule)

    def _release(self, rule: Rule) -> None:
        """The last message that was held goes first."""
        if rule.timer is not None:
            rule.timer.cancel()
            rule.timer = None
        while rule.held:
            self._deliver(rule.held.pop())

    def _deliver(self, message: Outgoing) -> None:
        for _ in range(message.copies):
            self._send(message)
