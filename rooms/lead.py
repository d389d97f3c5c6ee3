"""How far ahead of its effect a command is sent, so that it reaches everybody in time.

Percentiles, not the maximum: one bad link must not make a whole room wait. Who hears of a command too late jumps to
where the film is by then (`Vector.at`), so a lead that was too short costs that viewer a seek and nobody anything else.

Times in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST_SECONDS, LONGEST_SECONDS = 0.150, 1.0
LONGEST_PAUSE_SECONDS = 0.200
"""Whoever says pause wants it now."""

MARGIN_SECONDS = 0.040
"""Two turns of a 20 ms tick: what neither the network nor the player explains."""

PATIENCE = 0.95
"""So many of the viewers are waited for."""


@dataclass(frozen=True, slots=True)
class Delays:
    """What was measured lately: `one_way` per viewer (half a round trip), `start` per viewer (from play to moving
    picture), `fan_out` (from the first to the last write of a broadcast, the 99th percentile of the process)."""

    one_way: Sequence[float] = ()
    start: Sequence[float] = ()
    fan_out: float = 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0.0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    needed = max(1, -(-len(ordered) * int(share * 1000) // 1000))
    return ordered[needed - 1]


def play_lead(delays: Delays) -> float:
    """Seconds between the command and the start of the film."""
    wanted = (
        percentile(delays.one_way, PATIENCE)
        + percentile(delays.start, PATIENCE)
        + delays.fan_out
        + MARGIN_SECONDS
    )
    return min(max(wanted, SHORTEST_SECONDS), LONGEST_SECONDS)


def pause_lead(delays: Delays) -> float:
    """Seconds between the command and the stop: no player has to warm up for it."""
    wanted = percentile(delays.one_way, PATIENCE) + delays.fan_out + MARGIN_SECONDS
    return min(max(wanted, SHORTEST_SECONDS), LONGEST_PAUSE_SECONDS)
