"""The conversation of `party.js` with a server that the test plays: it resumes, notices what is missing, and stays away
when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.web.browser import BROWSER, Seen, new_page
from tests.web.party.script import T0, Script, chat, scripted, state, welcome
from tests.web.party.stand import library, until

pytestmark = BROWSER

# `random: 0.01` lets the page come back at once, where a test does not look at how long it waits.
MAKE = """async ([url, given]) => {
  const { Party } = await import("/static/party.js");
  window.party = new Party({ url, random: () => window.chance ?? 0.01, ...given });
  window.told = [];
  for (const name of ["chat", "presence", "connection", "reset", "stats", "waiting", "react", "bye", "error"]) {
    party.on(name, (told) => window.told.push([name, structuredClone(told?.code ? { ...told } : told)]));
  }
}"""
SEND = """([type, data]) => party.send(type, data)
  .then((told) => ["ok", told], (error) => ["error", error.code, error.retryable])"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    async with library() as origin:
        yield origin


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(chromium: Browser, origin: str) -> AsyncIterator[Seen]:
    seen = await new_page(chromium)
    yield seen
    await seen.context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(tab: Seen, origin: str) -> AsyncIterator[Page]:
    await tab.page.goto(origin)
    yield tab.page
    await tab.page.evaluate("window.party?.close()")
    tab.forgive("WebSocket connection to")


@pytest_asyncio.fixture(loop_scope="module")
async def script() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


async def made(page: Page, script: Script, **given: Any) -> None:
    await page.evaluate(MAKE, [script.url, {"ticket": "t1.x", **given}])


async def joined(page: Page, script: Script, **changes: Any) -> Any:
    """A page in the room, and the server's end of its line."""
    await made(page, script)
    join = asyncio.ensure_future(page.evaluate("party.join({ roomId: 'mint-owl-42', userName: 'Ben' })"))
    line = await script.line()
    await line.admit(**changes)
    assert (await join)["roomId"] == "mint-owl-42"
    return line


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ticket": "t1.x"}, {"ticket": "t1.x"}),
        ({"ticket": "", "token": "eyJ"}, {"token": "eyJ"}),
        ({"ticket": "", "invite": "v1.x", "roomId": "r"}, {"invite": "v1.x", "roomId": "r"}),
        ({"ticket": ""}, {}),
    ],
)
async def test_it_says_who_it_is(
    page: Page, script: Script, given: dict[str, str], said: dict[str, str]
) -> None:
    await made(page, script, **given)
    hello = asyncio.ensure_future(page.evaluate("party.hello()"))
    line = await script.line()
    assert line.socket.request is not None
    assert line.socket.request.path == "/ws/connect"  # no credential in an address
    assert await line.greet() == said
    assert (await hello)["name"] == "Ben"
    assert await page.evaluate("party.connection.state") == "open"


async def test_it_joins_sends_and_folds_what_it_hears(page: Page, script: Script) -> None:
    line = await joined(page, script)
    sent = asyncio.ensure_future(page.evaluate(SEND, ["party:chat", {"message": "hello"}]))
    message = await line.next(type="party:chat")
    assert message["data"] == {"message": "hello"}
    await line.say({"type": "party:ok", "re": message["id"], "seq": 11, "data": {"isHost": False}})
    assert await sent == ["ok", {"isHost": False, "seq": 11}]
    await line.say(
        chat(11, 10),
        {
            "type": "party:play",
            "seq": 12,
            "rev": 2,
            "data": {
                "currentTime": 1,
                "at": T0,
                "by": "m1",
                "isHost": False,
                "state": state(2, playing=True),
            },
        },
        chat(13, 11, "again"),
    )
    await until(page, "party.room.history.length === 2")
    room = await page.evaluate("({ rev: party.room.state.rev, kept: party.room.kept })")
    assert room == {"rev": 2, "kept": 13}
    refused = asyncio.ensure_future(page.evaluate(SEND, ["party:seek", {"currentTime": 4}]))
    message = await line.next(type="party:seek")
    data = {
        "code": "rev_conflict",
        "detail": "x",
        "retryable": True,
        "isHost": False,
        "state": state(5, pos=9.0),
    }
    await line.say({"type": "party:error", "re": message["id"], "data": data})
    assert await refused == ["error", "rev_conflict", True]
    assert await page.evaluate("party.room.state.pos") == 9  # the error brings the state


async def test_after_a_lost_line_it_resumes_and_asks_again_under_the_same_id(
    page: Page, script: Script
) -> None:
    line = await joined(page, script)
    await line.say(chat(11, 10, "before"))
    sent = asyncio.ensure_future(page.evaluate(SEND, ["party:chat", {"message": "mine"}]))
    asked = await line.next(type="party:chat")
    line.socket.transport.abort()  # nobody knows whether it was done
    line = await script.line()
    assert await line.resume(kept=12) == {"resumeToken": "r1.one", "epoch": "k3x9", "lastSeq": 11}
    await line.say(chat(11, 10, "before"), chat(12, 11, "mine"))  # one of them was known
    again = await line.next(type="party:chat")
    assert again == asked
    await line.say({"type": "party:ok", "re": again["id"], "seq": 12, "data": {"isHost": False}})
    assert await sent == ["ok", {"isHost": False, "seq": 12}]
    assert await page.evaluate("party.room.history.map((one) => one.message)") == ["before", "mine"]
    assert await page.evaluate("told.filter(([name]) => name === 'reset').length") == 1  # the join alone
    line.socket.transport.abort()
    line = await script.line()
    assert (await line.resume())["resumeToken"] == "r1.two"  # each welcome brings the next
    assert script.most_at_once == 1


async def test_a_gap_is_noticed_and_made_good(page: Page, script: Script) -> None:
    line = await joined(page, script)
    await line.say(chat(11, 10, "one"), chat(14, 13, "four"))
    assert await line.ended() == 4100
    line = await script.line()
    assert (await line.resume(kept=14))["lastSeq"] == 11
    await line.say(chat(13, 11, "three"), chat(14, 13, "four"))
    await until(page, "party.room.history.length === 3")
    assert await page.evaluate("party.room.history.map((one) => one.message)") == ["one", "three", "four"]


@pytest.mark.parametrize("wrong", [{"kept": 11}, {"rev": 2}, {"epoch": "other"}])
async def test_a_ping_that_tells_of_more_makes_it_resume(
    page: Page, script: Script, wrong: dict[str, Any]
) -> None:
    line = await joined(page, script)
    right = {"epoch": "k3x9", "kept": 10, "rev": 1, "hash": "00"}
    await line.say({"type": "party:ping", "data": right})
    await line.next(type="party:pong")
    assert await page.evaluate("party.connection.state") == "open"
    await line.say({"type": "party:ping", "data": right | wrong})
    await line.ended()
    line = await script.line()
    assert (await line.resume())["lastSeq"] == 10


async def test_a_sync_is_a_new_beginning(page: Page, script: Script) -> None:
    line = await joined(page, script)
    await line.say(chat(11, 10, "old"))
    told = welcome(epoch="k4", kept=3, gap=True, why="data_lost", state=state(1, pos=77.0))
    await line.say({"type": "party:sync", "data": told}, chat(4, 3, "new"))
    await until(page, "party.room.history.length === 1 && party.room.history[0].message === 'new'")
    assert await page.evaluate("[party.room.state.pos, party.room.epoch]") == [77, "k4"]
    assert await page.evaluate("told.filter(([name]) => name === 'reset').at(-1)[1].why") == "data_lost"


async def test_a_resume_that_is_refused_becomes_a_join(page: Page, script: Script) -> None:
    line = await joined(page, script)
    line.socket.transport.abort()
    line = await script.line()
    message = await line.next()
    no = {"code": "resume_invalid", "detail": "Too late.", "retryable": False, "isHost": False}
    await line.say({"type": "party:error", "re": message["id"], "data": no})
    joins = await line.admit(epoch="k4", kept=2)
    assert joins["data"] == {"roomId": "mint-owl-42", "userName": "Ben"}
    await until(page, "party.connection.state === 'open' && party.room.epoch === 'k4'")


async def test_a_room_that_is_gone_is_said_once(page: Page, script: Script) -> None:
    line = await joined(page, script)
    line.socket.transport.abort()
    line = await script.line()
    no = {"code": "resume_invalid", "detail": "", "retryable": False, "isHost": False}
    await line.say({"type": "party:error", "re": (await line.next())["id"], "data": no})
    await line.greet()
    gone = no | {"code": "room_not_found"}
    await line.say({"type": "party:error", "re": (await line.next(type="party:join"))["id"], "data": gone})
    await until(page, "party.connection.state === 'open'")
    assert await page.evaluate("party.room.joined") is False
    errors = await page.evaluate("told.filter(([name]) => name === 'error').map(([, error]) => error.code)")
    assert errors == ["room_not_found"]


@pytest.mark.parametrize("code", [4501, 4503, 4504, 4509, 4510, 4511])
async def test_codes_from_4500_on_are_the_end(page: Page, script: Script, code: int) -> None:
    line = await joined(page, script)
    waiting = asyncio.ensure_future(page.evaluate(SEND, ["party:chat", {"message": "x"}]))
    await line.next(type="party:chat")
    await line.bye(code, reason="told")
    await until(page, "party.connection.state === 'closed'")
    assert await waiting == ["error", "closed", False]
    line = await page.evaluate("party.connection")
    assert (line["code"], line["why"], line["retryAt"]) == (code, "told", None)
    # A wake of the tab changes nothing.
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    assert await page.evaluate("party.connection.state") == "closed"
    assert script.arrived.empty()


@pytest.mark.parametrize("code", [1001, 1011, 4000, 4002, 4008, 4013, 4029, 4040])
async def test_below_it_comes_back(page: Page, script: Script, code: int) -> None:
    line = await joined(page, script)
    await (line.bye(code) if code >= 4000 else line.socket.close(code))
    line = await script.line()
    await line.resume()
    await until(page, "party.connection.state === 'open'")


async def test_it_waits_as_long_as_the_server_asks(page: Page, script: Script) -> None:
    line = await joined(page, script)
    await line.bye(4000, retry_ms=7_000)
    await until(page, "party.connection.state === 'waiting'")
    told = await page.evaluate(
        "[party.connection.retryAt > performance.now() + 3_000, party.connection.code]"
    )
    assert told == [True, 4000]
    # What the server asks for is not cut short by the network, but by the viewer.
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    assert await page.evaluate("party.connection.state") == "waiting"
    await page.evaluate("party.reconnect()")
    await (await script.line()).resume()


async def test_the_waits_grow_and_are_spread(page: Page) -> None:
    waits = await page.evaluate(
        """async () => {
          const { backoff } = await import("/static/party/transport.js");
          return [0, 1, 2, 3, 4, 5, 6, 40].map((n) => [0, 0.5, 1].map((chance) => backoff(n, () => chance)));
        }"""
    )
    assert [most for *_, most in waits] == [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]
    assert all(least == 0 and middle == most / 2 for least, middle, most in waits)


async def test_failures_in_a_row_wait_longer_and_longer(page: Page, script: Script) -> None:
    await joined(page, script)
    await page.evaluate(
        """() => {
          window.chance = 0.05; // each wait is a twentieth of its bound
          window.waits = [];
          party.on("connection", ({ state, retryAt }) => {
            if (state === "waiting") waits.push(retryAt - performance.now());
          });
        }"""
    )
    script.lines[-1].socket.transport.abort()
    for _ in range(5):
        line = await script.line()
        line.socket.transport.abort()  # before a word was said
    await until(page, "waits.length >= 6")
    waits = await page.evaluate("waits.slice(0, 6)")
    for wait, bound in zip(waits, (500, 1000, 2000, 4000, 8000, 15000), strict=True):
        assert bound * 0.05 - 20 <= wait <= bound * 0.05


async def test_hints_of_the_browser_never_make_two_sockets(page: Page, script: Script) -> None:
    line = await joined(page, script)
    await page.evaluate("window.chance = 1")
    line.socket.transport.abort()
    await until(page, "party.connection.state === 'waiting'")
    await page.evaluate(
        """() => {
          for (let n = 0; n < 5; n += 1) {
            window.dispatchEvent(new Event("online"));
            document.dispatchEvent(new Event("visibilitychange"));
            party.reconnect();
          }
        }"""
    )
    line = await script.line()
    await line.resume()
    await until(page, "party.connection.state === 'open'")
    # A line that is there is asked whether it is.
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await line.next(type="clock:ping")
    assert script.arrived.empty()
    assert (len(script.lines), script.most_at_once) == (2, 1)


async def test_a_line_that_answers_nothing_after_a_wake_is_given_up(page: Page, script: Script) -> None:
    line = await joined(page, script)
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    second = await script.line()  # without a word of ours; it waits for 5 s
    await second.resume()
    assert line.socket.close_code == 4100


async def test_what_is_too_long_is_not_sent(page: Page, script: Script) -> None:
    await joined(page, script)
    told = await page.evaluate(SEND, ["party:chat", {"message": "é" * 9_000}])
    assert told == ["error", "too_large", False]


async def test_another_member_is_not_asked_again(page: Page, script: Script) -> None:
    line = await joined(page, script)
    sent = asyncio.ensure_future(page.evaluate(SEND, ["party:chat", {"message": "mine"}]))
    await line.next(type="party:chat")
    line.socket.transport.abort()
    line = await script.line()
    no = {"code": "resume_invalid", "detail": "", "retryable": False, "isHost": False}
    await line.say({"type": "party:error", "re": (await line.next())["id"], "data": no})
    await line.admit(member="m8")
    assert await sent == ["error", "not_connected", True]
