"""From ledger to timelines: per viewer and channel, what was paid and what VIP time was held for it.

Pure. `read_timelines` walks the ledger once; judging is `oracle.py`'s part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from simulators.twitch.ledger import Entry


@dataclass
class Paid:
    """A redemption of a promised reward. Times and durations in milliseconds."""

    id: str
    reward_id: str
    at: int
    duration: int
    status: str = "UNFULFILLED"
    resolved_at: int = 0
    resolved_by: str = ""
    credited: bool = False
    caused: Held | None = None
    excused: bool = False
    until_stream: bool = False

    @property
    def orphan(self) -> bool:
        """Paid and fulfilled, and no VIP time has come out of it (yet)."""
        return self.status == "FULFILLED" and not self.credited


@dataclass
class Held:
    """A stretch of VIP. `cause` is the redemption that it was most likely granted for.

    `credits` are the fulfilled redemptions that pay for it; `optional` those which a moderator fulfilled
    meanwhile, so that the application may count them or not. `other`: there is time in it that was not paid for with
    points (bits, a subscription, the streamer's order), so nobody but the application knows its end.
    """

    start: int
    by: str
    cause: Paid | None = None
    credits: list[Paid] = field(default_factory=list)
    optional: list[Paid] = field(default_factory=list)
    ended_at: int | None = None
    ended_by: str = ""
    excused: bool = False
    unpaid: bool = False
    other: bool = False

    @property
    def until_stream(self) -> bool:
        """Whether all of it may end with the stream."""
        paid = self.credits or ([] if self.cause is None else [self.cause])
        return bool(paid) and all(each.until_stream for each in paid)

    @property
    def paid_ms(self) -> int:
        return sum(paid.duration for paid in self.credits)


@dataclass
class Timeline:
    """Everything between one viewer and one channel. `expects`: the next VIP need not be paid for with points."""

    channel_id: str
    user_id: str
    paid: dict[str, Paid] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    doubled_adds: list[int] = field(default_factory=list)
    hand_made_taken: list[int] = field(default_factory=list)
    expects: bool = False

    @property
    def open(self) -> Held | None:
        last = self.held[-1] if self.held else None
        return last if last is not None and last.ended_at is None else None


@dataclass
class Blindness:
    """What excuses the application, per channel: it could do nothing (its consent was withdrawn, or the account is
    gone), or the stream was over."""

    lost_at: dict[str, int] = field(default_factory=dict)
    restored_at: dict[str, int] = field(default_factory=dict)
    offline_at: dict[str, list[int]] = field(default_factory=dict)

    def stream_ended(self, channel_id: str, begin: int, end: int) -> bool:
        """Whether a stream ended between two moments."""
        return any(begin <= at <= end for at in self.offline_at.get(channel_id, ()))

    def excuses(self, channel_id: str) -> bool:
        return channel_id in self.lost_at

    def since(self, channel_id: str, moment: int) -> int:
        """The moment from which slack counts: no earlier than the last return of access."""
        return max(moment, self.restored_at.get(channel_id, 0))


def read_timelines(
    entries: Iterable[Entry],
    durations: Mapping[str, int],
    *,
    slack_ms: int,
    until_stream: Collection[str] = (),
) -> tuple[list[Timeline], Blindness]:
    """Timelines in the order in which they began. Redemptions of rewards without a duration are left out."""
    reader = _Reader(durations, slack_ms, until_stream)
    for entry in entries:
        reader.take(entry)
    return list(reader.timelines.values()), reader.blindness


class _Reader:
    def __init__(
        self, durations: Mapping[str, int], slack_ms: int, until_stream: Collection[str] = ()
    ) -> None:
        self._durations, self._until_stream = durations, until_stream
        self._slack = slack_ms
        self.timelines: dict[tuple[str, str], Timeline] = {}
        self.blindness = Blindness()

    def take(self, entry: Entry) -> None:
        match entry.kind:
            case "redeemed":
                self._redeemed(entry)
            case "fulfilled" | "refunded":
                self._resolved(entry)
            case "vip_added":
                self._added(entry)
            case "vip_removed":
                self._removed(entry)
            case "blocked" | "moderator_added" | "moderator_removed":
                self._role(entry)
            case "contributed" | "arranged":
                self._beside(entry)
            case _:
                self._about_channel(entry)

    def _about_channel(self, entry: Entry) -> None:
        match entry.kind:
            case "access_lost" | "account_deleted":
                self.blindness.lost_at[entry.channel_id] = entry.at
            case "access_restored":
                if self.blindness.lost_at.pop(entry.channel_id, None) is not None:
                    self.blindness.restored_at[entry.channel_id] = entry.at
            case "stream_offline":
                self.blindness.offline_at.setdefault(entry.channel_id, []).append(entry.at)

    def _role(self, entry: Entry) -> None:
        line = self._of(entry)
        if entry.kind == "moderator_removed":
            line.expects = any(held.by == "app" for held in line.held)  # what was left is given back
        elif line.open is not None:
            line.open.excused = True

    def _of(self, entry: Entry) -> Timeline:
        key = (entry.channel_id, entry.user_id)
        if key not in self.timelines:
            self.timelines[key] = Timeline(*key)
        return self.timelines[key]

    def _beside(self, entry: Entry) -> None:
        """Time that was not paid for with points: it goes into what is open, or opens the next."""
        line = self._of(entry)
        if line.open is None:
            line.expects = True
        else:
            line.open.other = True
            line.open.by = "app"  # a VIP by hand may be given an end, too

    def _redeemed(self, entry: Entry) -> None:
        duration = self._durations.get(entry.reward_id)
        if duration is not None:
            paid = Paid(entry.redemption_id, entry.reward_id, entry.at, duration)
            paid.until_stream = entry.reward_id in self._until_stream
            self._of(entry).paid[entry.redemption_id] = paid

    def _resolved(self, entry: Entry) -> None:
        line = self._of(entry)
        paid = line.paid.get(entry.redemption_id)
        if paid is None or paid.status != "UNFULFILLED":
            return
        paid.status = "FULFILLED" if entry.kind == "fulfilled" else "CANCELED"
        paid.resolved_at, paid.resolved_by = entry.at, entry.by
        if paid.status == "FULFILLED":
            self._credit(line, paid)

    def _credit(self, line: Timeline, paid: Paid) -> None:
        """Find the VIP time that this payment went into."""
        by_hand = paid.resolved_by in ("moderator", "streamer")
        held = line.open
        if held is not None and held.by == "app":
            if by_hand and held.cause is not paid:
                held.optional.append(paid)
                paid.excused = True
            else:
                self._give(held, paid)
            return
        paid.excused = by_hand
        last = next((h for h in reversed(line.held) if h.by == "app"), None)
        if last is None or last.ended_at is None:
            return
        if last.cause is paid and not last.credits:
            self._give(last, paid)
        elif paid.at <= last.ended_at and last.ended_at - last.start - last.paid_ms > paid.duration // 2:
            self._give(last, paid)  # it was extended first, and the queue was told after a pause
        elif (
            last.ended_by != "app"
            and paid.at <= last.ended_at <= paid.resolved_at <= last.ended_at + self._slack
        ):
            paid.excused = True  # the streamer took the VIP away while the payment was under way

    @staticmethod
    def _give(held: Held, paid: Paid) -> None:
        held.credits.append(paid)
        paid.credited = True

    def _added(self, entry: Entry) -> None:
        line = self._of(entry)
        if line.open is not None:
            if entry.by == "app":
                line.doubled_adds.append(entry.at)
            return
        held = Held(start=entry.at, by="app" if entry.by == "app" else "hand")
        line.held.append(held)
        if held.by != "app":
            return
        held.other, line.expects = line.expects, False
        cause = self._cause(line, entry.at)
        if cause is None and held.other:
            return
        if cause is None:
            held.unpaid = True
            line.doubled_adds.append(entry.at)
            return
        held.cause = cause
        cause.caused = held
        if cause.orphan:
            self._give(held, cause)

    def _cause(self, line: Timeline, at: int) -> Paid | None:
        """The redemption that this grant answers: the oldest open one, else one fulfilled without VIP so far,
        else one refunded already."""
        everything = list(line.paid.values())
        for paid in everything:
            if paid.status == "UNFULFILLED" and (paid.caused is None or paid.caused.ended_at is not None):
                return paid
        for paid in everything:
            soon = at - paid.resolved_at <= self._slack
            if paid.orphan and (soon or paid.resolved_by != "app"):
                return paid
        for paid in reversed(everything):
            if paid.status == "CANCELED" and paid.caused is None:
                return paid
        return None

    def _removed(self, entry: Entry) -> None:
        line = self._of(entry)
        held = line.open
        if held is None:
            return
        held.ended_at, held.ended_by = entry.at, entry.by
        if held.by == "hand" and entry.by == "app" and entry.at - held.start > self._slack:
            line.hand_made_taken.append(entry.at)
