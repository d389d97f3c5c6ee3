"""What each channel has and lacks."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from gateways.twitch.conduit_ledger import Entry, Filled, Ledger
from gateways.twitch.conduit_plan import Fill
from gateways.twitch.subscriptions import Wanted


def wish(type_: str, *, optional: bool = False) -> Wanted:
    return Wanted(type_, "1", {"broadcaster_user_id": "1"}, optional=optional)


A, B, C = wish("a"), wish("b"), wish("c", optional=True)


class Rig:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.ledger = Ledger(on_channel=lambda *news: self.told.append(news))

    def taken(self) -> Entry:
        entry = self.ledger.next()
        assert entry is not None
        return entry


def test_from_nothing_to_everything() -> None:
    rig = Rig()
    rig.ledger.want("1", (A, B))
    assert rig.ledger.state("1") == (Filled.UNKNOWN, "")  # it may have everything already
    assert rig.ledger.progress().missing == 2
    entry = rig.taken()
    assert entry.missing is None  # somebody has to look
    rig.ledger.looked(entry, Fill({"1": (A, B)}, ()))
    rig.ledger.made(entry, A)
    assert rig.ledger.progress().missing == 1
    rig.ledger.made(entry, B)
    rig.ledger.complete(entry)
    assert rig.told == [("1", "missing", ""), ("1", "enabled", "")]
    assert rig.ledger.progress().settled


def test_the_same_wish_again_changes_nothing() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.taken()
    rig.ledger.want("1", (A,))
    assert not rig.ledger.busy
    rig.ledger.want("1", (A, B))
    assert rig.ledger.busy


def test_a_look_at_what_works_is_no_news() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.ledger.compared(["1"], Fill({}, ()))
    rig.told.clear()
    rig.taken()
    rig.ledger.recheck("1")
    entry = rig.taken()
    rig.ledger.looked(entry, Fill({}, ()))
    rig.ledger.complete(entry)
    assert rig.told == []
    rig.ledger.recheck("1")
    rig.ledger.looked(rig.taken(), Fill({"1": (A,)}, ()))
    assert rig.told == [("1", "missing", "")]


def test_who_needs_login_waits_for_it() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.ledger.needs_login(rig.taken(), "missing: x")
    rig.ledger.recheck("1")
    rig.ledger.compared(["1"], Fill({"1": (A,)}, ()))
    assert (rig.ledger.busy, rig.ledger.take_back(1e9)) == (False, None)
    rig.ledger.wake("1")
    assert rig.ledger.busy
    rig.ledger.needs_login(rig.taken(), "missing: x")
    rig.ledger.compared(["1"], Fill({}, ()))  # somebody made them: fine
    assert rig.ledger.state("1")[0] is Filled.ENABLED


def test_without_an_optional_one_until_somebody_logs_in() -> None:
    rig = Rig()
    rig.ledger.want("1", (A, C))
    entry = rig.taken()
    rig.ledger.looked(entry, Fill({"1": (C,)}, ()))
    rig.ledger.without(entry, C)
    rig.ledger.complete(entry)
    assert rig.ledger.state("1") == (Filled.ENABLED, "without: c")
    assert rig.ledger.everything() == {"1": (A,)}
    rig.ledger.wake("1")
    assert rig.ledger.everything() == {"1": (A, C)}
    assert rig.taken().id == "1"


def test_what_was_not_granted_is_not_asked_for() -> None:
    rig = Rig()
    paid = Wanted("paid", "1", {"broadcaster_user_id": "1"}, ("bits:read", "bits:more"), optional=True)
    rig.ledger.want("1", (A, paid), ("other:scope",))
    assert rig.ledger.everything() == {"1": (A, paid)}  # what is there already stays
    assert rig.ledger.compared(["1"], Fill({"1": (A, paid)}, ("x",))) == Fill({"1": (A,)}, ("x",))
    entry = rig.taken()
    assert entry.missing == (A,)
    rig.ledger.made(entry, A)
    rig.ledger.complete(entry)
    assert rig.ledger.state("1") == (Filled.ENABLED, "without: paid")
    rig.ledger.wake("1")  # he logged in, and granted no more
    rig.ledger.looked(rig.taken(), Fill({"1": (paid,)}, ()))
    assert entry.missing == ()
    rig.ledger.want("1", (A, paid), ("bits:more",))
    rig.ledger.looked(rig.taken(), Fill({"1": (paid,)}, ()))
    assert entry.missing == (paid,)


def test_of_whom_nothing_is_known_everything_is_asked_for() -> None:
    rig = Rig()
    paid = Wanted("paid", "1", {"broadcaster_user_id": "1"}, ("bits:read",), optional=True)
    needed = Wanted("needed", "1", {"broadcaster_user_id": "1"}, ("vips:read",))
    rig.ledger.want("1", (paid,))
    rig.ledger.want("2", (needed,), ())  # Twitch's refusal says what the streamer has to do
    plan = Fill({"1": (paid,), "2": (needed,)}, ())
    assert rig.ledger.compared(["1", "2"], plan) == plan


def test_aside_until_its_time() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.ledger.refused(rig.taken(), "no", at=50.0)
    assert rig.ledger.progress().settled
    assert rig.ledger.take_back(49.0) == 50.0
    assert not rig.ledger.busy
    assert rig.ledger.take_back(50.0) is None
    rig.ledger.later(rig.taken(), at=60.0)
    assert rig.ledger.take_back(50.0) == 60.0
    assert not rig.ledger.progress().settled


def test_a_removed_channel_is_worked_for_once_more_in_silence() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.taken()
    rig.told.clear()
    rig.ledger.forget("1")
    entry = rig.taken()
    assert rig.ledger.possible(entry) == ()
    assert not rig.ledger.known(entry)
    rig.ledger.complete(entry)
    assert (rig.told, rig.ledger.channels) == ([], [])
    rig.ledger.forget("1")
    assert not rig.ledger.busy


def test_a_new_beginning_knows_nothing() -> None:
    rig = Rig()
    rig.ledger.want("1", (A,))
    rig.ledger.compared(["1"], Fill({}, ()))
    rig.ledger.begin()
    assert (rig.ledger.state("1"), rig.ledger.busy) == ((Filled.UNKNOWN, ""), False)
    assert not rig.ledger.progress().settled


class Work(RuleBasedStateMachine):
    """Whatever happens in whatever order: nobody is worked for twice at once, and nobody is forgotten."""

    entries = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(on_channel=lambda *news: None)
        self.now = 0.0
        self.taken: list[Entry] = []

    @rule(channel=st.sampled_from("123"), wishes=st.sampled_from([(A,), (A, B), (A, C)]))
    def want(self, channel: str, wishes: tuple[Wanted, ...]) -> None:
        self.ledger.want(channel, wishes)

    @rule(channel=st.sampled_from("123"))
    def forget(self, channel: str) -> None:
        self.ledger.forget(channel)

    @rule(channel=st.sampled_from("123"))
    def wake(self, channel: str) -> None:
        self.ledger.wake(channel)

    @rule(channel=st.sampled_from("123"))
    def recheck(self, channel: str) -> None:
        self.ledger.recheck(channel)

    @rule()
    def take(self) -> None:
        entry = self.ledger.next()
        if entry is not None:
            self.taken.append(entry)

    @rule(how=st.sampled_from(["done", "later", "refused", "login"]))
    def finish(self, how: str) -> None:
        if not self.taken:
            return
        entry = self.taken.pop(0)
        match how:
            case "done":
                if entry.missing is None:
                    missing = self.ledger.possible(entry)
                    self.ledger.looked(entry, Fill({entry.id: missing} if missing else {}, ()))
                while entry.missing:
                    self.ledger.made(entry, entry.missing[0])
                if entry.missing == ():
                    self.ledger.complete(entry)
            case "later":
                self.ledger.later(entry, at=self.now + 1)
            case "refused":
                self.ledger.refused(entry, "no", at=self.now + 5)
            case "login":
                self.ledger.needs_login(entry, "x")

    @rule(seconds=st.floats(0.1, 10))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.ledger.take_back(self.now)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for channel in self.ledger.channels:
            state, _ = self.ledger.state(channel)
            entry = self.ledger._entries[channel]
            assert (
                state in (Filled.ENABLED, Filled.NEEDS_LOGIN)
                or entry.queued
                or entry in self.taken
                or entry.aside_until > 0
            )
        queued = list(self.ledger._queue)
        assert len({id(entry) for entry in queued}) == len(queued)


TestWork = Work.TestCase
