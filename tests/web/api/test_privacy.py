from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.wiring_privacy import privacy_api
from domain.channel import Channel
from tests.handlers.test_erasure import lived, traces
from tests.support.desk import open_scene
from tests.support.scene import Scene
from tests.web.api.parts import send
from tests.web.world import World, running
from web.api.privacy import MOST_EXPORTS, PrivacyApi
from web.routes import Api


@dataclass
class Office:
    world: World
    scene: Scene
    channel: Channel
    api: PrivacyApi

    def path(self, viewer_id: str, what: str) -> str:
        return f"/api/viewers/{viewer_id}/{what}?channel={self.channel.id}"

    async def ask(self, viewer_id: str, what: str = "erase", **headers: str) -> tuple[int, Any]:
        method = "POST" if what == "erase" else "GET"
        status, told, _ = await send(self.world, method, self.path(viewer_id, what), None, **headers)
        return status, told


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_scene(tmp_path, accounts=True) as scene:
        assert scene.accounts is not None
        api = privacy_api(scene.accounts.privacy, desk=scene.desk)
        async with running(ports={"api": Api(privacy=api)}) as world:
            await world.sign_in()
            channel = await scene.channel()
            world.outside.list.append({"id": channel.id, "login": channel.login, "name": channel.name})
            yield Office(world, scene, channel, api)


async def test_a_viewer_is_exported_and_erased(office: Office) -> None:
    zoe = await lived(office.scene, office.channel)
    async with office.world.client.get(office.world.url(office.path(zoe.id, "export"))) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("application/x-ndjson")
        assert response.headers["Content-Disposition"].startswith('attachment; filename="cuelight-viewer-')
        lines = [json.loads(line) for line in (await response.text()).splitlines()]
    assert lines[0]["of"] == {"viewer_id": zoe.id, "channel_id": office.channel.id}
    assert lines[-1]["counts"]["vip_sessions"] == 1

    key = {"Idempotency-Key": "once"}
    status, told = await office.ask(zoe.id, **key)
    assert (status, told["result"]) == (200, "erased")
    assert await traces(office.scene, "zebrina", zoe.id) == []
    assert (await office.ask(zoe.id, **key))[1] == told, "the same request again"
    assert (await office.ask(zoe.id))[1]["result"] == "nothing"


async def test_what_is_refused(office: Office) -> None:
    for what in ("erase", "export"):
        assert (await office.ask("ann", what))[0] == 400
        status, told = await office.ask(office.channel.id, what)
        assert (status, told["code"]) == (409, "privacy.streamer")
        assert told["advice"]


async def test_few_exports_at_the_same_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe = await office.scene.viewer("zebrina")
    waiting = asyncio.Event()
    begun = asyncio.Semaphore(0)
    real = office.scene.accounts.privacy.eraser.data.person  # type: ignore[union-attr]

    async def slow(channel_id: str, viewer_id: str) -> Any:
        begun.release()
        await waiting.wait()
        return await real(channel_id, viewer_id)

    monkeypatch.setattr(office.scene.accounts.privacy.eraser.data, "person", slow)  # type: ignore[union-attr]
    url = office.world.url(office.path(zoe.id, "export"))

    async def read() -> int:
        async with office.world.client.get(url) as response:
            await response.read()
            return response.status

    exports = [asyncio.create_task(read()) for _ in range(MOST_EXPORTS)]
    async with asyncio.timeout(30):
        for _ in exports:
            await begun.acquire()
        assert await read() == 503
        waiting.set()
        assert await asyncio.gather(*exports) == [200] * MOST_EXPORTS
