"""The topics are away: nothing waits for the page, and the page gets everything later."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, AuditRecord
from domain.errors import Broken, Unavailable
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from domain.vip import extended
from gateways.topics.contracts import Entry, NewEntry, Position
from gateways.topics.memory import MemoryTopics
from handlers.vip.live import AWAY_SECONDS, topic_of
from handlers.vip.live_bodies import activity_body, by_hand_body, vip_body
from tests.support.scene import Scene


class AwayTopics:
    """Real topics at the end of a line that the test cuts: `down`, `lost` (the answer), `slow` (it arrives when the
    test says so), `refused`, or `up`."""

    def __init__(self, real: MemoryTopics) -> None:
        self._real, self.how, self.calls = real, "up", 0
        self.arrive = asyncio.Event()
        self.late: list[asyncio.Task[Position]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        self.calls += 1
        match self.how:
            case "down":
                raise Unavailable("no answer", code="redis.unavailable", retry_after_seconds=1.0)
            case "refused":
                raise Broken("a password is refused", code="redis.broken")
            case "slow":
                self.late.append(asyncio.create_task(self._arrives(topic, entry, key)))
                await asyncio.Event().wait()
        position = await self._real.append(topic, entry, guard=guard, key=key)
        if self.how == "lost":
            raise Unavailable("the answer was lost", code="redis.unavailable")
        return position

    async def _arrives(self, topic: str, entry: NewEntry, key: str | None) -> Position:
        await self.arrive.wait()
        return await self._real.append(topic, entry, key=key)


@pytest.fixture
def line(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AwayTopics:
    away = AwayTopics(scene.topics)
    monkeypatch.setattr(scene.desk.live, "_topics", away)
    monkeypatch.setattr("handlers.vip.live.APPEND_SECONDS", 0.02)
    monkeypatch.setattr("handlers.vip.late.MOST_SECONDS", 0.1)
    return away


async def waiting(scene: Scene) -> list[str]:
    return [row.kind for row in await scene.rows(RowState.OPEN)]


def newest(entries: list[Entry]) -> dict[str, dict[str, Any]]:
    """What a page shows after these entries."""
    return {entry.body["id"]: entry.body for entry in entries if entry.kind == "vip"}


@pytest.mark.parametrize("how", ["down", "lost", "slow", "refused"])
async def test_a_grant_goes_on_and_is_shown_later(scene: Scene, line: AwayTopics, how: str) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    line.how = how
    redemption_id = await scene.redeem(channel, ann)
    redemption = await scene.settled_now(redemption_id)
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
    (row,) = [row for row in await scene.rows(RowState.DONE) if row.kind == "redemption.add"]
    assert row.attempts == 1, "no failure of the redemption"
    assert set(await waiting(scene)) == {"live.show"}
    assert await scene.repositories.inbox.oldest_open() is None, "and no backlog"
    line.how = "up"
    line.arrive.set()
    await asyncio.gather(*line.late)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    entries = await scene.entries(channel)
    assert newest(entries) == {session.id: vip_body(session)}
    assert [entry.body["action"] for entry in entries if entry.kind == "activity"] == ["vip.granted"]


async def test_nothing_is_asked_again_and_again_of_topics_that_are_away(
    scene: Scene, line: AwayTopics
) -> None:
    channel = await scene.channel()
    line.how = "down"
    for number in range(5):
        record = AuditRecord(f"a-{number}", channel.id, number, Action.NOTICED, SYSTEM, "twitch")
        await scene.repositories.audit.add(record)
        await scene.desk.live.show_activity(record)
    assert line.calls <= 2, "once by itself, once by the first late row"
    await scene.quiet()
    line.how = "up"
    await scene.finish()
    shown = [entry.body["id"] for entry in await scene.entries(channel)]
    assert shown == [f"a-{number}" for number in range(5)], "in their order"


async def test_a_long_absence_is_no_attempt_and_no_backlog(scene: Scene, line: AwayTopics) -> None:
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    line.how = "down"
    await scene.redeem(channel, ann)
    await scene.quiet()
    for _ in range(30):
        await scene.pass_ms(10_000)
        await scene.quiet()
        assert await scene.repositories.inbox.oldest_open() is None
    head = min((row for row in await scene.rows(RowState.OPEN)), key=lambda row: row.order)
    assert (head.attempts, head.waiting_for) == (0, "topics")
    assert head.waits > 10
    line.how = "up"
    await scene.finish()
    assert [entry.kind for entry in await scene.entries(channel)].count("activity") == 1


async def test_what_is_shown_late_is_the_newest_state(scene: Scene, line: AwayTopics) -> None:
    """Granted while the topics were away, extended after they were back and before the late row had its turn."""
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    line.how = "down"
    await scene.redeem(channel, ann)
    await scene.quiet()
    line.how = "up"
    await scene.pass_ms(1)
    await scene.redeem(channel, ann)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 2
    assert newest(await scene.entries(channel)) == {session.id: vip_body(session)}


async def test_an_append_that_arrives_after_all_shows_nothing_old(scene: Scene, line: AwayTopics) -> None:
    """It lay in a buffer while the session was shown late; its key is taken by then."""
    channel, ann = await scene.channel(vip_ms=5000), await scene.viewer()
    line.how = "slow"
    await scene.redeem(channel, ann)
    await scene.quiet()
    line.how = "up"
    await scene.finish()
    await scene.pass_ms(6000)
    await scene.finish()
    line.arrive.set()
    await asyncio.gather(*line.late)
    (shown,) = newest(await scene.entries(channel)).values()
    assert shown["status"] == "ended"


async def test_an_old_state_that_came_in_last_is_followed_by_the_newest(
    scene: Scene, line: AwayTopics
) -> None:
    """Another process has shown a newer one meanwhile; then the buffer was emptied."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    held = await scene.session(channel, ann)
    assert held is not None
    line.how = "slow"
    await scene.desk.live.show_vip(held, key="one")
    await scene.quiet()
    now = scene.clock.now()
    session = await scene.repositories.sessions.change(
        held.id, lambda old: extended(old, cause="another", added_ms=5000, now=now)
    )
    line.how = "up"
    await scene.desk.live.append(channel.id, "vip", vip_body(session), "vip:another")
    line.arrive.set()
    await asyncio.gather(*line.late)
    assert newest(await scene.entries(channel)) == {held.id: vip_body(held)}
    await scene.finish()
    assert newest(await scene.entries(channel)) == {session.id: vip_body(session)}


async def test_what_is_gone_is_not_shown(scene: Scene, line: AwayTopics) -> None:
    channel = await scene.channel()
    record = AuditRecord("a-1", channel.id, 5, Action.NOTICED, SYSTEM, "twitch")
    line.how = "down"
    await scene.desk.live.show_activity(record)  # and it was never stored
    line.how = "up"
    await scene.finish()
    assert (await scene.row("live:a-1")).result == "gone"
    assert await scene.entries(channel) == []


async def test_the_state_of_a_connection_is_shown_late_as_well(scene: Scene, line: AwayTopics) -> None:
    channel = await scene.channel()
    line.how = "down"
    await scene.desk.live.show_connection(channel.id, "connecting", "")
    await scene.desk.live.show_connection(channel.id, "live", "")
    line.how = "up"
    await scene.finish()
    assert [entry.body["connection"]["state"] for entry in await scene.entries(channel)][-1] == "live"
    await scene.enrolment.remove(channel.id)
    line.how = "down"
    await scene.desk.live.show_connection(channel.id, "stopped", "")
    line.how = "up"
    await scene.finish()


async def test_after_a_while_the_topics_are_tried_directly_again(scene: Scene, line: AwayTopics) -> None:
    channel = await scene.channel()
    record = AuditRecord("a-1", channel.id, 5, Action.NOTICED, SYSTEM, "twitch")
    await scene.repositories.audit.add(record)
    line.how = "down"
    await scene.desk.live.show_activity(record)
    line.how = "up"
    await scene.clock.advance(AWAY_SECONDS)  # type: ignore[attr-defined]
    other = AuditRecord("a-2", channel.id, 6, Action.NOTICED, SYSTEM, "twitch")
    await scene.desk.live.show_activity(other)
    head = await scene.topics.head(topic_of(channel.id))
    entries = await scene.topics.read(topic_of(channel.id), Position(head.position.epoch, 0))
    assert activity_body(other) in [entry.body for entry in entries]
    await scene.finish()


async def test_every_kind_of_entry_is_shown_late(scene: Scene, line: AwayTopics) -> None:
    channel, ben = await scene.channel(), await scene.viewer("ben")
    line.how = "down"
    live = scene.desk.live
    record = await scene.repositories.viewers.change(
        channel.id, ben, lambda held: replace(held, by_hand_since=5)
    )
    await live.show_by_hand(record, key="1")
    await live.show_waiting(channel.id, key="1")
    await live.show_settings(channel.id, by=SYSTEM, parts=("rules",), key="1")
    await live.show_channel(channel.id, key="1")
    await scene.quiet()
    gone = await scene.repositories.viewers.change(
        channel.id, ben, lambda held: replace(held, by_hand_since=0, seen_at=9)
    )
    line.how = "up"
    await scene.finish()
    entries = await scene.entries(channel)
    assert newest(entries) == {f"hand:{ben.id}": by_hand_body(gone)}, "as it is now"
    kinds = {entry.kind: entry.body for entry in entries}
    assert kinds["waiting"] == await live.waiting(channel.id)
    assert kinds["settings"]["parts"] == ["rules"]
    assert kinds["channel"] == await live.channel_picture(channel)
