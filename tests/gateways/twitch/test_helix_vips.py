"""Add and remove VIPs: every documented answer, and those that have to be cleared up by reading back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateways.twitch.contracts import (
    AddVip,
    LoginNeeded,
    RemoveVip,
    TwitchBroken,
    TwitchDown,
    Waiting,
)
from tests.gateways.twitch.scripted import CHANNEL, VIEWER, Rig, Says, data, html, rigged, sorry, vip_row
from tests.gateways.twitch.test_outcomes import MODERATOR

ADD, REMOVE = ("POST", "/channels/vips"), ("DELETE", "/channels/vips")
VIPS, MODERATORS = ("GET", "/channels/vips"), ("GET", "/moderation/moderators")
ALREADY = sorry(422, "The user in the user_id query parameter is already a VIP.")
NOT_VIP = sorry(422, "The user in the user_id query parameter is not a VIP in the broadcaster's channel.")
UNKNOWN = sorry(422, "No can do.")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Says(204), AddVip.ADDED),
        (sorry(400, "The user is blocked from the channel."), AddVip.BLOCKED),
        (sorry(404, "no such user"), AddVip.UNKNOWN_USER),
        (sorry(409, "no slots"), AddVip.NO_SLOT),
        (ALREADY, AddVip.ALREADY_VIP),
        (sorry(422, MODERATOR), AddVip.MODERATOR),
        (sorry(425, "Build a Community"), AddVip.LOCKED),
    ],
)
async def test_add(rig: Rig, answer: Says, outcome: AddVip) -> None:
    rig.twitch.on(*ADD, answer)
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is outcome
    (heard,) = rig.twitch.heard
    assert heard.query == (("broadcaster_id", CHANNEL), ("user_id", VIEWER))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Says(204), RemoveVip.REMOVED),
        (NOT_VIP, RemoveVip.NOT_VIP),
        (sorry(404, "no such user"), RemoveVip.UNKNOWN_USER),
    ],
)
async def test_remove(rig: Rig, answer: Says, outcome: RemoveVip) -> None:
    rig.twitch.on(*REMOVE, answer)
    assert await rig.helix.remove_vip(CHANNEL, VIEWER) is outcome
    assert rig.twitch.heard[0].query == (("broadcaster_id", CHANNEL), ("user_id", VIEWER))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sorry(400, "The ID in user_id is not valid."), TwitchBroken),
        (sorry(403, "not yours"), LoginNeeded),
        (html(400), TwitchBroken),
        (html(404), TwitchBroken),
        (html(409), TwitchBroken),
        (html(500), TwitchDown),
        (sorry(429, "slow", Ratelimit_Remaining="5"), Waiting),
    ],
)
async def test_what_is_raised(rig: Rig, answer: Says, error: type[Exception]) -> None:
    rig.twitch.on(*ADD, answer)
    rig.twitch.on(*REMOVE, answer)
    with pytest.raises(error):
        await rig.helix.add_vip(CHANNEL, VIEWER)
    with pytest.raises(error):
        await rig.helix.remove_vip(CHANNEL, VIEWER)


@pytest.mark.parametrize(
    ("vip", "moderator", "outcome"),
    [(True, False, AddVip.ALREADY_VIP), (False, True, AddVip.MODERATOR), (False, False, None)],
)
@pytest.mark.parametrize("answer", [UNKNOWN, html(422)])
async def test_add_with_an_unknown_422_reads_back(
    rig: Rig, answer: Says, vip: bool, moderator: bool, outcome: AddVip | None
) -> None:
    rig.twitch.on(*ADD, answer)
    rig.twitch.on(*VIPS, data(*[vip_row(VIEWER)] * vip))
    rig.twitch.on(*MODERATORS, data(*[vip_row(VIEWER)] * moderator))
    if outcome is None:
        with pytest.raises(TwitchBroken):
            await rig.helix.add_vip(CHANNEL, VIEWER)
    else:
        assert await rig.helix.add_vip(CHANNEL, VIEWER) is outcome


async def test_remove_with_an_unknown_422_reads_back(rig: Rig) -> None:
    rig.twitch.on(*REMOVE, UNKNOWN)
    rig.twitch.on(*VIPS, data(), data(vip_row(VIEWER)))
    assert await rig.helix.remove_vip(CHANNEL, VIEWER) is RemoveVip.NOT_VIP
    with pytest.raises(TwitchBroken):
        await rig.helix.remove_vip(CHANNEL, VIEWER)


async def test_a_success_that_no_page_describes_reads_back(rig: Rig) -> None:
    rig.twitch.on(*ADD, Says(200, {"ok": True}))
    rig.twitch.on(*REMOVE, html(200))
    rig.twitch.on(*VIPS, data(vip_row(VIEWER)), data())
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED
    assert await rig.helix.remove_vip(CHANNEL, VIEWER) is RemoveVip.REMOVED


@pytest.mark.parametrize("vip", [True, False])
async def test_a_broken_connection_reads_back(rig: Rig, vip: bool) -> None:
    rig.twitch.on(*ADD, Says(drop=True))
    rig.twitch.on(*REMOVE, Says(drop=True))
    rig.twitch.on(*VIPS, data(*[vip_row(VIEWER)] * vip))
    if vip:
        assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED
        with pytest.raises(TwitchDown):
            await rig.helix.remove_vip(CHANNEL, VIEWER)
    else:
        with pytest.raises(TwitchDown):
            await rig.helix.add_vip(CHANNEL, VIEWER)
        assert await rig.helix.remove_vip(CHANNEL, VIEWER) is RemoveVip.REMOVED


async def test_a_time_out_reads_back() -> None:
    hold = asyncio.Event()
    async with rigged(call_seconds=0.2) as rig:
        rig.twitch.on(*ADD, Says(204, hold=hold))
        rig.twitch.on(*REMOVE, Says(204, hold=hold))
        rig.twitch.on(*VIPS, data(vip_row(VIEWER)), data())
        assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED
        assert await rig.helix.remove_vip(CHANNEL, VIEWER) is RemoveVip.REMOVED
        hold.set()


@pytest.mark.parametrize("answer", [html(500), Says(drop=True)])
async def test_reading_back_fails_too(rig: Rig, answer: Says) -> None:
    rig.twitch.on(*ADD, Says(drop=True))
    rig.twitch.on(*VIPS, answer)
    with pytest.raises(TwitchDown) as caught:
        await rig.helix.add_vip(CHANNEL, VIEWER)
    assert caught.value.code == "twitch.lost"


async def test_an_effect_behind_a_503_is_ours(rig: Rig) -> None:
    rig.twitch.on(*ADD, html(503), ALREADY)
    rig.twitch.on(*REMOVE, html(503), NOT_VIP)
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED
    assert await rig.helix.remove_vip(CHANNEL, VIEWER) is RemoveVip.REMOVED
    assert rig.twitch.calls(*VIPS) == []


async def test_adds_and_removals_have_a_pace_each(rig: Rig) -> None:
    rig.twitch.on(*ADD, Says(204))
    rig.twitch.on(*REMOVE, Says(204))
    for _ in range(10):
        await rig.helix.add_vip(CHANNEL, VIEWER)
    with pytest.raises(Waiting) as caught:
        await rig.helix.add_vip(CHANNEL, VIEWER)
    assert 10 <= caught.value.retry_after_seconds < 11
    assert len(rig.twitch.calls(*ADD)) == 10, "over the pace nothing is sent"
    for _ in range(10):
        await rig.helix.remove_vip(CHANNEL, VIEWER)
    with pytest.raises(Waiting):
        await rig.helix.remove_vip(CHANNEL, VIEWER)
    assert rig.counts.counted["twitch_waits_total", "pace"] == 2
    await rig.clock.advance(caught.value.retry_after_seconds)
    assert await rig.helix.add_vip(CHANNEL, VIEWER) is AddVip.ADDED


async def test_roles_are_looked_up(rig: Rig) -> None:
    rig.twitch.on(*VIPS, data(vip_row("8"), vip_row(VIEWER)), data(vip_row("8")), data())
    assert [await rig.helix.is_vip(CHANNEL, VIEWER) for _ in range(3)] == [True, False, False]
    rig.twitch.on(*MODERATORS, data(vip_row(VIEWER)), data())
    assert [await rig.helix.is_moderator(CHANNEL, VIEWER) for _ in range(2)] == [True, False]
    assert {heard.query for heard in rig.twitch.heard} == {(("broadcaster_id", CHANNEL), ("user_id", VIEWER))}


async def test_the_list_names_everybody(rig: Rig) -> None:
    rig.twitch.on(*VIPS, data(vip_row("8")))
    (user,) = await rig.helix.vips(CHANNEL)
    assert (user.id, user.login, user.name) == ("8", "u8", "U8")


async def test_the_moderators_are_listed_page_by_page(rig: Rig) -> None:
    rig.twitch.on(*MODERATORS, data(vip_row("8"), cursor="c"), data(vip_row("9")))
    assert [user.id for user in await rig.helix.moderators(CHANNEL)] == ["8", "9"]
    assert [heard.many("after") for heard in rig.twitch.calls(*MODERATORS)] == [[], ["c"]]
