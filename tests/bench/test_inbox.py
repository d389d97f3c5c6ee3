"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import json

import pytest

from bench._inbox_load import REDEMPTION, request_bytes
from domain.events import redemption_event
from domain.signatures import verify_eventsub
from tests.bench.running import told_by


@pytest.mark.server
async def test_both_servers_answer_and_are_measured() -> None:
    told = await told_by("inbox", "--runs", "1", "--seconds", "0.05", "--connections", "1", "64")
    assert told["bench"] == "inbox"
    assert [one["aim"] for one in told["aims"]] == [">= 0.3", ">= 0.3"]
    assert "as it is" in told["aims"][0]["what"]
    assert "5 ms slower" in told["aims"][1]["what"]
    names = ("stores nothing", "cuelight", "cuelight, commits 5 ms slower")
    assert set(told["details"]["runs"]) == {
        f"{name}, {connections}" for name in names for connections in (1, 64)
    }
    for (run,) in told["details"]["runs"].values():
        assert run["per_second"] >= run["handled_per_second"] > 0
        assert run["p99_ms"] >= run["p50_ms"] > 0
    assert told["details"]["ratios"]["stores nothing, 64"] == 1.0


def test_requests_are_authentic_redemptions_that_differ() -> None:
    secret, stamp = b"a-secret-of-the-measurement", "2026-03-01T10:00:00.000000Z"
    seen = set()
    for number in range(3):
        head, _, body = request_bytes(number, secret=secret, stamp=stamp, run="run").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /api/webhooks/eventsub HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        verified = verify_eventsub(
            headers=headers, body=body, secrets=[("key", secret)], now_ms=1_772_359_200_000
        )
        assert verified.subscription_type == REDEMPTION
        assert int(headers["Content-Length"]) == len(body)
        event = redemption_event(json.loads(body)["event"])
        seen.add((verified.message_id, event.id, event.viewer.id))
    assert len(seen) == 3
