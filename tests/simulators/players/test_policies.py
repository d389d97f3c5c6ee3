"""The peers' policies do what their sources say, at their thresholds."""

from __future__ import annotations

from random import Random

import pytest

from simulators.players.media import Player, Traits
from simulators.players.policies import (
    PEERS,
    CyTube,
    Jellyfin,
    OpenTogetherTube,
    Relayed,
    Syncplay,
    Watchparty,
)
from simulators.players.wire import Answer, Ask, Beat, Message, Report, State, Timeline

EXACT = Traits(start=0.0, seek=0.1, varies=0.0, noise=0.0, stall_each=0.0)


def playing(kind: type[Relayed], position: float = 100.0) -> tuple[Relayed, Player, list[Message]]:
    """A client whose player plays at `position`, and what it sends."""
    sent: list[Message] = []
    player = Player(EXACT, Random(1), weather=Random(1))
    client = kind(player, sent.append)
    player.seek(position)
    player.play()
    player.advance(0.1)
    assert (player.state, player.position) == ("playing", position)
    player.set_rate(1.0)
    player.toll.seeks = 0
    return client, player, sent


@pytest.mark.parametrize(
    ("ahead", "rate", "seeks"),
    [(1.4, 1.0, 0), (1.6, 0.95, 0), (4.1, 1.0, 1), (-4.9, 1.0, 0), (-5.1, 1.0, 1)],
)
def test_syncplay(ahead: float, rate: float, seeks: int) -> None:
    client, player, _ = playing(Syncplay)
    client.receive(Beat(100.0 - ahead, True), 0.0)
    assert (player.rate, player.toll.seeks) == (rate, seeks)


def test_syncplay_slows_down_until_a_tenth_and_ages_by_half_its_average_trip() -> None:
    client, player, sent = playing(Syncplay)
    client.receive(Beat(98.4, True), 0.0)
    client.receive(Beat(99.8, True), 1.0)
    assert player.rate == 0.95
    client.receive(Beat(99.95, True), 2.0)
    assert player.rate == 1.0
    client.receive(Answer(0.0, 0, 0), 0.2)
    client.receive(Answer(1.0, 0, 0), 1.4)
    client.look(2.0)
    assert sent == [Ask(2.0), Report(100.0, pytest.approx((0.2 * 0.85 + 0.4 * 0.15) / 2))]


@pytest.mark.parametrize(("off", "seeks"), [(0.99, 0), (1.01, 1), (-0.99, 0), (-1.01, 1)])
def test_opentogethertube(off: float, seeks: int) -> None:
    client, player, _ = playing(OpenTogetherTube)
    client.receive(State(Timeline(100.0, True, 0)), 7.0)  # counted on from its arrival
    client.look(7.0 - off)
    assert player.toll.seeks == seeks


@pytest.mark.parametrize(("lag", "rate"), [(-3.0, 1.0), (0.4, 1.0), (0.6, 1.06), (5.0, 1.1)])
def test_watchparty(lag: float, rate: float) -> None:
    client, player, _ = playing(Watchparty)
    client.receive(Beat(100.0 + lag, True, own=100.0), 0.0)
    assert player.rate == pytest.approx(rate)
    assert player.toll.seeks == 0


@pytest.mark.parametrize(("ahead", "lands"), [(1.9, None), (-1.9, None), (2.1, 98.9), (-2.1, 102.1)])
def test_cytube(ahead: float, lands: float | None) -> None:
    client, player, _ = playing(CyTube)
    client.receive(Beat(100.0 - ahead, True), 0.0)
    assert player.toll.seeks == (lands is not None)
    assert player.position == pytest.approx(100.0 if lands is None else lands)


@pytest.mark.parametrize(
    ("behind", "rate", "seeks"),
    [(0.05, 1.0, 0), (0.07, 1.07, 0), (2.9, 3.9, 0), (-0.5, 0.5, 0), (-2.9, 0.2, 0), (3.1, 1.0, 1)],
)
def test_jellyfin(behind: float, rate: float, seeks: int) -> None:
    client, player, _ = playing(Jellyfin)
    client.receive(Answer(9.9, 10_000_000, 10_000_000), 10.1)  # the room's clock is ours
    client.receive(State(Timeline(90.0, True, 0)), 10.0)
    player.advance(0.3)
    player.toll.seeks = 0
    client.look(10.0 + player.position - 100.0 + behind)
    assert player.rate == pytest.approx(rate)
    assert player.toll.seeks == seeks
    if rate != 1.0:
        client.look(11.1 + player.position - 100.0 + behind)
        assert player.rate == 1.0  # for a second, and the next one not yet


def test_jellyfin_trusts_its_quickest_probe_and_starts_at_the_date() -> None:
    client, player, sent = playing(Jellyfin)
    player.pause()
    for now in (0.0, 1.0, 2.0, 3.0, 59.0):
        client.look(now)
    assert sent == [Ask(0.0), Ask(1.0), Ask(2.0)]
    client.receive(Answer(1.0, 11_000_000, 11_000_000), 3.0)  # two seconds
    client.receive(Answer(2.0, 12_050_000, 12_050_000), 2.1)  # a tenth
    client.receive(State(Timeline(100.0, True, 13_000_000)), 2.5)
    player.advance(0.1 + 0.49)
    assert player.state == "paused"
    player.advance(0.1 + 0.51)
    assert player.state == "playing"


@pytest.mark.parametrize("name", sorted(PEERS))
def test_each_obeys_the_host_and_names_its_source(name: str) -> None:
    player = Player(EXACT, Random(1), weather=Random(1))
    client = PEERS[name].client(player, lambda message: None)
    client.receive(Answer(0.0, 0, 0), 0.0)
    client.receive(State(Timeline(300.0, True, 0)), 0.0)
    player.advance(1.0)
    assert player.state == "playing"
    assert player.position == pytest.approx(300.9, abs=0.11)
    client.receive(State(Timeline(301.0, False, 0)), 1.0)
    player.advance(2.0)
    assert player.state == "paused"
    assert ":" in PEERS[name].source
