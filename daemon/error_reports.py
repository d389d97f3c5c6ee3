"""Tells an error tracker that speaks Sentry's protocol of each error, where the operator has named one (SENTRY_DSN).

It listens at the end of the log's way, behind the redaction: what is told is what the log says of an error, cut down to
the names in `TAGS`, the sentence, and where it was raised. No bodies, no values of variables, no addresses of callers.
The package `sentry-sdk` (an extra, MIT) makes the envelopes; none of its integrations is switched on, and sending is
ours: bounded, each fault once a minute, never in anybody's way. The address is the operator's and may be private.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog

from daemon.lifecycle import Stage
from daemon.redaction import redact_text
from domain.errors import CuelightError
from domain.ports import Clock, Metrics
from gateways.http import HttpClient

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope

    from daemon.settings import Settings
    from daemon.supervisor import Supervisor

log = structlog.get_logger("error_reports")

TAGS = (
    "route", "method", "status", "kind", "source_name", "stage", "where", "code", "error_code", "channel",
    "channel_id", "request_id", "process",
)  # fmt: skip
"""What of an event goes along, besides its words and its place."""

AGAIN_SECONDS = 60.0
MOST_KNOWN = 256
MOST_WAITING = 50
MOST_FRAMES = 30
LONGEST_TEXT = 1000
LONGEST_TAG = 200
SEND_SECONDS = 5.0
FLUSH_SECONDS = 0.4
MOST_BYTES = 64_000
LONGEST_PAUSE_SECONDS = 600.0
_FRAME = re.compile(
    r'^\s*File "(?P<file>[^"\n]{1,300})", line (?P<line>[0-9]{1,7}), in (?P<function>.{1,200})$', re.M
)

Event = Mapping[str, Any]


class ErrorReports:
    """`note` is given to the log; `stages` to the lifecycle, in front of all others, so that it stops last."""

    def __init__(self, dsn: str, *, clock: Clock, metrics: Metrics, http: HttpClient | None = None) -> None:
        from sentry_sdk.client import Client  # noqa: PLC0415 - an extra, there only where it is wanted
        from sentry_sdk.transport import Transport  # noqa: PLC0415

        self._clock, self._metrics = clock, metrics
        self._http = http or HttpClient(connections=1)
        self._waiting: deque[dict[str, Any]] = deque()
        self._envelopes: deque[Envelope] = deque()
        self._known: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._paused_until = 0.0
        envelopes = self._envelopes

        class Keep(Transport):
            """Hands the envelope back instead of sending it."""

            def capture_envelope(self, envelope: Envelope) -> None:
                envelopes.append(envelope)

        self._client = Client(
            dsn=dsn,
            transport=Keep,
            release=f"cuelight@{version('cuelight')}",
            environment="production",
            server_name="",
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[],
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            propagate_traces=False,
            spotlight=False,
            debug=False,
            shutdown_timeout=0,
        )
        parsed = self._client.parsed_dsn
        assert parsed is not None
        auth = parsed.to_auth(f"cuelight/{version('cuelight')}")
        self._url, self._auth = auth.get_api_url(), auth.to_header()

    def note(self, event: Event) -> None:
        """An event of the log, redacted, at the level of an error or worse. Quick, from any thread; raises nothing."""
        now = self._clock.monotonic()
        key = fingerprint(event)
        last, times = self._known.get(key, (-AGAIN_SECONDS, 0))
        if now - last < AGAIN_SECONDS:
            self._known[key] = (last, times + 1)
            return
        self._known[key] = (now, 0)
        self._known.move_to_end(key)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        if len(self._waiting) >= MOST_WAITING:
            self._metrics.count("error_reports_total", outcome="dropped")
            return
        self._waiting.append(report_of(event, key, unseen=times))
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def stages(self, tasks: Supervisor) -> list[Stage]:
        """Sends while the daemon runs, and what is left at its end."""

        async def start() -> None:
            self._loop = asyncio.get_running_loop()
            tasks.gateway("error_reports", self._run)

        return [Stage("error_reports", start, self._stop, budget_seconds=FLUSH_SECONDS + 0.2)]

    async def _run(self) -> None:
        while True:
            await self._clock.wait(self._wake, 15.0)
            self._wake.clear()
            await self._send_all()

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._send_all()
        except TimeoutError:
            self._metrics.count("error_reports_total", len(self._waiting), outcome="dropped")
        finally:
            self._client.close(timeout=0)
            await self._http.close()

    async def _send_all(self) -> None:
        while self._waiting:
            left = self._paused_until - self._clock.monotonic()
            if left > 0:
                self._metrics.count("error_reports_total", len(self._waiting), outcome="dropped")
                self._waiting.clear()
                return
            await self._send(self._waiting.popleft())

    async def _send(self, report: dict[str, Any]) -> None:
        self._client.capture_event(report)  # type: ignore[arg-type]
        while self._envelopes:
            body = self._envelopes.popleft().serialize()
            if len(body) > MOST_BYTES:
                self._metrics.count("error_reports_total", outcome="too_large")
                continue
            outcome = await self._post(body)
            self._metrics.count("error_reports_total", outcome=outcome)

    async def _post(self, body: bytes) -> str:
        headers = {"Content-Type": "application/x-sentry-envelope", "X-Sentry-Auth": self._auth}
        try:
            answer = await self._http.request(
                "POST", self._url, headers=headers, body=body, timeout_seconds=SEND_SECONDS, max_bytes=65_536
            )
        except CuelightError as error:
            # At most a warning: an error would be reported, and fail again.
            log.warning("error report not sent", code=error.code, detail=redact_text(error.message))
            self._paused_until = self._clock.monotonic() + AGAIN_SECONDS
            return "unreachable"
        if answer.status == 429 or answer.status >= 500:
            self._paused_until = self._clock.monotonic() + _pause(answer.headers.get("Retry-After", ""))
        if answer.status >= 300:
            log.warning("error report refused", status=answer.status)
            return "refused"
        return "sent"


def error_reports(settings: Settings, *, clock: Clock, metrics: Metrics) -> ErrorReports | None:
    """`None` where no tracker is named."""
    if settings.sentry_dsn is None:
        return None
    return ErrorReports(settings.sentry_dsn.get_secret_value(), clock=clock, metrics=metrics)


def fingerprint(event: Event) -> tuple[str, ...]:
    """What makes two errors the same: the words of the event, the kind of error, and where it was raised."""
    place = event.get("source")
    where = f"{place.get('file')}:{place.get('function')}" if isinstance(place, Mapping) else ""
    return (
        str(event.get("event", ""))[:LONGEST_TAG],
        str(event.get("error_code") or event.get("code") or "")[:LONGEST_TAG],
        where[-LONGEST_TAG:],
    )


def report_of(event: Event, key: tuple[str, ...], *, unseen: int) -> dict[str, Any]:
    """An event of the log in Sentry's words. `unseen`: how often it happened since it was told last."""
    words = str(event.get("event", ""))[:LONGEST_TEXT]
    tags = {name: str(event[name])[:LONGEST_TAG] for name in TAGS if event.get(name) not in (None, "")}
    if unseen:
        tags["unseen"] = str(unseen)
    report: dict[str, Any] = {
        "level": "fatal" if event.get("level") == "critical" else "error",
        "logger": str(event.get("logger") or "cuelight")[:LONGEST_TAG],
        "message": {"formatted": words},
        "tags": tags,
        "fingerprint": list(key),
    }
    if isinstance(event.get("timestamp_ms"), int):
        report["timestamp"] = event["timestamp_ms"] / 1000
    stack = event.get("stack")
    if isinstance(stack, str):
        report["exception"] = {"values": [_raised(stack)]}
    elif event.get("error"):
        value = str(event["error"])[:LONGEST_TEXT]
        report["exception"] = {"values": [{"type": tags.get("error_code", "error"), "value": value}]}
    return report


def _raised(stack: str) -> dict[str, Any]:
    """The last exception of a traceback's text: its kind, its sentence, and the places, the deepest last."""
    last = next((line for line in reversed(stack.splitlines()) if line and not line.startswith(" ")), "")
    kind, _, sentence = last.partition(": ")
    frames = [
        {"filename": found["file"][-200:], "lineno": int(found["line"]), "function": found["function"]}
        for found in _FRAME.finditer(stack)
    ][-MOST_FRAMES:]
    return {
        "type": kind[:LONGEST_TAG] or "error",
        "value": sentence[:LONGEST_TEXT],
        **({"stacktrace": {"frames": frames}} if frames else {}),
    }


def _pause(text: str) -> float:
    return min(float(text), LONGEST_PAUSE_SECONDS) if text.isascii() and text.isdigit() else AGAIN_SECONDS
