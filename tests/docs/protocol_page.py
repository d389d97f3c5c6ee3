"""Reads `docs/protocol.md` as a program does: its examples, its tables, the names that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
ANY = "…"
"""In an example: and so on. As a key: there are more fields."""


@dataclass(frozen=True)
class Row:
    """One row of the table of commands: types and field names (those that may be missing, too)."""

    up: tuple[str, ...]
    up_fields: frozenset[str]
    down: tuple[str, ...]
    down_fields: frozenset[str]


def text() -> str:
    return PAGE.read_text("utf-8")


def examples(page: str) -> list[Any]:
    """Every value of every block of JSON, and the envelopes that stand in the prose."""
    found: list[Any] = []
    for block in re.findall(r"```json\n(.*?)```", page, re.S):
        found += _values(block)
    prose = re.sub(r"```json\n.*?```", "", page, flags=re.S)
    for inline in re.findall(r"`(\{\"type\": \"[^`]*\})`", prose):
        if ANY not in inline:  # those that only tell what an envelope is
            found.append(json.loads(inline))
    return found


def _values(block: str) -> Iterator[Any]:
    decoder, place = json.JSONDecoder(), 0
    while block[place:].strip():
        place += len(block[place:]) - len(block[place:].lstrip())
        value, place = decoder.raw_decode(block, place)
        yield value


def names(page: str) -> set[str]:
    """Every type that the page names."""
    return {name for name, _ in _types(page)}


def _types(cell: str) -> list[tuple[str, int]]:
    """Types in backticks, or in examples; `…:remove` is a neighbour of the one before."""
    found: list[tuple[str, int]] = []
    for match in re.finditer(r"[`\"]((?:party|clock):[a-z:]+|…:[a-z]+)[`\"]", cell):
        name = match[1]
        if name.startswith("…"):
            name = found[-1][0].rpartition(":")[0] + name[1:]
        found.append((name, match.start()))
    return found


def _tables(section: str) -> Iterator[list[str]]:
    for line in section.splitlines():
        if line.startswith("| ") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip()[1:-1].split("|")]


def _section(page: str, title: str) -> str:
    return page.split(f"\n## {title}", 1)[1].split("\n## ", 1)[0]


def _fields(cell: str) -> frozenset[str]:
    """The names in backticks that are names of fields; those of what is in a field come after its colon or a with."""
    told = re.sub(r"(: `[\[{][^`]*`.*?(?=, `|$))|(; for the host with.*)", "", cell)
    return frozenset(re.findall(r"`([a-z][A-Za-z0-9]*)`", told)) - {"null"}


def commands(page: str) -> list[Row]:
    """The table of what goes up and what comes down."""
    rows = []
    for cells in _tables(_section(page, "The film, the queue")):
        if cells[0] == "Up" or len(cells) < 4:
            continue
        up = tuple(name for name, _ in _types(cells[0]))
        same = up if cells[2].startswith("the same type") else ()
        down = same or tuple(name for name, _ in _types(cells[2]))
        rows.append(Row(up, _fields(cells[1]), down, _fields(cells[3])))
    return rows


def entering(page: str) -> list[str]:
    """The messages of the table of rooms."""
    rows = _tables(_section(page, "Rooms"))
    return [name for cells in rows for name, _ in _types(cells[0])]


def codes(page: str) -> set[str]:
    """The codes of errors."""
    part = _section(page, "Errors").rpartition("```")[2].partition("`state` comes")[0]
    return set(re.findall(r"`([a-z_]+)`", part))


def close_codes(page: str) -> set[int]:
    return {int(code) for code in re.findall(r"\| (4\d{3}) \|", _section(page, "Liveness"))}


def differs(example: Any, real: Any, path: str = "") -> list[str]:
    """Where a real value has another shape than the example: other keys, other types. `null` in an example may be
    anything, and an object may be `null`; of lists the first values are compared."""
    if example is None or example == ANY or (real is None and isinstance(example, dict)):
        return []
    if isinstance(example, dict):
        if not isinstance(real, dict):
            return [f"{path}: {real!r} is no object"]
        found = [f"{path}.{name} is missing" for name in example if name != ANY and name not in real]
        if ANY not in example:
            found += [f"{path}.{name} is not in the example" for name in real if name not in example]
        for name in example.keys() & real.keys():
            found += differs(example[name], real[name], f"{path}.{name}")
        return found
    if isinstance(example, list):
        if not isinstance(real, list):
            return [f"{path}: {real!r} is no list"]
        return differs(example[0], real[0], f"{path}[0]") if example and real else []
    kinds = (bool, str, (int, float))
    kind = next(kind for kind in kinds if isinstance(example, kind))
    is_same = isinstance(real, kind) and isinstance(real, bool) is isinstance(example, bool)
    return [] if is_same else [f"{path}: {real!r} where the example has {example!r}"]
