"""The players that the library can drive: HLS by the vendored library, a file of the viewer's, and YouTube's iframe
(played here by a page that talks as theirs does)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.web.browser import BROWSER, new_page
from tests.web.party.stand import library, until

pytestmark = BROWSER

# Their player, as far as the adapter knows it: knocks are answered, orders carried out, and told each 100 ms.
YOUTUBE = """<!doctype html><meta charset=utf-8><script>
const film = { currentTime: 0, playerState: 5, duration: 600, playbackRate: 1 };
const heard = [];
let last = performance.now();
const say = (told) => parent.postMessage(JSON.stringify(told), "*");
const tell = () => {
  const now = performance.now();
  if (film.playerState === 1) film.currentTime += ((now - last) / 1000) * film.playbackRate;
  last = now;
  say({ event: "infoDelivery", info: { ...film, currentTimeLastUpdated_: Date.now() / 1000 } });
};
const orders = {
  playVideo: () => { film.playerState = 1; },
  pauseVideo: () => { film.playerState = 2; },
  seekTo: (to) => { film.currentTime = to; },
  setPlaybackRate: (rate) => { film.playbackRate = rate; },
  cueVideoById: (id) => { film.currentTime = 0; film.playerState = 5; film.id = id; },
};
addEventListener("message", ({ data }) => {
  const told = JSON.parse(data);
  if (told.event === "listening") { say({ event: "onReady" }); setInterval(tell, 100); return; }
  tell();
  heard.push(told.func);
  orders[told.func](...told.args);
  say({ event: "onStateChange", info: film.playerState });
});
</script>"""
ID = "abcdefghijk"


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    async with library({f"/embed/{ID}": YOUTUBE}) as origin:
        seen = await new_page(chromium)
        await seen.page.goto(origin)
        await seen.page.evaluate("window.video = document.querySelector('video'); video.muted = true")
        yield seen.page
        await seen.context.close()
        assert seen.wrong == []


PLAYS = """async (item) => {
  const { adapterFor } = await import("/static/party.js");
  window.heard = [];
  window.adapter = adapterFor(item, { video, place: document.body });
  for (const name of ["ready", "playing", "paused", "error"]) adapter.on(name, () => heard.push(name));
  adapter.load(item);
}"""


async def test_hls_plays_by_the_vendored_library(page: Page) -> None:
    await page.evaluate(PLAYS, {"kind": "hls", "url": "/static/watch/clip.m3u8"})
    await until(page, "adapter.isReady")
    await page.evaluate("adapter.seek(7); adapter.play()")
    await until(page, "adapter.state() === 'playing' && adapter.position() > 7.2")
    assert await page.evaluate("adapter.duration()") > 20
    assert await page.evaluate("adapter.isBusy") is False  # not a live stream
    await page.evaluate("adapter.pause()")
    assert await page.evaluate("adapter.state()") == "paused"
    assert "paused" not in await page.evaluate("heard")  # that was us
    await page.evaluate("adapter.destroy()")
    assert await page.evaluate("video.currentSrc === '' || video.readyState === 0")


async def test_what_is_no_stream_is_an_error(page: Page) -> None:
    await page.evaluate(PLAYS, {"kind": "hls", "url": "/static/watch/clip.vtt"})
    await until(page, "heard.includes('error')")


async def test_a_file_of_the_viewers_own(page: Page) -> None:
    await page.evaluate(PLAYS, {"kind": "file", "url": "clip.mp4"})
    assert await page.evaluate("adapter.state()") == "waiting"  # nobody has picked one yet
    await page.evaluate(
        """async () => {
          const clip = await (await fetch("/static/watch/clip.mp4")).blob();
          adapter.choose(new File([clip], "clip.mp4"));
        }"""
    )
    await until(page, "adapter.isReady")
    await page.evaluate("adapter.setRate(1.05); adapter.play()")
    await until(page, "adapter.state() === 'playing' && adapter.position() > 0.3")
    assert await page.evaluate("[video.playbackRate, video.preservesPitch]") == [1.05, True]


async def test_another_rate_from_outside_is_put_back(page: Page) -> None:
    await page.evaluate(PLAYS, {"kind": "video", "url": "/static/watch/clip.mp4"})
    await page.evaluate("adapter.setRate(0.95); adapter.play()")
    await until(page, "adapter.state() === 'playing'")
    await page.evaluate("video.playbackRate = 2")
    await until(page, "video.playbackRate === 0.95")


async def test_the_position_is_that_of_the_picture(page: Page) -> None:
    await page.evaluate(PLAYS, {"kind": "video", "url": "/static/watch/clip.mp4"})
    await page.evaluate("adapter.play()")
    await until(page, "adapter.state() === 'playing' && adapter.position() > 2")
    # Beside a second observer of the pictures: within a frame of 40 ms, and a turn of the screen.
    off = await page.evaluate(
        """() => new Promise((done) => {
          const off = [];
          const shown = (_, { mediaTime, expectedDisplayTime }) => {
            off.push(mediaTime - (expectedDisplayTime - performance.now()) / 1000 - adapter.position());
            if (off.length < 25) video.requestVideoFrameCallback(shown);
            else done(off.sort((one, other) => one - other)[12]);
          };
          video.requestVideoFrameCallback(shown);
        })"""
    )
    assert abs(off) < 0.03
    # Paused, it stands where the player says: at once, since those who pause together compare it right then.
    stood = await page.evaluate("(adapter.pause(), [adapter.position(), video.currentTime])")
    assert stood[0] == stood[1]


async def test_youtube_is_driven_by_messages(page: Page) -> None:
    await page.evaluate(
        """async (id) => {
          const { YouTubeAdapter } = await import("/static/party.js");
          window.heard = [];
          window.adapter = new YouTubeAdapter(document.body, { host: location.origin });
          for (const name of ["loaded", "playing", "paused", "seeked"]) adapter.on(name, () => heard.push(name));
          adapter.load({ kind: "youtube", url: `https://www.youtube.com/watch?v=${id}` });
        }""",
        ID,
    )
    await until(page, "adapter.isLoaded && adapter.isReady && adapter.duration() === 600")
    assert await page.evaluate("adapter.state()") == "paused"
    await page.evaluate("adapter.play()")
    await until(page, "adapter.state() === 'playing' && adapter.position() > 0.2")
    assert await page.evaluate("(adapter.seek(300), adapter.state())") == "waiting"
    await until(page, "heard.includes('seeked') && adapter.state() === 'playing' && adapter.position() > 300")
    await page.evaluate("adapter.setRate(1.52)")
    player = page.frames[1]
    await until(page, "adapter.position() > 300.5")
    assert await player.evaluate("film.playbackRate") == 1.5  # it comes in quarters
    await page.evaluate("adapter.pause()")
    await until(page, "adapter.state() === 'paused'")
    assert await page.evaluate("heard") == ["loaded", "playing", "seeked"]
    # What anybody else says to the page is not taken for the player.
    await page.evaluate("window.postMessage(JSON.stringify({ event: 'onStateChange', info: 1 }), '*')")
    await page.evaluate("new Promise((done) => setTimeout(done))")
    assert await page.evaluate("adapter.state()") == "paused"
    await player.evaluate("film.playerState = 1; tell()")
    await until(page, "adapter.state() === 'playing'")
    await page.evaluate("adapter.play()")
    await player.evaluate("film.playerState = 2; tell()")
    await until(page, "heard.includes('paused')")  # not by us: the viewer, in the player itself


async def test_addresses_of_videos(page: Page) -> None:
    told = await page.evaluate(
        """async () => {
          const { videoId } = await import("/static/party.js");
          return ["https://www.youtube.com/watch?v=abcdefghijk&t=3", "https://youtu.be/abcdefghijk?si=x",
            "https://www.youtube.com/shorts/abcdefghijk", "abcdefghijk", "https://example.org/", "abc"].map(videoId);
        }"""
    )
    assert told == [ID, ID, ID, ID, None, None]
