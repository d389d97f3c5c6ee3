"""Error reports against a small server that takes Sentry's envelopes: what arrives, how often, and what never does."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
import structlog
from aiohttp import web

from daemon.error_reports import AGAIN_SECONDS, MOST_WAITING, ErrorReports, fingerprint, report_of
from daemon.lifecycle import Stage
from daemon.logs import configure_logs
from daemon.metrics import PrometheusMetrics
from daemon.programs import free_port
from daemon.settings import load_settings
from daemon.settings_checks import package_problem
from daemon.settings_words import SettingsInvalid
from daemon.supervisor import Supervisor
from domain.errors import Broken
from tests.support.clock import ManualClock

SECONDS = 30.0


@dataclass
class Tracker:
    """Takes envelopes and keeps the events in them."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    auth: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dsn(self) -> str:
        return f"http://publickey@127.0.0.1:{self.port}/42"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw.append(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        self.auth.append(request.headers["X-Sentry-Auth"])
        lines = self.raw[-1].split(b"\n")
        assert json.loads(lines[1])["type"] == "event"
        self.events.append(json.loads(lines[2]))
        self.came.set()
        return web.json_response({}, status=self.status, headers=self.headers)


@pytest.fixture
async def tracker() -> AsyncIterator[Tracker]:
    one = Tracker()
    app = web.Application()
    app.router.add_post("/api/42/envelope/", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.port = runner.addresses[0][1]
    yield one
    await runner.cleanup()


@dataclass
class Desk:
    """Logs that lead to a tracker, with a clock of their own."""

    reports: ErrorReports
    clock: ManualClock
    metrics: PrometheusMetrics
    tasks: Supervisor
    stage: Stage
    lines: StringIO

    async def told(self, tracker: Tracker, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while len(tracker.events) < count:
                await asyncio.sleep(0.005)

    def outcome(self, name: str) -> float:
        return self.metrics.value("error_reports_total", outcome=name) or 0.0


async def opened(dsn: str) -> Desk:
    clock, metrics, lines = ManualClock(), PrometheusMetrics(), StringIO()
    tasks = Supervisor(clock=clock, metrics=metrics)
    reports = ErrorReports(dsn, clock=clock, metrics=metrics)
    (stage,) = reports.stages(tasks)
    configure_logs(clock=clock, format="json", stream=lines, also=reports.note)
    assert stage.start is not None
    await stage.start()
    return Desk(reports, clock, metrics, tasks, stage, lines)


@pytest.fixture
async def desk(tracker: Tracker) -> AsyncIterator[Desk]:
    one = await opened(tracker.dsn)
    yield one
    assert one.stage.stop is not None
    await one.stage.stop()
    await one.tasks.stop(1.0)


def fail(secret: str) -> None:
    local_value = f"a body that nobody reads {secret}"
    raise ValueError(f"cannot use access_token={secret} {len(local_value)}")


async def test_an_error_arrives_with_its_place_and_context(tracker: Tracker, desk: Desk) -> None:
    try:
        fail("s3cr3ts3cr3t")
    except ValueError as error:
        structlog.get_logger("x").error(
            "worker.handler_crashed",
            exc_info=error,
            kind="redemption.add",
            channel_id="100",
            route="/api/vip",
            body={"viewer": "somebody_x"},
            peer="203.0.113.9",
            token="s3cr3ts3cr3t",
            row="twitch:1",
        )
    await desk.told(tracker, 1)
    event = tracker.events[0]
    assert event["message"]["formatted"] == "worker.handler_crashed"
    assert (event["level"], event["platform"]) == ("error", "python")
    assert event["release"].startswith("cuelight@")
    assert event["tags"] == {"kind": "redemption.add", "channel_id": "100", "route": "/api/vip"}
    raised = event["exception"]["values"][0]
    assert raised["type"] == "ValueError"
    assert "[redacted]" in raised["value"]
    assert raised["stacktrace"]["frames"][-1]["function"] == "fail"
    raw = tracker.raw[0].decode()
    for never in ("s3cr3t", "nobody reads", "203.0.113.9", "somebody_x", "twitch:1", "local_value"):
        assert never not in raw
    assert "sentry_key=publickey" in tracker.auth[0]
    assert desk.outcome("sent") == 1
    assert not set(event) & {"user", "request", "breadcrumbs", "modules", "extra"}
    assert not event.get("server_name")


async def test_below_an_error_nothing_is_told(tracker: Tracker, desk: Desk) -> None:
    log = structlog.get_logger("x")
    log.info("fine")
    log.warning("not so fine")
    log.critical("over")
    await desk.told(tracker, 1)
    assert [event["level"] for event in tracker.events] == ["fatal"]


async def test_the_same_once_a_minute_with_how_often_it_was(tracker: Tracker, desk: Desk) -> None:
    log = structlog.get_logger("x")

    def same() -> None:
        log.error("storage.broken", error=Broken("No.", code="storage.x"))

    for _ in range(5):
        same()
    log.error("storage.broken", error=Broken("No.", code="storage.y"))
    await desk.told(tracker, 2)
    assert desk.lines.getvalue().count("storage.broken") == 6
    await desk.clock.advance(AGAIN_SECONDS)
    same()
    await desk.told(tracker, 3)
    assert tracker.events[2]["tags"] == {"error_code": "storage.x", "unseen": "4"}
    assert tracker.events[2]["fingerprint"] == tracker.events[0]["fingerprint"]
    assert tracker.events[1]["fingerprint"] != tracker.events[0]["fingerprint"]


async def test_a_burst_is_bounded(tracker: Tracker, desk: Desk) -> None:
    for number in range(MOST_WAITING + 20):
        desk.reports.note({"event": f"e{number}", "level": "error"})
    assert desk.outcome("dropped") == 20
    await desk.told(tracker, MOST_WAITING)


async def test_a_tracker_that_refuses_is_left_alone_for_as_long_as_it_says(
    tracker: Tracker, desk: Desk
) -> None:
    tracker.status, tracker.headers = 429, {"Retry-After": "120"}
    desk.reports.note({"event": "one", "level": "error"})
    await desk.told(tracker, 1)
    async with asyncio.timeout(SECONDS):
        while not desk.outcome("refused"):
            await asyncio.sleep(0.005)
    desk.reports.note({"event": "two", "level": "error"})
    async with asyncio.timeout(SECONDS):
        while not desk.outcome("dropped"):
            await asyncio.sleep(0.005)
    tracker.status = 200
    await desk.clock.advance(120)
    desk.reports.note({"event": "three", "level": "error"})
    await desk.told(tracker, 2)
    assert [event["message"]["formatted"] for event in tracker.events] == ["one", "three"]


async def test_a_tracker_that_is_away_is_no_error_of_ours() -> None:
    desk = await opened(f"http://key@127.0.0.1:{free_port()}/1")
    desk.reports.note({"event": "one", "level": "error"})
    async with asyncio.timeout(SECONDS):
        while not desk.outcome("unreachable"):
            await asyncio.sleep(0.005)
    assert desk.stage.stop is not None
    await desk.stage.stop()
    await desk.tasks.stop(1.0)
    assert '"severity":"WARNING"' in desk.lines.getvalue()
    assert '"severity":"ERROR"' not in desk.lines.getvalue()


async def test_what_waits_at_the_end_still_leaves(tracker: Tracker) -> None:
    desk = await opened(tracker.dsn)
    await desk.tasks.stop(1.0)
    desk.reports.note({"event": "last", "level": "critical"})
    assert desk.stage.stop is not None
    await desk.stage.stop()
    assert [event["message"]["formatted"] for event in tracker.events] == ["last"]


def test_long_and_strange_events_are_cut() -> None:
    event = {"event": "x" * 9000, "kind": "k" * 900, "stack": "no traceback", "source": 5, "code": 7}
    told = report_of(event, fingerprint(event), unseen=0)
    assert len(told["message"]["formatted"]) == 1000
    assert len(told["tags"]["kind"]) == 200
    assert told["exception"]["values"][0]["type"] == "no traceback"
    assert fingerprint({}) == ("", "", "")


@pytest.mark.parametrize(
    "dsn",
    ["nothing", "https://host/1", "https://host-of-mine/k@/", "https://key@host-of-mine/x", "ftp://k@h/1"],
)
def test_what_is_no_dsn_is_told_and_not_shown(dsn: str) -> None:
    given = {"TWITCH_CLIENT_ID": "a", "TWITCH_CLIENT_SECRET": "b", "SENTRY_DSN": dsn}
    with pytest.raises(SettingsInvalid, match="SENTRY_DSN must be a URL like") as told:
        load_settings(given)
    assert dsn not in str(told.value)


def test_a_package_that_is_missing_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert package_problem("https://key@host/1") == []
    monkeypatch.setattr("daemon.settings_checks.find_spec", lambda name: None)
    (problem,) = package_problem("https://key@host/1")
    assert "pip install 'cuelight[sentry]'" in str(problem)
    assert package_problem("") == []
