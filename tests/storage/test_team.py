from __future__ import annotations

import asyncio

import pytest

from storage.contracts import Store
from storage.team import BOTS, HOSTS, TEAM, Bot, Bots, Host, Hosts, Member, Team, member_id


def member(channel: str, user: str, login: str = "mia", since: int = 1, by: str = "x") -> Member:
    return Member(member_id(channel, user), channel, user, login, login.title(), since, by)


@pytest.fixture
async def team(store: Store) -> Team:
    return Team(await store.collection(TEAM))


async def test_who_is_in_and_where(team: Team) -> None:
    for channel, user, login in (("1", "5", "zoe"), ("1", "6", "ann"), ("2", "5", "zoe")):
        await team.put(member(channel, user, login))
    assert [one.login for one in await team.of_channel("1")] == ["ann", "zoe"]
    assert sorted(one.channel_id for one in await team.of_user("5")) == ["1", "2"]
    assert await team.remove("1", "5")
    assert not await team.remove("1", "5")
    assert [one.channel_id for one in await team.of_user("5")] == ["2"]


async def test_letting_in_again_keeps_the_day(team: Team) -> None:
    await team.put(member("1", "5", since=10, by="owner"))
    again = await team.put(member("1", "5", login="renamed", since=99, by="other"))
    assert (again.login, again.since, again.added_by) == ("renamed", 10, "owner")
    assert await team.of_channel("1") == [again]


async def test_bots(store: Store) -> None:
    bots = Bots(await store.collection(BOTS))
    assert await bots.get("1") is None
    for channel, bot in (("1", "7"), ("2", "7"), ("3", "8"), ("3", "7")):
        await bots.put(Bot(channel, bot, "lamp", "Lamp", 1))
    assert await bots.speaking("7") == 3
    assert await bots.speaking("8") == 0
    assert (await bots.get("3") or Bot("", "", "", "", 0)).bot_id == "7"
    assert await bots.remove("1")
    assert await bots.speaking("7") == 2


async def test_there_is_one_host(store: Store) -> None:
    hosts = Hosts(await store.collection(HOSTS))
    assert await hosts.get() is None
    claims = await asyncio.gather(*(hosts.claim(str(number), now=5) for number in range(10)))
    assert claims.count(True) == 1
    host = await hosts.get()
    assert host == Host("host", str(claims.index(True)), 5)
    assert await hosts.claim(str(claims.index(True)), now=9), "the host may ask again"
