"""What happens to every request before and after its handler: an id, one log line, headers, errors made readable."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from domain.errors import Broken, CuelightError, Rejected
from domain.ports import Clock, Metrics
from web.errors import from_http, problem, too_large
from web.keys import BODY, PEER, REQUEST_ID, ROUTE, Handler, Route
from web.peers import Network, peer_of

BODY_SECONDS = 20.0

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

# `same-origin` and not `no-referrer`: with the latter browsers send `Origin: null` with our own forms.
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "cuelight",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("web")


class InFlight:
    """How many requests are being handled, so that a stop can wait for the last of them."""

    def __init__(self) -> None:
        self._count = 0
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def count(self) -> int:
        return self._count

    def __enter__(self) -> None:
        self._count += 1
        self.idle.clear()

    def __exit__(self, *exc: object) -> None:
        self._count -= 1
        if self._count == 0:
            self.idle.set()


def edge(*, clock: Clock, metrics: Metrics, trusted: Sequence[Network], in_flight: InFlight) -> Middleware:
    """The outermost middleware. Whatever goes wrong inside becomes a problem answer and one log line."""

    @web.middleware
    async def handle(request: web.Request, handler: Next) -> web.StreamResponse:
        started = clock.monotonic()
        given = request.headers.get("X-Request-Id", "")
        request[REQUEST_ID] = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request[PEER] = peer_of(request, trusted)
        failure: CuelightError | None = None
        cause: Exception | None = None
        with in_flight, structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
            try:
                response = await handler(request)
            except web.HTTPException as error:
                failure = from_http(error)
                response = problem(failure, request_id=request[REQUEST_ID])
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
            except CuelightError as error:
                failure, cause = error, error if isinstance(error, Broken) else None
                response = problem(error, request_id=request[REQUEST_ID])
            except Exception as error:  # the border: nothing unknown leaves as it is
                failure, cause = Broken("An unknown error.", code="web.unknown"), error
                response = problem(failure, request_id=request[REQUEST_ID])
            _record(request, response, clock.monotonic() - started, metrics, failure, cause)
        return response

    return handle


def _record(  # noqa: PLR0917 - one caller
    request: web.Request,
    response: web.StreamResponse,
    seconds: float,
    metrics: Metrics,
    failure: CuelightError | None,
    cause: Exception | None,
) -> None:
    resource = request.match_info.route.resource
    place = resource.canonical if resource is not None else "unmatched"
    metrics.count("http_requests_total", route=place, status=str(response.status))
    metrics.observe("http_request_seconds", seconds, route=place)
    if response.status == 500:
        metrics.count("errors_total", where="web")
    fields: dict[str, object] = {
        "method": request.method,
        "path": request.path[:200],
        "route": place,
        "status": response.status,
        "seconds": round(seconds, 4),
        "bytes": response.content_length,  # unknown for streams
        "peer": str(request[PEER]),
    }
    if failure is not None:
        fields |= {"code": failure.code, "detail": failure.message}
    route = request.get(ROUTE)
    if cause is not None:
        log.error("request", **fields, exc_info=cause)
    elif response.status >= 500:
        log.warning("request", **fields)
    elif route is not None and route.quiet:
        log.debug("request", **fields)
    else:
        log.info("request", **fields)


def security_headers(*, https: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal for `on_response_prepare`: also streams get the headers."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        policy = response.headers.get("Content-Security-Policy")
        response.headers.update(_HEADERS)
        if policy is not None:  # a page that says its own
            response.headers["Content-Security-Policy"] = policy
        response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
        response.headers.setdefault("Cache-Control", "no-store")
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    return add


def guarded(route: Route, allow: Callable[[web.Request, Route], Awaitable[None]]) -> Handler:
    """The handler of a route behind its guard and its body limit. The body is read once, after the guard."""

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        await allow(request, route)
        if route.body_limit:
            request[BODY] = await read_body(request, route.body_limit)
        return await route.handler(request)

    return handle


async def read_body(request: web.Request, limit: int, *, seconds: float = BODY_SECONDS) -> bytes:
    """The raw body, at most `limit` bytes. Raises `Rejected`: too large, too slow, or broken off."""
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise Rejected(f"The body did not come within {seconds:g} s.", code="http.body_too_slow") from None
    except (ClientError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
        raise Rejected("The body broke off.", code="http.bad_body") from None
    return bytes(body)
