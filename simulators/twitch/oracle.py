"""The oracle: what every viewer paid, got back and holds, and whether that is as promised.

Pure. It reads the simulator's own ledger and the promised duration of each reward, never the client.

The promise: a redemption is answered within the slack, by VIP time or by a refund, never by both or neither.
VIP time starts when the VIP was added; each further payment that is fulfilled while it lasts adds its duration
to the end; after the end the VIP is removed within the slack, and not before. What a streamer or a moderator
does by hand ends the promise without fault. Of VIP time that was not paid for with points (bits, subscriptions, orders
from the dashboard, time that was kept for a moderator) only the application knows the end: it is not judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from simulators.twitch.ledger import Entry
from simulators.twitch.timeline import Blindness, Held, Paid, Timeline, read_timelines

COUNTS = (
    "redemptions",
    "granted",
    "extended",
    "refunded",
    "removed",
    "lost",
    "doubled",
    "unrefunded",
    "late",
    "early",
    "refunded_and_vip",
    "pending",
)
FAULTS = ("lost", "doubled", "unrefunded", "late", "early", "refunded_and_vip")


def audit(
    entries: Iterable[Entry],
    durations_ms: Mapping[str, int],
    *,
    now: int,
    slack_ms: int,
    until_stream: Collection[str] = (),
    waits_ms: Mapping[str, int] | None = None,
    makes_room: Collection[str] = (),
    dead_ms: int = 0,
) -> dict[str, Any]:
    """Count and judge. `now` in UTC milliseconds, `durations_ms` by reward id; the rewards in `until_stream` may end
    with a stream before. A redemption of a reward in `waits_ms` may wait so long for a slot before it is answered;
    a VIP by a reward in `makes_room` may go before its time if another takes its slot within the slack. `dead_ms`, a
    part of the slack, is how long at most no client ran at all: nobody could take a VIP back meanwhile.

    Returns COUNTS as integers and `details`, one object per fault: kind, channel_id, user_id, redemption_id
    (may be empty), at, why. Redemptions younger than the slack, and those of channels that withdrew their
    consent, are `pending`.
    """
    timelines, blindness = read_timelines(entries, durations_ms, slack_ms=slack_ms, until_stream=until_stream)
    judge = _Judge(
        now,
        slack_ms,
        blindness,
        waits_ms=waits_ms or {},
        makes_room=makes_room,
        begun=_begun(timelines),
        dead_ms=dead_ms,
    )
    for line in timelines:
        judge.line(line)
    return {**judge.counts, "details": judge.details}


def _begun(timelines: Iterable[Timeline]) -> dict[str, list[int]]:
    """When VIPs by the application began, by channel."""
    begun: dict[str, list[int]] = {}
    for line in timelines:
        begun.setdefault(line.channel_id, []).extend(held.start for held in line.held if held.by == "app")
    return begun


class _Judge:
    def __init__(
        self,
        now: int,
        slack_ms: int,
        blindness: Blindness,
        *,
        waits_ms: Mapping[str, int],
        makes_room: Collection[str],
        begun: Mapping[str, list[int]],
        dead_ms: int,
    ) -> None:
        self._now = now
        self._slack = slack_ms
        self._dead = dead_ms
        self._blindness = blindness
        self._waits, self._makes_room, self._begun = waits_ms, makes_room, begun
        self.counts = dict.fromkeys(COUNTS, 0)
        self.details: list[dict[str, Any]] = []

    def line(self, line: Timeline) -> None:
        for paid in line.paid.values():
            self._payment(line, paid)
        for held in line.held:
            if held.by == "app":
                self._stretch(line, held)
        for at in line.doubled_adds:
            self._fault("doubled", line, at, "a VIP was added that no redemption paid for")
        for at in line.hand_made_taken:
            self._fault("early", line, at, "a VIP made by the streamer's hand was removed")

    def _payment(self, line: Timeline, paid: Paid) -> None:
        self.counts["redemptions"] += 1
        if paid.status == "CANCELED":
            self.counts["refunded"] += 1
            return
        blind = self._blindness.excuses(line.channel_id)
        if paid.status == "UNFULFILLED":
            age = self._now - self._blindness.since(line.channel_id, paid.at)
            if age > self._slack + self._waits.get(paid.reward_id, 0) and not blind:
                self._fault("lost", line, paid.at, f"still UNFULFILLED after {age} ms", paid)
            else:
                self.counts["pending"] += 1
            return
        if paid.orphan and not paid.excused:
            if self._now - paid.resolved_at <= self._slack:
                self.counts["pending"] += 1
            else:
                self._fault(
                    "unrefunded", line, paid.resolved_at, "FULFILLED, and no VIP time came of it", paid
                )

    def _stretch(self, line: Timeline, held: Held) -> None:
        self.counts["granted"] += 1
        self.counts["extended"] += max(0, len(held.credits) - 1)
        self.counts["removed"] += held.ended_by == "app"
        if held.unpaid or held.other:
            return
        if not held.credits:
            self._unpaid_stretch(line, held)
            return
        end = held.start + held.paid_ms
        may_end = end + sum(paid.duration for paid in held.optional)
        shortest = min(paid.duration for paid in held.credits)
        early_by = end - (held.ended_at or end)
        if held.until_stream and self._blindness.stream_ended(
            line.channel_id, held.start, held.ended_at or end
        ):
            early_by = 0
        if self._made_room(line, held):
            early_by = 0
        if held.ended_by == "app" and not held.excused and early_by > min(self._slack, shortest // 2):
            self._fault(
                "early", line, held.ended_at or 0, f"removed {early_by} ms before its time", held.credits[-1]
            )
        self._check_late(line, held, may_end)

    def _made_room(self, line: Timeline, held: Held) -> bool:
        """Whether it was to make room for another, and another came."""
        ended_at = held.ended_at
        if ended_at is None or any(paid.reward_id not in self._makes_room for paid in held.credits):
            return False
        return any(ended_at <= at <= ended_at + self._slack for at in self._begun.get(line.channel_id, ()))

    def _unpaid_stretch(self, line: Timeline, held: Held) -> None:
        """VIP without a fulfilled payment: still to be fulfilled, or given although refunded."""
        cause = held.cause
        if cause is None:
            return
        if cause.status != "CANCELED":
            self._check_late(line, held, held.start + cause.duration)
            return
        until = self._now if held.ended_at is None else held.ended_at
        since = held.start if cause.resolved_by == "app" else max(held.start, cause.resolved_at)
        since = self._blindness.since(line.channel_id, since)
        served = until - since
        # A slack longer than the VIP must not excuse a whole one for nothing; a client that did not run could not know.
        allowed = min(self._slack, self._dead + cause.duration * 9 // 10)
        if served > allowed and not self._blindness.excuses(line.channel_id):
            self._fault("refunded_and_vip", line, held.start, f"refunded, yet VIP for {served} ms", cause)

    def _check_late(self, line: Timeline, held: Held, end: int) -> None:
        if self._blindness.excuses(line.channel_id):
            return
        until = self._now if held.ended_at is None else held.ended_at
        over = until - self._blindness.since(line.channel_id, end)
        if over <= self._slack:
            return
        last = held.credits[-1] if held.credits else held.cause
        twice = held.ended_by == "app" and any(
            abs(over - paid.duration) <= min(self._slack, paid.duration // 2) for paid in held.credits
        )
        if twice:
            self._fault("doubled", line, end, f"one payment counted twice: VIP for {over} ms too long", last)
        else:
            self._fault("late", line, end, f"VIP for {over} ms too long", last)

    def _fault(self, kind: str, line: Timeline, at: int, why: str, paid: Paid | None = None) -> None:
        self.counts[kind] += 1
        self.details.append(
            {
                "kind": kind,
                "channel_id": line.channel_id,
                "user_id": line.user_id,
                "redemption_id": "" if paid is None else paid.id,
                "at": at,
                "why": why,
            }
        )
