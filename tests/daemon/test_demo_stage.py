"""The stage of a demo: what is in the store and what is at the simulated Twitch are of one piece."""

from __future__ import annotations

from pathlib import Path

from daemon.clock import SystemClock
from daemon.demo_cast import cast
from daemon.demo_stage import set_stage, touched_by_hand
from daemon.programs import Simulator
from domain.audit import Action, Actor, AuditRecord
from domain.channel import Viewer
from domain.ports import NullMetrics
from storage.audit import AUDIT, AuditTrail
from storage.open import open_store, sqlite_url
from storage.team import TEAM, Team
from tests.daemon.running import running


async def test_a_daemon_finds_it_as_after_a_restart(tmp_path: Path) -> None:
    clock = SystemClock()
    star, second, _ = cast(longest_wait_ms=8000)
    simulator = await Simulator.start("--vip-slots", "12")
    try:
        staged = await set_stage(simulator, (star, second), data_dir=tmp_path, clock=clock)
        state = await simulator.look("state")
        first = state["channels"][0]
        assert first["login"] == star.login
        assert star.by_hand < len(first["vips"]) <= star.most_open + star.by_hand
        assert {reward["id"] for channel in state["channels"] for reward in channel["rewards"]} == set(
            staged.durations_ms
        )
        assert len(staged.plays) == 3
        assert len(staged.until_stream) == 1
        verdict = await simulator.order("verdict", {"durations_ms": staged.durations_ms})
        assert not verdict["details"], "what came before is not judged"

        guests = staged.guests
        assert guests.channel_id == first["id"]
        assert len({one.id for one in guests.viewers}) == 12
        assert sum(one.id in first["vips"] for one in guests.viewers) >= 4

        store = await open_store(sqlite_url(tmp_path), clock=clock, metrics=NullMetrics())
        helps = await Team(await store.collection(TEAM)).of_user(guests.viewers[0].id)
        assert [one.channel_id for one in helps] == [first["id"]], "who opens the party is of the team"
        trail = AuditTrail(await store.collection(AUDIT))
        records = [one async for batch in trail.batches(first["id"]) for one in batch]
        assert len(records) > 150
        deed = AuditRecord(
            "x", first["id"], clock.now(), Action.EXTENDED, Actor("streamer"), "dashboard", Viewer("77")
        )
        await trail.add(deed)
        await store.close()
        touched = await touched_by_hand(tmp_path, simulator.addresses, clock, since=staged.at)
        assert touched == {(first["id"], "77")}, "and not what was done at the dashboard last week"
    finally:
        await simulator.stop()


async def test_the_entrance_signs_the_streamer_in(tmp_path: Path) -> None:
    async with running(tmp_path, CUELIGHT_DEMO="1") as run:
        channel_id, _ = await run.enrol()
        async with run.http.get("/api/auth/dev?login=lantern", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
        async with run.http.get("/api/auth/session") as answer:
            told = await answer.json()
            assert told["user"] == {"id": channel_id, "login": "lantern", "name": "Lantern"}
            assert told["channels"][0]["role"] == "owner"
        for headers, status in (({"Sec-Fetch-Site": "cross-site"}, 403), ({"Host": "evil.example"}, 403)):
            async with run.http.get("/api/auth/dev?login=lantern", headers=headers) as answer:
                assert answer.status == status
        async with run.http.get("/api/auth/dev?login=nobody") as answer:
            assert answer.status == 404
    async with running(tmp_path / "real") as run, run.http.get("/api/auth/dev?login=lantern") as answer:
        assert answer.status in (404, 405), "only the demo has it"
