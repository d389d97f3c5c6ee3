from __future__ import annotations

import pytest

from domain.errors import Rejected
from tests.web.world import running, settings


def test_secrets_do_not_appear_in_the_settings() -> None:
    shown = repr(
        settings(
            session_secret="hidden-1" * 8,
            cron_secret="hidden-2",
            metrics_token="hidden-3",
            eventsub_secrets=(("k", b"hidden-4"),),
        )
    )
    assert "hidden" not in shown


async def test_a_short_session_secret_is_refused() -> None:
    with pytest.raises(Rejected, match="SESSION_SECRET"):
        async with running(session_secret="short"):
            raise AssertionError("not reached")


async def test_one_process_can_hold_several_applications() -> None:
    async with running() as one, running(version="2") as two:
        await one.sign_in()
        async with two.client.get(two.url("/api/health")) as response:
            assert (await response.json())["version"] == "2"
        assert one.counted("http_requests_total", route="/api/auth/dev", status="200") == 1
        assert two.counted("http_requests_total", route="/api/auth/dev", status="200") == 0
