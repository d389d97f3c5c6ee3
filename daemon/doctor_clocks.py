"""How far this machine's clock is from another one. Pure: moments in, a window out.

An HTTP answer tells its time in whole seconds, cut off. So one answer says little: the other clock stood anywhere
between that second and the next, at some moment between our question and the answer. Several answers, asked at
different parts of a second, cut their windows down to what all of them allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from daemon.doctor_findings import Finding

MOST_MS = 500.0
BY_NTP = "Let the system keep its time (timedatectl set-ntp true, or chrony), then look again."


@dataclass(frozen=True, slots=True)
class Window:
    """The other clock is between `low_ms` and `high_ms` ahead of ours (behind, where negative)."""

    low_ms: float
    high_ms: float


def window_of_second(second_ms: int, *, sent_ms: float, received_ms: float) -> Window:
    """Of a time in whole seconds (UTC ms) that came while our clock went from `sent_ms` to `received_ms`."""
    return Window(second_ms - received_ms, second_ms + 1000 - sent_ms)


def window_of_moment(moment_ms: float, *, sent_ms: float, received_ms: float) -> Window:
    """The same of a time that is exact."""
    return Window(moment_ms - received_ms, moment_ms - sent_ms)


def seen_together(windows: Iterable[Window]) -> Window | None:
    """What all of them allow; `None` if they contradict each other (or there is none)."""
    every = list(windows)
    if not every:
        return None
    both = Window(max(one.low_ms for one in every), min(one.high_ms for one in every))
    return both if both.low_ms <= both.high_ms else None


def second_in(header: str) -> int | None:
    """The `Date` of an HTTP answer in UTC ms."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, of unknown place
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def judged(check: str, window: Window | None, *, whose: str) -> Finding:
    """More than half a second apart fails, but only if it is certain."""
    if window is None:
        return Finding(
            check, "skipped", f"{whose} tells times that contradict each other, so nothing can be said."
        )
    if window.low_ms > MOST_MS:
        seconds = window.low_ms / 1000
        return Finding(
            check, "failed", f"This machine is at least {seconds:.1f} s behind the clock of {whose}.", BY_NTP
        )
    if window.high_ms < -MOST_MS:
        seconds = -window.high_ms / 1000
        return Finding(
            check,
            "failed",
            f"This machine is at least {seconds:.1f} s ahead of the clock of {whose}.",
            BY_NTP,
        )
    apart = max(abs(window.low_ms), abs(window.high_ms)) / 1000
    return Finding(check, "ok", f"This machine and {whose} are at most {apart:.2f} s apart.")
