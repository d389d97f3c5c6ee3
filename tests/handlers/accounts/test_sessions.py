"""Sessions of browsers: they end on time, by hand, and with the right that they stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.channel import Channel
from handlers.accounts import sessions as module
from handlers.accounts.sessions import (
    BELIEVE_SECONDS,
    DEVELOPMENT,
    IDLE_MS,
    LONGEST_MS,
    SEEN_MS,
    LoginSessions,
)
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.logins import LOGINS, Logins, digest
from storage.open import open_store, sqlite_url
from storage.team import TEAM, Member, Team, member_id
from tests.support.clock import ManualClock

ANNA = {"subject": "1", "login": "anna", "name": "Anna"}


@dataclass
class Wire:
    """Signals between processes of a test: what one sends, the others hear, when `loud`."""

    ends: list[Wire] = field(default_factory=list)
    listeners: dict[str, list[Callable[[str], None]]] = field(default_factory=dict)
    loud: bool = True

    def send(self, name: str, text: str = "") -> None:
        for end in self.ends:
            if end is not self and self.loud:
                for listener in end.listeners.get(name, []):
                    listener(text)

    def listen(self, name: str, listener: Callable[[str], None]) -> None:
        self.listeners.setdefault(name, []).append(listener)

    async def close(self) -> None: ...


@dataclass
class Fleet:
    """Two processes on one store."""

    clock: ManualClock
    store: Store
    logins: Logins
    team: Team
    channels: Channels
    wires: tuple[Wire, Wire]
    here: LoginSessions
    there: LoginSessions

    async def let_in(self, channel_id: str, user_id: str) -> None:
        await self.team.put(
            Member(member_id(channel_id, user_id), channel_id, user_id, "u", "U", 1, channel_id)
        )

    async def add_channel(self, channel_id: str) -> None:
        await self.channels.put(Channel(channel_id, "c", "C"), lambda held: held)


@pytest.fixture
async def fleet(tmp_path: Path) -> Any:
    clock = ManualClock()
    store = await open_store(sqlite_url(tmp_path), clock=clock)
    logins, team = Logins(await store.collection(LOGINS)), Team(await store.collection(TEAM))
    channels = Channels(await store.collection(CHANNELS))
    wires = (Wire(), Wire())
    for wire in wires:
        wire.ends = list(wires)
    both = [
        LoginSessions(
            logins=logins, team=team, channels=channels, signals=wire, clock=clock, development=True
        )
        for wire in wires
    ]
    yield Fleet(clock, store, logins, team, channels, wires, *both)
    await store.close()


async def test_a_key_opens_a_session_in_every_process_and_is_not_stored(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(**ANNA, agent="Firefox\n\x00 on Linux")
    assert len(key) == 43
    found = await fleet.there.read(key)
    assert found == opened
    assert (opened.subject, opened.login, opened.name, opened.roles) == ("1", "anna", "Anna", {})
    held = await fleet.logins.get(digest(key))
    assert held is not None
    assert key not in repr(held)
    assert held.agent == "Firefox on Linux"
    another, second = await fleet.here.open(**ANNA)
    assert another != key
    assert second.csrf != opened.csrf


@pytest.mark.parametrize("key", ["", "x", "a" * 43, "ä" * 43, "a" * 5000, "../" * 10])
async def test_what_is_no_key_opens_nothing(fleet: Fleet, key: str) -> None:
    assert await fleet.here.read(key) is None


async def test_ending_one_ends_it_everywhere_at_once(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(**ANNA)
    other, _ = await fleet.here.open(**ANNA)
    assert await fleet.there.read(key)
    told: list[str] = []
    fleet.there.watch(told.append)
    await fleet.here.end(opened.id, "1")
    assert await fleet.here.read(key) is None
    assert await fleet.there.read(key) is None
    assert await fleet.there.read(other)
    assert told == ["1"]


async def test_a_signal_that_is_lost_costs_seconds(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(**ANNA)
    assert await fleet.there.read(key)
    fleet.wires[0].loud = False
    await fleet.here.end(opened.id, "1")
    assert await fleet.there.read(key), "believed for a moment"
    await fleet.clock.advance(BELIEVE_SECONDS)
    assert await fleet.there.read(key) is None


async def test_what_is_read_while_it_ends_is_not_remembered(fleet: Fleet, monkeypatch: Any) -> None:
    key, opened = await fleet.here.open(**ANNA)
    get = fleet.logins.get

    async def slow(login_id: str) -> Any:
        found = await get(login_id)
        await fleet.here.end(opened.id, "1")  # in the meantime, by somebody else
        return found

    monkeypatch.setattr(fleet.logins, "get", slow)
    await fleet.here.read(key)
    monkeypatch.undo()
    assert await fleet.here.read(key) is None


async def test_ending_all_leaves_those_of_others(fleet: Fleet) -> None:
    keys = [(await fleet.here.open(**ANNA))[0] for _ in range(3)]
    bens, _ = await fleet.here.open(subject="2", login="ben", name="Ben")
    assert await fleet.here.end_all("1") == 3
    assert [await fleet.there.read(key) for key in keys] == [None, None, None]
    assert await fleet.there.read(bens)


async def test_ending_all_spares_what_began_afterwards_and_who_has_the_right_again(fleet: Fleet) -> None:
    old, _ = await fleet.here.open(**ANNA)
    begun: list[str] = []

    async def logs_in_meanwhile() -> bool:
        begun.append((await fleet.there.open(**ANNA))[0])
        return False

    assert await fleet.here.end_all("1", unless=logs_in_meanwhile) == 1
    assert await fleet.here.read(old) is None
    assert await fleet.here.read(begun[0])

    async def right_again() -> bool:
        return True

    assert await fleet.here.end_all("1", unless=right_again) == 0
    assert await fleet.here.read(begun[0])


async def test_a_team_of_a_channel_that_is_gone_gives_no_role(fleet: Fleet) -> None:
    await fleet.add_channel("100")
    await fleet.let_in("100", "1")
    key, opened = await fleet.here.open(**ANNA)
    assert opened.roles == {"100": "moderator"}
    await fleet.channels.remove("100")
    fleet.here.changed("1")
    found = await fleet.here.read(key)
    assert found is not None
    assert found.roles == {}


async def test_what_the_browser_had_before_ends_with_a_login(fleet: Fleet) -> None:
    planted, _ = await fleet.here.open(**ANNA)
    key, _ = await fleet.here.open(**ANNA, replaces=planted)
    assert key != planted
    assert await fleet.here.read(planted) is None
    assert await fleet.here.read(key)


async def test_a_session_lives_as_long_as_it_is_used_but_not_for_ever(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(**ANNA)
    used_until = fleet.clock.now() + LONGEST_MS
    assert opened.expires_at == fleet.clock.now() + IDLE_MS
    while fleet.clock.now() + IDLE_MS - 1000 < used_until:
        await fleet.clock.advance((IDLE_MS - 1000) / 1000)
        found = await fleet.here.read(key)
        assert found is not None
        assert found.expires_at == min(used_until, fleet.clock.now() + IDLE_MS)
    await fleet.clock.advance(IDLE_MS / 1000)
    assert await fleet.here.read(key) is None
    idle, _ = await fleet.here.open(**ANNA)
    await fleet.clock.advance(IDLE_MS / 1000)
    assert await fleet.here.read(idle) is None


async def test_being_looked_at_by_a_stream_is_no_use(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(subject=DEVELOPMENT, login="", name="D")
    await fleet.clock.advance(SEEN_MS / 1000)
    assert await fleet.here.lasts(opened.id, "5")
    held = await fleet.logins.get(opened.id)
    assert held is not None
    assert held.expires_at == opened.expires_at
    await fleet.clock.advance(BELIEVE_SECONDS)
    assert await fleet.here.read(key)
    held = await fleet.logins.get(opened.id)
    assert held is not None
    assert held.expires_at == fleet.clock.now() + IDLE_MS


async def test_roles_are_those_of_now(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(**ANNA)
    assert not await fleet.there.lasts(opened.id, "9")
    await fleet.let_in("9", "1")
    await fleet.add_channel("9")
    await fleet.add_channel("1")
    fleet.here.changed("1")
    found = await fleet.there.read(key)
    assert found is not None
    assert found.roles == {"9": "moderator", "1": "owner"}
    assert await fleet.there.lasts(opened.id, "9")
    await fleet.team.remove("9", "1")
    fleet.here.changed("1")
    assert not await fleet.there.lasts(opened.id, "9")
    assert await fleet.there.lasts(opened.id, "1")


async def test_the_demos_login_is_in_force_in_the_demo_only(fleet: Fleet) -> None:
    key, opened = await fleet.here.open(subject=DEVELOPMENT, login="", name="D")
    assert opened.roles is None
    assert opened.role_in("whatever") == "owner"
    real = LoginSessions(
        logins=fleet.logins, team=fleet.team, channels=fleet.channels, signals=Wire(), clock=fleet.clock
    )
    assert await real.read(key) is None


async def test_a_read_costs_no_round_trip_while_it_is_believed(fleet: Fleet, monkeypatch: Any) -> None:
    key, _ = await fleet.here.open(**ANNA)
    asked: list[str] = []
    get = fleet.logins.get

    async def counting(login_id: str) -> Any:
        asked.append(login_id)
        return await get(login_id)

    monkeypatch.setattr(fleet.logins, "get", counting)
    for _ in range(5):
        await fleet.here.read(key)
        await fleet.here.read("n" * 43)
    assert len(asked) == 2, "one for the session, one for the key that opens nothing"


async def test_what_is_remembered_is_bounded(fleet: Fleet, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 5)
    for number in range(20):
        await fleet.here.read(f"{number:043d}")
    assert len(fleet.here._memory) == 5


async def test_sessions_are_listed_the_latest_first(fleet: Fleet) -> None:
    first, _ = await fleet.here.open(**ANNA)
    await fleet.clock.advance(60)
    second, _ = await fleet.here.open(**ANNA)
    assert [login.id for login in await fleet.here.of("1")] == [digest(second), digest(first)]
    await fleet.clock.advance(IDLE_MS / 1000)
    assert await fleet.here.of("1") == []
