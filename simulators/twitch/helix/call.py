"""What every Helix call shares: the token check, the points bucket, parameters, pages, error bodies."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.limits import PointsBucket
from simulators.twitch.stage import Stage
from simulators.twitch.tokens import Token
from simulators.twitch.world import Channel

T = TypeVar("T")
Endpoint = Callable[["Call"], Awaitable[web.Response]]


@dataclass(frozen=True)
class Call:
    """An authenticated call."""

    stage: Stage
    request: web.Request
    token: Token

    def one(self, name: str) -> str:
        """A required query parameter. Raises ApiError 400."""
        value = self.request.query.get(name, "")
        if not value:
            raise ApiError(400, f'Missing required parameter "{name}"')
        return value

    def maybe(self, name: str) -> str:
        return self.request.query.get(name, "")

    def many(self, name: str, *, limit: int) -> list[str]:
        """A repeated query parameter. Raises ApiError 400 above `limit`."""
        values = [value for value in self.request.query.getall(name, []) if value]
        if len(values) > limit:
            raise ApiError(400, f"The number of {name} parameters is limited to {limit}.")
        return values

    async def body(self) -> dict[str, Any]:
        """The JSON object. Raises ApiError 400."""
        try:
            value = json.loads(await self.request.read())
        except ValueError as error:
            raise ApiError(400, "The request body is not valid JSON.") from error
        if not isinstance(value, dict):
            raise ApiError(400, "The request body must be a JSON object.")
        return value

    def page(self, rows: Sequence[T], *, default: int, most: int) -> tuple[list[T], dict[str, str]]:
        """The wanted slice and its `pagination` object (empty at the end)."""
        try:
            first = int(self.maybe("first") or default)
            start = int(base64.urlsafe_b64decode(self.maybe("after") or b"MA=="))
        except ValueError as error:
            raise ApiError(400, "The value of first or after is not valid.") from error
        if not 1 <= first <= most or start < 0:
            raise ApiError(400, f"The value of first must be between 1 and {most}.")
        end = start + first
        more = {"cursor": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(rows) else {}
        return list(rows[start:end]), more

    def own_channel(self, *, mismatch: int = 401) -> Channel:
        """The channel in `broadcaster_id`, which must be the token's own. Raises ApiError `mismatch`, 404."""
        broadcaster_id = self.one("broadcaster_id")
        if broadcaster_id != self.token.user_id:
            raise ApiError(
                mismatch,
                "The ID in broadcaster_id must match the user ID found in the request's OAuth token.",
            )
        return self.stage.world.channel(broadcaster_id)


class HelixGate:
    """Turns endpoints into aiohttp handlers."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._buckets: dict[tuple[str, str | None], PointsBucket] = {}

    def route(
        self, endpoint: Endpoint, *, kind: str = "user", scopes: tuple[str, ...] = ()
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """`kind` is user, app or any. Any one of `scopes` is enough; app tokens carry none and skip this."""

        async def handle(request: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            who = ""
            try:
                token = self._authenticate(request, kind, scopes)
                who = token.user_id or "app"
                bucket = self._bucket(token)
                taken = bucket.take()
                headers = bucket.headers()
                if not taken:
                    raise ApiError(429, "Too Many Requests")
                answer = await endpoint(Call(self._stage, request, token))
            except ApiError as error:
                self._reject(request, error, who)
                answer = web.json_response(error.helix_body(), status=error.status)
            answer.headers.update(headers)
            return answer

        return handle

    def _authenticate(self, request: web.Request, kind: str, scopes: tuple[str, ...]) -> Token:
        header = request.headers.get("Authorization", "")
        if not header.startswith("Bearer ") or not header[7:].strip():
            raise ApiError(401, "OAuth token is missing")
        client_id = request.headers.get("Client-Id", "")
        if not client_id:
            raise ApiError(401, "Client ID is missing")
        token = self._stage.tokens.find(header[7:].strip())
        if token is None:
            raise ApiError(401, "Invalid OAuth token")
        if token.client_id != client_id:
            raise ApiError(401, "Client ID and OAuth token do not match")
        if kind == "user" and token.is_app:
            raise ApiError(401, "Missing User OAUTH Token")
        if kind == "app" and not token.is_app:
            raise ApiError(401, "Missing App Access Token")
        if scopes and not token.is_app and token.scopes.isdisjoint(scopes):
            raise ApiError(401, "Missing scope: " + " or ".join(scopes))
        return token

    def _bucket(self, token: Token) -> PointsBucket:
        key = (token.client_id, token.user_id)
        if key not in self._buckets:
            settings = self._stage.settings
            self._buckets[key] = PointsBucket(settings.points_per_minute, settings.bucket_window_s)
        return self._buckets[key]

    def _reject(self, request: web.Request, error: ApiError, who: str) -> None:
        self._stage.ledger.write(
            "rejected",
            channel_id=request.query.get("broadcaster_id", ""),
            user_id=request.query.get("user_id", ""),
            by="twitch",
            status=error.status,
            method=request.method,
            path=request.path,
            message=error.message,
            token_of=who,
        )
