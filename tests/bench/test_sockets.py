"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import json

import pytest

from bench._sockets_client import CLIENTS
from bench.sockets import Sample, _result
from tests.bench.running import run_bench


async def bench(*options: str) -> tuple[int | None, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    return await run_bench("sockets", *options)


@pytest.mark.server
async def test_every_client_opens_its_sockets_and_is_measured() -> None:
    code, out, err = await bench(
        *("--sockets", "3", "--runs", "1", "--idle-seconds", "0.05", "--per-second", "1000", "--json")
    )
    assert code == 0, err
    assert len(out) == 1
    told = json.loads(out[-1])
    assert told["bench"] == "sockets"
    (one,) = told["aims"]
    assert one["aim"] == "<= 80 KiB"
    assert set(told["details"]["runs"]) == set(CLIENTS)
    assert all(len(runs) == 1 for runs in told["details"]["runs"].values())
    assert "KiB each" in err


@pytest.mark.server
async def test_one_socket_is_too_few() -> None:
    code, out, err = await bench("--sockets", "1", "--json")
    assert code == 1
    assert out == []
    assert "--sockets must be 2 or more" in err


def test_a_missed_aim_says_why() -> None:
    found = {"cuelight": [Sample(100.0, 0.5, 1.0), Sample(90.0, 0.4, 1.0), Sample(95.0, 0.6, 1.0)]}
    result = _result(found, 1000, 30.0)
    assert not result.aims[0].met
    assert result.aims[0].got == 95.0
    assert "OpenSSL" in result.aims[0].reason
    assert result.aims[0].next


def test_the_others_are_told_as_multiples_of_ours() -> None:
    found = {"cuelight": [Sample(50.0, 0.5, 1.0)], "websockets": [Sample(300.0, 0.5, 1.0)]}
    result = _result(found, 10, 1.0)
    assert result.aims[0].met
    assert result.details["times_ours"] == {"websockets": 6.0}
    assert len(result.rows) == 2


def test_without_ours_there_is_no_aim() -> None:
    assert _result({"websockets": [Sample(300.0, 0.5, 1.0)]}, 10, 1.0).aims == []
