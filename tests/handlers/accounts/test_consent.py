"""Logins on their way: one use, one browser, ten minutes."""

from __future__ import annotations

import asyncio

import pytest
from yarl import URL

from daemon.wiring_accounts import Accounts
from handlers.accounts.consent import CONSENT_MS, SIGN_IN, LoginFailed, failed_at_twitch
from storage.logins import CONSENTS
from tests.handlers.accounts.twitch_page import BROWSER, agree, begin
from tests.support.desk import PUBLIC_URL
from tests.support.scene import Scene
from tests.support.story import StoryClock

VIPS = "channel:manage:vips"


async def test_what_twitch_is_asked(accounts: Accounts) -> None:
    url = URL(await begin(accounts, VIPS, "bits:read"), encoded=True)
    assert url.query["redirect_uri"] == f"{PUBLIC_URL}/api/auth/callback/twitch"
    assert url.query["scope"] == f"{VIPS} bits:read" or set(url.query["scope"].split()) == {VIPS, "bits:read"}
    assert len(url.query["state"]) == 43
    assert url.query["force_verify"] == "false"
    again = URL(await begin(accounts, VIPS, ask_who=True), encoded=True)
    assert again.query["state"] != url.query["state"]
    assert again.query["force_verify"] == "true"


async def test_neither_state_nor_binding_is_stored_as_it_is(scene: Scene, accounts: Accounts) -> None:
    state = URL(await begin(accounts, VIPS), encoded=True).query["state"]
    page = await (await scene.store.collection(CONSENTS)).find({})
    assert len(page.documents) == 1
    assert state not in repr(page.documents)
    assert BROWSER not in repr(page.documents)


async def test_a_state_is_for_one_use_also_when_used_twice_at_once(accounts: Accounts) -> None:
    state = URL(await begin(accounts, VIPS), encoded=True).query["state"]
    answers = await asyncio.gather(
        *(accounts.login.flow.answer(state=state, binding=BROWSER) for _ in range(6)), return_exceptions=True
    )
    taken = [one for one in answers if not isinstance(one, BaseException)]
    assert [one.purpose for one in taken] == [SIGN_IN]
    assert {one.reason for one in answers if isinstance(one, LoginFailed)} == {"state"}
    assert len(answers) == 6


@pytest.mark.parametrize(
    ("state", "binding"), [("", BROWSER), ("x" * 43, BROWSER), (None, ""), (None, "other")]
)
async def test_of_what_this_browser_did_not_begin_nothing_comes(
    accounts: Accounts, state: str | None, binding: str
) -> None:
    begun = URL(await begin(accounts, VIPS), encoded=True).query["state"]
    with pytest.raises(LoginFailed) as caught:
        await accounts.login.flow.answer(state=begun if state is None else state, binding=binding)
    assert caught.value.reason == "state"
    assert await accounts.login.flow.answer(state=begun, binding=BROWSER), (
        "the one that it is for is not hindered"
    )


async def test_after_ten_minutes_it_is_over(scene: Scene, accounts: Accounts) -> None:
    assert isinstance(scene.clock, StoryClock)
    state = URL(await begin(accounts, VIPS), encoded=True).query["state"]
    scene.clock.step_wall(CONSENT_MS)
    with pytest.raises(LoginFailed) as caught:
        await accounts.login.flow.answer(state=state, binding=BROWSER)
    assert caught.value.reason == "expired"


async def test_a_code_is_exchanged_once_and_the_grant_confirmed(scene: Scene, accounts: Accounts) -> None:
    channel = await scene.act("channels", login="anna")
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    granted = await accounts.login.flow.exchange(back["code"])
    assert (granted.user_id, granted.login, granted.grant.scopes) == (channel["id"], "anna", (VIPS,))
    with pytest.raises(LoginFailed) as caught:
        await accounts.login.flow.exchange(back["code"])
    assert caught.value.reason == "exchange"
    assert back["code"] not in str(caught.value)


async def test_a_token_of_another_application_is_none_of_ours(scene: Scene, accounts: Accounts) -> None:
    await scene.act("channels", login="anna")
    other = await scene.act(
        "login", user_id="101001", client_id="simulatedforeignclientid000000", scopes=[VIPS]
    )
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    granted = await accounts.login.flow.exchange(back["code"])
    foreign = type(granted.grant)(other["access_token"], "", (VIPS,), 1)
    with pytest.raises(LoginFailed) as caught:
        await accounts.login.flow.confirm(foreign)
    assert caught.value.reason == "mismatch"


async def test_a_grant_that_is_dropped_is_dead_at_twitch(scene: Scene, accounts: Accounts) -> None:
    await scene.act("channels", login="anna")
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    granted = await accounts.login.flow.exchange(back["code"])
    await accounts.login.flow.drop(granted.grant)
    with pytest.raises(LoginFailed):
        await accounts.login.flow.confirm(granted.grant)


@pytest.mark.parametrize(
    ("told", "reason"),
    [("access_denied", "access_denied"), ("redirect_mismatch", "exchange"), ("", "exchange")],
)
def test_what_twitch_says_in_place_of_a_code(told: str, reason: str) -> None:
    assert failed_at_twitch(told).reason == reason
