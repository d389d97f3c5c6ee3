"""How the command line prints: neat tables and records for people, JSON for programs, errors in one sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from domain.errors import CuelightError

WIDEST_CELL = 64  # a SHA-256 is there to be noted down whole


def colours_on(stream: TextIO) -> bool:
    """Colours only on a terminal, and not where NO_COLOR says so (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, code: str, stream: TextIO) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colours_on(stream) else text


def tell_error(error: CuelightError, *, as_json: bool) -> None:
    """One sentence and the way out, on stderr; with `--json` an object on stdout instead."""
    if as_json:
        told = {"code": error.code, "message": error.message, "advice": error.advice}
        print(json.dumps({"error": told}, ensure_ascii=False))
        return
    head = paint("cuelight:", "31", sys.stderr)
    joint = "\n" if "\n" in error.message else " "
    print(f"{head} {error.message}{joint + error.advice if error.advice else ''}", file=sys.stderr)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows under headings; `columns` names keys, those that no row has are left out. JSON prints all keys."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    shown = [name for name in columns if any(name in row for row in rows)]
    shown = shown or sorted({key for row in rows for key in row})
    if not rows:
        print("Nothing there.", file=sys.stderr)
        return
    cells = [[_cell(name, row.get(name)) for name in shown] for row in rows]
    heads = [name.removesuffix("_at").removesuffix("_ms").replace("_", " ").upper() for name in shown]
    widths = [max(len(head), *(len(row[i]) for row in cells)) for i, head in enumerate(heads)]
    numeric = [
        all(isinstance(row.get(name), int | float) and not _is_time(name) for row in rows) for name in shown
    ]

    def line(values: Sequence[str]) -> str:
        laid = (v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, numeric, strict=True))
        return "  ".join(laid).rstrip()

    print(paint(line(heads), "1", sys.stdout))
    for row in cells:
        print(line(row))


def print_record(record: Any, *, as_json: bool) -> None:
    """One thing: a line for each key; nested things as indented JSON."""
    if as_json or not isinstance(record, Mapping):
        print(json.dumps(record, ensure_ascii=False, indent=2))
        return
    width = max((len(str(key)) for key in record), default=0)
    for key, value in record.items():
        label = paint(str(key).ljust(width), "36", sys.stdout)
        if isinstance(value, Mapping | list) and value:
            text = json.dumps(value, ensure_ascii=False, indent=2)
            print(f"{label}  " + text.replace("\n", "\n" + " " * (width + 2)))
        else:
            print(f"{label}  {_text(str(key), value)}")


class ProgressLine:
    """Progress of long work on stderr: one line that is written over on a terminal, else a line now and then."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._calls = 0
        self._width = 0

    def __call__(self, facts: Mapping[str, Any]) -> None:
        self._calls += 1
        if self._silent:
            return
        text = "  ".join(f"{key} {value}" for key, value in facts.items())
        if sys.stderr.isatty():
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        elif self._calls % 50 == 1:
            print(text, file=sys.stderr)

    def end(self) -> None:
        """Leave the line."""
        if self._width:
            print(file=sys.stderr)
            self._width = 0


def _is_time(name: str) -> bool:
    return name.endswith("_at")


def _cell(name: str, value: Any) -> str:
    text = _text(name, value)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _text(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and _is_time(name):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, Mapping | list):
        value = json.dumps(value, ensure_ascii=False)
    # What viewers wrote must not steer the terminal.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))
