"""What people read is neat, what programs read is JSON, and neither steers a terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest

from daemon.cli_output import ProgressLine, colours_on, print_record, print_table, tell_error
from domain.errors import Rejected

ROWS = [
    {"id": "a", "count": 5, "received_at": 1_772_359_200_000, "text": "one"},
    {"id": "long-id", "count": 12, "received_at": None, "text": "two\x1b[31m"},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(ROWS, ("id", "received_at", "count", "text", "absent"), as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "ID       RECEIVED              COUNT  TEXT",
        "a        2026-03-01 10:00:00Z      5  one",
        "long-id  -                        12  two\\x1b[31m",
    ]


def test_a_table_as_json_keeps_everything(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(ROWS, ("id",), as_json=True)
    assert json.loads(capsys.readouterr().out) == ROWS


def test_an_empty_table_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], ("id",), as_json=False)
    assert capsys.readouterr() == ("", "Nothing there.\n")


def test_unknown_columns_fall_back_to_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"x": 1}], ("id",), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["X", "1"]


def test_long_cells_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"id": "x" * 200}], ("id",), as_json=False)
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) == 64


def test_a_hash_that_is_to_be_noted_down_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"hash": "ab" * 32}], ("hash",), as_json=False)
    assert "ab" * 32 in capsys.readouterr().out


def test_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    print_record({"id": "a", "ok": True, "nested": {"b": 1}, "none": None}, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "id      a",
        "ok      yes",
        "nested  {",
        '          "b": 1',
        "        }",
        "none    -",
    ]


def test_errors_are_one_sentence_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    error = Rejected("That is wrong.", code="x.y", advice="Do this.")
    tell_error(error, as_json=False)
    assert capsys.readouterr() == ("", "cuelight: That is wrong. Do this.\n")
    tell_error(error, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": {"code": "x.y", "message": "That is wrong.", "advice": "Do this."}}


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours_on(Terminal())
    assert not colours_on(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours_on(Terminal())


def test_progress_writes_over_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    line = ProgressLine()
    line({"done": 1, "of": 10})
    line({"done": 2})
    line.end()
    line.end()
    assert screen.getvalue() == "\rdone 1  of 10\rdone 2       \n"


def test_progress_is_sparse_elsewhere_and_can_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    line, silent = ProgressLine(), ProgressLine(silent=True)
    for number in range(100):
        line({"done": number})
        silent({"done": number})
    assert out.getvalue() == "done 0\ndone 50\n"
