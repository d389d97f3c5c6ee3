"""The frame that all benches share: what a result is, runs in turns, medians, and how people and programs are told."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim and what came out. A missed one needs `reason` (why, as far as known) and `next` (what to try)."""

    what: str
    bound: Literal["at most", "at least"]
    aim: float
    got: float
    unit: str
    reason: str = ""
    next: str = ""

    def __post_init__(self) -> None:
        if not self.met and not (self.reason and self.next):
            raise ValueError(f"the aim {self.what!r} is missed and does not say why and what next")

    @property
    def met(self) -> bool:
        return meets(self.bound, self.aim, self.got)

    def as_json(self) -> dict[str, Any]:
        """`reason` and `next` are there for a missed aim only."""
        sign = "<=" if self.bound == "at most" else ">="
        told: dict[str, Any] = {
            "what": self.what,
            "aim": f"{sign} {number(self.aim)} {self.unit}".rstrip(),
            "got": rounded(self.got),
            "unit": self.unit,
            "met": self.met,
        }
        return told if self.met else told | {"reason": self.reason, "next": self.next}


@dataclass(frozen=True, slots=True)
class Result:
    """What a bench found. `rows` is the table for people (`header` over it), `details` the numbers for programs."""

    aims: Sequence[Aim]
    header: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


def meets(bound: Literal["at most", "at least"], aim: float, got: float) -> bool:
    """Whether a number keeps within its bound. Nothing meets an aim with a number that is none."""
    return got <= aim if bound == "at most" else got >= aim


def aim(
    what: str,
    bound: Literal["at most", "at least"],
    aim: float,
    got: float,
    unit: str = "",
    *,
    reason: str,
    next: str,
) -> Aim:
    """An aim that knows beforehand what to say if it is missed; if it is met, that is dropped."""
    if meets(bound, aim, got):
        return Aim(what, bound, aim, got, unit)
    return Aim(what, bound, aim, got, unit, reason, next)


async def in_turns(
    variants: Mapping[str, Callable[[], Awaitable[T]]],
    runs: int,
    *,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, list[T]]:
    """Run each variant `runs` times, in turns (a b, b a, a b, …), so that a slow minute of the machine hits all alike.

    `told` hears one line after each run.
    """
    results: dict[str, list[T]] = {name: [] for name in variants}
    for run in range(runs):
        order = list(variants)[:: 1 if run % 2 == 0 else -1]
        for name in order:
            result = await variants[name]()
            results[name].append(result)
            told(f"run {run + 1} of {runs}, {name}: {result}")
    return results


def middle(samples: Sequence[T], value: Callable[[T], float]) -> float:
    """The median of one number of several runs."""
    return median(value(sample) for sample in samples)


def spread(samples: Sequence[T], value: Callable[[T], float]) -> str:
    """Least and greatest, for a table: how far to trust the median."""
    values = [value(sample) for sample in samples]
    return f"{number(min(values))} … {number(max(values))}"


def ratio(of: float, to: float) -> float:
    """`of / to`; infinite if there is nothing to compare with."""
    return of / to if to else float("inf")


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed (nearest rank). Raises `ValueError` if empty."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def number(value: float) -> str:
    """With three significant digits, whole from 100 on, thousands apart."""
    if not isfinite(value):
        return str(value)
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def rounded(value: float) -> float | str:
    """For JSON, which has no infinity."""
    if not isfinite(value):
        return str(value)
    return float(f"{value:.4g}") if abs(value) < 1000 else round(value)


def table(header: Sequence[str], rows: Sequence[Sequence[str | float]]) -> str:
    """Columns as wide as they need to be; numbers to the right."""
    cells = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]
    numeric = [all(not isinstance(row[column], str) for row in rows) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(parts).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *(line(row) for row in cells)])


def for_people(name: str, result: Result) -> str:
    """The table, then each aim in a sentence, then the notes."""
    lines = [f"bench {name}", "", table(result.header, result.rows), ""]
    for one in result.aims:
        told = one.as_json()
        got = f"{number(one.got)} {one.unit}".rstrip()
        lines.append(f"{'met   ' if one.met else 'MISSED'}  {one.what}: {got} (aim {told['aim']})")
        if not one.met:
            lines += [f"        why: {one.reason}", f"        next: {one.next}"]
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(lines)


def for_programs(name: str, result: Result) -> str:
    """The one line of JSON."""
    machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
    }
    document = {
        "bench": name,
        "aims": [one.as_json() for one in result.aims],
        "details": dict(result.details),
        "notes": list(result.notes),
        "machine": machine,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
