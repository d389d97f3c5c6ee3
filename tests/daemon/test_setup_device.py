"""A login by code from the terminal: into the store while no daemon runs, else through the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.admin_client import AdminError
from daemon.clock import SystemClock
from daemon.settings import Settings, load_settings
from daemon.setup_device import log_in_by_code
from domain.ports import NullMetrics
from gateways.twitch.oauth import DeviceCode, LoginRefused
from simulators.twitch import SimulatorSettings, TwitchSimulator
from storage.channels import CHANNELS, Channels
from storage.open import open_store, sqlite_url
from storage.tokens import TOKENS
from tests.daemon.running import joining, running

QUICK = SimulatorSettings(accounting_lag_s=0, device_interval_s=1)


def settings_for(sim: TwitchSimulator, data_dir: Path) -> Settings:
    return load_settings(
        {
            "DATA_DIR": str(data_dir),
            "TWITCH_CLIENT_ID": sim.client_id,
            "TWITCH_CLIENT_SECRET": sim.client_secret,
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_API_URL": sim.api_url,
        }
    )


class Typist:
    """Somebody who types the code at Twitch as soon as it is shown."""

    def __init__(self, sim: TwitchSimulator, user_id: str) -> None:
        self._sim, self._user_id = sim, user_id
        self.shown: list[DeviceCode] = []
        self._typing: list[asyncio.Task[None]] = []

    def __call__(self, device: DeviceCode) -> None:
        self.shown.append(device)
        self._typing.append(asyncio.create_task(self._type(device.user_code)))

    async def _type(self, code: str) -> None:
        body = {"user_code": code, "user_id": self._user_id}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self._sim.control_url}/device/approve", json=body) as answer,
        ):
            assert answer.status == 200


async def test_without_a_daemon_the_channel_is_in_the_store(tmp_path: Path) -> None:
    clock = SystemClock()
    async with TwitchSimulator(settings=QUICK) as sim:
        channel = sim.world.add_channel("lantern", "Lantern", vip_slots=10)
        settings = settings_for(sim, tmp_path)
        typist = Typist(sim, channel.id)
        told = await log_in_by_code(settings, clock=clock, show=typist)
    assert told == {"id": channel.id, "login": "lantern", "name": "Lantern"}
    assert "activate" in typist.shown[0].verification_uri
    store = await open_store(sqlite_url(tmp_path), clock=clock, metrics=NullMetrics())
    try:
        held = await Channels(await store.collection(CHANNELS)).get(channel.id)
        assert held is not None
        assert (held.login, held.name, held.rewards) == ("lantern", "Lantern", ())
        token = await (await store.collection(TOKENS)).get(channel.id)
        assert token is not None
        assert "channel:manage:vips" in token["scopes"]
    finally:
        await store.close()


async def test_beside_a_daemon_the_channel_is_watched_at_once(tmp_path: Path) -> None:
    async with TwitchSimulator(settings=QUICK) as sim, joining(sim, tmp_path) as run:
        user = sim.world.add_channel("lantern", "Lantern", vip_slots=10).user
        settings = settings_for(sim, tmp_path)
        told = await log_in_by_code(settings, clock=SystemClock(), show=Typist(sim, user.id))
        assert told["id"] == user.id
        await run.until(lambda: run.state(user.id) == "live")
        (row,) = (await run.admin("channels.list"))["channels"]
        assert (row["login"], row["login_state"]) == ("lantern", "good")


async def test_who_types_nothing_is_not_in(tmp_path: Path) -> None:
    shown: list[DeviceCode] = []
    short = SimulatorSettings(device_interval_s=1, device_code_s=1)
    async with TwitchSimulator(settings=short) as sim:
        with pytest.raises(LoginRefused):
            await log_in_by_code(settings_for(sim, tmp_path), clock=SystemClock(), show=shown.append)
    assert len(shown) == 1
    assert not (tmp_path / "cuelight.db").exists()


async def test_tokens_of_another_application_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel: dict[str, Any] = await run.order(
            "channels",
            {"login": "lantern", "name": "Lantern", "client_id": run.sim.settings.foreign_client_id},
        )
        tokens = {name: channel[name] for name in ("access_token", "refresh_token")}
        with pytest.raises(AdminError, match="another application"):
            await run.admin("channels.enter", tokens)
        assert (await run.admin("channels.list"))["channels"] == []
