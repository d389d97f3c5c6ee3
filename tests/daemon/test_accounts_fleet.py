"""Signing in and out where many processes answer: a login begun at one is answered by another, and an end holds for
all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from simulators.twitch import SimulatorSettings, TwitchSimulator
from tests.daemon.running import Running, joining
from tests.daemon.signing_in import browser, streamer
from tests.servers.mongo import shared_mongo
from tests.servers.redis import start_redis

pytestmark = pytest.mark.server

PUBLIC_URL = "http://127.0.0.1:9"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Running, Running]]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(start_redis())
        sim = await stack.enter_async_context(TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0)))
        environ = {
            "MONGO_URL": shared_mongo(tmp_path.name),
            "REDIS_URL": redis.url,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SESSION_SECRET": "32-characters-of-the-test-are-enough",
            "PUBLIC_URL": PUBLIC_URL,
        }
        here = await stack.enter_async_context(joining(sim, tmp_path / "here", **environ))
        there = await stack.enter_async_context(joining(sim, tmp_path / "there", **environ))
        yield here, there


async def test_any_process_answers_once_and_an_end_holds_for_all(two: tuple[Running, Running]) -> None:
    here, there = two
    # One jar for both: cookies know no ports.
    async with browser(here) as page:
        channel_id = await streamer(here)
        back = (await page.agree(await page.ask(), "lantern")).removeprefix(PUBLIC_URL)
        ports = [f"http://127.0.0.1:{one.daemon.port}{back}" for one in (here, there)]
        led = await asyncio.gather(*(page.leads_to(place) for place in (*ports, *ports)))
        assert sorted(led) == ["/", *["/sign-in?error=state"] * 3]

        async def signed_in(at: Running) -> bool:
            async with page.http.get(f"http://127.0.0.1:{at.daemon.port}/api/auth/session") as answer:
                return bool((await answer.json())["signed_in"])

        assert await signed_in(here)
        assert await signed_in(there)
        kept = dict(page.cookies)
        stream_url = f"http://127.0.0.1:{there.daemon.port}/api/ws?channel={channel_id}"
        async with page.http.get(stream_url) as stream:
            assert (await stream.content.readline()).startswith(b":")
            assert (await page.write("/api/auth/sign-out"))[0] == 200
            async with asyncio.timeout(10):  # by the signal: its own look would be at the next beat, in 15 s
                assert b"event: auth" in await stream.content.read()
        page.plant(**kept)
        assert not await signed_in(there)
        assert not await signed_in(here)
