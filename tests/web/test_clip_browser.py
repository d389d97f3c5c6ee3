"""The test clip in a real browser, served under the policy of a room: every frame can be had, as a file and by HLS."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from simulators import clip
from tests.web.browser import BROWSER, Seen, chromium, new_page
from tests.web.world import World, running
from web.pages import PARTY, STATIC

pytestmark = BROWSER
__all__ = ("chromium",)

SHELL = """<!doctype html><html lang="en"><title>Clip</title><link rel="icon" href="data:,">
<video muted playsinline><track kind="subtitles" src="/static/watch/clip.vtt"></video>"""

# What is asked of a page. `shown` waits for a frame that the browser has really put up, and reads its number from it.
HELP = """
window.video = document.querySelector("video");
window.at = (happening) => new Promise((done, failed) => {
  video.addEventListener(happening, done, { once: true });
  video.addEventListener("error", () => failed(new Error(video.error?.message)), { once: true });
});
window.sheet = new OffscreenCanvas(640, 360).getContext("2d", { willReadFrequently: true });
window.number = () => {
  sheet.drawImage(video, 0, 0);
  return PLACES.reduce((sum, [x, y]) => {
    const [red, green, blue] = sheet.getImageData(x, y, 1, 1).data;
    return sum * 2 + (0.2126 * red + 0.7152 * green + 0.0722 * blue > 128 ? 1 : 0);
  }, 0);
};
window.shown = () => new Promise((done) => video.requestVideoFrameCallback(
  (now, { mediaTime }) => done([number(), mediaTime])));
window.seek = async (seconds) => {
  const [seeked, frame] = [at("seeked"), shown()];
  video.currentTime = seconds;
  await seeked;
  return frame;
};
window.play = async (count) => {
  const seen = [];
  await video.play();
  while (seen.length < count) seen.push(await shown());
  video.pause();
  return seen;
};
null;  // a function at the end would be called
""".replace("PLACES", repr([list(place) for place in clip.NUMBER_AT]))

LOAD_FILE = """async () => {
  const loaded = at("loadedmetadata");
  video.src = "/static/watch/clip.mp4";
  await loaded;
  await shown();
}"""
LOAD_HLS = """async () => {
  const { default: Hls } = await import("/static/vendor/hls/hls.min.mjs");
  window.hls = new Hls({ workerPath: "/static/vendor/hls/hls.worker.js" });
  window.fatal = new Promise((_, failed) => hls.on(Hls.Events.ERROR, (_, told) => {
    if (told.fatal) failed(new Error(told.details));
  }));
  const frame = shown();
  hls.loadSource("/static/watch/clip.m3u8");
  hls.attachMedia(video);
  await Promise.race([frame, fatal]);
}"""
FRAMES = (0, 1, 24, 25, 137, 300, 307, 512, 598, 599, 3)


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[World]:
    """Our clip and the library as they are, around a page of this test's own at the path of a room."""
    root = tmp_path / "static"
    shutil.copytree(STATIC / "vendor" / "hls", root / "vendor" / "hls")
    (root / PARTY).parent.mkdir()
    for path in clip.TARGET.glob("clip*"):
        shutil.copy(path, root / "watch")
    (root / PARTY).write_text(SHELL)
    async with running(static=root) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def seen(chromium: Browser, site: World) -> AsyncIterator[Seen]:
    """A page at the path of a room. What it or the policy complains about fails the test."""
    seen = await new_page(chromium)
    await seen.page.goto(site.url("/party/clip"))
    await seen.page.evaluate(HELP)
    yield seen
    await seen.context.close()
    assert seen.wrong == []
    assert seen.hosts <= {site.url(""), f"blob:{site.url('')}"}


async def each_frame_can_be_had(seen: Seen) -> None:
    for frame in FRAMES:
        number, media_time = await seen.page.evaluate(f"seek({(frame + 0.5) / clip.FPS})")
        assert number == frame
        assert abs(media_time - frame / clip.FPS) < 0.002


async def it_plays_on(seen: Seen) -> None:
    """From where it stands: each picture is the one of its time. (A busy browser leaves some out.)"""
    await seen.page.evaluate("seek(6.02)")
    played = await seen.page.evaluate("play(20)")
    numbers = [number for number, _ in played]
    assert numbers == sorted(set(numbers))
    assert all(150 <= number < 600 for number in numbers)
    for number, media_time in played:
        assert abs(media_time - number / clip.FPS) < 0.002
    assert await seen.page.evaluate("video.webkitAudioDecodedByteCount") > 0


async def test_the_film_plays_and_is_found_by_frame(seen: Seen) -> None:
    statuses: dict[str, set[int]] = {}
    seen.page.on(
        "response", lambda told: statuses.setdefault(told.url.rpartition("/")[2], set()).add(told.status)
    )
    await seen.page.evaluate(LOAD_FILE)
    size = await seen.page.evaluate(
        "[video.videoWidth, video.videoHeight, Math.round(video.duration * 1000)]"
    )
    assert size == [640, 360, 24_000]
    await each_frame_can_be_had(seen)
    await it_plays_on(seen)
    assert statuses["clip.mp4"] == {206}, "a browser asks for parts, and gets them"


async def test_the_stream_plays_and_is_found_by_frame(seen: Seen) -> None:
    asked: set[str] = set()
    seen.page.on("request", lambda request: asked.add(request.url.rpartition("/")[2]))
    await seen.page.evaluate(LOAD_HLS)
    await each_frame_can_be_had(seen)
    await it_plays_on(seen)
    assert {"clip.m3u8", "clip-0.ts", "clip-5.ts", "hls.worker.js"} <= asked
    assert await seen.page.evaluate("hls.destroy()") is None


async def test_its_subtitles_are_read(seen: Seen) -> None:
    cues = await seen.page.evaluate(
        """async () => {
          const track = document.querySelector("track");
          const loaded = new Promise((done) => track.addEventListener("load", done, { once: true }));
          track.track.mode = "hidden";
          await loaded;
          return [...track.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text]);
        }"""
    )
    assert cues == [[at, at + 2, f"Seconds {at} to {at + 2}"] for at in range(0, clip.SECONDS, 2)]
