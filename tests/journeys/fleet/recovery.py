"""How long a fault was felt, read from the simulator's ledger. Pure.

A redemption waits from its making to its answer by the application (fulfilled or refunded). Whoever waits longer than
`DELAYED_MS` was delayed; without a fault nobody is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DELAYED_MS = 1500


@dataclass(frozen=True)
class Recovery:
    """Milliseconds. `first_ms` and `all_ms`: from the fault (or its end) until the first and the last delayed
    redemption was answered; 0 if none was. `slowest_ms`: the longest wait that ended since. `p99_ms`: of all."""

    first_ms: int
    all_ms: int
    slowest_ms: int
    p99_ms: int
    redemptions: int


def waits(entries: Iterable[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """When each redemption was made and answered, for those that the application answered."""
    made: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    for entry in entries:
        if entry["kind"] == "redeemed":
            made[entry["redemption_id"]] = entry["at"]
        elif entry["kind"] in ("fulfilled", "refunded") and entry["by"] == "app":
            found.append((made[entry["redemption_id"]], entry["at"]))
    return found


def recovery(entries: Iterable[Mapping[str, Any]], *, since_ms: int, until_ms: int | None = None) -> Recovery:
    """What the ledger says about a fault that struck, or ended, at `since_ms`. What was answered from `until_ms` on
    belongs to the next one."""
    all_waits = [wait for wait in waits(entries) if until_ms is None or wait[1] < until_ms]
    lengths = [answered - made for made, answered in all_waits if answered >= since_ms]
    delayed = [
        answered - since_ms
        for made, answered in all_waits
        if answered - made > DELAYED_MS and answered >= since_ms
    ]
    return Recovery(
        first_ms=min(delayed, default=0),
        all_ms=max(delayed, default=0),
        slowest_ms=max(lengths, default=0),
        p99_ms=percentile_ms(all_waits, 99),
        redemptions=len(all_waits),
    )


def percentile_ms(found: Sequence[tuple[int, int]], percent: int) -> int:
    """Of the lengths of these waits (nearest rank); 0 for none."""
    lengths = sorted(answered - made for made, answered in found)
    return lengths[max(1, -(-len(lengths) * percent // 100)) - 1] if lengths else 0
