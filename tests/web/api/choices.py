"""The parts of the API about rewards, settings, lists and figures, with the real handlers behind them, on a real store
and the simulated Twitch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from domain.channel import Channel
from gateways.discord import Discord
from handlers.vip.analytics import Analytics
from handlers.vip.lists import Lists
from handlers.vip.operations import Operations
from handlers.vip.overlay import Overlay
from handlers.vip.preferences import Preferences
from handlers.vip.rewards import Rewards
from handlers.vip.vip_desk import VipDesk
from handlers.vip.who import Who
from tests.support.desk import open_scene
from tests.support.scene import Scene
from tests.web.api.parts import send
from tests.web.world import World, running
from web.api.analytics import AnalyticsApi
from web.api.operations import OperationsApi
from web.api.rewards import RewardsApi
from web.api.settings import SettingsApi
from web.api.viewers import ViewersApi
from web.overlay import OverlayStreams
from web.routes import Api

POINTS = "/api/channel-points"


@dataclass
class Choices:
    """A streamer who is signed in, and everything behind him."""

    world: World
    scene: Scene
    channel: Channel

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request as the page makes it, in the streamer's channel."""
        path = f"{path}{'&' if '?' in path else '?'}channel={self.channel.id}"
        status, told, _ = await send(self.world, method, path, body, **headers)
        return status, told

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and code of a request that goes wrong; there is always something that one can do."""
        status, told = await self.ask(method, path, body)
        assert told["detail"]
        assert told["advice"], told
        return status, told["code"]


@asynccontextmanager
async def open_choices(path: Path) -> AsyncIterator[Choices]:
    async with (
        open_scene(path) as scene,
        running(ports={"api": api_of(scene)}) as world,
    ):
        await world.sign_in()
        channel = await scene.channel()
        world.outside.list.append({"id": channel.id, "login": channel.login, "name": channel.name})
        yield Choices(world, scene, channel)


def api_of(scene: Scene) -> Api:
    r, desk, who = scene.repositories, scene.desk, Who(helix=scene.helix)
    operations = Operations(inbox=r.inbox, intake=desk.intake, clock=scene.clock)
    vips = VipDesk(operations=operations, who=who, slots=r.slots, redemptions=r.redemptions)
    rewards = Rewards(
        channels=r.channels,
        redemptions=r.redemptions,
        helix=scene.helix,
        intake=desk.intake,
        book=desk.book,
        clock=scene.clock,
    )
    preferences = Preferences(
        channels=r.channels,
        grants=scene.grants,
        watch=scene.watch,
        room=desk.slotting.room,
        discord=Discord(http=scene.http, origin="http://127.0.0.1:1"),
        book=desk.book,
        live=desk.live,
    )
    overlay = Overlay(
        channels=r.channels,
        sessions=r.sessions,
        sealer=scene.grants.sealer,
        book=desk.book,
        clock=scene.clock,
    )
    analytics = Analytics(channels=r.channels, days=r.counted_days, trail=r.trail, clock=scene.clock)
    return Api(
        operations=OperationsApi(operations=operations),
        rewards=RewardsApi(rewards=rewards, operations=operations),
        settings=SettingsApi(preferences=preferences, overlay=overlay),
        viewers=ViewersApi(lists=Lists(viewers=r.viewers, desk=vips, who=who)),
        analytics=AnalyticsApi(analytics=analytics),
        overlay=OverlayStreams(
            views=overlay, topics=scene.topics, clock=SystemClock(), metrics=scene.metrics
        ),
    )
