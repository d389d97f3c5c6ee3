"""The bench with tiny numbers: that every policy is measured by the same rule, and what it tells; never how good."""

from __future__ import annotations

import pytest

from bench._sync_measure import Histogram, evening
from bench._sync_room import Evening, Room, evening_of
from simulators.players.media import any_player
from simulators.players.policies import PEERS
from tests.bench.running import told_by

SHORT = Evening(viewers=4, seconds=40.0, networks=("fibre", "wifi"), player=any_player, seed=3)


async def test_every_policy_is_measured_and_every_aim_judged() -> None:
    told = await told_by("sync", "--viewers", "2,4", "--seconds", "40", "--runs", "1", "--sockets", "0")
    variants = told["details"]["variants"]
    assert set(variants) == {f"{name}, {size}" for name in ("ours", *PEERS) for size in (2, 4)} | {
        f"ours, 4, {on}" for on in ("mobile", "loaded uplink", "players that can only skip")
    }
    for found in variants.values():
        assert found["samples"] > 200
        assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"]
        assert set(found["back_s"]) == {"join", "stall", "seek"}
        assert found["back_s"]["join"]["count"] + found["back_s"]["seek"]["count"] > 0
    assert {one["unit"] for one in told["aims"][:7]} == {"ms", "%"}
    assert len(told["aims"]) == 7 + 3  # ours, and better than the best that stays within ± 10 %
    assert not any("Jellyfin" in one["what"] for one in told["aims"])
    assert set(told["details"]["sources"]) == set(PEERS)


@pytest.mark.server
async def test_ours_is_measured_over_real_sockets_too() -> None:
    told = await told_by(
        *(
            "sync",
            "--viewers",
            "2",
            "--seconds",
            "20",
            "--runs",
            "1",
            "--sockets",
            "9",
            "--socket-viewers",
            "2",
        )
    )
    found = told["details"]["sockets"]
    assert (found["viewers"], found["refused"], found["errors"]) == (2, [], {})
    assert found["samples"] > 0
    assert found["kept"] > 0
    assert (found["holes"], found["doubles"], found["resets"]) == (0, 0, 0)
    assert sum("real sockets" in one["what"] for one in told["aims"]) == 3


@pytest.mark.parametrize("name", ["ours", *PEERS])
def test_the_same_seed_is_the_same_evening(name: str) -> None:
    one, other = evening(evening_of(SHORT, name)), evening(evening_of(SHORT, name))
    assert one.errors.total == other.errors.total > 0
    assert one.errors.at(99) == other.errors.at(99)


@pytest.mark.parametrize("name", ["ours", *PEERS])
def test_everybody_plays_the_film_that_the_host_plays(name: str) -> None:
    """A policy that is emulated wrongly is minutes off after the seek, not a second or two."""
    room = evening_of(SHORT, name)
    while room.now < SHORT.seconds:
        room.step()
    assert room.vector.playing
    assert room.target() > 300.0
    assert [seat.player.position for seat in room.present()] == pytest.approx([room.target()] * 4, abs=6.0)


def test_viewers_are_the_same_under_each_policy() -> None:
    ours, theirs = Room(SHORT, None), Room(SHORT, PEERS["CyTube"])
    assert [(seat.clock, seat.player.traits, seat.joins) for seat in ours.seats] == [
        (seat.clock, seat.player.traits, seat.joins) for seat in theirs.seats
    ]
    assert len({seat.clock for seat in ours.seats}) == 4


def test_percentiles_are_the_upper_ends_of_their_bins() -> None:
    sizes = Histogram()
    for number in range(100):
        sizes.add(number / 1000 + 0.00005)
    assert sizes.at(50) == pytest.approx(49.1)
    assert sizes.at(100) == pytest.approx(99.1)
    assert sizes.within(0.050) == pytest.approx(0.5)
    assert Histogram().at(99) == 0.0
