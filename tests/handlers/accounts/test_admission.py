"""Who may have a channel in an installation."""

from __future__ import annotations

import asyncio

import pytest

from domain.channel import Channel
from handlers.accounts.admission import Admission
from storage.channels import CHANNELS, Channels
from storage.team import HOSTS, Hosts
from tests.support.scene import Scene


async def admission(scene: Scene, *allowed: str) -> Admission:
    return Admission(
        channels=Channels(await scene.store.collection(CHANNELS)),
        hosts=Hosts(await scene.store.collection(HOSTS)),
        allowed=allowed,
        clock=scene.clock,
    )


async def test_the_first_is_the_host_and_closes_the_door(scene: Scene) -> None:
    door = await admission(scene)
    assert await door.nobody_yet()
    assert await door.may_have_channel("1", "anna")
    assert not await door.nobody_yet()
    assert not await door.may_have_channel("2", "ben")
    assert await door.may_have_channel("1", "renamed"), "the host stays the host, also without a channel"


async def test_of_many_who_come_first_one_is(scene: Scene) -> None:
    doors = [await admission(scene) for _ in range(8)]
    answers = await asyncio.gather(*(door.may_have_channel(str(n), "x") for n, door in enumerate(doors)))
    assert answers.count(True) == 1


@pytest.mark.parametrize("allowed", [("*",), ("Ben",), ("2",), (" ben ", "cem")])
async def test_others_are_let_in_by_name(scene: Scene, allowed: tuple[str, ...]) -> None:
    assert await (await admission(scene)).may_have_channel("1", "anna")
    door = await admission(scene, *allowed)
    assert await door.may_have_channel("1", "anna"), "who is the host already need not be named"
    assert await door.may_have_channel("2", "BEN")
    assert await door.may_have_channel("3", "dora") is (allowed == ("*",))


async def test_who_is_named_may_be_the_first_and_the_host(scene: Scene) -> None:
    door = await admission(scene, "ben")
    assert not await door.may_have_channel("1", "anna"), "a stranger who finds the page first"
    assert await door.nobody_yet()
    assert await door.may_have_channel("2", "ben")
    assert not await door.may_have_channel("1", "anna")


async def test_where_the_operator_added_channels_nobody_becomes_host_by_coming(scene: Scene) -> None:
    door = await admission(scene)
    await scene.repositories.channels.put(Channel("9", "old", "Old"), lambda held: held)
    assert not await door.nobody_yet()
    assert not await door.may_have_channel("1", "anna")
    assert await door.may_have_channel("9", "old")
