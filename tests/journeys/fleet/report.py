"""The table of `docs/faults.md`, made from what `make soak` measured: `python -m tests.journeys.fleet.report`.

Each story notes its times in a line of `.cache/faults.jsonl`; the table has their medians. `--forget` begins anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from tests.journeys.fleet.recovery import Recovery

ROOT = Path(__file__).parents[3]
NOTES = ROOT / ".cache" / "faults.jsonl"
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- made by make soak: begin -->", "<!-- made by make soak: end -->"
HEADER = ("Fault", "How", "What must hold", "Runs", "First, s", "All, s", "Slowest, s")


def note(name: str, times: Recovery, *, path: Path = NOTES) -> None:
    """Add what one story measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as notes:
        notes.write(json.dumps({"fault": name, **asdict(times)}) + "\n")


def noted(path: Path = NOTES) -> dict[str, list[Recovery]]:
    """Everything that was measured, by fault."""
    found: dict[str, list[Recovery]] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            told = json.loads(line)
            found.setdefault(told.pop("fault"), []).append(Recovery(**told))
    return found


def table(faults: Mapping[str, Sequence[str]], measured: Mapping[str, Sequence[Recovery]]) -> str:
    """Markdown. `faults`: name, how and what must hold, by key; what was not measured is left out."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    for key, words in faults.items():
        runs = measured.get(key)
        if runs:
            times = (
                f"{median(getattr(run, name) for run in runs) / 1000:.1f}"
                for name in ("first_ms", "all_ms", "slowest_ms")
            )
            lines.append("| " + " | ".join((*words, str(len(runs)), *times)) + " |")
    return "\n".join(lines)


def put(page: str, made: str) -> str:
    """The page with the table between its marks. Raises `ValueError` if they are not there."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    from tests.journeys.fleet.points import LINES

    parser = argparse.ArgumentParser(prog="python -m tests.journeys.fleet.report", description=__doc__)
    parser.add_argument("--forget", action="store_true", help="forget what was measured so far")
    if parser.parse_args(arguments).forget:
        NOTES.unlink(missing_ok=True)
        return 0
    measured = noted()
    if not measured:
        sys.stderr.write(f"Nothing was measured: {NOTES} is not there. Run make soak.\n")
        return 1
    PAGE.write_text(put(PAGE.read_text(), table(LINES, measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
