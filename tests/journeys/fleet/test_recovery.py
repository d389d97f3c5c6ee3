"""Times to recover are read from the ledger alone."""

from __future__ import annotations

from typing import Any

from tests.journeys.fleet.recovery import Recovery, percentile_ms, recovery


def story(*waits: tuple[int, int], by: str = "app") -> list[dict[str, Any]]:
    entries = []
    for number, (made, answered) in enumerate(waits):
        entries.append({"kind": "redeemed", "redemption_id": number, "at": made, "by": "self"})
        entries.append({"kind": "fulfilled", "redemption_id": number, "at": answered, "by": by})
    return entries


def test_only_who_waited_long_counts() -> None:
    ledger = story((900, 950), (1000, 1100), (1200, 5000), (1300, 4000), (5000, 5040))
    assert recovery(ledger, since_ms=2000) == Recovery(2000, 3000, 3800, 3800, 5)


def test_the_next_fault_is_another_story() -> None:
    ledger = story((1000, 4000), (4900, 9000))
    assert recovery(ledger, since_ms=1500, until_ms=5000) == Recovery(2500, 2500, 3000, 3000, 1)
    assert recovery(ledger, since_ms=5000) == Recovery(4000, 4000, 4100, 4100, 2)


def test_nobody_was_delayed() -> None:
    assert recovery(story((1000, 1100), (2000, 2030)), since_ms=1500) == Recovery(0, 0, 30, 100, 2)
    assert recovery([], since_ms=0) == Recovery(0, 0, 0, 0, 0)


def test_what_a_moderator_answered_is_not_ours() -> None:
    assert recovery(story((0, 9000), by="moderator"), since_ms=0).redemptions == 0


def test_percentiles_are_of_the_lengths() -> None:
    assert percentile_ms([(0, n) for n in range(1, 201)], 99) == 198
    assert percentile_ms([(5, 7)], 99) == 2
    assert percentile_ms([], 99) == 0
