"""Signing in by a code that is typed elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from daemon.wiring_accounts import Accounts
from domain.errors import Unavailable
from handlers.accounts.consent import LoginFailed
from handlers.accounts.devices import DeviceAnswer, DeviceLogin
from storage.logins import CONSENTS
from tests.handlers.accounts.twitch_page import BROWSER, log_in
from tests.support.scene import Scene
from tests.support.story import StoryClock

VIPS = "channel:manage:vips"


async def begun(scene: Scene, accounts: Accounts, *scopes: str) -> DeviceLogin:
    return await accounts.login.devices.begin(scopes=scopes or (VIPS,), binding=BROWSER)


async def poll(accounts: Accounts, login: DeviceLogin, *, binding: str = BROWSER) -> DeviceAnswer:
    return await accounts.login.devices.poll(handle=login.handle, binding=binding)


def later(scene: Scene, seconds: float) -> None:
    assert isinstance(scene.clock, StoryClock)
    scene.clock.step_wall(round(seconds * 1000))


async def person(scene: Scene, login: str = "anna") -> str:
    return str((await scene.act("channels", login=login, name=login.title()))["id"])


async def test_a_code_is_typed_and_somebody_is_in(scene: Scene, accounts: Accounts) -> None:
    anna = await person(scene)
    login = await begun(scene, accounts)
    assert len(login.user_code) == 8
    assert login.verification_uri.startswith("http")
    assert (login.interval_seconds, login.expires_at - scene.clock.now()) == (5, 1_800_000)
    later(scene, 5)
    assert (await poll(accounts, login)).state == "pending"
    await scene.act("device/approve", user_code=login.user_code, user_id=anna)
    assert (await poll(accounts, login)).state == "pending", "Twitch is not asked again so soon"
    later(scene, 5)
    answer = await poll(accounts, login)
    assert answer.state == "signed_in"
    assert answer.user is not None
    assert answer.user.id == anna
    assert await scene.repositories.channels.get(anna) is not None
    assert (await poll(accounts, login)).state == "expired", "for one use"


async def test_however_many_ask_twitch_is_asked_once_in_each_interval(
    scene: Scene, accounts: Accounts
) -> None:
    login = await begun(scene, accounts)
    for _ in range(3):
        later(scene, 5)
        before = scene.counted("twitch_calls_total", call="device_poll", outcome="400")
        await asyncio.gather(*(poll(accounts, login) for _ in range(6)))
        assert scene.counted("twitch_calls_total", call="device_poll", outcome="400") == before + 1


async def test_another_browser_learns_nothing(scene: Scene, accounts: Accounts) -> None:
    anna = await person(scene)
    login = await begun(scene, accounts)
    await scene.act("device/approve", user_code=login.user_code, user_id=anna)
    later(scene, 5)
    for binding in ("", "another"):
        assert (await poll(accounts, login, binding=binding)).state == "expired"
    assert (await accounts.login.devices.poll(handle="x" * 43, binding=BROWSER)).state == "expired"
    assert (await poll(accounts, login)).state == "signed_in"


async def test_a_code_that_nobody_typed_is_over_in_the_end(scene: Scene, accounts: Accounts) -> None:
    login = await begun(scene, accounts)
    later(scene, 1800)
    assert (await poll(accounts, login)).state == "expired"
    consents = await scene.store.collection(CONSENTS)
    assert await consents.count({}) == 0


async def test_what_twitch_ends_is_over(scene: Scene, accounts: Accounts) -> None:
    login = await begun(scene, accounts)
    scene.sim._identity._devices.clear()
    later(scene, 5)
    assert (await poll(accounts, login)).state == "expired"


async def test_twitch_that_does_not_answer_is_asked_again(scene: Scene, accounts: Accounts) -> None:
    anna = await person(scene)
    login = await begun(scene, accounts)
    await scene.act("device/approve", user_code=login.user_code, user_id=anna)
    await scene.fault("POST", "/oauth2/token", status=503)
    later(scene, 5)
    assert (await poll(accounts, login)).state == "pending"
    later(scene, 5)
    assert (await poll(accounts, login)).state == "signed_in"


async def test_who_is_not_invited_is_not_let_in_this_way_either(scene: Scene, accounts: Accounts) -> None:
    await person(scene)
    await log_in(scene, accounts, "anna", VIPS)
    ben = await person(scene, "ben")
    login = await begun(scene, accounts)
    await scene.act("device/approve", user_code=login.user_code, user_id=ben)
    later(scene, 5)
    with pytest.raises(LoginFailed) as caught:
        await poll(accounts, login)
    assert caught.value.reason == "not_invited"


async def test_the_device_code_is_sealed_in_the_store(scene: Scene, accounts: Accounts) -> None:
    await begun(scene, accounts)
    (code,) = scene.sim._identity._devices
    told = []
    async for collection, document in scene.store.export():
        told.append(f"{collection} {document}")
    assert any("device_code" in one for one in told)
    assert not any(code in one for one in told)


async def test_a_store_that_fails_leaves_the_login_open(scene: Scene, accounts: Accounts) -> None:
    anna = await person(scene)
    login = await begun(scene, accounts)
    await scene.act("device/approve", user_code=login.user_code, user_id=anna)
    later(scene, 5)
    scene.store.orders.fail("consents", "change")
    with pytest.raises(Unavailable):
        await poll(accounts, login)
    assert (await poll(accounts, login)).state == "signed_in"
