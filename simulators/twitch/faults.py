"""Failures of HTTP on order: status, HTML, delay, a dropped connection, before or after the effect took place."""

from __future__ import annotations

import asyncio
import fnmatch
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from simulators.twitch.errors import ApiError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HTML = "<html><head><title>{status}</title></head><body><h1>{status} {phrase}</h1></body></html>"


@dataclass
class Fault:
    """`path` is a shell pattern for the end of the path ("/channels/vips", "/helix/*"); empty fields meet all.

    `times` counts down; `chance` (0..1) lets only some of the matching calls fail. With `after_effect` the call
    is carried out first and its answer is lost. Without status, drop or html only `delay_ms` happens.
    """

    id: int = 0
    method: str = ""
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    status: int = 0
    message: str = ""
    delay_ms: int = 0
    drop: bool = False
    html: bool = False
    after_effect: bool = False
    times: int = 1
    chance: float = 1.0
    hits: int = 0

    def meets(self, request: web.Request) -> bool:
        return (
            self.times > 0
            and self.method.upper() in ("", request.method)
            and (not self.path or fnmatch.fnmatch(request.path, "*" + self.path))
            and all(value in request.query.getall(name, []) for name, value in self.query)
        )


class HttpFaults:
    """The faults that stand at present, and the middleware that applies them (never to /sim)."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def add(self, order: Mapping[str, Any]) -> Fault:
        """From the JSON of POST /sim/faults. Raises ApiError 400 for unknown or mistyped fields."""
        match = dict(order.get("match") or {})
        fields = {name: value for name, value in order.items() if name != "match"}
        query = tuple((str(name), str(value)) for name, value in dict(match.pop("query", {})).items())
        try:
            fault = Fault(**{**fields, **match, "query": query, "id": next(self._numbers), "hits": 0})
        except TypeError as error:
            raise ApiError(400, f"unknown field in fault: {error}") from error
        self._faults[fault.id] = fault
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        if fault_id is None:
            self._faults.clear()
        else:
            self._faults.pop(fault_id, None)

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults.values()]

    def _take(self, request: web.Request) -> Fault | None:
        for fault in self._faults.values():
            if fault.meets(request) and (fault.chance >= 1 or self._random.random() < fault.chance):
                fault.times -= 1
                fault.hits += 1
                return fault
        return None

    def middleware(self) -> Any:
        @web.middleware
        async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
            fault = None if request.path.startswith("/sim") else self._take(request)
            if fault is None:
                return await handler(request)
            answer: web.StreamResponse | None = None
            if fault.after_effect:
                answer = await handler(request)
            if fault.delay_ms:
                await asyncio.sleep(fault.delay_ms / 1000)
            if fault.drop:
                if request.transport is not None:
                    request.transport.abort()
                return answer or web.Response()
            if fault.html or fault.status:
                return _failure(fault, request)
            return answer if answer is not None else await handler(request)

        return apply


def _failure(fault: Fault, request: web.Request) -> web.Response:
    status = fault.status or 502
    error = ApiError(status, fault.message)
    if fault.html:
        phrase = error.helix_body()["error"]
        return web.Response(
            status=status, text=_HTML.format(status=status, phrase=phrase), content_type="text/html"
        )
    identity = request.path.startswith("/oauth2")
    return web.json_response(error.identity_body() if identity else error.helix_body(), status=status)
