from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import benches, main


def test_benches_are_the_modules_with_a_name(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('"""Measures one.\n\nAnd how."""\nNAME = "first"\n')
    (tmp_path / "helper.py").write_text('"""Helps."""\n')
    (tmp_path / "broken.py").write_text('NAME = "second"\nraise ImportError\n')
    assert benches(tmp_path) == {"first": ("one", "Measures one."), "second": ("broken", "")}


def test_every_bench_of_ours_says_what_it_measures() -> None:
    ours = benches()
    assert "sockets" in ours
    assert all(summary for _, summary in ours.values())


def test_without_a_name_the_benches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr()
    assert "  sockets " in printed.err
    assert printed.out == ""


def test_an_unknown_name_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "There is no bench 'nonsense'." in capsys.readouterr().err
