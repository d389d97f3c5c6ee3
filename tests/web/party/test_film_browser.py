"""A real `<video>` on the timeline of a room that the test keeps: scheduled starts, late arrivals, and what the room is
told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.web.browser import BROWSER, new_page
from tests.web.party.script import T0, Line, Script, scripted, state
from tests.web.party.stand import library, until
from web.pages import STATIC

pytestmark = BROWSER
CLIP = "/static/watch/clip.mp4"

MAKE = """async (url) => {
  // What a test evaluates counts as a gesture; a viewer who has just opened the page has made none.
  Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
  const { Party, VideoAdapter, positionAt } = await import("/static/party.js");
  window.party = new Party({ url, random: () => 0.01 });
  window.positionAt = positionAt;
  window.video = document.querySelector("video");
  video.muted = true; // no gesture is needed for a film without sound
  const adapter = new VideoAdapter(video);
  window.adapter = adapter;
  party.attach(adapter);
  await party.join({ roomId: "mint-owl-42", userName: "Ben" });
}"""


def room_us() -> int:
    """The room's time, as the test's server tells it."""
    return T0 + time.monotonic_ns() // 1000


async def keep_time(line: Line, told: list[dict[str, Any]]) -> None:
    """Answer the clock at once; note everything else."""
    while True:
        message = await line.heard.get()
        if message["type"] == "clock:ping":
            now = room_us()
            stamps = {"t1": message["data"]["t1"], "t2": now, "t3": now, "clockId": "k3"}
            await line.say({"type": "clock:pong", "data": stamps})
        else:
            told.append(message)


class Room:
    """The test as the server of one viewer."""

    def __init__(self, page: Page, line: Line, told: list[dict[str, Any]]) -> None:
        self.page, self.line, self.told, self.rev = page, line, told, 1

    async def play(self, type: str = "party:play", **changes: Any) -> None:
        self.rev += 1
        data = {"state": state(self.rev, **changes), "at": 0, "by": "m1", "isHost": False}
        await self.line.say({"type": type, "seq": 100 + self.rev, "rev": self.rev, "data": data})

    async def until(self, expression: str) -> None:
        await until(self.page, expression)

    async def heard(self, type: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                for message in self.told:
                    if message["type"] == type:
                        self.told.remove(message)
                        return dict(message["data"])
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    assert (STATIC / "watch" / "clip.mp4").exists()
    async with library() as origin:
        yield origin


@pytest_asyncio.fixture(loop_scope="module")
async def script() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


@pytest_asyncio.fixture(loop_scope="module")
async def room(chromium: Browser, origin: str, script: Script) -> AsyncIterator[Room]:
    seen = await new_page(chromium)
    await seen.page.goto(origin)
    made = asyncio.ensure_future(seen.page.evaluate(MAKE, script.url))
    line = await script.line()
    await line.admit(state=state(1))
    await made
    told: list[dict[str, Any]] = []
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(keep_time(line, told))
        room = Room(seen.page, line, told)
        await room.until("party.clock.ready && adapter.isReady")
        yield room
        keeper.cancel()
    await seen.context.close()
    assert seen.wrong == []


ERROR_MS = "Math.abs(adapter.position() - positionAt(party.room.state, party.clock.room())) * 1000"


async def test_a_scheduled_start_is_kept_and_corrected(room: Room) -> None:
    await room.page.evaluate(
        """() => {
          window.starts = [];
          const play = video.play;
          video.play = () => { starts.push(party.clock.room()); return play.call(video); };
        }"""
    )
    at = room_us() + 700_000
    await room.play(playing=True, ts=at)
    await room.until("adapter.state() === 'playing'")
    await room.until(f"party.sync.state === 'in_sync' && party.sync.driftMs !== null && {ERROR_MS} < 40")
    assert await room.page.evaluate("video.playbackRate >= 0.9 && video.playbackRate <= 1.1")
    # It was told to start its start latency ahead (120 ms, before that was ever measured), and no sooner.
    assert min(await room.page.evaluate("starts")) >= at - 150_000
    # It has learned what this player takes to start; or to seek, if the machine was too busy to start in time.
    await room.until("party.sync.startLatencyMs !== 120 || party.sync.seekLatencyMs !== 180")


async def test_a_pause_to_come_is_not_moved_before_it_comes(room: Room) -> None:
    began = room_us()
    await room.play(playing=True, ts=began, pos=2.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    await room.page.evaluate(
        """() => {
          window.seeks = [];
          window.pauses = [];
          video.addEventListener("seeking", () => seeks.push(video.paused));
          video.addEventListener("pause", () => pauses.push(party.clock.room()));
        }"""
    )
    at = room_us() + 900_000
    await room.play("party:pause", playing=False, ts=at, pos=2.0 + (at - began) / 1e6)
    await room.until("video.paused && party.sync.state === 'paused' && !video.seeking")
    await room.until("Math.abs(video.currentTime - party.room.state.pos) < 0.03")
    assert min(await room.page.evaluate("pauses")) >= at - 10_000  # everybody plays on until then
    assert all(await room.page.evaluate("seeks"))  # if it was moved, then after it stood


async def test_who_comes_late_goes_where_the_film_is_by_then(room: Room) -> None:
    await room.play(playing=True, ts=room_us() - 9_000_000, pos=1.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    assert await room.page.evaluate("video.currentTime") > 9


async def test_a_change_of_rate_does_not_stop_the_film(room: Room) -> None:
    began = room_us()
    await room.play(playing=True, ts=began, pos=1.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    await room.page.evaluate("window.stops = 0; video.addEventListener('pause', () => { stops += 1; })")
    at = room_us() + 300_000
    await room.play("party:rate", playing=True, ts=at, pos=1.0 + (at - began) / 1e6, rate=1.5)
    await room.until(f"video.playbackRate > 1.3 && {ERROR_MS} < 80")
    assert await room.page.evaluate("stops") == 0


async def test_a_film_that_is_far_off_is_sought_once(room: Room) -> None:
    await room.play(playing=True, ts=room_us(), pos=1.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    await room.page.evaluate("video.currentTime += 8")
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")


async def test_an_offset_of_ones_own_counts(room: Room) -> None:
    await room.page.evaluate("party.sync.offsetMs = 400")
    await room.play(playing=True, ts=room_us(), pos=1.0)
    ahead = "(adapter.position() - positionAt(party.room.state, party.clock.room())) * 1000"
    await room.until(f"adapter.state() === 'playing' && Math.abs({ahead} - 400) < 60")


async def test_the_room_hears_when_it_is_ready_and_how_it_goes(room: Room) -> None:
    # Nobody has tapped here and nothing has played: nobody is to wait for this viewer.
    assert [one for one in room.told if one["type"] == "party:ready"] == []
    await room.play(playing=True, ts=room_us(), pos=1.0)
    told = await room.heard("party:ready")
    assert told["rev"] >= 2
    assert told["startLatencyMs"] >= 0
    barrier = {"barrierId": "b9", "reason": "seek", "until": room_us() + 3_000_000}
    await room.play("party:barrier", playing=False, ts=room_us(), pos=12.0, barrier=barrier)
    told = await room.heard("party:ready")
    assert told["rev"] == room.rev
    assert abs(await room.page.evaluate("video.currentTime") - 12) < 0.5
    await room.play(playing=True, ts=room_us() + 500_000, pos=12.0)
    report = await room.heard("party:report")
    assert set(report) == {"driftMs", "clockErrMs", "rttMs", "oneWayMs", "stalls", "seeks", "offRateMs"}
    assert 0 < report["clockErrMs"] < 1000


async def test_a_refused_start_asks_for_a_tap(room: Room) -> None:
    await room.page.evaluate(
        """() => {
          window.may = false;
          const play = HTMLMediaElement.prototype.play;
          const no = () => Promise.reject(new DOMException("no", "NotAllowedError"));
          video.play = () => (window.may ? play.call(video) : no());
          document.addEventListener("click", () => { window.may = true; party.tap(); });
        }"""
    )
    await room.play(playing=True, ts=room_us(), pos=3.0)
    await room.until("party.sync.tapNeeded && party.sync.state === 'off'")
    assert [one for one in room.told if one["type"] == "party:ready"] == []
    await room.page.mouse.click(5, 5)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60 && !party.sync.tapNeeded")
    await room.heard("party:ready")


async def test_the_system_may_stop_it_and_the_viewer_comes_back(room: Room) -> None:
    await room.play(playing=True, ts=room_us(), pos=1.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    await room.page.evaluate("video.pause()")
    await room.until("party.sync.tapNeeded")
    await room.page.evaluate("party.tap()")
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60 && !party.sync.tapNeeded")


async def test_the_next_film_begins_with_the_room(room: Room) -> None:
    await room.play(playing=True, ts=room_us(), pos=5.0)
    await room.until(f"adapter.state() === 'playing' && {ERROR_MS} < 60")
    item = state()["item"]
    ours = {"mediaId": "i2", "item": item | {"itemId": "i2", "url": CLIP + "?again"}}
    await room.play("party:play", playing=True, ts=room_us() + 300_000, pos=0.0, **ours)
    await room.until(f"video.src.endsWith('?again') && adapter.state() === 'playing' && {ERROR_MS} < 60")
    # What this player cannot play it does not touch.
    other = {"mediaId": "i3", "item": item | {"itemId": "i3", "kind": "hls"}}
    await room.play("party:play", playing=True, ts=room_us() - 3_000_000, pos=0.0, **other)
    await room.until("video.paused && party.sync.state !== 'in_sync'")
    before = await room.page.evaluate("video.currentTime")
    await room.page.evaluate("new Promise((done) => setTimeout(done, 600))")  # two looks and more
    assert await room.page.evaluate("[video.paused, video.currentTime]") == [True, before]
