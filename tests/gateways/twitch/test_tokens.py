"""Tokens: refreshed once for all, stored before use, buried once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import CuelightError, Unavailable
from gateways.twitch.contracts import LoginNeeded, TwitchBroken, TwitchDown
from gateways.twitch.oauth import Grant
from gateways.twitch.tokens import VALIDATE_EVERY_SECONDS
from tests.gateways.twitch.scripted import (
    CHANNEL,
    CLIENT_ID,
    FIRST_REFRESH,
    FIRST_TOKEN,
    Rig,
    Says,
    a_token,
    rigged,
)

SECOND_TOKEN = "accessaccessaccessaccess000002"


def pair(number: int) -> Says:
    return Says(
        200,
        {
            "access_token": f"accessaccessaccessaccess00000{number}",
            "refresh_token": f"refreshrefreshrefreshrefresh0{number}",
            "expires_in": 14000,
            "scope": ["channel:manage:vips"],
        },
    )


def no(status: int, message: str) -> Says:
    return Says(status, {"status": status, "message": message})


def valid(**changes: Any) -> Says:
    seen = {
        "client_id": CLIENT_ID,
        "user_id": CHANNEL,
        "login": "chan",
        "scopes": ["channel:manage:vips"],
        "expires_in": 100,
    }
    return Says(200, seen | changes)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def refreshes(rig: Rig) -> int:
    return len(rig.twitch.calls("POST", "/token"))


async def test_hands_out_what_is_stored(rig: Rig) -> None:
    assert await rig.keeper.access_token(CHANNEL) == FIRST_TOKEN
    assert await rig.keeper.scopes(CHANNEL) == ("channel:manage:vips",)
    assert rig.twitch.heard == []


async def test_nobody_granted_anything(rig: Rig) -> None:
    with pytest.raises(LoginNeeded) as caught:
        await rig.keeper.access_token("999")
    assert caught.value.channel_id == "999"


async def test_fifty_callers_share_one_refresh(rig: Rig) -> None:
    hold = asyncio.Event()
    rig.twitch.on("POST", "/token", replace(pair(2), hold=hold))
    calls = [asyncio.ensure_future(rig.keeper.refresh(CHANNEL, FIRST_TOKEN)) for _ in range(50)]
    await rig.twitch.until("POST", "/token")
    hold.set()
    assert set(await asyncio.gather(*calls)) == {SECOND_TOKEN}
    assert refreshes(rig) == 1
    assert rig.store.tokens[CHANNEL].refresh_token == "refreshrefreshrefreshrefresh02"
    assert rig.store.tokens[CHANNEL].expires_at == rig.clock.now() + 14_000_000


async def test_who_comes_with_an_older_token_gets_the_newer_one(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", pair(2), pair(3))
    await rig.keeper.refresh(CHANNEL, FIRST_TOKEN)
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    assert refreshes(rig) == 1


async def test_another_process_was_first(rig: Rig) -> None:
    await rig.keeper.access_token(CHANNEL)
    rig.store.tokens[CHANNEL] = a_token(access_token=SECOND_TOKEN, revision=2)
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    assert refreshes(rig) == 0


async def test_the_new_pair_is_stored_before_it_is_used(rig: Rig) -> None:
    """The process dies between store and use: the next one starts with the new pair."""
    rig.twitch.on("POST", "/token", pair(2))
    call = asyncio.ensure_future(rig.keeper.refresh(CHANNEL, FIRST_TOKEN))
    async with asyncio.timeout(30):
        while not rig.store.log:
            await asyncio.sleep(0)
    assert not call.done(), "stored, and nobody has it yet"
    call.cancel()
    assert await rig.another_keeper().access_token(CHANNEL) == SECOND_TOKEN
    assert refreshes(rig) == 1


async def test_a_caller_who_gives_up_does_not_lose_the_new_pair(rig: Rig) -> None:
    hold = asyncio.Event()
    rig.twitch.on("POST", "/token", replace(pair(2), hold=hold))
    call = asyncio.ensure_future(rig.keeper.refresh(CHANNEL, FIRST_TOKEN))
    await rig.twitch.until("POST", "/token")
    call.cancel()
    hold.set()
    await asyncio.gather(*rig.crew.tasks)
    assert await rig.keeper.access_token(CHANNEL) == SECOND_TOKEN


async def test_a_pair_that_the_store_could_not_keep_is_kept_in_memory(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", pair(2), no(400, "Invalid refresh token"))
    rig.store.fail_next = Unavailable("disk full", code="storage.full")
    with pytest.raises(Unavailable, match="disk full"):
        await rig.keeper.refresh(CHANNEL, FIRST_TOKEN)
    assert await rig.keeper.access_token(CHANNEL) == FIRST_TOKEN, "not stored, not used"
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    assert refreshes(rig) == 1
    assert rig.store.tokens[CHANNEL].access_token == SECOND_TOKEN


@pytest.mark.parametrize("status", [400, 401])
async def test_a_dead_grant_is_buried_once_and_told_once(rig: Rig, status: int) -> None:
    rig.twitch.on("POST", "/token", no(status, "Invalid refresh token"))
    calls = [rig.keeper.refresh(CHANNEL, FIRST_TOKEN) for _ in range(20)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {LoginNeeded}
    assert rig.dead == [(CHANNEL, "Invalid refresh token")]
    assert rig.store.tokens[CHANNEL].dead == "Invalid refresh token"
    for _ in range(3):
        with pytest.raises(LoginNeeded):
            await rig.keeper.access_token(CHANNEL)
        with pytest.raises(LoginNeeded):
            await rig.keeper.refresh(CHANNEL, FIRST_TOKEN)
    assert refreshes(rig) == 1


@pytest.mark.parametrize("answer", [Says(500, body=b"oops"), Says(503), Says(drop=True), no(429, "later")])
async def test_twitch_cannot_say_so_the_old_pair_stays(rig: Rig, answer: Says) -> None:
    rig.twitch.on("POST", "/token", answer, pair(2))
    results = await asyncio.gather(
        *(rig.keeper.refresh(CHANNEL, FIRST_TOKEN) for _ in range(50)), return_exceptions=True
    )
    assert {type(result) for result in results} == {TwitchDown}
    assert refreshes(rig) == 1, "a failure is shared too"
    assert rig.store.tokens[CHANNEL] == a_token()
    assert rig.dead == []
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN


async def test_our_own_wrong_secret_kills_no_grant(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", no(403, "invalid client secret"), no(400, "invalid client"))
    for _ in range(2):
        with pytest.raises(TwitchBroken):
            await rig.keeper.refresh(CHANNEL, FIRST_TOKEN)
    assert rig.dead == []


async def test_a_login_wins_over_a_refresh_that_fails_meanwhile(rig: Rig) -> None:
    hold = asyncio.Event()
    rig.twitch.on("POST", "/token", replace(no(400, "Invalid refresh token"), hold=hold))
    call = asyncio.ensure_future(rig.keeper.refresh(CHANNEL, FIRST_TOKEN))
    await rig.twitch.until("POST", "/token")
    await rig.keeper.put(CHANNEL, "chan", Grant("from login", "r", ("bits:read",), 60))
    hold.set()
    assert await call == "from login"
    assert rig.dead == []
    assert rig.store.tokens[CHANNEL].dead == ""


async def test_a_login_wins_over_a_refresh_that_succeeds_meanwhile(rig: Rig) -> None:
    hold = asyncio.Event()
    rig.twitch.on("POST", "/token", replace(pair(2), hold=hold))
    call = asyncio.ensure_future(rig.keeper.refresh(CHANNEL, FIRST_TOKEN))
    await rig.twitch.until("POST", "/token")
    await rig.keeper.put(CHANNEL, "chan", Grant("from login", "r", ("bits:read",), 60))
    hold.set()
    assert await call == "from login"
    assert rig.store.tokens[CHANNEL].access_token == "from login"


async def test_new_scopes_stored_meanwhile_do_not_cost_the_new_pair(rig: Rig) -> None:
    """The refresh token of the old pair may be used up: a write that only kept it must not win."""
    rig.store.raced = a_token(scopes=("bits:read",), revision=2)
    rig.twitch.on("POST", "/token", pair(2))
    assert await rig.keeper.refresh(CHANNEL, FIRST_TOKEN) == SECOND_TOKEN
    assert (rig.store.tokens[CHANNEL].access_token, rig.store.tokens[CHANNEL].revision) == (SECOND_TOKEN, 3)


async def test_put_revives(rig: Rig) -> None:
    rig.store.tokens[CHANNEL] = a_token(dead="gone")
    with pytest.raises(LoginNeeded, match="gone"):
        await rig.keeper.access_token(CHANNEL)
    stored = await rig.keeper.put(CHANNEL, "newname", Grant("a", "r", ("bits:read",), 60))
    assert (stored.login, stored.dead, stored.expires_at) == ("newname", "", rig.clock.now() + 60_000)
    assert await rig.keeper.access_token(CHANNEL) == "a"
    assert rig.alive == [CHANNEL]


async def test_put_of_a_new_user_and_in_a_race(rig: Rig) -> None:
    await rig.keeper.put("200", "other", Grant("a", "r", (), 60))
    assert rig.store.tokens["200"].revision == 1
    rig.store.raced = a_token(revision=9)
    await rig.keeper.put(CHANNEL, "chan", Grant("b", "r", (), 60))
    assert (rig.store.tokens[CHANNEL].access_token, rig.store.tokens[CHANNEL].revision) == ("b", 10)


async def test_a_grant_is_given_back_at_twitch_first_and_then_forgotten(rig: Rig) -> None:
    rig.twitch.on("POST", "/revoke", Says(200, body=b""))
    assert await rig.keeper.access_token(CHANNEL)
    assert await rig.keeper.give_back(CHANNEL)
    assert f"token={FIRST_TOKEN}" in rig.twitch.calls("POST", "/revoke")[0].body
    assert CHANNEL not in rig.store.tokens
    with pytest.raises(LoginNeeded):
        await rig.keeper.access_token(CHANNEL)
    assert await rig.keeper.standing(CHANNEL) is None
    assert not await rig.keeper.give_back(CHANNEL)
    assert len(rig.twitch.calls("POST", "/revoke")) == 1


async def test_of_a_token_that_ran_out_the_grant_is_ended_all_the_same(rig: Rig) -> None:
    rig.twitch.on("POST", "/revoke", no(400, "Invalid token"), Says(200, body=b""))
    rig.twitch.on("POST", "/token", pair(2))
    assert await rig.keeper.give_back(CHANNEL)
    revoked = [call.body for call in rig.twitch.calls("POST", "/revoke")]
    assert [token in body for token, body in zip((FIRST_TOKEN, SECOND_TOKEN), revoked, strict=True)] == [
        True,
        True,
    ]
    assert CHANNEL not in rig.store.tokens


async def test_of_a_grant_that_was_over_nothing_is_left(rig: Rig) -> None:
    rig.twitch.on("POST", "/revoke", no(400, "Invalid token"))
    rig.twitch.on("POST", "/token", no(400, "Invalid refresh token"))
    assert await rig.keeper.give_back(CHANNEL)
    assert CHANNEL not in rig.store.tokens
    rig.store.tokens[CHANNEL] = a_token(dead="known to be")
    assert await rig.keeper.give_back(CHANNEL)
    assert len(rig.twitch.calls("POST", "/revoke")) == 1, (
        "Twitch is not asked for one that we know to be dead"
    )


async def test_while_twitch_cannot_be_told_the_grant_stays(rig: Rig) -> None:
    rig.twitch.on("POST", "/revoke", no(503, "later"), Says(200, body=b""))
    with pytest.raises(TwitchDown):
        await rig.keeper.give_back(CHANNEL)
    assert await rig.keeper.access_token(CHANNEL) == FIRST_TOKEN
    assert await rig.keeper.give_back(CHANNEL)


async def test_condemn_spares_a_newer_pair(rig: Rig) -> None:
    await rig.keeper.condemn(CHANNEL, "an older token", "refused")
    assert rig.dead == []
    await rig.keeper.condemn(CHANNEL, FIRST_TOKEN, "refused")
    await rig.keeper.condemn(CHANNEL, FIRST_TOKEN, "refused")
    assert rig.dead[0] == (CHANNEL, "refused")
    with pytest.raises(LoginNeeded):
        await rig.keeper.access_token(CHANNEL)


async def test_validate_good(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", valid())
    await rig.keeper.validate(CHANNEL)
    assert rig.store.log == [], "nothing changed, nothing written"


async def test_validate_takes_over_scopes_and_login(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", valid(scopes=["bits:read"], login="renamed"))
    await rig.keeper.validate(CHANNEL)
    assert (rig.store.tokens[CHANNEL].scopes, rig.store.tokens[CHANNEL].login) == (("bits:read",), "renamed")
    assert await rig.keeper.scopes(CHANNEL) == ("bits:read",)
    assert rig.store.tokens[CHANNEL].refresh_token == FIRST_REFRESH


async def test_validate_refreshes_an_expired_token(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", no(401, "invalid access token"), valid())
    rig.twitch.on("POST", "/token", pair(2))
    await rig.keeper.validate(CHANNEL)
    assert await rig.keeper.access_token(CHANNEL) == SECOND_TOKEN


async def test_validate_finds_a_dead_grant(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", no(401, "invalid access token"))
    rig.twitch.on("POST", "/token", no(400, "Invalid refresh token"))
    with pytest.raises(LoginNeeded):
        await rig.keeper.validate(CHANNEL)
    assert rig.dead == [(CHANNEL, "Invalid refresh token")]


async def test_validate_does_not_refresh_for_ever(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", no(401, "invalid access token"))
    rig.twitch.on("POST", "/token", pair(2))
    with pytest.raises(LoginNeeded):
        await rig.keeper.validate(CHANNEL)
    assert refreshes(rig) == 1
    assert len(rig.dead) == 1


@pytest.mark.parametrize("wrong", [{"user_id": "666"}, {"client_id": "another"}, {"user_id": None}])
async def test_validate_finds_a_token_of_somebody_else(rig: Rig, wrong: dict[str, Any]) -> None:
    rig.twitch.on("GET", "/validate", valid(**wrong))
    with pytest.raises(LoginNeeded):
        await rig.keeper.validate(CHANNEL)
    assert len(rig.dead) == 1


async def test_validate_all_goes_on_after_a_failure() -> None:
    async with rigged(
        a_token(user_id="1", dead="gone"), a_token(user_id="2"), a_token(user_id=CHANNEL)
    ) as rig:
        rig.twitch.on("GET", "/validate", Says(500), valid())
        assert await rig.keeper.validate_all() == {
            "1": "twitch.login_needed",
            "2": "twitch.down",
            CHANNEL: "",
        }
        assert rig.dead == [], "who is known to be dead is not told again"


async def test_validation_runs_at_start_and_hourly(rig: Rig) -> None:
    rig.twitch.on("GET", "/validate", valid())
    task = rig.crew.spawn(rig.keeper.run_validation(rig.clock), name="validate")
    await rig.twitch.until("GET", "/validate", 1)
    while rig.clock.sleepers == 0:
        await asyncio.sleep(0)
    await rig.clock.advance(VALIDATE_EVERY_SECONDS - 30)
    assert len(rig.twitch.calls("GET", "/validate")) == 1
    await rig.clock.advance(60)
    await rig.twitch.until("GET", "/validate", 2)
    assert not task.done()


async def test_validation_outlives_a_store_that_fails(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.twitch.on("GET", "/validate", valid())
    ids = rig.store.ids

    async def fail_once() -> list[str]:
        monkeypatch.setattr(rig.store, "ids", ids)
        raise Unavailable("the store is away")

    monkeypatch.setattr(rig.store, "ids", fail_once)
    task = rig.crew.spawn(rig.keeper.run_validation(rig.clock), name="validate")
    while rig.clock.sleepers == 0:
        await asyncio.sleep(0)
    assert rig.twitch.heard == []
    await rig.clock.advance(15)
    await rig.twitch.until("GET", "/validate", 1)
    assert not task.done()


def test_a_token_does_not_show_itself() -> None:
    assert FIRST_TOKEN not in repr(a_token())
    assert FIRST_REFRESH not in repr(a_token())


async def test_no_error_shows_a_token(rig: Rig) -> None:
    for answer in (no(400, "Invalid refresh token"), Says(500), Says(200, body=b"{}"), Says(drop=True)):
        rig.twitch.on("POST", "/token", answer)
        with pytest.raises(CuelightError) as caught:
            await rig.another_keeper().refresh(CHANNEL, FIRST_TOKEN)
        told = f"{caught.value!r} {caught.value} {vars(caught.value)}"
        assert FIRST_TOKEN not in told
        assert FIRST_REFRESH not in told
        rig.store.tokens[CHANNEL] = a_token()
