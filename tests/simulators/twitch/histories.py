"""Made-up histories for the oracle: a perfect application, as a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from simulators.twitch.ledger import Entry

DURATIONS = {"short": 10_000, "long": 25_000}
SLACK = 1_000
START = 1_700_000_000_000
CHANNEL = "100"

ACTS = ("redeem", "redeem", "redeem", "refund", "hand_add", "hand_remove", "cancel", "wait")
steps = st.lists(
    st.tuples(
        st.integers(100, 9_000),
        st.sampled_from(ACTS),
        st.sampled_from(("ann", "bob")),
        st.sampled_from(list(DURATIONS)),
    ),
    min_size=1,
    max_size=30,
)


@dataclass
class History:
    """Plays the steps as a faultless application would and writes the ledger."""

    now: int = START
    entries: list[Entry] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    by_hand: set[str] = field(default_factory=set)
    count: int = 0

    def write(
        self, kind: str, user: str, *, by: str, at: int, redemption: str = "", reward: str = ""
    ) -> None:
        self.entries.append(Entry(len(self.entries) + 1, at, kind, CHANNEL, user, redemption, reward, by))

    def expire(self, until: int) -> None:
        for user, end in sorted(self.ends.items(), key=lambda item: item[1]):
            if end <= until:
                self.write("vip_removed", user, by="app", at=end)
                del self.ends[user]

    def step(self, gap: int, act: str, user: str, reward: str) -> None:
        self.expire(self.now + gap)
        self.now += gap
        if act == "redeem":
            self.redeem(user, reward)
        elif act == "refund" and user not in self.ends:
            self._redeem(user, reward)
            self._end("refunded", user, reward, "app")
        elif act == "cancel":
            self._redeem(user, reward)
            self._end("refunded", user, reward, "moderator")
        elif act == "hand_add" and user not in self.ends and user not in self.by_hand:
            self.by_hand.add(user)
            self.write("vip_added", user, by="streamer", at=self.now)
        elif act == "hand_remove" and (user in self.ends or user in self.by_hand):
            self.by_hand.discard(user)
            self.ends.pop(user, None)
            self.write("vip_removed", user, by="streamer", at=self.now)

    def redeem(self, user: str, reward: str) -> None:
        self._redeem(user, reward)
        if user in self.by_hand:
            self._end("refunded", user, reward, "app")
            return
        if user in self.ends:
            self.ends[user] += DURATIONS[reward]
        else:
            self.write("vip_added", user, by="app", at=self.now + 10)
            self.ends[user] = self.now + 10 + DURATIONS[reward]
        self._end("fulfilled", user, reward, "app")

    def _redeem(self, user: str, reward: str) -> None:
        self.count += 1
        self.write("redeemed", user, by="self", at=self.now, redemption=f"r{self.count}", reward=reward)

    def _end(self, kind: str, user: str, reward: str, by: str) -> None:
        self.write(kind, user, by=by, at=self.now + 20, redemption=f"r{self.count}", reward=reward)


def perfect(played: list[tuple[int, str, str, str]]) -> tuple[list[Entry], int]:
    """The ledger, and a moment well after everything is over."""
    history = History()
    for step in played:
        history.step(*step)
    over = max([history.now, *history.ends.values()]) + 10
    history.expire(over)
    return history.entries, over + 20 * SLACK


def without(entries: list[Entry], gone: Entry) -> list[Entry]:
    return [entry for entry in entries if entry is not gone]


def instead(entries: list[Entry], old: Entry, **changes: object) -> list[Entry]:
    return [replace(entry, **changes) if entry is old else entry for entry in entries]  # type: ignore[arg-type]
