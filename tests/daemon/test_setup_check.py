"""Each thing that may be wrong with an application has its own sentence; Twitch is the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from daemon.clock import SystemClock
from daemon.programs import free_port
from daemon.setup_check import (
    check_application,
    checked_credentials,
    checked_public_url,
    home_url,
    redirect_url,
)
from domain.errors import Rejected, Unavailable
from simulators.twitch import TwitchSimulator


@pytest.fixture
async def sim() -> AsyncIterator[TwitchSimulator]:
    async with TwitchSimulator() as simulator:
        yield simulator


async def ask(sim: TwitchSimulator, client_id: str, secret: str) -> None:
    await check_application(client_id, secret, id_url=sim.id_url, clock=SystemClock())


async def test_the_right_one_passes_and_leaves_no_token_behind(sim: TwitchSimulator) -> None:
    await ask(sim, sim.client_id, sim.client_secret)


async def test_a_wrong_id_and_a_wrong_secret_differ(sim: TwitchSimulator) -> None:
    with pytest.raises(Rejected, match="no application with this client ID") as wrong_id:
        await ask(sim, "nobody", sim.client_secret)
    assert wrong_id.value.code == "setup.client_id"
    with pytest.raises(Rejected, match="the client secret is another one") as wrong_secret:
        await ask(sim, sim.client_id, "wrong")
    assert wrong_secret.value.code == "setup.client_secret"
    for error in (wrong_id.value, wrong_secret.value):
        assert sim.client_secret not in f"{error} {error.advice}"


async def test_twitch_is_away(sim: TwitchSimulator) -> None:
    url = f"http://127.0.0.1:{free_port()}/oauth2"
    with pytest.raises(Unavailable, match="cannot be reached") as told:
        await check_application("a", "b", id_url=url, clock=SystemClock())
    assert told.value.code == "setup.unreachable"
    sim.stage.faults.add({"path": "/oauth2/token", "status": 503})
    with pytest.raises(Unavailable, match="cannot be reached"):
        await ask(sim, sim.client_id, sim.client_secret)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://VIP.example.org/", "https://vip.example.org"),
        ("vip.example.org", "https://vip.example.org"),
        (" https://vip.example.org:8443 ", "https://vip.example.org:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_addresses_that_twitch_takes(written: str, kept: str) -> None:
    assert checked_public_url(written) == kept
    assert redirect_url(kept) == f"{kept}/api/auth/callback/twitch"


@pytest.mark.parametrize(
    "written",
    ["", "https://", "https://a.example/path", "https://me:you@a.example", "ftp://a.example", "https://ä.example",
     "http://127.0.0.1:8080", "http://192.168.1.4", "http://vip.example.org", "https://a.example:0x1", "https://[::1",
     "https://" + "a" * 300],
)  # fmt: skip
def test_addresses_that_lead_nowhere(written: str) -> None:
    with pytest.raises(Rejected) as told:
        checked_public_url(written)
    assert told.value.code == "setup.public_url"


def test_home_is_spelt_as_twitch_wants_it() -> None:
    assert home_url("127.0.0.1", 8080) == home_url("0.0.0.0", 8080) == "http://localhost:8080"
    assert home_url("192.168.1.4", 1) == "http://192.168.1.4:1"
    assert home_url("fe80::1", 1) == "http://[fe80::1]:1"


def test_what_copying_leaves_around_is_taken_off() -> None:
    assert checked_credentials(" abc\n", "\tdef ") == ("abc", "def")


@pytest.mark.parametrize(
    ("client_id", "secret", "code"),
    [("", "b", "setup.missing"), ("a", " ", "setup.missing"), ("a b", "c", "setup.malformed"),
     ("a", "b\x00c", "setup.malformed"), ("ä", "b", "setup.malformed"),
     ("a" * 201, "b", "setup.malformed"), ("same", "same", "setup.malformed")],
)  # fmt: skip
def test_what_cannot_be_one(client_id: str, secret: str, code: str) -> None:
    with pytest.raises(Rejected) as told:
        checked_credentials(client_id, secret)
    assert told.value.code == code
