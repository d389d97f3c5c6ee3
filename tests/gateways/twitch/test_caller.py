"""What every call has in common: tokens, limits, retries, wrong shapes."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import CuelightError
from domain.ports import NullMetrics
from gateways.http import Answer
from gateways.pace import MemoryPace
from gateways.twitch.contracts import AddVip, LoginNeeded, TwitchBroken, TwitchDown, Waiting
from gateways.twitch.helix import TwitchHelix
from tests.gateways.twitch.scripted import (
    CHANNEL,
    CLIENT_ID,
    FIRST_REFRESH,
    FIRST_TOKEN,
    VIEWER,
    Rig,
    Says,
    data,
    html,
    rigged,
    sorry,
    vip_row,
)
from tests.gateways.twitch.test_tokens import SECOND_TOKEN, no, pair
from tests.support.clock import ManualClock

VIPS = ("GET", "/channels/vips")
INVALID = sorry(401, "Invalid OAuth token")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def test_says_who_it_is(rig: Rig) -> None:
    rig.twitch.on(*VIPS, data())
    await rig.helix.is_vip(CHANNEL, VIEWER)
    (heard,) = rig.twitch.heard
    assert heard.headers["Authorization"] == f"Bearer {FIRST_TOKEN}"
    assert heard.headers["Client-Id"] == CLIENT_ID


async def test_an_invalid_token_is_refreshed_once(rig: Rig) -> None:
    rig.twitch.on(*VIPS, INVALID, data(vip_row(VIEWER)))
    rig.twitch.on("POST", "/token", pair(2))
    assert await rig.helix.is_vip(CHANNEL, VIEWER)
    assert [heard.headers["Authorization"] for heard in rig.twitch.calls(*VIPS)] == [
        f"Bearer {FIRST_TOKEN}",
        f"Bearer {SECOND_TOKEN}",
    ]


async def test_fifty_calls_with_an_expired_token_share_one_refresh(rig: Rig) -> None:
    hold = asyncio.Event()
    rig.twitch.on(*VIPS, *([replace(INVALID, hold=hold)] * 50), data(vip_row(VIEWER)))
    rig.twitch.on("POST", "/token", pair(2))
    calls = [asyncio.ensure_future(rig.helix.is_vip(CHANNEL, VIEWER)) for _ in range(50)]
    await rig.twitch.until(*VIPS, 50)
    hold.set()
    assert await asyncio.gather(*calls) == [True] * 50
    assert len(rig.twitch.calls("POST", "/token")) == 1


@pytest.mark.parametrize(
    ("message", "scopes"),
    [
        (
            "Missing scope: channel:read:vips or channel:manage:vips",
            ("channel:read:vips", "channel:manage:vips"),
        ),
        ("Client ID and OAuth token do not match", ()),
        ("The ID in broadcaster_id must match the user ID found in the request's OAuth token.", ()),
    ],
)
async def test_other_401_are_not_refreshed(rig: Rig, message: str, scopes: tuple[str, ...]) -> None:
    rig.twitch.on(*VIPS, sorry(401, message))
    with pytest.raises(LoginNeeded) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert (caught.value.channel_id, caught.value.scopes) == (CHANNEL, scopes)
    assert rig.twitch.calls("POST", "/token") == []
    assert rig.dead == [], "the grant lives, it only does not cover this"


async def test_the_second_401_needs_a_login(rig: Rig) -> None:
    rig.twitch.on(*VIPS, INVALID)
    rig.twitch.on("POST", "/token", pair(2))
    with pytest.raises(LoginNeeded):
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(rig.twitch.calls(*VIPS)) == 2
    assert [user_id for user_id, _ in rig.dead] == [CHANNEL]
    with pytest.raises(LoginNeeded):
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(rig.twitch.calls(*VIPS)) == 2, "the channel's work is parked"


async def test_a_dead_grant_and_a_refresh_that_fails(rig: Rig) -> None:
    rig.twitch.on(*VIPS, INVALID)
    rig.twitch.on("POST", "/token", Says(500), no(400, "Invalid refresh token"))
    with pytest.raises(TwitchDown):
        await rig.helix.is_vip(CHANNEL, VIEWER)
    with pytest.raises(LoginNeeded):
        await rig.helix.is_vip(CHANNEL, VIEWER)


async def test_how_wide_a_401_is_read_can_be_set() -> None:
    async with rigged(token_words=(("revoked",),)) as rig:
        rig.twitch.on(*VIPS, sorry(401, "This was revoked"), data())
        rig.twitch.on("POST", "/token", pair(2))
        assert not await rig.helix.is_vip(CHANNEL, VIEWER)


async def test_an_empty_bucket_waits_until_its_reset(rig: Rig) -> None:
    reset = {"Ratelimit_Remaining": "0", "Ratelimit_Reset": rig.reset_in(30)}
    rig.twitch.on(*VIPS, sorry(429, "Too Many Requests", **reset))
    with pytest.raises(Waiting) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert 30 <= caught.value.retry_after_seconds <= 31
    assert rig.counts.counted["twitch_waits_total", "bucket"] == 1


async def test_a_bucket_that_is_known_empty_is_not_tried(rig: Rig) -> None:
    left = {"Ratelimit-Remaining": "0", "Ratelimit-Reset": rig.reset_in(30)}
    rig.twitch.on(*VIPS, replace(data(), headers=left))
    await rig.helix.is_vip(CHANNEL, VIEWER)
    with pytest.raises(Waiting) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert 30 <= caught.value.retry_after_seconds <= 31
    assert len(rig.twitch.heard) == 1
    assert rig.counts.counted["twitch_waits_total", "known_empty"] == 1
    await rig.clock.advance(30)
    await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(rig.twitch.heard) == 2


@pytest.mark.parametrize("answer", [html(429), Says(429), sorry(429, "x", Ratelimit_Remaining="0")])
async def test_a_429_that_says_nothing(rig: Rig, answer: Says) -> None:
    rig.twitch.on(*VIPS, answer)
    with pytest.raises(Waiting) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert 1 <= caught.value.retry_after_seconds <= 10


async def test_a_limit_of_the_endpoint_waits_longer_while_it_lasts(rig: Rig) -> None:
    slow = sorry(429, "slow", Ratelimit_Remaining="700", Ratelimit_Reset=rig.reset_in(600))
    rig.twitch.on(*VIPS, *([slow] * 6), data(), slow)
    for number, wait in enumerate((1, 2, 4, 8, 10, 10), 1):
        with pytest.raises(Waiting) as caught:
            await rig.helix.is_vip(CHANNEL, VIEWER)
        assert wait <= caught.value.retry_after_seconds <= wait + 0.5
        with pytest.raises(Waiting) as caught:
            await rig.helix.is_vip(CHANNEL, VIEWER)
        assert wait <= caught.value.retry_after_seconds <= wait + 0.5
        assert len(rig.twitch.heard) == number, "what is known to be refused is not tried"
        await rig.clock.advance(wait)
    assert not await rig.helix.is_vip(CHANNEL, VIEWER)
    with pytest.raises(Waiting) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert 1 <= caught.value.retry_after_seconds <= 1.5, "a success begins anew"
    assert rig.counts.counted["twitch_waits_total", "endpoint"] == 7
    assert rig.counts.counted["twitch_waits_total", "known_refused"] == 6


async def test_a_limit_of_one_call_stops_no_other(rig: Rig) -> None:
    rig.twitch.on("DELETE", "/channels/vips", sorry(429, "slow", Ratelimit_Remaining="700"))
    rig.twitch.on("POST", "/channels/vips", Says(204))
    with pytest.raises(Waiting):
        await rig.helix.remove_vip(CHANNEL, VIEWER)
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED


async def test_503_is_tried_once_more(rig: Rig) -> None:
    rig.twitch.on(*VIPS, html(503), data(vip_row(VIEWER)))
    assert await rig.helix.is_vip(CHANNEL, VIEWER)
    rig.twitch.on(*VIPS, html(503))
    with pytest.raises(TwitchDown):
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(rig.twitch.heard) == 4


async def test_the_retry_waits_a_moment() -> None:
    async with rigged(quick_retry_seconds=0.25) as rig:
        rig.twitch.on(*VIPS, html(503), data())
        call = asyncio.ensure_future(rig.helix.is_vip(CHANNEL, VIEWER))
        async with asyncio.timeout(30):
            while rig.clock.sleepers == 0:
                await asyncio.sleep(0)
        assert len(rig.twitch.heard) == 1
        await rig.clock.advance(0.25)
        assert not await call


@pytest.mark.parametrize(
    "answer", [html(500), html(502), html(504), sorry(500, "x"), Says(500, body=b"x" * 3_000_000)]
)
async def test_other_5xx_are_left_to_whoever_retries_above(rig: Rig, answer: Says) -> None:
    rig.twitch.on(*VIPS, answer)
    with pytest.raises(TwitchDown):
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(rig.twitch.heard) == 1


async def test_nobody_listens(rig: Rig) -> None:
    with closing(socket.socket()) as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        helix = TwitchHelix(
            http=rig.http,
            api_url=f"http://127.0.0.1:{taken.getsockname()[1]}/helix",
            client_id=CLIENT_ID,
            tokens=rig.keeper,
            pace=rig.pace,
            clock=rig.clock,
            metrics=rig.counts,
            random=random.Random(1),
        )
        with pytest.raises(TwitchDown) as caught:
            await helix.add_vip(CHANNEL, VIEWER)
    assert caught.value.code == "twitch.down", "nothing was sent, there is nothing to read back"


@pytest.mark.parametrize(
    "answer",
    [
        html(200),
        html(404),
        html(400),
        html(401),
        Says(302, headers={"Location": "/"}),
        Says(200, body=b""),
        Says(200, body=b"x" * 3_000_000),
        Says(200, {"data": None}),
        Says(200, {"data": [{"user_id": 7}]}),
        Says(200, {"data": [{"user_id": None}]}),
        Says(200, body=b'{"data":' + b"[" * 100_000),
        Says(200, body=b"\xff\xfe"),
        sorry(400, "no"),
        sorry(418, "no"),
    ],
)
async def test_what_nobody_foresaw_is_broken(rig: Rig, answer: Says) -> None:
    rig.twitch.on(*VIPS, answer)
    with pytest.raises(TwitchBroken) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    assert len(caught.value.body) <= 300


async def test_a_quoted_body_shows_no_token(rig: Rig) -> None:
    echo = f"<html>Bearer {FIRST_TOKEN} {FIRST_REFRESH} 0a1b2c3d-0000-4000-8000-0123456789ab</html>".encode()
    rig.twitch.on(*VIPS, Says(404, body=echo))
    with pytest.raises(TwitchBroken) as caught:
        await rig.helix.is_vip(CHANNEL, VIEWER)
    told = f"{caught.value!r} {caught.value.body}"
    assert FIRST_TOKEN not in told
    assert FIRST_REFRESH not in told
    assert "0a1b2c3d-0000-4000-8000-0123456789ab" in told, "an id is no secret"


async def test_pages_are_read_to_the_end(rig: Rig) -> None:
    rig.twitch.on(*VIPS, data(vip_row("1"), vip_row("2"), cursor="a"), data(cursor="b"), data(vip_row("3")))
    assert [user.id for user in await rig.helix.vips(CHANNEL)] == ["1", "2", "3"]
    assert [heard.many("after") for heard in rig.twitch.heard] == [[], ["a"], ["b"]]
    assert [heard.many("first") for heard in rig.twitch.heard] == [["100"]] * 3


async def test_pages_that_go_in_circles_end(rig: Rig) -> None:
    rig.twitch.on(*VIPS, data(cursor="a"), data(cursor="b"), data(cursor="a"))
    with pytest.raises(TwitchBroken):
        await rig.helix.vips(CHANNEL)
    assert len(rig.twitch.heard) == 3


async def test_every_call_is_counted_by_its_outcome(rig: Rig) -> None:
    rig.twitch.on("POST", "/channels/vips", Says(204), sorry(409, "full"), Says(drop=True))
    rig.twitch.on(*VIPS, data())
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.NO_SLOT
    with pytest.raises(TwitchDown):
        await rig.helix.add_vip(CHANNEL, VIEWER)
    assert dict(rig.counts.counted) == {
        ("twitch_calls_total", "add_vip", "added"): 1,
        ("twitch_calls_total", "add_vip", "no_slot"): 1,
        ("twitch_calls_total", "add_vip", "twitch.lost"): 1,
        ("twitch_calls_total", "vips", "ok"): 1,
    }


class Anything:
    """The far end of the caller, answering at random: client, tokens and pace in one."""

    def __init__(self, answers: list[tuple[int, bytes, dict[str, str]]]) -> None:
        self._answers = answers

    async def request(self, *args: Any, **kwargs: Any) -> Answer:
        status, body, headers = self._answers.pop() if len(self._answers) > 1 else self._answers[0]
        return Answer(status, headers, body)

    async def access_token(self, user_id: str) -> str:
        return "t"

    async def refresh(self, user_id: str, rejected_token: str) -> str:
        return "u"

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None: ...


BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b'{"error":"x","status":1,"message":"Invalid OAuth token"}',
            b'{"message":"is already a VIP"}',
            b'{"message":"is a moderator"}',
            b'{"data":[],"pagination":{}}',
            b'{"data":[{"user_id":"7"}]}',
            b'{"data":[{"id":"1","is_sent":true}],"pagination":{"cursor":"x"}}',
            b'{"data":[{"id":"r"}]}',
        ]
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Ratelimit-Remaining", "Ratelimit-Reset"]), st.text(max_size=5) | st.integers().map(str)
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(200, 599), BODIES, HEADERS), min_size=1, max_size=4), st.integers(0, 10)
)
def test_whatever_comes_is_an_outcome_or_one_of_our_errors(
    answers: list[tuple[int, bytes, dict[str, str]]], number: int
) -> None:
    async def run() -> None:
        far, clock = Anything(answers), ManualClock()
        helix = TwitchHelix(
            http=far,  # type: ignore[arg-type]
            api_url="http://x",
            client_id="c",
            tokens=far,
            pace=MemoryPace(clock=clock),
            clock=clock,
            metrics=NullMetrics(),
            random=random.Random(1),
            quick_retry_seconds=0.0,
        )
        calls: list[Any] = [
            lambda: helix.add_vip("1", "7"),
            lambda: helix.remove_vip("1", "7"),
            lambda: helix.is_moderator("1", "7"),
            lambda: helix.vips("1"),
            lambda: helix.resolve("1", "w", "r", "CANCELED"),
            lambda: helix.redemption("1", "w", "r"),
            lambda: helix.say("1", "1", "hi"),
            lambda: helix.users("1", ids=["7"]),
            lambda: helix.rewards("1"),
            lambda: helix.subscribe("1", "channel.vip.add", "1", {}, {"method": "websocket"}),
            lambda: helix.unsubscribe("1", "s"),
        ]
        try:
            await calls[number]()
        except CuelightError:
            return

    asyncio.run(run())
