"""What each channel should have on a conduit, what it lacks, and what is to be tried next. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateways.twitch.conduit_plan import Fill
from gateways.twitch.subscriptions import Key, Wanted, key_of, may


class Filled(StrEnum):
    UNKNOWN = ""  # not looked at yet
    MISSING = "missing"  # under way
    ENABLED = "enabled"  # everything that it can have is there
    NEEDS_LOGIN = "needs_login"  # nothing is tried before `wake`
    REFUSED = "refused"  # tried again later


OnChannel = Callable[[str, Filled, str], None]
"""`(channel_id, state, detail)` at each change; must not wait."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`enabled`, `needs_login`, `refused`: channels. `missing`: subscriptions that are still to be made."""

    channels: int = 0
    enabled: int = 0
    needs_login: int = 0
    refused: int = 0
    missing: int = 0

    @property
    def settled(self) -> bool:
        """Whether every channel has what it can have at present."""
        return self.enabled + self.needs_login + self.refused == self.channels


@dataclass(slots=True, eq=False)
class Entry:
    """`granted`: the scopes of the broadcaster, `None` where they are not known. `missing`: what is to be made; `None`:
    somebody has to look. `aside_until`: monotonic seconds, not tried before."""

    id: str
    wanted: tuple[Wanted, ...]
    granted: frozenset[str] | None = None
    missing: tuple[Wanted, ...] | None = None
    state: Filled = Filled.UNKNOWN
    detail: str = ""
    queued: bool = False
    aside_until: float = 0.0


class Ledger:
    """See the module. Whoever works takes entries from `next`, and says what became of them."""

    def __init__(self, *, on_channel: OnChannel) -> None:
        self._on_channel = on_channel
        self._entries: dict[str, Entry] = {}
        self._without: dict[str, set[Key]] = {}
        self._queue: deque[Entry] = deque()

    @property
    def channels(self) -> list[str]:
        return list(self._entries)

    @property
    def busy(self) -> bool:
        """Whether `next` has something."""
        return bool(self._queue)

    def known(self, entry: Entry) -> bool:
        """Whether the channel is still to be looked after (and was not removed and added again)."""
        return self._entries.get(entry.id) is entry

    def state(self, channel_id: str) -> tuple[Filled, str]:
        entry = self._entries.get(channel_id)
        return (entry.state, entry.detail) if entry is not None else (Filled.UNKNOWN, "")

    def progress(self) -> Progress:
        states = [entry.state for entry in self._entries.values()]
        missing = sum(
            len(entry.wanted if entry.missing is None else entry.missing)
            for entry in self._entries.values()
            if entry.state in (Filled.UNKNOWN, Filled.MISSING)
        )
        return Progress(
            channels=len(states),
            enabled=states.count(Filled.ENABLED),
            needs_login=states.count(Filled.NEEDS_LOGIN),
            refused=states.count(Filled.REFUSED),
            missing=missing,
        )

    def possible(self, entry: Entry) -> tuple[Wanted, ...]:
        """What is wanted, without the optional ones that Twitch refused, or would refuse."""
        without = self._without.get(entry.id)
        return tuple(wish for wish in entry.wanted if not without or key_of(wish) not in without)

    def everything(self) -> dict[str, tuple[Wanted, ...]]:
        """What is wanted of every channel and possible, for a comparison."""
        return {entry.id: self.possible(entry) for entry in self._entries.values()}

    # What others say

    def want(self, channel_id: str, wanted: Sequence[Wanted], granted: Collection[str] | None = None) -> None:
        """A channel is to have these subscriptions; of the optional ones only those for which its broadcaster `granted`
        the scope are asked for. The same again changes nothing."""
        entry = self._entries.get(channel_id)
        if entry is None:
            entry = self._entries[channel_id] = Entry(channel_id, ())
        scopes = None if granted is None else frozenset(granted)
        if entry.granted != scopes:
            self._without.pop(channel_id, None)
        if (entry.wanted, entry.granted) != (tuple(wanted), scopes):
            entry.wanted, entry.granted = tuple(wanted), scopes
            self._again(entry)

    def forget(self, channel_id: str) -> None:
        """A channel is to have none any more: what it has is still to be found and deleted."""
        entry = self._entries.pop(channel_id, None)
        if entry is not None:
            self._without.pop(channel_id, None)
            entry.wanted, entry.missing = (), None
            self._enqueue(entry)

    def wake(self, channel_id: str) -> None:
        """The streamer logged in: what was refused may be allowed now."""
        entry = self._entries.get(channel_id)
        if entry is not None and (entry.state is not Filled.ENABLED or entry.detail):
            self._without.pop(channel_id, None)
            self._again(entry)

    def recheck(self, channel_id: str) -> None:
        """A subscription of the channel may have ended."""
        entry = self._entries.get(channel_id)
        if entry is not None and entry.state is not Filled.NEEDS_LOGIN:
            self._again(entry)

    def begin(self) -> None:
        """Nothing is known (another conduit, another holder)."""
        self._queue.clear()
        for entry in self._entries.values():
            entry.missing, entry.state, entry.detail, entry.queued = None, Filled.UNKNOWN, "", False

    # What the work finds

    def compared(self, wanted: Sequence[str], plan: Fill) -> Fill:
        """These channels were looked at, all at once. What is left to do of the plan."""
        create: dict[str, tuple[Wanted, ...]] = {}
        for channel_id in wanted:
            entry = self._entries.get(channel_id)
            missing = self._to_make(entry, plan) if entry is not None else ()
            if entry is None or (entry.state is Filled.NEEDS_LOGIN and missing):
                continue
            entry.missing = missing
            if missing:
                create[channel_id] = missing
                self._show(entry, Filled.MISSING)
                self._enqueue(entry)
            else:
                self.complete(entry)
        return Fill(create, plan.delete)

    def looked(self, entry: Entry, plan: Fill) -> None:
        """This one was looked at."""
        entry.missing = self._to_make(entry, plan)
        if entry.missing:
            self._show(entry, Filled.MISSING)

    def next(self) -> Entry | None:
        """The channel to work for."""
        if not self._queue:
            return None
        entry = self._queue.popleft()
        entry.queued = False
        return entry

    def made(self, entry: Entry, wish: Wanted) -> None:
        """This one exists now. (What is wanted may have changed meanwhile.)"""
        if entry.missing and entry.missing[0] is wish:
            entry.missing = entry.missing[1:]

    def without(self, entry: Entry, wish: Wanted) -> None:
        """The channel does without this optional one."""
        self._without.setdefault(entry.id, set()).add(key_of(wish))
        self.made(entry, wish)

    def complete(self, entry: Entry) -> None:
        """Nothing is missing."""
        keys = self._without.get(entry.id, ())
        without = [wish.type for wish in entry.wanted if keys and key_of(wish) in keys]
        self._show(entry, Filled.ENABLED, f"without: {' '.join(without)}" if without else "")

    def needs_login(self, entry: Entry, detail: str) -> None:
        self._show(entry, Filled.NEEDS_LOGIN, detail)

    def later(self, entry: Entry, *, at: float) -> None:
        """Not now: tried again at that monotonic time."""
        entry.aside_until = at
        self._show(entry, Filled.MISSING)

    def refused(self, entry: Entry, detail: str, *, at: float) -> None:
        """Twitch does not want it: looked at again at that monotonic time."""
        entry.aside_until, entry.missing = at, None
        self._show(entry, Filled.REFUSED, detail)

    def take_back(self, now: float) -> float | None:
        """Queue those that waited long enough; when the next of the others may be tried (`None`: there is none)."""
        waiting = [
            entry
            for entry in self._entries.values()
            if entry.state in (Filled.MISSING, Filled.REFUSED) and not entry.queued
        ]
        for entry in waiting:
            if entry.aside_until <= now:
                self._enqueue(entry)
        return min((entry.aside_until for entry in waiting if not entry.queued), default=None)

    # Small things

    def _to_make(self, entry: Entry, plan: Fill) -> tuple[Wanted, ...]:
        """What the channel lacks and Twitch may allow. The rest is not asked for: of thousands of channels that would
        be minutes of calls at each start, all of them refused. What is there already is not looked at."""
        lacking = plan.create.get(entry.id, ())
        refused = [key_of(wish) for wish in lacking if wish.optional and not may(wish, entry.granted)]
        if not refused:
            return lacking
        self._without.setdefault(entry.id, set()).update(refused)
        return tuple(wish for wish in lacking if key_of(wish) not in refused)

    def _again(self, entry: Entry) -> None:
        entry.missing, entry.aside_until = None, 0.0
        if entry.state in (
            Filled.NEEDS_LOGIN,
            Filled.REFUSED,
        ):  # of others a look tells whether there is news
            self._show(entry, Filled.MISSING)
        self._enqueue(entry)

    def _enqueue(self, entry: Entry) -> None:
        if not entry.queued:
            entry.queued = True
            self._queue.append(entry)

    def _show(self, entry: Entry, state: Filled, detail: str = "") -> None:
        if (entry.state, entry.detail) != (state, detail):
            entry.state, entry.detail = state, detail
            if self.known(entry):
                self._on_channel(entry.id, state, detail)
