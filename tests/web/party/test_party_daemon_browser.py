"""Two pages in Chromium and a whole daemon: they watch together, lose the line, come back, stop on the same picture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.daemon.running import running
from tests.web.browser import BROWSER, new_page
from tests.web.party.stand import until

pytestmark = [*BROWSER, pytest.mark.server]
SECRET = "0123456789abcdef0123456789abcdef"
CLIP = {"kind": "video", "url": "/static/watch/clip.mp4", "duration": 24}

MAKE = """async (given) => {
  const { Party, VideoAdapter, positionAt } = await import("/static/party.js");
  window.positionAt = positionAt;
  window.video = Object.assign(document.createElement("video"), { muted: true });
  document.body.append(video);
  window.adapter = new VideoAdapter(video);
  window.sockets = [];
  window.resets = [];
  const Kept = class extends WebSocket {
    constructor(...given) { super(...given); sockets.push(this); }
  };
  window.party = new Party({ ...given, WebSocket: Kept, random: () => 0.01 });
  party.on("reset", ({ why }) => resets.push(why));
  party.attach(adapter);
}"""
OFF_MS = "Math.abs(adapter.position() - positionAt(party.room.state, party.clock.room())) * 1000"
PLAYS = f"adapter.state() === 'playing' && {OFF_MS} < 80"


def token(subject: str) -> str:
    claims = {"iss": "school", "sub": subject, "name": subject.title(), "exp": 4_000_000_000}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@dataclass
class House:
    origin: str
    chromium: Browser

    async def page(self, subject: str) -> Page:
        seen = await new_page(self.chromium)
        await seen.page.goto(self.origin + "/party")
        await seen.page.evaluate(MAKE, {"token": token(subject)})
        return seen.page


@pytest_asyncio.fixture(loop_scope="module")
async def house(chromium: Browser, tmp_path: Path) -> AsyncIterator[House]:
    async with running(tmp_path, JWT_ISSUER_KEYS=f"school HS256 secret:{SECRET}") as run:
        yield House(f"http://127.0.0.1:{run.daemon.port}", chromium)
        for context in list(chromium.contexts):
            await context.close()


async def ask(page: Page, type: str, **data: Any) -> Any:
    return await page.evaluate("([type, data]) => party.send(type, data)", [type, data])


async def test_two_pages_watch_together(house: House) -> None:
    ann = await house.page("ann")
    welcome = await ann.evaluate("party.create({ userName: 'Ann', settings: { title: 'Owls' } })")
    assert welcome["isHost"] is True
    await ask(ann, "party:media", item=CLIP)
    await until(ann, "party.clock.ready && adapter.isReady")
    await ask(ann, "party:play", currentTime=0)
    await until(ann, PLAYS)

    ben = await house.page("ben")
    join = "(roomId) => party.join({ roomId, userName: 'Ben' })"
    await ben.evaluate(join, welcome["roomId"])
    await until(ben, f"party.clock.ready && {PLAYS}")
    assert await ben.evaluate("[party.room.isHost, party.room.settings.title, party.room.members]") == [
        False,
        "Owls",
        2,
    ]
    refused = await ben.evaluate(
        "party.send('party:pause', { currentTime: 1 }).catch(({ code, retryable }) => [code, retryable])"
    )
    assert refused == ["forbidden", False]

    # Ben's line is cut; what was said meanwhile comes, once and in order.
    await ask(ben, "party:chat", message="one")
    await ben.evaluate("sockets.at(-1).close(3999)")
    await ask(ann, "party:chat", message="two")
    await until(ben, "sockets.length === 2 && party.connection.state === 'open'")
    await ask(ben, "party:chat", message="three")
    for page in (ann, ben):
        await until(page, "party.room.history.length === 3")
        assert await page.evaluate("party.room.history.map((one) => one.message)") == ["one", "two", "three"]
    assert await ben.evaluate("resets") == ["join"]  # it went on where it was
    assert await ben.evaluate("party.room.members") == 2

    await ask(ann, "party:queue:add", item=CLIP | {"title": "Next"})
    await until(ben, "party.room.queue.length === 1 && party.room.queue[0].title === 'Next'")
    await ask(ann, "party:seek", currentTime=8)
    for page in (ann, ben):
        await until(page, f"party.room.state.pos >= 8 && party.room.state.playing && {PLAYS}")
    await ask(ann, "party:pause")
    stood = []
    for page in (ann, ben):
        stands = "Math.abs(video.currentTime - party.room.state.pos) < 0.03"
        await until(page, f"video.paused && !video.seeking && party.sync.state === 'paused' && {stands}")
        stood.append(await page.evaluate("video.currentTime"))
    assert abs(stood[0] - stood[1]) < 0.05

    # A reload of the tab is another socket of the same member.
    await ben.reload()
    await ben.evaluate(MAKE, {"token": token("ben")})
    await ben.evaluate(join, welcome["roomId"])
    await until(ben, f"party.room.history.length === 3 && {stands}")
    await ask(ann, "party:close")
    for page in (ann, ben):
        await until(page, "party.connection.state === 'closed' && party.connection.code === 4504")


async def test_who_is_nobody_hears_it(house: House) -> None:
    page = await house.page("eve")
    told = await page.evaluate(
        """async () => {
          const { Party } = await import("/static/party.js");
          const nobody = new Party({ token: "eyJ.x.y" });
          const code = await nobody.join({ roomId: "mint-owl-42", userName: "Eve" }).catch((error) => error.code);
          const gone = await party.join({ roomId: "no-such-1", userName: "Eve" }).catch((error) => error.code);
          return [code, nobody.connection.state, gone, party.connection.state];
        }"""
    )
    assert told == ["unauthorized", "closed", "room_not_found", "open"]
