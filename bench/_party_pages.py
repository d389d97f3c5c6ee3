"""Pages that watch the test clip together in Chromium, and what each of their pictures says of where the film is.

Each page has a browser context of its own, our library and a `<video>`. Its `performance.now` is off by seconds and
runs fast or slow, and its socket goes through a proxy with a delay for each direction (`simulators/network`); the film
itself comes directly. What is measured does not pass through either: each picture is stamped by the browser with the
instant at which it is shown, on a timeline that is that of the machine. So all pages, and the room, are compared on one
true clock.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import psutil
from playwright.async_api import Browser, Page, async_playwright
from websockets.asyncio.client import connect

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator, free_port
from simulators.network import Network

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-sync",
    # Five pages at once: each is to be treated as the one in front.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
ISSUER = "pages"
CLIP = {"kind": "video", "url": "/static/watch/clip.mp4", "title": "Test clip", "duration": 24}
SETTINGS = {"title": "Pages", "isPublic": False, "control": "member"}
PATIENCE_SECONDS = 60.0
PROBES = 20

SKEW = """({ offset, ppm }) => {
  const told = performance.now.bind(performance);
  performance.now = () => told() * (1 + ppm * 1e-6) + offset * 1000;
}"""
MAKE = """async (given) => {
  const { Party, VideoAdapter, positionAt } = await import("/static/party.js");
  document.body.replaceChildren();
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  document.body.append(video);
  const frames = [];
  const shown = (_, { mediaTime, expectedDisplayTime }) => {
    const rate = video.paused || video.seeking ? 0 : video.playbackRate;
    frames.push([performance.timeOrigin + expectedDisplayTime, mediaTime, rate]);
    if (frames.length > 20_000) frames.splice(0, 10_000);
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  const held = "cuelight.bench.seat";
  const memory = {
    get: () => sessionStorage.getItem(held),
    set: (_, token) => (token ? sessionStorage.setItem(held, token) : sessionStorage.removeItem(held)),
  };
  const party = new Party({ ...given, memory });
  const adapter = new VideoAdapter(video);
  party.attach(adapter);
  Object.assign(window, { party, adapter, video, frames, positionAt });
}"""
PLAYS = """() => adapter.state() === "playing" && party.clock.ready && party.room.state.playing
  && Math.abs(adapter.position() - positionAt(party.room.state, party.clock.room())) < 0.08"""
STANDS = """() => !party.room.state.playing && video.paused && !video.seeking && adapter.state() !== "waiting"
  && Math.abs(video.currentTime - party.room.state.pos) < 0.05"""
CAN_PLAY = '() => party.clock.ready && party.room.state.mediaId !== "" && adapter.isReady'


@dataclass(frozen=True, slots=True)
class Seat:
    """One page: its clock is `offset` seconds off and runs `ppm` fast; its messages take so many ms up and down."""

    offset: float
    ppm: float
    up_ms: float
    down_ms: float
    jitter_ms: float = 2.0

    @property
    def unseen_ms(self) -> float:
        """By so much its clock of the room is wrong, and cannot know it: half of the difference of the ways."""
        return (self.down_ms - self.up_ms) / 2


EVEN = tuple(Seat(offset, ppm, each, each) for offset, ppm, each in (
    (-3.7, 100, 5), (4.1, -100, 20), (0.4, 60, 45), (-1.9, -30, 15), (2.6, 90, 8)))  # fmt: skip
UNEVEN = tuple(Seat(offset, ppm, up, down) for offset, ppm, up, down in (
    (-3.7, 100, 5, 5), (4.1, -100, 35, 10), (0.4, 60, 15, 45), (-1.9, -30, 25, 20), (2.6, 90, 60, 20)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """`at` in true seconds: when it was shown; `media` where it is in the film, and the rate of the player then."""

    at: float
    media: float
    rate: float


class Watching:
    """A page in the room."""

    def __init__(self, page: Page, given: dict[str, Any], name: str) -> None:
        self.page, self._given, self.name = page, given, name

    async def begin(self) -> None:
        await self.page.evaluate(MAKE, self._given)

    async def join(self, room_id: str) -> None:
        await self.page.evaluate(
            "([roomId, userName]) => party.join({ roomId, userName })", [room_id, self.name]
        )

    async def reload(self, room_id: str) -> None:
        """As by the button of the browser: the same member comes back."""
        await self.page.reload()
        await self.begin()
        await self.join(room_id)

    async def ask(self, type: str, **data: Any) -> None:
        """A command; raises playwright's error if it is refused."""
        await self.page.evaluate("([type, data]) => party.send(type, data).then(() => null)", [type, data])

    async def until(self, condition: str, *, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until something is so; how long that took, in seconds."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while not await self.page.evaluate(condition):
                await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def pictures(self) -> list[Picture]:
        """All that were shown since it began, or since the last reload."""
        told = await self.page.evaluate("frames")
        return [Picture(at / 1000, media, rate) for at, media, rate in told]

    async def state(self) -> dict[str, Any]:
        """The film as the page knows it."""
        state: dict[str, Any] = await self.page.evaluate("party.room.state")
        return state

    async def stood_at(self) -> float:
        return float(await self.page.evaluate("video.currentTime"))

    async def wall(self) -> float:
        """How far (ms) the browser's timeline is from the machine's clock."""
        return float(await self.page.evaluate(WALL))


WALL = """() => new Promise((done) => {
  const began = Date.now();
  const turn = () => {
    const now = Date.now();  // at this instant it has just turned to this millisecond
    if (now === began) return setTimeout(turn, 0);
    done(performance.timeOrigin + new Event("now").timeStamp - now);
  };
  turn();
})"""


@dataclass(slots=True)
class House:
    """A daemon, a proxy with a way for each page, and a browser. `room_id` once the first page has opened the room."""

    browser: Browser
    network: Network
    port: int
    secret: str = field(repr=False)
    room_id: str = ""
    pages: list[Watching] = field(default_factory=list)

    async def open(self, seat: Seat) -> Watching:
        """A page that sits there; not in the room yet."""
        number = len(self.pages) + 1
        name = f"page-{secrets.token_hex(3)}"
        route = await self.network.add(name, f"127.0.0.1:{self.port}")
        for direction, ms in (("up", seat.up_ms), ("down", seat.down_ms)):
            route.conditions({direction: {"delay_ms": float(ms), "jitter_ms": float(seat.jitter_ms)}})
        # The socket goes to another port than the page came from.
        context = await self.browser.new_context(
            bypass_csp=True, viewport={"width": 480, "height": 300}, reduced_motion="reduce"
        )
        await context.add_init_script(f"({SKEW})({json.dumps({'offset': seat.offset, 'ppm': seat.ppm})})")
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{self.port}/party")
        given = {"url": f"ws://127.0.0.1:{route.port}/ws/connect", "token": self._token(name)}
        watching = Watching(page, given, f"Page {number}")
        await watching.begin()
        self.pages.append(watching)
        return watching

    async def opened(self, seats: Sequence[Seat], **settings: Any) -> Watching:
        """So many pages in a new room, with the clip on and at its beginning. The first one, who is host."""
        host = await self.open(seats[0])
        given = {"userName": host.name, "settings": SETTINGS | settings}
        welcome = await host.page.evaluate("(data) => party.create(data)", given)
        self.room_id = welcome["roomId"]
        await host.ask("party:media", item=CLIP)
        for seat in seats[1:]:
            await (await self.open(seat)).join(self.room_id)
        for one in self.pages:
            await one.until(CAN_PLAY)
        return host

    async def close_room(self) -> None:
        """Send everybody home, and close the pages."""
        await self.pages[0].ask("party:close")
        for one in self.pages:
            await one.page.context.close()
        self.pages.clear()

    async def all_until(self, condition: str) -> float:
        """Wait until it is so in each page; how long that took, in seconds."""
        began = time.monotonic()
        for one in self.pages:
            await one.until(condition)
        return time.monotonic() - began

    async def room_ahead(self) -> float:
        """Room time minus the machine's clock, in seconds, by the quickest of some probes without any delay."""
        found: list[tuple[float, float]] = []
        async with connect(f"ws://127.0.0.1:{self.port}/ws/connect", compression=None) as socket:
            for _ in range(PROBES):
                sent = time.time()
                await socket.send(json.dumps({"type": "clock:ping", "data": {"t1": sent}}))
                data = json.loads(await socket.recv())["data"]
                received = time.time()
                found.append((received - sent, (data["t2"] + data["t3"]) / 2e6 - (sent + received) / 2))
                await asyncio.sleep(0.02)
        return min(found)[1]

    def _token(self, subject: str) -> str:
        claims = {"iss": ISSUER, "sub": subject, "name": subject, "exp": int(time.time()) + 3600}
        return jwt.encode(claims, self.secret, algorithm="HS256")


def browser_seconds() -> float:
    """CPU that the browser has used, all its processes together."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                times = process.cpu_times()
                used += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return used


@asynccontextmanager
async def house(program: str) -> AsyncIterator[House]:
    """Everything, with the browser that is found under this name."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="party-pages-")))
        log = stack.enter_context((folder / "log").open("wb"))
        twitch = await Simulator.start("--unthrottled")
        stack.push_async_callback(twitch.stop)
        secret = secrets.token_hex(32)
        daemon = DaemonProgram(
            data_dir=folder / "data",
            twitch=twitch.addresses,
            clock=SystemClock(),
            port=free_port(),
            environ={"JWT_ISSUER_KEYS": f"{ISSUER} HS256 secret:{secret}", "PRODUCTS": "vip,party"},
            log=log,
        )
        stack.push_async_callback(daemon.stop)
        await daemon.start()
        network = await stack.enter_async_context(Network())
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        yield House(browser, network, daemon.port, secret)
