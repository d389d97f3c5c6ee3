"""One process alone, on SQLite: what was answered survives `kill -9`, and who watched comes back unasked."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.journeys.party.house import ENVIRON, House, house
from tests.journeys.party.stories import OFF_SECONDS, last_words, said, talking
from tests.journeys.rig import Rig, rig
from tests.journeys.stand import measured

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]


async def lives(stand: Rig, party: House, *, kills: int, seed: int) -> None:
    """Kill it again and again while they talk, at moments that nobody chose."""
    dice = Random(seed)
    host = await party.open("alone", graceSeconds=60)
    speakers = await party.enter("alone", *(f"v{number}" for number in range(6)))
    muted, banned = await party.enter("alone", "muted", "banned")
    await party.done(host, "party:mute", memberId=muted.talk.member_id)
    await party.done(host, "party:ban", memberId=banned.talk.member_id)
    item = {"kind": "video", "url": "https://films.example/next.mp4", "title": "Next", "duration": 60.0}
    await party.done(host, "party:queue:add", item=item)
    await party.until(lambda: banned.closes[4511] == 1, "the banned one is out")
    await party.go(banned)
    ids = {one.name: one.talk.member_id for one in party.here.values()}
    everybody = list(party.here.values())
    await party.seek(host, 1000.0, everybody)
    sought = time.time()
    ran: list[float] = []
    for number in range(kills):
        before = said(party)
        async with talking(party, speakers, each_seconds=0.6):
            await party.until(lambda before=before: said(party) >= before + 6, "they talk")  # type: ignore[misc]
            at = said(party) + dice.randrange(1, 6)
            await party.until(lambda at=at: said(party) >= at, "they talk on")  # type: ignore[misc]
            await last_words(speakers)
            await stand.kill()
        await stand.start()

        def are_back(times: int = number + 1) -> bool:
            return all(one.talk.is_in and len(one.record.resets) >= times for one in everybody)

        ran.append(await party.until(are_back, "all are back", seconds=45.0))
        assert {one.name: one.talk.member_id for one in everybody} == ids, "they came back as others"
        state = dict(host.record.state)
        off = await party.film_place("alone", state) - 1000.0 - (time.time() - sought)
        assert state["playing"]
        assert abs(off) < OFF_SECONDS, f"the film is {off:.1f} s off"
        assert host.talk.is_host
        await party.refused(muted, "muted")
        outside = await party.stranger("alone", name="banned")
        answer = await outside.ask("party:join", roomId=party.room_id)
        assert answer["data"].get("code") == "banned", answer
        await outside.close()
        queue = (await look_at_queue(party))[0]
        assert queue["title"] == "Next"
    assert all(set(one.record.resets) == {"resume_gap"} for one in everybody), party.told()
    await party.seek(host, 2000.0, everybody)
    await party.judge()
    measured(f"back after {[round(one, 1) for one in ran]} s; {party.told()}")


async def look_at_queue(party: House) -> list[dict[str, Any]]:
    """As somebody sees it who comes in."""
    socket = await party.stranger("alone")
    welcome = await socket.ask("party:join", roomId=party.room_id)
    await socket.ask("party:leave")
    await socket.close()
    queue: list[dict[str, Any]] = welcome["data"]["queue"]
    return queue


async def run(folder: Path, *, kills: int, seed: int) -> None:
    async with rig(folder, "--unthrottled", environ=ENVIRON) as stand:
        await stand.start()
        async with house({"alone": stand.daemon.url}) as party:
            await lives(stand, party, kills=kills, seed=seed)
        stand.check_log()


async def test_a_room_outlives_its_process(tmp_path: Path) -> None:
    await run(tmp_path, kills=2, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
async def test_a_room_outlives_its_process_again_and_again(tmp_path: Path, seed: int) -> None:
    await run(tmp_path, kills=8, seed=seed)
