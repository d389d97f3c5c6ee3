"""Conduits: a named set of shards, each one WebSocket session or one webhook callback."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.moment import now_ms, rfc3339
from simulators.twitch.settings import SimulatorSettings


@dataclass
class Shard:
    """`status` is a subscription status; a shard that never had a transport says `websocket_disconnected`."""

    id: str
    status: str = "websocket_disconnected"
    transport: dict[str, Any] = field(default_factory=dict)
    secret: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "status": self.status, "transport": self.transport}


@dataclass
class Conduit:
    id: str
    client_id: str
    shards: list[Shard]
    dead_since: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "shard_count": len(self.shards)}


class ConduitRegister:
    """`on_shard_disabled(conduit, shard)` publishes the event, `on_gone(conduit)` drops the subscriptions."""

    def __init__(
        self,
        *,
        settings: SimulatorSettings,
        ids: Ids,
        on_shard_disabled: Callable[[Conduit, Shard], None],
        on_gone: Callable[[Conduit], None],
    ) -> None:
        self._settings = settings
        self._ids = ids
        self._on_shard_disabled = on_shard_disabled
        self._on_gone = on_gone
        self._conduits: dict[str, Conduit] = {}

    def of_client(self, client_id: str) -> list[Conduit]:
        self._bury_dead()
        return [c for c in self._conduits.values() if c.client_id == client_id]

    def create(self, client_id: str, shard_count: object) -> Conduit:
        """Raises ApiError 400 (count), 429 (five conduits already)."""
        count = self._check_count(shard_count)
        if len(self.of_client(client_id)) >= self._settings.conduits_per_client:
            raise ApiError(429, "conduit limit reached")
        conduit = Conduit(self._ids.unique(), client_id, [Shard(str(n)) for n in range(count)], now_ms())
        self._conduits[conduit.id] = conduit
        return conduit

    def resize(self, client_id: str, conduit_id: str, shard_count: object) -> Conduit:
        """Shrinking drops the highest shard ids."""
        conduit = self.require(client_id, conduit_id)
        count = self._check_count(shard_count)
        have = len(conduit.shards)
        conduit.shards = conduit.shards[:count] + [Shard(str(n)) for n in range(have, count)]
        return conduit

    def delete(self, client_id: str, conduit_id: str) -> None:
        conduit = self.require(client_id, conduit_id)
        del self._conduits[conduit.id]
        self._on_gone(conduit)

    def require(self, client_id: str, conduit_id: str) -> Conduit:
        """Raises ApiError 404 when it does not exist or belongs to another client."""
        self._bury_dead()
        conduit = self._conduits.get(conduit_id)
        if conduit is None or conduit.client_id != client_id:
            raise ApiError(404, "conduit not found or the client is not its owner")
        return conduit

    def shard(self, conduit_id: str, shard_id: str) -> tuple[Conduit, Shard] | None:
        conduit = self._conduits.get(conduit_id)
        for shard in conduit.shards if conduit is not None else ():
            if shard.id == shard_id and conduit is not None:
                return conduit, shard
        return None

    def attach(
        self, conduit: Conduit, shard: Shard, transport: dict[str, Any], *, status: str, secret: str
    ) -> None:
        shard.transport, shard.status, shard.secret = transport, status, secret
        if status == "enabled":
            conduit.dead_since = None

    def enable(self, conduit: Conduit, shard: Shard, *, works: bool) -> None:
        """The outcome of a webhook shard's challenge."""
        shard.status = "enabled" if works else "webhook_callback_verification_failed"
        if works:
            conduit.dead_since = None
        else:
            self._note_death(conduit)

    def disable(self, conduit_id: str, shard_id: str, status: str, *, session_id: str) -> None:
        """The session of a shard is gone. One that another session serves by now is left alone."""
        found = self.shard(conduit_id, shard_id)
        if found is None or found[1].status != "enabled":
            return
        conduit, shard = found
        if shard.transport.get("session_id") != session_id:
            return
        shard.status = status
        shard.transport = {**shard.transport, "disconnected_at": rfc3339(now_ms())}
        self._note_death(conduit)
        self._on_shard_disabled(conduit, shard)

    def move(self, conduit_id: str, shard_id: str, old: str, new: str) -> None:
        """The session that serves a shard goes on under another id."""
        found = self.shard(conduit_id, shard_id)
        if found is not None and found[1].transport.get("session_id") == old:
            found[1].transport = {**found[1].transport, "session_id": new}

    def route(self, conduit_id: str, channel_id: str) -> Shard | None:
        """The shard for a channel; a disabled one is replaced once by the next, then the event is dropped."""
        self._bury_dead()
        conduit = self._conduits.get(conduit_id)
        if conduit is None:
            return None
        home = zlib.crc32(channel_id.encode()) % len(conduit.shards)
        for step in range(min(2, len(conduit.shards))):
            shard = conduit.shards[(home + step) % len(conduit.shards)]
            if shard.status == "enabled":
                return shard
        return None

    def _check_count(self, count: object) -> int:
        if (
            not isinstance(count, int)
            or isinstance(count, bool)
            or not 1 <= count <= self._settings.shards_per_conduit
        ):
            raise ApiError(400, f"shard_count must be between 1 and {self._settings.shards_per_conduit}")
        return count

    def _note_death(self, conduit: Conduit) -> None:
        if conduit.dead_since is None and all(shard.status != "enabled" for shard in conduit.shards):
            conduit.dead_since = now_ms()

    def _bury_dead(self) -> None:
        limit = now_ms() - self._settings.conduit_survives_s * 1000
        for conduit in list(self._conduits.values()):
            if conduit.dead_since is not None and conduit.dead_since < limit:
                del self._conduits[conduit.id]
                self._on_gone(conduit)
