"""The one place where logging is set up, for our own events (structlog) and those of libraries (logging).

Everywhere else: `log = structlog.get_logger(__name__)`, then `log.info("said in words", channel_id=…)`. An event
may carry these keys, which get their places in Google Cloud Logging's structure:

- `trace`, `span_id`, `trace_sampled`: of the request (`logging.googleapis.com/trace` and friends)
- `http_request`: a mapping in Google's words (`requestMethod`, `requestUrl`, `status`, `latency`, …)
- `labels`: a small mapping of text to text
- `error`: an exception, told as its sentence with its stable `error_code` beside it
- `exc_info`: the exception whose traceback is wanted

Whatever the event carries passes the redaction of `daemon/redaction.py` just before it is rendered.
Fields: https://cloud.google.com/logging/docs/structured-logging
"""

from __future__ import annotations

import itertools
import json
import logging
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import Any, TextIO

import structlog

from daemon.redaction import redact
from domain.errors import CuelightError
from domain.ports import Clock

Event = dict[str, Any]
SEVERITIES = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
}
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
COLOURS = {
    "debug": "\x1b[2m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
# Libraries that tell at "info" what we tell ourselves, and better.
QUIET = ("aiohttp.access", "websockets", "asyncio", "urllib3", "pymongo", "hpack", "charset_normalizer")
GOOGLE = "logging.googleapis.com/"
REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"


def configure_logs(
    *,
    clock: Clock,
    level: str = "info",
    format: str = "auto",
    project: str | None = None,
    service: str = "cuelight",
    stream: TextIO | None = None,
    also: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Send everything to `stream` (stderr by default: stdout belongs to results).

    `level` is debug, info, warning or error; `format` is json, text, or auto: text on a terminal and json
    elsewhere. `project` is the Google Cloud project in whose name traces are told. `also` hears of every error, behind
    the redaction; it must be quick and raise nothing. May be called again.
    """
    out = stream if stream is not None else sys.stderr
    as_text = format == "text" or (format == "auto" and out.isatty())
    render = (
        text_renderer(colours=out.isatty()) if as_text else json_renderer(project=project, service=service)
    )

    def finish(event: Event) -> str:
        event.setdefault("timestamp_ms", clock.now())
        told = redact(_told(event))
        if also is not None and told.get("level") in {"error", "critical"}:
            also(dict(told))
        return render(told)

    def processor(_logger: Any, method: str, event: Any) -> str:
        event["level"] = "error" if method == "exception" else method
        if event["level"] in ("error", "critical") and not event.get("exc_info"):
            event["source"] = _caller(sys._getframe(1))
        return finish(event)

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, processor],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=_Lines(out)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,  # so that tests can capture what any module logs
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge(finish, _Lines(out)))
    root.setLevel(LEVELS[level])
    for name in QUIET:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    logging.captureWarnings(True)


class _Lines:
    """A stream that never refuses a character and never raises: a full disk or a closed pipe must not stop work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:
            self._stream.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        except (OSError, ValueError):
            return

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


class _Bridge(logging.Handler):
    """Brings the records of libraries into the same pipeline."""

    def __init__(self, finish: Callable[[Event], str], lines: _Lines) -> None:
        super().__init__()
        self._finish = finish
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        event: Event = {"event": message, "level": _level(record.levelno), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        elif record.levelno >= logging.ERROR:
            event["source"] = {
                "file": record.pathname,
                "line": str(record.lineno),
                "function": record.funcName,
            }
        self._lines.write(self._finish(event) + "\n")
        self._lines.flush()


def _level(number: int) -> str:
    for floor, name in ((50, "critical"), (40, "error"), (30, "warning"), (20, "info")):
        if number >= floor:
            return name
    return "debug"


def _told(event: Event) -> Event:
    """Turn exceptions into words: the error's sentence and code, and a traceback where one is wanted."""
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = str(error) or type(error).__name__
        event.setdefault(
            "error_code", error.code if isinstance(error, CuelightError) else type(error).__name__
        )
    raised = _exception(event.pop("exc_info", None))
    if raised is not None:
        event["stack"] = "".join(traceback.format_exception(raised, limit=-30, chain=True)).rstrip()
        event["source"] = _deepest(raised.__traceback__) or event.get("source")
    return event


def _exception(value: Any) -> BaseException | None:
    if isinstance(value, BaseException):
        return value
    if isinstance(value, tuple) and len(value) > 1 and isinstance(value[1], BaseException):
        return value[1]
    return sys.exc_info()[1] if value else None


def _deepest(tb: TracebackType | None) -> dict[str, str] | None:
    if tb is None:
        return None
    while tb.tb_next is not None:
        tb = tb.tb_next
    code = tb.tb_frame.f_code
    return {"file": code.co_filename, "line": str(tb.tb_lineno), "function": code.co_qualname}


def _caller(frame: FrameType | None) -> dict[str, str] | None:
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("structlog", "daemon.logs")):
        frame = frame.f_back
    if frame is None:
        return None
    code = frame.f_code
    return {"file": code.co_filename, "line": str(frame.f_lineno), "function": code.co_qualname}


def rfc3339(milliseconds: int) -> str:
    """`2026-11-21T10:00:00.123Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def json_renderer(*, project: str | None, service: str) -> Callable[[Event], str]:
    """One JSON object per line, with the fields that Google Cloud Logging understands."""
    run = secrets.token_hex(5)
    numbers = itertools.count(1)

    def render(event: Event) -> str:
        level = str(event.pop("level", "info"))
        line: Event = {
            "severity": SEVERITIES.get(level, "DEFAULT"),
            "message": str(event.pop("event", "")),
            "time": rfc3339(int(event.pop("timestamp_ms"))),
            f"{GOOGLE}insertId": f"{run}{next(numbers):010x}",
        }
        trace = event.pop("trace", None)
        if trace:
            line[f"{GOOGLE}trace"] = f"projects/{project}/traces/{trace}" if project else str(trace)
        for key, field in (("span_id", "spanId"), ("trace_sampled", "trace_sampled"), ("labels", "labels")):
            value = event.pop(key, None)
            if value is not None:
                line[GOOGLE + field] = value
        source = event.pop("source", None)
        if source:
            line[f"{GOOGLE}sourceLocation"] = source
        request = event.pop("http_request", None)
        if isinstance(request, Mapping):
            line["httpRequest"] = request
        stack = event.pop("stack", None)
        if stack:
            line["stack_trace"] = stack
            line["@type"] = REPORTED
            line["serviceContext"] = {"service": service}
        for key, value in event.items():
            line.setdefault(key, value)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)

    return render


def text_renderer(*, colours: bool) -> Callable[[Event], str]:
    """One readable line per event, with the traceback below; the time of day is UTC."""

    def paint(code: str, text: str) -> str:
        return f"{code}{text}\x1b[0m" if colours else text

    def render(event: Event) -> str:
        level = str(event.pop("level", "info"))
        time = rfc3339(int(event.pop("timestamp_ms")))[11:23]
        message = _printable(str(event.pop("event", "")))
        stack = event.pop("stack", None)
        event.pop("source", None)
        rest = " ".join(
            f"{paint(chr(27) + '[36m', key)}={_printable(_word(value))}"
            for key, value in sorted(event.items())
        )
        head = f"{paint(chr(27) + '[2m', time)} {paint(COLOURS.get(level, ''), f'{level:<8}')} {message}"
        below = "".join(f"\n    {_printable(row)}" for row in str(stack).splitlines()) if stack else ""
        return f"{head}  {rest}{below}" if rest else head + below

    return render


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value if value and not set(value) & set(" \t\n\"'=") else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, default=str)


def _printable(text: str) -> str:
    """No control characters: a viewer's name must not move the cursor of an operator's terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
