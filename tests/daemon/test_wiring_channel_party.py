"""The channel's party from the dashboard of a whole daemon, with somebody in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import Running, running
from tests.daemon.test_wiring_party import ISSUERS, coming, token

pytestmark = pytest.mark.server

PARTY = "/api/v1/party"


async def asked(run: Running, method: str, path: str, body: Any = None) -> Any:
    async with run.http.get("/api/auth/csrf") as answer:
        csrf = (await answer.json())["token"]
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": csrf}
    async with run.http.request(method, path, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_it_is_opened_seen_and_closed_around_a_viewer(tmp_path: Path) -> None:
    async with running(tmp_path, CUELIGHT_DEMO="1", **ISSUERS) as run:
        channel_id, _ = await run.enrol()
        await run.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
        place = f"{PARTY}?channel={channel_id}"
        opened = (await asked(run, "POST", place, {"title": "Friday", "is_public": True}))["party"]
        async with coming(run, f"?token={token('ann')}") as ann:
            welcome = await ann.ask("party:join", roomId=opened["room_id"], userName="Ann")
            assert welcome["data"]["settings"]["title"] == "Friday"
            party = (await asked(run, "GET", place))["party"]
            assert (party["members"], party["here"], party["host"]) == (1, 1, "")
            assert party["sync"] == {"players": 0, "drift_p50_ms": None, "drift_p95_ms": None}
            await asked(run, "DELETE", place)
            closed = await ann.until(lambda one: one["type"] == "party:closed")
            assert closed["data"]["isHost"] is False
