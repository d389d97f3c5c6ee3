"""Conduits and their shards, and the subscriptions that hang on them: all by the application's own token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from domain.errors import NotFound, Rejected
from gateways.http import Answer
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Reply, Request
from gateways.twitch.conduit_plan import Refusal, RemoteConduit, RemoteShard
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.outcomes import Call, Verdict

_CONDUITS = "/eventsub/conduits"
_SHARDS = "/eventsub/conduits/shards"
_SUBSCRIPTIONS = "/eventsub/subscriptions"
POINTS_PER_MINUTE = 800
"""Twitch's default; the headers of its answers say what it is really."""


class ConduitGone(NotFound):
    """There is no such conduit (any more), or it is another application's."""

    code = "twitch.conduit_gone"


class ConduitCalls:
    """Each call may raise `Waiting`, `TwitchDown` and `TwitchBroken`, as `contracts` says."""

    def __init__(self, *, caller: HelixCaller) -> None:
        self._caller = caller

    async def conduits(self) -> list[RemoteConduit]:
        """All of this application."""
        reply = await self._caller.call(self._request(Call.CONDUITS, "GET", _CONDUITS))
        return [self._caller.parse(_conduit, row) for row in self._caller.read(reply, shapes.rows)]

    async def create(self, shards: int) -> RemoteConduit:
        """Make one. Raises `Rejected` when Twitch does not like the number; the sixth is refused with `Waiting`."""
        body = {"shard_count": shards}
        # Twice would be two conduits, of which Twitch allows five.
        request = self._request(Call.CREATE_CONDUIT, "POST", _CONDUITS, body=body, repeatable=False)
        return self._one(self._checked(await self._caller.call(request)))

    async def resize(self, conduit_id: str, shards: int) -> RemoteConduit:
        """Give a conduit another number of shards; fewer drops the highest. Raises `Rejected`, `ConduitGone`."""
        body = {"id": conduit_id, "shard_count": shards}
        request = self._request(Call.RESIZE_CONDUIT, "PATCH", _CONDUITS, body=body)
        return self._one(self._checked(await self._caller.call(request)))

    async def delete(self, conduit_id: str) -> bool:
        """End a conduit with all its subscriptions. False when it was gone already."""
        request = self._request(Call.DELETE_CONDUIT, "DELETE", _CONDUITS, params=(("id", conduit_id),))
        reply = await self._caller.call(request)
        return reply.outcome is Verdict.OK or reply.again

    async def shards(self, conduit_id: str) -> list[RemoteShard]:
        """Every shard as Twitch sees it. Raises `ConduitGone`."""
        request = self._request(Call.SHARDS, "GET", _SHARDS, params=(("conduit_id", conduit_id),))
        # A conduit has at least one shard: what has no rows is gone.
        found = [
            self._caller.parse(_shard, row) async for rows in self._caller.pages(request) for row in rows
        ]
        if not found:
            raise ConduitGone(f"Twitch does not know the conduit {conduit_id}.")
        return found

    async def attach(self, conduit_id: str, shard_id: str, session_id: str) -> Refusal | None:
        """Let a shard be served by this WebSocket session. A 202 may hold a refusal: it is the answer then.
        Raises `Rejected`, `ConduitGone`."""
        transport = {"method": "websocket", "session_id": session_id}
        body = {"conduit_id": conduit_id, "shards": [{"id": shard_id, "transport": transport}]}
        request = self._request(Call.ATTACH_SHARDS, "PATCH", _SHARDS, body=body)
        reply = self._checked(await self._caller.call(request))
        for refusal in self._caller.read(reply, _refusals):
            if refusal.shard_id == shard_id:
                return refusal
        mine = [row for row in self._caller.read(reply, shapes.rows) if row.get("id") == shard_id]
        if not mine:
            return Refusal(shard_id, "missing", "Twitch's answer says nothing of the shard.")
        shard = self._caller.parse(_shard, mine[0])
        return None if shard.enabled else Refusal(shard_id, shard.status, f"The shard is {shard.status}.")

    async def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]:
        """The application's own subscriptions page by page; with `user_id` those whose condition names that user."""
        params = (("user_id", user_id),) if user_id else ()
        request = self._request(Call.SUBSCRIPTIONS, "GET", _SUBSCRIPTIONS, params=params)
        async for rows in self._caller.pages(request):
            yield [self._caller.parse(shapes.subscription, row) for row in rows]

    def points_per_minute(self) -> int:
        """How many calls Twitch allows the application in a minute."""
        return self._caller.limit("") or POINTS_PER_MINUTE

    def _request(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        params: tuple[tuple[str, str], ...] = (),
        body: Any = None,
        repeatable: bool = True,
    ) -> Request:
        return Request(
            call=call,
            method=method,
            path=path,
            user_id="",
            params=params,
            body=body,
            repeatable=repeatable,
        )

    def _checked(self, reply: Reply) -> Reply:
        match reply.outcome:
            case Verdict.GONE:
                raise ConduitGone(reply.message or "Twitch does not know the conduit.")
            case Verdict.REFUSED:
                raise Rejected(reply.message or "Twitch refuses it.", code="twitch.conduit")
        return reply

    def _one(self, reply: Reply) -> RemoteConduit:
        return self._caller.parse(_conduit, self._caller.read(reply, shapes.one))


def _conduit(row: dict[str, Any]) -> RemoteConduit:
    return RemoteConduit(shapes.text(row, "id"), shapes.whole(row, "shard_count"))


def _shard(row: dict[str, Any]) -> RemoteShard:
    transport = row.get("transport")
    if transport is not None and not isinstance(transport, dict):
        raise ValueError("transport")
    session_id = shapes.text(transport or {}, "session_id", empty=True)
    return RemoteShard(shapes.text(row, "id"), shapes.text(row, "status"), session_id)


def _refusals(answer: Answer) -> list[Refusal]:
    data = answer.json()
    found = data.get("errors") if isinstance(data, dict) else None
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("errors")
    return [
        Refusal(
            shapes.text(row, "id", empty=True),
            shapes.text(row, "code", empty=True),
            shapes.text(row, "message", empty=True)[:300],
        )
        for row in found
    ]
