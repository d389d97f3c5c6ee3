"""Control commands that disturb EventSub: POST /sim/eventsub/..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.eventsub.faults import Rule
from simulators.twitch.eventsub.sessions import Session
from simulators.twitch.eventsub.types import TYPES
from simulators.twitch.stage import Stage

Body = dict[str, Any]


class EventSubControl:
    """Sessions are chosen by {"session_id"} or {"user_id"}; with neither, all are meant."""

    def __init__(self, stage: Stage) -> None:
        self._eventsub = stage.eventsub

    def commands(self) -> dict[str, Callable[[Body], Body]]:
        return {
            "eventsub/reconnect": self.reconnect,
            "eventsub/close": self.close,
            "eventsub/silence": self.silence,
            "eventsub/revoke": self.revoke,
            "eventsub/duplicate": lambda body: self._rule("duplicate", body, 1),
            "eventsub/reorder": lambda body: self._rule("reorder", body, 2),
            "eventsub/drop": lambda body: self._rule("drop", body, 1),
            "eventsub/fire": self.fire,
            "eventsub/raw": self.raw,
        }

    def reconnect(self, body: Body) -> Body:
        """Send session_reconnect; {"valid":false} sends an address that leads to 4007."""
        valid = bool(body.get("valid", True))
        return {"urls": [self._eventsub.hall.ask_to_move(s, valid=valid) for s in self._sessions(body)]}

    def close(self, body: Body) -> Body:
        """{"code":4000,"reason":""}, or {"abort":true} to cut the connection without a close frame."""
        chosen = self._sessions(body)
        for session in chosen:
            if body.get("abort"):
                session.abort()
            else:
                self._eventsub.hall.end(session, int(body.get("code", 4000)), str(body.get("reason", "")))
        return {"sessions": [session.id for session in chosen]}

    def silence(self, body: Body) -> Body:
        """Nothing goes out any more, not even keepalives and pings; {"silent":false} ends it."""
        chosen = self._sessions(body)
        for session in chosen:
            session.silent = bool(body.get("silent", True))
        return {"sessions": [session.id for session in chosen]}

    def revoke(self, body: Body) -> Body:
        """{"subscription_id"} or {"user_id","type"}, and {"status":"authorization_revoked"}."""
        status = str(body.get("status", "authorization_revoked"))
        revoked = []
        for subscription in self._eventsub.register:
            condition = subscription.condition.values()
            if (
                body.get("subscription_id") in (None, subscription.id)
                and body.get("type") in (None, subscription.type)
                and (body.get("user_id") is None or body["user_id"] in condition)
                and subscription.alive
            ):
                self._eventsub.revoke(subscription, status)
                revoked.append(subscription.id)
        return {"revoked": revoked}

    def fire(self, body: Body) -> Body:
        """An event that nothing in the world causes: {"type","facts":{"broadcaster_user_id":…},"event"}. Raises
        ApiError 400 for an unknown type."""
        if body.get("type") not in TYPES:
            raise ApiError(400, "unknown subscription type")
        facts = {str(name): str(value) for name, value in dict(body["facts"]).items()}
        self._eventsub.publish(str(body["type"]), facts, dict(body["event"]), int(body.get("copies", 1)))
        return {}

    def raw(self, body: Body) -> Body:
        """Send {"text"} as a frame, whatever it is: broken JSON, missing fields, huge numbers."""
        chosen = self._sessions(body)
        for session in chosen:
            session.send(str(body["text"]))
        return {"sessions": [session.id for session in chosen]}

    def _rule(self, action: str, body: Body, times: int) -> Body:
        """{"times","type","broadcaster_id","copies"}: the next `times` messages that fit."""
        rule = Rule(
            action,
            int(body.get("times", times)),
            str(body.get("type", "")),
            str(body.get("broadcaster_id", "")),
            int(body.get("copies", 2)),
        )
        self._eventsub.faults.add(rule)
        return {"action": action, "times": rule.times}

    def _sessions(self, body: Body) -> list[Session]:
        return self._eventsub.hall.chosen(
            session_id=str(body.get("session_id", "")), user_id=str(body.get("user_id", ""))
        )
