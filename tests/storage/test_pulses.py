from __future__ import annotations

import asyncio
from dataclasses import replace

from storage.contracts import Store
from storage.pulses import CHATS, PULSES, Chats, HeardOf, LastDrop, Pulse, Pulses, Subscribed, with_events


async def test_a_pulse_is_kept_whole(store: Store) -> None:
    pulses = Pulses(await store.collection(PULSES))
    assert await pulses.get("1") == Pulse("1")
    beaten = Pulse("1", 5, 6, 7, (Subscribed("channel.ban", "1", "enabled", 3, 5, "why"),))
    assert await pulses.change("1", lambda held: beaten) == beaten
    assert await pulses.get("1") == beaten
    assert await pulses.change("1", lambda held: held) == beaten


def test_events_move_a_pulse_forward_only() -> None:
    pulse = with_events(Pulse("1"), {"channel.ban": HeardOf("1", 50)}, at=50, lag_ms=7)
    assert (pulse.last_event_at, pulse.lag_ms) == (50, 7)
    older = with_events(
        pulse, {"channel.ban": HeardOf("1", 40), "stream.online": HeardOf("1", 30)}, at=40, lag_ms=9
    )
    assert (older.last_event_at, older.lag_ms) == (50, 7)
    assert [(one.type, one.last_event_at) for one in older.subscriptions] == [
        ("channel.ban", 50),
        ("stream.online", 30),
    ]
    known = replace(pulse, subscriptions=(Subscribed("channel.ban", "1", "enabled", 3),))
    (kept,) = with_events(known, {"channel.ban": HeardOf("1", 60)}, at=60, lag_ms=0).subscriptions
    assert (kept.status, kept.since, kept.last_event_at) == ("enabled", 3, 60)


async def test_chat_lines_are_counted(store: Store) -> None:
    chats = Chats(await store.collection(CHATS))
    assert (await chats.get("1")).sent == 0
    await chats.sent("1")
    await chats.sent("1")
    await chats.dropped("1", at=5, reason="x" * 500)
    tally = await chats.get("1")
    assert (tally.sent, tally.dropped, tally.last_drop) == (2, 1, LastDrop(5, "x" * 200))
    assert (await chats.get("2")).dropped == 0


async def test_coming_online_is_told_once_in_a_while(store: Store) -> None:
    chats = Chats(await store.collection(CHATS))
    both = await asyncio.gather(*(chats.came_online("1", now=1000, least_ms=100) for _ in range(2)))
    assert sorted(both) == [False, True], "of two who ask at once, one may"
    assert not await chats.came_online("1", now=1099, least_ms=100)
    assert await chats.came_online("1", now=1100, least_ms=100)
    assert await chats.came_online("1", now=900, least_ms=100), (
        "a clock that was set back keeps nobody silent"
    )
    await chats.sent("1")
    assert (await chats.get("1")).online_at == 900


async def test_the_last_event_of_every_channel_is_known_at_once(store: Store) -> None:
    pulses = Pulses(await store.collection(PULSES))
    assert await pulses.last_events() == {}
    for channel_id, at in (("1", 50), ("2", 70)):
        await pulses.change(channel_id, lambda held, at=at: replace(held, last_event_at=at))  # type: ignore[misc]
    assert await pulses.last_events() == {"1": 50, "2": 70}
