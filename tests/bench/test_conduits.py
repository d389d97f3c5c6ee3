"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import pytest

from tests.bench.running import told_by


@pytest.mark.server
async def test_many_channels_on_a_few_shards() -> None:
    told = await told_by(
        "conduits", "--channels", "14", "--sockets", "0", "--rate", "10", "--seconds", "1.0", seconds=110
    )
    assert told["bench"] == "conduits"
    lost, doubled, *_ = told["aims"]
    assert (lost["met"], doubled["met"]) == (True, True)
    details = told["details"]
    assert (details["channels"], details["shards"], details["load"]["redemptions"]) == (14, 2, 10)
    assert details["subscriptions"] > 14 * 4
    assert details["load"]["replaced_ms"] > 0
    assert set(details["kib_each"]) == {"conduit"}
    assert "At Twitch's real rate: 14 channels lack" in told["notes"][0]
