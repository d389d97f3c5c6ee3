"""The table of `docs/faults.md`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.fleet.points import LINES
from tests.journeys.fleet.recovery import Recovery
from tests.journeys.fleet.report import BEGIN, END, PAGE, note, noted, put, table


def test_the_table_has_medians_of_what_was_noted(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    for all_ms in (1000, 9000, 2000):
        note("killed", Recovery(500, all_ms, 800, 100, 12), path=notes)
    note("quiet", Recovery(0, 0, 90, 80, 12), path=notes)
    made = table(
        {"quiet": ("a", "b", "c"), "other": ("x", "y", "z"), "killed": ("d", "e", "f")}, noted(notes)
    )
    assert made.splitlines()[2:] == [
        "| a | b | c | 1 | 0.0 | 0.0 | 0.1 |",
        "| d | e | f | 3 | 0.5 | 2.0 | 0.8 |",
    ]


def test_it_is_put_between_its_marks() -> None:
    assert put(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n{END}\nb"
    with pytest.raises(ValueError):
        put("no marks", "new")


def test_the_page_has_a_line_for_every_fault() -> None:
    page = PAGE.read_text()
    put(page, "")
    missing = [words[0] for words in LINES.values() if f"| {words[0]} |" not in page]
    assert not missing, f"run make soak: {missing}"
