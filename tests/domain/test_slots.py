"""Slots as a machine: whatever happens in whatever order, never more than the cap, and first redeemed, first served."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain import slots as moves
from domain.slots import (
    IN_FLIGHT_MS,
    MOST_WAITING,
    TWITCH_FULL_MS,
    Hold,
    Limits,
    Slots,
    Wait,
    is_full,
    settled,
)

CAP_2 = Limits(cap=2)


def wait(number: int, redeemed_at: int | None = None, viewer: str = "") -> Wait:
    at = number if redeemed_at is None else redeemed_at
    return Wait(f"r{number}", viewer or f"v{number}", "", "", "rw", "VIP", redeemed_at=at, since=at)


def full(*viewers: str) -> Slots:
    held = tuple(Hold(viewer, f"s-{viewer}", 1) for viewer in viewers)
    return Slots("1", held=held)


def reserved(slots: Slots, viewer: str, limits: Limits = CAP_2, now: int = 5) -> Slots:
    return moves.reserve(slots, viewer_id=viewer, session_id=f"s-{viewer}", limits=limits, now=now)


def released(slots: Slots, viewer: str) -> Slots:
    return moves.release(slots, viewer_id=viewer, session_id=f"s-{viewer}")


def test_a_slot_is_held_once_by_a_viewer_and_never_beyond_the_cap() -> None:
    slots = reserved(reserved(full(), "a"), "a")
    assert [hold.viewer_id for hold in slots.held] == ["a"]
    slots = reserved(reserved(slots, "b"), "c")
    assert [hold.viewer_id for hold in slots.held] == ["a", "b"]
    assert is_full(slots, CAP_2, 5)


def test_who_comes_while_others_wait_does_not_overtake() -> None:
    slots = moves.join(full("a"), wait(1))
    assert reserved(slots, "b").hold_of("b") is None


def test_who_asks_twitch_anyway_obeys_the_cap_and_the_list_all_the_same() -> None:
    def asked(slots: Slots) -> bool:
        after = moves.reserve(slots, viewer_id="cat", session_id="s-cat", limits=CAP_2, now=5, asks=True)
        return after.hold_of("cat") is not None

    assert asked(replace(full("ann"), full_since=5))
    assert not asked(full("ann", "ben")), "the streamer's own cap"
    assert not asked(replace(full("ann"), full_since=5, waiting=(wait(1),))), "others have waited"


def test_releasing_twice_or_for_another_session_frees_nothing_more() -> None:
    slots = released(full("a", "b"), "a")
    assert [hold.viewer_id for hold in slots.held] == ["b"]
    assert released(slots, "a") == slots
    assert moves.release(slots, viewer_id="b", session_id="an earlier one") == slots


def test_twitch_is_full_until_a_vip_goes_or_some_minutes_are_over() -> None:
    slots = moves.refused(full("a"), viewer_id="b", session_id="s-b", now=1000)
    unlimited = Limits()
    assert is_full(slots, unlimited, 1000 + TWITCH_FULL_MS - 1)
    assert not is_full(slots, unlimited, 1000 + TWITCH_FULL_MS)
    assert not is_full(released(slots, "a"), unlimited, 1001)
    assert not is_full(moves.freed(slots), unlimited, 1001)
    assert not released(slots, "c").held[1:]
    assert settled(slots, unlimited, 1000 + TWITCH_FULL_MS).full_since == 0


def test_the_list_is_worked_off_one_by_one_in_the_order_of_the_redemptions() -> None:
    slots = full("a", "b")
    for number in (3, 1, 2):
        slots = settled(moves.join(slots, wait(number)), CAP_2, 5)
    assert [each.redemption_id for each in slots.waiting] == ["r1", "r2", "r3"]
    assert [slots.position(f"r{number}") for number in (1, 2, 3, 4)] == [1, 2, 3, 0]
    before = slots
    slots = settled(released(released(slots, "a"), "b"), CAP_2, 6)
    assert [each.redemption_id for each in moves.admitted(before, slots)] == ["r1"]
    assert slots.hold_of("v2") is None, "the next one is let in when the first is VIP"
    slots = settled(moves.taken(slots, viewer_id="v1", session_id="r1", now=7), CAP_2, 7)
    assert slots.hold_of("v2") is not None
    assert [each.redemption_id for each in slots.waiting] == ["r3"]


def test_one_who_does_not_become_vip_in_time_stops_the_others_for_half_a_minute_only() -> None:
    slots = settled(moves.join(moves.join(full(), wait(1)), wait(2)), CAP_2, 10)
    assert [each.redemption_id for each in slots.waiting] == ["r2"]
    assert settled(slots, CAP_2, 10 + IN_FLIGHT_MS - 1).waiting
    assert not settled(slots, CAP_2, 10 + IN_FLIGHT_MS).waiting


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    """What was noted in what is the future by now is not believed for an hour."""
    hour = 3_600_000
    noted = Slots("1", full_since=2 * hour)
    assert not is_full(noted, Limits(), hour)
    assert is_full(noted, Limits(), 2 * hour - 2000), "two clocks that are a little apart agree"
    asked = Hold("v0", "s-v0", 2 * hour, admitted_at=2 * hour, admission=1)
    slots = Slots("1", held=(asked,), waiting=(wait(1),))
    assert settled(slots, CAP_2, 2 * hour - 2000).waiting
    assert not settled(slots, CAP_2, hour).waiting


def test_nobody_is_let_in_while_the_channel_is_paused() -> None:
    slots = moves.join(full(), wait(1))
    assert settled(slots, CAP_2, 10, lets_in=False).waiting == slots.waiting


def test_what_else_a_viewer_waits_for_goes_on_with_him() -> None:
    slots = full("a", "b")
    for each in (wait(1), wait(2), wait(3, viewer="v1")):
        slots = moves.join(slots, each)
    after = settled(released(slots, "a"), CAP_2, 9)
    assert [each.redemption_id for each in moves.admitted(slots, after)] == ["r1", "r3"]
    by_hand = moves.taken(slots, viewer_id="v2", session_id="x", now=9)
    assert [each.redemption_id for each in moves.admitted(slots, by_hand)] == ["r2"]
    assert by_hand.hold_of("v2") == Hold("v2", "x", 9, admission=1)


def test_who_is_sent_back_by_twitch_keeps_his_place_and_his_time() -> None:
    slots = settled(moves.join(moves.join(full(), wait(1)), wait(2)), Limits(), 10)
    hold = slots.hold_of("v1")
    assert hold is not None
    assert (hold.waited_since, hold.admission) == (1, 1)
    slots = moves.refused(slots, viewer_id="v1", session_id="r1", now=11)
    again = replace(wait(1), since=hold.waited_since, stay=hold.admission)
    slots = settled(moves.join(slots, again), Limits(), 11)
    assert [each.redemption_id for each in slots.waiting] == ["r1", "r2"]
    assert slots.held == ()


def test_the_list_has_an_end() -> None:
    slots = full("a", "b")
    slots = replace(slots, waiting=tuple(wait(number) for number in range(MOST_WAITING)))
    assert moves.join(slots, wait(MOST_WAITING + 1)) == slots


def test_the_oldest_goes_once_for_each_redemption() -> None:
    slots = moves.join(moves.join(full("a", "b"), wait(1)), wait(2))
    slots = moves.make_room(slots, "r1", ["s-a", "s-b"])
    assert moves.make_room(slots, "r1", ["s-a", "s-b"]) == slots
    slots = moves.make_room(slots, "r2", ["s-a", "s-b"])
    assert [(each.session_id, each.redemption_id) for each in slots.leaving] == [("s-a", "r1"), ("s-b", "r2")]
    assert [each.sent_off for each in slots.waiting] == [1, 1]
    third = moves.join(slots, wait(3))
    assert moves.make_room(third, "r3", ["s-a", "s-b"]) == third, "all go already"
    assert [each.redemption_id for each in moves.uncovered(third)] == ["r3"]


def test_who_was_spared_may_be_chosen_again_for_the_same_redemption_by_another_choice() -> None:
    slots = moves.make_room(moves.join(full("a", "b"), wait(1)), "r1", ["s-a", "s-b"])
    first = moves.leaving_for(slots, "r1")
    again = moves.leaving_for(moves.make_room(moves.stays(slots, "s-a"), "r1", ["s-a", "s-b"]), "r1")
    assert first is not None
    assert again is not None
    assert first.session_id == again.session_id
    assert (first.number, again.number) == (1, 2)


def test_who_was_chosen_last_is_spared_when_a_slot_becomes_free_otherwise() -> None:
    slots = moves.join(moves.join(full("a", "b"), wait(1)), wait(2))
    slots = moves.cover(slots, CAP_2, 5, ["s-a", "s-b"])
    assert len(slots.leaving) == 2
    slots = settled(replace(released(slots, "x"), held=slots.held[1:]), CAP_2, 6)
    assert [each.session_id for each in slots.leaving] == ["s-a"]
    begun = moves.begin_leaving(slots, "s-a")
    assert settled(moves.leave(begun, "r2"), CAP_2, 7).leaving == begun.leaving, "it has begun already"
    assert settled(moves.leave(slots, "r2"), CAP_2, 7).leaving == ()


def test_becoming_full_and_not_full_is_counted() -> None:
    slots = settled(reserved(settled(reserved(full(), "a"), CAP_2, 1), "b"), CAP_2, 1)
    assert (slots.told_full, slots.changes) == (True, 1)
    assert settled(slots, CAP_2, 2) == slots
    slots = settled(released(slots, "a"), CAP_2, 3)
    assert (slots.told_full, slots.changes) == (False, 2)


def test_only_what_time_may_change_is_looked_at() -> None:
    assert not full("a").restless
    assert moves.join(full("a"), wait(1)).restless
    assert moves.refused(full("a"), viewer_id="b", session_id="s", now=3).restless
    assert settled(moves.join(full(), wait(1)), CAP_2, 4).restless, "let in, not yet VIP"


class SlotMachine(RuleBasedStateMachine):
    """Viewers redeem, are let in, become VIP or are refused; VIPs go; time passes. Twitch has a number of slots of its
    own that we do not know."""

    @initialize(cap=st.integers(0, 3), twitch=st.integers(0, 4))
    def begin(self, cap: int, twitch: int) -> None:
        self.limits, self.twitch, self.now = Limits(cap=cap), twitch, 1000
        self.slots = Slots("1")
        self.vips: dict[str, str] = {}  # viewer to session
        self.asked: dict[str, Wait] = {}  # viewers who were let in and whose VIP is to be asked for
        self.number = 0
        self.reserved_beyond = 0

    def change(self, after: Slots) -> None:
        before, self.slots = self.slots, settled(after, self.limits, self.now)
        # Only the head of the list is ever let in (and what he has waiting besides).
        let_in = moves.admitted(before, self.slots)
        if let_in:
            joined = {each.redemption_id: each for each in (*after.waiting, *before.waiting)}
            first = min(joined.values(), key=lambda each: each.turn)
            assert any(each.viewer_id == first.viewer_id for each in let_in)
        for each in let_in:
            self.asked[each.viewer_id] = each

    @rule(viewer=st.sampled_from("abcdef"), late=st.integers(0, 900))
    def redeems(self, viewer: str, late: int) -> None:
        if viewer in self.vips:
            return  # an extension: no slot
        self.number += 1
        redemption_id = f"r{self.number}"
        waiter = wait(self.number, self.now - late, viewer)
        in_line = self.slots.waiting
        self.change(
            moves.reserve(
                self.slots, viewer_id=viewer, session_id=redemption_id, limits=self.limits, now=self.now
            )
        )
        hold = self.slots.hold_of(viewer)
        if hold is not None and hold.session_id == redemption_id:
            assert not in_line or viewer in self.asked, "nobody overtakes who waits"
            self.asked[viewer] = waiter
        elif hold is None:
            self.change(moves.join(self.slots, waiter))

    @rule(viewer=st.sampled_from("abcdef"))
    def twitch_answers(self, viewer: str) -> None:
        waiter = self.asked.pop(viewer, None)
        hold = self.slots.hold_of(viewer)
        if waiter is None or hold is None:
            return
        if len(self.vips) < self.twitch:
            self.vips[viewer] = hold.session_id
            self.change(moves.taken(self.slots, viewer_id=viewer, session_id=hold.session_id, now=self.now))
        else:
            sent_back = replace(waiter, since=hold.waited_since or self.now, stay=hold.admission)
            slots = moves.refused(self.slots, viewer_id=viewer, session_id=hold.session_id, now=self.now)
            self.change(moves.join(slots, sent_back))

    @rule(viewer=st.sampled_from("abcdef"), twice=st.booleans())
    def ends(self, viewer: str, twice: bool) -> None:
        session_id = self.vips.pop(viewer, None)
        if session_id is not None:
            for _ in range(1 + twice):
                self.change(moves.freed(moves.release(self.slots, viewer_id=viewer, session_id=session_id)))

    @precondition(lambda self: self.slots.waiting)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.slots.waiting))
        self.change(moves.leave(self.slots, gone.redemption_id))

    @rule(seconds=st.sampled_from([1, 31, 400]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000
        self.change(self.slots)

    @invariant()
    def at_most_the_cap(self) -> None:
        assert not self.limits.cap or len(self.slots.held) <= self.limits.cap

    @invariant()
    def nobody_waits_and_holds(self) -> None:
        assert not {each.viewer_id for each in self.slots.waiting} & {
            each.viewer_id for each in self.slots.held
        }

    @invariant()
    def each_once(self) -> None:
        viewers = [each.viewer_id for each in self.slots.held]
        waits = [each.redemption_id for each in self.slots.waiting]
        assert len(set(viewers)) == len(viewers)
        assert len(set(waits)) == len(waits)

    @invariant()
    def in_the_order_of_the_redemptions(self) -> None:
        assert list(self.slots.waiting) == sorted(self.slots.waiting, key=lambda each: each.turn)

    @invariant()
    def who_is_vip_holds_a_slot(self) -> None:
        assert set(self.vips) <= {each.viewer_id for each in self.slots.held}

    def teardown(self) -> None:
        """In the end everybody is served: VIPs go, and nobody is left on the list."""
        if not hasattr(self, "slots") or not self.twitch:
            return
        for _ in range(200):
            for viewer in list(self.vips):
                self.ends(viewer, False)
            for viewer in list(self.asked):
                self.twitch_answers(viewer)
            self.time_passes(400)
            if not self.slots.waiting and not self.asked:
                break
        assert not self.slots.waiting


TestSlotMachine = SlotMachine.TestCase
TestSlotMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
