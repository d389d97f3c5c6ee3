"""One pipeline for all logs: the fields of Google Cloud Logging, readable lines on a terminal, no secrets."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from daemon.logs import configure_logs, rfc3339
from domain.errors import Broken
from tests.support.clock import ManualClock

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    out = io.StringIO()
    configure_logs(clock=ManualClock(), level="debug", format="json", project="my-project", stream=out)
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_google_cloud_fields(lines: Lines) -> None:
    structlog.get_logger("x").info(
        "hello",
        channel_id="1",
        trace="abc",
        span_id="0011",
        trace_sampled=True,
        labels={"a": "b"},
        http_request={"requestMethod": "GET", "status": 200},
    )
    (line,) = lines()
    assert line["severity"] == "INFO"
    assert line["message"] == "hello"
    assert line["time"] == rfc3339(ManualClock().now())
    assert line["logging.googleapis.com/trace"] == "projects/my-project/traces/abc"
    assert line["logging.googleapis.com/spanId"] == "0011"
    assert line["logging.googleapis.com/trace_sampled"] is True
    assert line["logging.googleapis.com/labels"] == {"a": "b"}
    assert line["httpRequest"] == {"requestMethod": "GET", "status": 200}
    assert line["channel_id"] == "1"
    assert "logging.googleapis.com/sourceLocation" not in line


@pytest.mark.parametrize(
    ("method", "severity"),
    [
        ("debug", "DEBUG"),
        ("info", "INFO"),
        ("warning", "WARNING"),
        ("error", "ERROR"),
        ("critical", "CRITICAL"),
    ],
)
def test_severities(lines: Lines, method: str, severity: str) -> None:
    getattr(structlog.get_logger("x"), method)("hello")
    assert lines()[0]["severity"] == severity


def test_insert_ids_are_unique_and_in_order(lines: Lines) -> None:
    for number in range(20):
        structlog.get_logger("x").info(f"line {number}")
    ids = [line["logging.googleapis.com/insertId"] for line in lines()]
    assert len(set(ids)) == 20
    assert ids == sorted(ids)


def test_errors_say_where(lines: Lines) -> None:
    structlog.get_logger("x").error("bad")
    where = lines()[0]["logging.googleapis.com/sourceLocation"]
    assert where["file"].endswith("test_logs.py")
    assert where["function"] == "test_errors_say_where"


def test_exceptions_are_reported_with_a_redacted_traceback(lines: Lines) -> None:
    try:
        raise ValueError("Bearer abcdefghijklmnop")
    except ValueError:
        structlog.get_logger("x").exception("it broke", row="1")
    (line,) = lines()
    assert line["severity"] == "ERROR"
    assert "ValueError" in line["stack_trace"]
    assert "abcdefghijklmnop" not in json.dumps(line)
    assert line["@type"].endswith("ReportedErrorEvent")
    assert line["serviceContext"] == {"service": "cuelight"}


def test_an_error_of_ours_is_its_sentence_and_code(lines: Lines) -> None:
    structlog.get_logger("x").warning("refused", error=Broken("It is broken.", code="a.b"))
    structlog.get_logger("x").warning("refused", error=ValueError())
    first, second = lines()
    assert (first["error"], first["error_code"]) == ("It is broken.", "a.b")
    assert (second["error"], second["error_code"]) == ("ValueError", "ValueError")


def test_secrets_are_redacted(lines: Lines) -> None:
    structlog.get_logger("x").info("with oauth:abcdefgh1234", access_token="xyz", nested={"Cookie": "a=b"})
    text = json.dumps(lines()[0])
    assert "abcdefgh1234" not in text
    assert "xyz" not in text
    assert "a=b" not in text


def test_context_is_bound(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("x").info("inside")
    structlog.get_logger("x").info("outside")
    inside, outside = lines()
    assert inside["request_id"] == "r1"
    assert "request_id" not in outside


def test_libraries_pass_through_the_same_pipeline(lines: Lines) -> None:
    logging.getLogger("aiohttp.server").error("Error %s", "Bearer abcdefghijkl", exc_info=ValueError("x"))
    logging.getLogger("websockets.client").info("chatter")
    odd = logging.LogRecord("broken.format", logging.WARNING, "x.py", 1, "%d", ("no number",), None)
    ours = next(one for one in logging.getLogger().handlers if type(one).__module__ == "daemon.logs")
    ours.handle(odd)  # ours alone: the test runner's own handler would raise
    first, second = lines()
    assert first["message"] == "Error Bearer [redacted]"
    assert first["logger"] == "aiohttp.server"
    assert "ValueError: x" in first["stack_trace"]
    assert second["message"] == "%d"


def test_warnings_are_logged(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "DeprecationWarning: old" in lines()[0]["message"]


def test_levels_hold() -> None:
    out = io.StringIO()
    configure_logs(clock=ManualClock(), level="warning", format="json", stream=out)
    structlog.get_logger("x").info("no")
    logging.getLogger("y").info("no")
    structlog.get_logger("x").warning("yes")
    assert len(out.getvalue().splitlines()) == 1


def test_configured_twice_logs_once() -> None:
    out = io.StringIO()
    for _ in range(2):
        configure_logs(clock=ManualClock(), format="json", stream=out)
    logging.getLogger("y").warning("once")
    assert len(out.getvalue().splitlines()) == 1


def test_odd_characters_and_objects_cannot_stop_a_line(lines: Lines) -> None:
    structlog.get_logger("x").info("lone \udc80 \x00", thing=object(), number=float("inf"))
    assert lines()[0]["message"].startswith("lone ")


def test_a_stream_that_fails_does_not_stop_work() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    configure_logs(clock=ManualClock(), format="json", stream=Full())
    structlog.get_logger("x").info("into the void")
    logging.getLogger("y").warning("into the void")


def test_text_is_readable_and_safe_for_a_terminal() -> None:
    out = io.StringIO()
    configure_logs(clock=ManualClock(), format="text", stream=out)
    structlog.get_logger("x").warning("from \x1b[31mred", who="Ann B", n=1, nothing="")
    text = out.getvalue()
    assert "\x1b" not in text
    assert re.match(r'\d\d:\d\d:\d\d\.\d{3} warning  from \\x1b\[31mred  n=1 nothing="" who="Ann B"\n$', text)


def test_text_shows_tracebacks_below() -> None:
    out = io.StringIO()
    configure_logs(clock=ManualClock(), format="text", stream=out)
    structlog.get_logger("x").error("broke", exc_info=ValueError("why"))
    assert out.getvalue().splitlines()[-1] == "    ValueError: why"


@pytest.mark.parametrize(("terminal", "start"), [(True, "\x1b[2m"), (False, "{")])
def test_auto_is_text_on_a_terminal_and_json_elsewhere(terminal: bool, start: str) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    out = Stream()
    configure_logs(clock=ManualClock(), format="auto", stream=out)
    structlog.get_logger("x").info("hello")
    assert out.getvalue().startswith(start)


def test_rfc3339() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_772_359_200_007) == "2026-03-01T10:00:00.007Z"
