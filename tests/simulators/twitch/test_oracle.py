"""A perfect history is judged faultless; each seeded defect is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulators.twitch.ledger import Entry
from simulators.twitch.oracle import COUNTS, FAULTS, audit
from tests.simulators.twitch.histories import (
    CHANNEL,
    DURATIONS,
    SLACK,
    START,
    History,
    instead,
    perfect,
    steps,
    without,
)

Played = list[tuple[int, str, str, str]]


def judge(entries: list[Entry], now: int) -> dict[str, Any]:
    return audit(entries, DURATIONS, now=now, slack_ms=SLACK)


def pick(data: st.DataObject, entries: list[Entry], kind: str, by: str) -> Entry:
    found = [entry for entry in entries if (entry.kind, entry.by) == (kind, by)]
    assume(found)
    return data.draw(st.sampled_from(found))


def before(entries: list[Entry], entry: Entry) -> list[Entry]:
    """What happened to the same viewer before, the youngest last."""
    return [other for other in entries if other.user_id == entry.user_id and other.seq < entry.seq]


@given(steps)
def test_perfect_history_has_no_fault(played: Played) -> None:
    entries, now = perfect(played)
    verdict = judge(entries, now)
    assert not verdict["details"]
    assert all(verdict[name] == 0 for name in (*FAULTS, "pending"))
    assert verdict["redemptions"] == sum(1 for e in entries if e.kind == "redeemed")
    assert verdict["granted"] == sum(1 for e in entries if (e.kind, e.by) == ("vip_added", "app"))
    assert verdict["granted"] + verdict["extended"] == sum(1 for e in entries if e.kind == "fulfilled")
    assert verdict["refunded"] == sum(1 for e in entries if e.kind == "refunded")
    assert verdict["removed"] == sum(1 for e in entries if (e.kind, e.by) == ("vip_removed", "app"))


@given(steps, st.integers(0, 400))
def test_perfect_history_has_no_fault_at_any_moment(played: Played, tenths: int) -> None:
    entries, _ = perfect(played)
    now = START + tenths * 100
    past = [entry for entry in sorted(entries, key=lambda e: (e.at, e.seq)) if entry.at <= now]
    verdict = judge(past, now)
    assert not verdict["details"]


@given(steps, st.data())
def test_dropped_removal_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    removal = pick(data, entries, "vip_removed", "app")
    later = [
        e
        for e in entries
        if e.user_id == removal.user_id and e.seq > removal.seq and e.kind.startswith("vip_")
    ]
    assume(not later or later[0].by == "app" or later[0].at > removal.at + SLACK)
    verdict = judge(without(entries, removal), now)
    assert verdict["late"] + verdict["doubled"] > 0


@given(steps, st.data())
def test_second_add_for_one_payment_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    removal = pick(data, entries, "vip_removed", "app")
    again = replace(removal, kind="vip_added", at=removal.at + 5)
    place = entries.index(removal) + 1
    verdict = judge([*entries[:place], again, *entries[place:]], now)
    assert verdict["doubled"] + verdict["refunded_and_vip"] > 0


@given(steps, st.data())
def test_add_while_vip_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    added = pick(data, entries, "vip_added", "app")
    place = entries.index(added) + 1
    assert judge([*entries[:place], replace(added, at=added.at + 1), *entries[place:]], now)["doubled"] > 0


@given(steps, st.data())
def test_forgotten_redemption_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    refund = pick(data, entries, "refunded", "app")
    assert judge(without(entries, refund), now)["lost"] == 1


@given(steps, st.data())
def test_fulfilled_without_vip_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    refund = pick(data, entries, "refunded", "app")
    verdict = judge(instead(entries, refund, kind="fulfilled"), now)
    assert verdict["unrefunded"] == 1


@given(steps, st.data())
def test_refund_beside_vip_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    fulfilled = pick(data, entries, "fulfilled", "app")
    later = [
        e for e in entries if e.user_id == fulfilled.user_id and e.seq > fulfilled.seq and e.at > fulfilled.at
    ]
    stays = next((e for e in later if e.kind == "vip_removed"), None)
    assume(stays is None or stays.by == "app")
    verdict = judge(instead(entries, fulfilled, kind="refunded"), now)
    assert verdict["refunded_and_vip"] + verdict["late"] + verdict["doubled"] > 0


@given(steps, st.data())
def test_early_removal_is_found(played: Played, data: st.DataObject) -> None:
    entries, now = perfect(played)
    removal = pick(data, entries, "vip_removed", "app")
    last = before(entries, removal)[-1]
    assume(removal.at - last.at > 6_000)
    assert judge(instead(entries, removal, at=last.at + 1), now)["early"] == 1


def history(*acts: tuple[int, str, str]) -> tuple[list[Entry], int]:
    return perfect([(gap, act, "ann", reward) for gap, act, reward in acts])


def test_lost_extension_is_early() -> None:
    entries, now = history((100, "redeem", "short"), (2_000, "redeem", "long"))
    removal = entries[-1]
    verdict = judge(instead(entries, removal, at=removal.at - DURATIONS["long"]), now)
    assert verdict["early"] == 1
    assert verdict["details"][0]["redemption_id"] == "r2"


def test_extension_counted_twice_is_doubled() -> None:
    entries, now = history((100, "redeem", "short"), (2_000, "redeem", "long"))
    removal = entries[-1]
    verdict = judge(instead(entries, removal, at=removal.at + DURATIONS["long"]), now + DURATIONS["long"])
    assert (verdict["doubled"], verdict["late"]) == (1, 0)


def test_late_removal_is_late() -> None:
    entries, now = history((100, "redeem", "long"))
    removal = entries[-1]
    verdict = judge(instead(entries, removal, at=removal.at + 3 * SLACK), now)
    assert (verdict["doubled"], verdict["late"]) == (0, 1)


def test_young_redemption_is_pending() -> None:
    made = History()
    made._redeem("ann", "short")
    assert judge(made.entries, made.now + SLACK)["pending"] == 1
    assert judge(made.entries, made.now + SLACK + 1)["lost"] == 1


def test_crash_between_grant_and_fulfil_is_forgiven() -> None:
    """Granted, killed, restarted: fulfilled even after the removal, the payment still belongs to that grant."""
    made = History()
    made._redeem("ann", "short")
    made.write("vip_added", "ann", by="app", at=START + 10)
    made.write("vip_removed", "ann", by="app", at=START + 10_300)
    made.write("fulfilled", "ann", by="app", at=START + 10_400, redemption="r1", reward="short")
    verdict = judge(made.entries, START + 60_000)
    assert verdict["details"] == []
    assert (verdict["granted"], verdict["extended"]) == (1, 0)


def test_extension_fulfilled_after_the_removal_is_forgiven() -> None:
    made = History()
    made.redeem("ann", "short")
    made._redeem("ann", "short")
    made.write("vip_removed", "ann", by="app", at=START + 20_100)
    made._end("fulfilled", "ann", "short", "app")
    assert judge(made.entries, START + 60_000)["details"] == []


def test_grant_that_a_moderator_cancelled_must_end() -> None:
    made = History()
    made._redeem("ann", "long")
    made.write("vip_added", "ann", by="app", at=START + 10)
    made._end("refunded", "ann", "long", "moderator")
    assert judge(made.entries, START + 100)["details"] == []
    assert judge(made.entries, START + 5_000)["refunded_and_vip"] == 1
    made.write("vip_removed", "ann", by="app", at=START + 500)
    assert judge(made.entries, START + 5_000)["details"] == []


def test_who_does_not_run_cannot_take_a_vip_back() -> None:
    """A slack that is longer than the VIP does not excuse a whole one for nothing, unless nothing ran meanwhile."""
    made = History()
    made._redeem("ann", "short")
    made.write("vip_added", "ann", by="app", at=START + 10)
    made._end("refunded", "ann", "short", "moderator")
    made.write("vip_removed", "ann", by="app", at=START + 14_000)
    found = {
        dead_ms: audit(made.entries, DURATIONS, now=START + 60_000, slack_ms=20_000, dead_ms=dead_ms)
        for dead_ms in (0, 4_000, 6_000)
    }
    assert {dead_ms: verdict["refunded_and_vip"] for dead_ms, verdict in found.items()} == {
        0: 1,
        4_000: 1,
        6_000: 0,
    }


def test_what_a_moderator_fulfils_may_count_or_not() -> None:
    for removed_after in (10_000, 20_000):
        made = History()
        made.redeem("ann", "short")
        made._redeem("ann", "short")
        made._end("fulfilled", "ann", "short", "moderator")
        made.write("vip_removed", "ann", by="app", at=START + 10 + removed_after)
        assert judge(made.entries, START + 60_000)["details"] == []


def test_removal_of_a_hand_made_vip_is_a_fault() -> None:
    made = History()
    made.write("vip_added", "ann", by="streamer", at=START)
    made.write("vip_removed", "ann", by="app", at=START + 5_000)
    assert judge(made.entries, START + 5_000)["early"] == 1


def test_withdrawn_consent_excuses_until_it_returns() -> None:
    made = History()
    made._redeem("ann", "short")
    made.write("access_lost", CHANNEL, by="streamer", at=START + 5)
    assert judge(made.entries, START + 60_000)["pending"] == 1
    made.write("access_restored", CHANNEL, by="streamer", at=START + 60_000)
    assert judge(made.entries, START + 60_500)["pending"] == 1
    assert judge(made.entries, START + 62_000)["lost"] == 1


def test_a_reward_deleted_with_open_redemptions_is_unrefunded() -> None:
    made = History()
    made._redeem("ann", "short")
    made._end("fulfilled", "ann", "short", "app")
    assert judge(made.entries, START + 60_000)["unrefunded"] == 1


def test_removed_by_hand_while_the_payment_was_under_way_is_forgiven() -> None:
    made = History()
    made.redeem("ann", "long")
    made.now += 2_000
    made._redeem("ann", "long")
    made.write("vip_removed", "ann", by="streamer", at=made.now + 5)
    made._end("fulfilled", "ann", "long", "app")
    assert judge(made.entries, START + 60_000)["details"] == []


def test_unknown_rewards_do_not_count() -> None:
    made = History()
    made._redeem("ann", "elsewhere")
    verdict = judge(made.entries, START + 60_000)
    assert [verdict[name] for name in COUNTS] == [0] * len(COUNTS)


@pytest.mark.parametrize("kind", ["blocked", "moderator_added"])
def test_a_removal_after_the_streamer_interfered_is_not_early(kind: str) -> None:
    made = History()
    made.redeem("ann", "long")
    made.write(kind, "ann", by="streamer", at=START + 100)
    made.write("vip_removed", "ann", by="app", at=START + 200)
    assert judge(made.entries, START + 60_000)["early"] == 0


def entry(seq: int, at: int, kind: str, user: str, redemption: str = "", by: str = "app") -> Entry:
    reward = "short" if redemption else ""
    return Entry(
        seq, at, kind, channel_id=CHANNEL, user_id=user, redemption_id=redemption, reward_id=reward, by=by
    )


def test_who_waits_for_a_slot_is_pending_until_the_longest_wait_is_over() -> None:
    entries = [entry(1, START, "redeemed", "ann", "r1", by="self")]
    waits = {"short": 60_000}
    for later, lost in ((SLACK + 60_000, 0), (SLACK + 60_001, 1)):
        verdict = audit(entries, DURATIONS, now=START + later, slack_ms=SLACK, waits_ms=waits)
        assert (verdict["lost"], verdict["pending"]) == (lost, 1 - lost)
    assert audit(entries, DURATIONS, now=START + SLACK + 1, slack_ms=SLACK)["lost"] == 1


@pytest.mark.parametrize(("another_comes", "early"), [(True, 0), (False, 1)])
def test_a_vip_may_go_early_for_another_one_only(another_comes: bool, early: int) -> None:
    entries = [
        entry(1, START, "redeemed", "ann", "r1", by="self"),
        entry(2, START + 1, "vip_added", "ann"),
        entry(3, START + 2, "fulfilled", "ann", "r1"),
        entry(4, START + 3, "redeemed", "ben", "r2", by="self"),
        entry(5, START + 10, "vip_removed", "ann"),
        entry(6, START + 11, "vip_added", "ben"),
        entry(7, START + 12, "fulfilled", "ben", "r2"),
    ]
    told = entries if another_comes else entries[:3] + entries[4:5]
    now = START + 20
    verdict = audit(told, DURATIONS, now=now, slack_ms=SLACK, makes_room={"short"})
    assert verdict["early"] == early
    assert audit(entries, DURATIONS, now=now, slack_ms=SLACK)["early"] == 1
