"""The monitor against the Twitch simulator, which was written without looking at it: real time, real sockets, HTTP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from daemon.clock import SystemClock
from domain.errors import Conflict, Rejected
from gateways.twitch.contracts import LoginNeeded, RemoteSubscription, TwitchDown, Waiting
from gateways.twitch.monitor import Monitor
from gateways.twitch.subscriber import subscribers
from gateways.twitch.subscriptions import vip_channel
from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from tests.gateways.twitch.eventsub_server import Bell, Counts, Records, Spawned

pytestmark = pytest.mark.server


class Calls:
    """The three subscription calls over HTTP, with the outcomes of the contract."""

    def __init__(self, sim: TwitchSimulator, http: aiohttp.ClientSession) -> None:
        self._url = f"{sim.api_url}/eventsub/subscriptions"
        self._client_id = sim.client_id
        self._http = http
        self.tokens: dict[str, str] = {}

    async def _call(self, channel_id: str, method: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[channel_id]}", "Client-Id": self._client_id}
        async with self._http.request(method, self._url, headers=headers, **options) as answer:
            text = await answer.text()
            match answer.status:
                case 200 | 202:
                    return await answer.json()
                case 204:
                    return None
                case 401:
                    raise LoginNeeded(channel_id, text)
                case 403:
                    raise LoginNeeded(channel_id, text, scopes=("unknown",))
                case 409:
                    raise Conflict(text)
                case 429:
                    raise Waiting(text)
                case status if status >= 500:
                    raise TwitchDown(text)
                case _:
                    raise Rejected(text)

    @staticmethod
    def _read(row: dict[str, Any]) -> RemoteSubscription:
        return RemoteSubscription(
            id=row["id"],
            type=row["type"],
            version=row["version"],
            status=row["status"],
            condition=row["condition"],
            method=row["transport"]["method"],
            session_id=row["transport"].get("session_id", ""),
        )

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription:
        body = {"type": type, "version": version, "condition": condition, "transport": transport}
        return self._read((await self._call(channel_id, "POST", json=body))["data"][0])

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]:
        return [self._read(row) for row in (await self._call(channel_id, "GET"))["data"]]

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        await self._call(channel_id, "DELETE", params={"id": subscription_id})
        return True


class Town:
    """A simulator with one channel and one viewer, and a monitor that listens."""

    def __init__(self, sim: TwitchSimulator, http: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.http = http
        self.bell = Bell()
        self.records = Records(self.bell)
        self.counts = Counts()
        self.tasks = Spawned()
        self.calls = Calls(sim, http)
        self.monitor = Monitor(
            url=sim.eventsub_url,
            settler=subscribers(helix=self.calls, clock=SystemClock(), random=random.Random(3)),
            sink=self.records,
            on_revocation=self.records.on_revocation,
            on_gap=self.records.on_gap,
            on_state=self.records.on_state,
            clock=SystemClock(),
            tasks=self.tasks,
            random=random.Random(2),
            metrics=self.counts,
        )

    async def do(self, command: str, **body: Any) -> Any:
        async with self.http.post(f"{self.sim.control_url}/{command}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def channel(self, login: str, **body: Any) -> str:
        made = await self.do("channels", login=login, name=login, **body)
        self.calls.tokens[made["id"]] = made["access_token"]
        return str(made["id"])

    async def live(self, channel_id: str) -> None:
        self.monitor.add(channel_id, vip_channel(channel_id))
        await self.until_live(channel_id)

    async def until_live(self, channel_id: str) -> None:
        await self.bell.until(lambda: self.records.state(channel_id)[0] == "live")

    async def shop(self, channel_id: str) -> tuple[str, str]:
        reward = await self.do("rewards", channel_id=channel_id, title="VIP", cost=100)
        viewer = await self.do("viewers", login="ann", name="Ann")
        return reward["id"], viewer["id"]

    async def redeem(self, channel_id: str, shop: tuple[str, str]) -> None:
        await self.do("redeem", channel_id=channel_id, reward_id=shop[0], viewer_id=shop[1])

    async def heard(self, count: int) -> None:
        await self.bell.until(lambda: len(self.records.notified) >= count)
        assert len(self.records.notified) == len(set(self.records.notified)) == count


@asynccontextmanager
async def town(**settings: Any) -> AsyncIterator[Town]:
    defaults = {"accounting_lag_s": 0.0, "points_per_minute": 0}
    chosen = SimulatorSettings(**{**defaults, **settings})
    async with TwitchSimulator(settings=chosen) as sim, aiohttp.ClientSession() as http:
        town = Town(sim, http)
        try:
            yield town
        finally:
            await town.monitor.stop()
            assert town.tasks.running == 0


async def test_redemptions_arrive_once_each_whatever_the_stream_does() -> None:
    async with town() as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        await here.bell.until(lambda: here.records.gaps == [channel_id])
        shop = await here.shop(channel_id)
        await here.do("eventsub/duplicate", times=3, copies=3)
        await here.do("eventsub/reorder", times=2)
        for _ in range(6):
            await here.redeem(channel_id, shop)
        await here.heard(6)
        assert here.records.last["type"].endswith("redemption.add")


@pytest.mark.parametrize("keeps_id", [False, True])
async def test_a_hand_over_loses_and_doubles_nothing(keeps_id: bool) -> None:
    async with town(reconnect_keeps_session_id=keeps_id) as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        shop = await here.shop(channel_id)
        for _ in range(3):
            await here.do("eventsub/reconnect")
            for _ in range(5):
                await here.redeem(channel_id, shop)
        await here.heard(15)
        assert here.records.gaps == [channel_id]
        assert [state for _, state, _ in here.records.states] == ["connecting", "live"]
        rows = await here.calls.subscriptions(channel_id)
        assert len(rows) == len(vip_channel(channel_id))
        assert {row.status for row in rows} == {"enabled"}


async def test_a_hand_over_that_leads_nowhere_ends_cold_and_reconciles() -> None:
    async with town() as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        await here.do("eventsub/reconnect", valid=False)
        await here.bell.until(lambda: len(here.records.gaps) == 2)
        await here.until_live(channel_id)
        rows = await here.calls.subscriptions(channel_id)
        assert len([row for row in rows if row.status == "enabled"]) == len(vip_channel(channel_id))


@pytest.mark.parametrize("how", [{"code": 4005}, {"code": 4006}, {"abort": True}])
async def test_a_lost_session_is_subscribed_anew_and_leftovers_go(how: dict[str, Any]) -> None:
    async with town() as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        await here.do("eventsub/close", **how)
        await here.bell.until(lambda: len(here.records.gaps) == 2)
        shop = await here.shop(channel_id)
        await here.redeem(channel_id, shop)
        await here.heard(1)
        async with asyncio.timeout(30):
            while {row.status for row in await here.calls.subscriptions(channel_id)} != {"enabled"}:
                await asyncio.sleep(0.01)


async def test_limits_that_lag_behind_a_dead_session_are_waited_out() -> None:
    async with town(accounting_lag_s=1.0, sockets_per_user=1, same_subscriptions=1) as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        await here.do("eventsub/close", abort=True)
        await here.bell.until(lambda: len(here.records.gaps) == 2)
        await here.until_live(channel_id)


async def test_nonsense_on_the_wire_is_left_aside() -> None:
    async with town() as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        for text in (
            "{",
            "[]",
            '{"metadata": {"message_type": 7}, "payload": {}}',
            '{"a": ' + "9" * 30 + "}",
        ):
            await here.do("eventsub/raw", text=text)
        shop = await here.shop(channel_id)
        await here.redeem(channel_id, shop)
        await here.heard(1)
        assert sum(n for key, n in here.counts.seen.items() if key[0] == "eventsub_bad_frames_total") == 4


async def test_each_channel_has_its_own_socket_and_token() -> None:
    async with town() as here:
        ids = [await here.channel(f"chan{number}") for number in range(5)]
        for channel_id in ids:
            here.monitor.add(channel_id, vip_channel(channel_id))
        for channel_id in ids:
            await here.until_live(channel_id)
        assert len(here.sim.stage.eventsub.hall.sessions) == 5
        await here.monitor.remove(ids[0])
        await here.bell.until(lambda: here.records.state(ids[0])[0] == "stopped")


async def test_scopes_that_are_missing() -> None:
    async with town() as here:
        few = ["channel:manage:redemptions", "channel:manage:vips"]
        some = await here.channel("some", scopes=few)
        await here.live(some)
        assert here.records.state(some)[1].startswith("without: channel.moderator.add")
        none = await here.channel("none", scopes=few[1:])
        here.monitor.add(none, vip_channel(none))
        await here.bell.until(lambda: here.records.state(none)[0] == "needs_login")


async def test_a_revoked_grant_parks_until_the_streamer_logs_in_again() -> None:
    async with town() as here:
        channel_id = await here.channel("chan")
        await here.live(channel_id)
        await here.do("tokens/revoke", user_id=channel_id)
        await here.bell.until(lambda: here.records.state(channel_id)[0] == "needs_login")
        assert {item.status for item in here.records.revoked} == {"authorization_revoked"}
        fresh = await here.do("login", user_id=channel_id)
        here.calls.tokens[channel_id] = fresh["access_token"]
        here.monitor.wake(channel_id)
        await here.until_live(channel_id)
