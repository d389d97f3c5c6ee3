"""A plugin for `make test` (`-p tests.coverage_floor`): counts lines in every worker and holds packages to a floor.

The figures are printed before pytest's own last line; a package under the floor fails the run. Subprocesses (the
daemons of the journeys) are not counted. SlipCover (Apache 2.0) counts with probes in the bytecode: a tracer
that is asked at each line, as Python 3.11 has it, made the handlers' tests take 1.6 times as long.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import slipcover
from slipcover.slipcover import format_missing

FLOOR_PERCENT = 90.0
PACKAGES = ("domain", "storage", "gateways", "rooms", "handlers")
ROOT = Path(__file__).parents[1]
# What a worker counted, one file each; the first process reads them.
COUNTS = ROOT / ".cache" / "coverage"
NOT_CODE = [r"if TYPE_CHECKING:", r"^\s*\.\.\.$", r"class .*\(Protocol.*\):"]
SOURCES = [str(ROOT / package) for package in PACKAGES]

# Plugins named with -p are imported before anything of ours, so every import is counted.
_counting = slipcover.Slipcover(source=SOURCES, exclude_also=NOT_CODE)
slipcover.ImportManager(_counting, slipcover.FileMatcher(sources=SOURCES)).__enter__()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        COUNTS.mkdir(parents=True, exist_ok=True)
        for left in COUNTS.iterdir():
            left.unlink()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In each worker: write down what was counted."""
    if hasattr(session.config, "workerinput"):
        worker = os.environ["PYTEST_XDIST_WORKER"]
        (COUNTS / f"{worker}.json").write_text(json.dumps(_counting.get_coverage()), "utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In the first process, once all workers are gone (workers have a reporter too, which nobody reads)."""
    if hasattr(terminalreporter.config, "workerinput"):
        return
    whole = _counting.get_coverage()
    for path in sorted(COUNTS.iterdir()):
        slipcover.merge_coverage(whole, json.loads(path.read_text("utf-8")))
    write = terminalreporter.write_line
    terminalreporter.section("coverage by lines", sep="-")
    low = False
    for package in PACKAGES:
        lines, missed, worst = figures(whole, package)
        percent = 100.0 * (lines - missed) / lines if lines else 100.0
        under = percent < FLOOR_PERCENT
        low = low or under
        write(f"{package:<10} {percent:6.1f} %  of {lines} lines", red=under)
        for percent_of_file, name, holes in worst if under else []:
            write(f"    {percent_of_file:6.1f} %  {name}  {holes}")
    session = terminalreporter._session
    if low and session is not None and session.exitstatus == 0:
        write(f"A package is under {FLOOR_PERCENT:.0f} %.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def figures(counted: dict[str, Any], package: str) -> tuple[int, int, list[tuple[float, str, str]]]:
    """How many lines a package has, how many were not run, and its files, the worst first."""
    lines = missed = 0
    files = []
    for name, found in counted["files"].items():
        path = Path(name).resolve()
        if not path.is_relative_to(ROOT / package):
            continue
        run, holes = found["executed_lines"], found["missing_lines"]
        lines += len(run) + len(holes)
        missed += len(holes)
        if holes:
            percent = 100.0 * len(run) / (len(run) + len(holes))
            files.append((percent, str(path.relative_to(ROOT)), format_missing(holes, run, [])))
    return lines, missed, sorted(files)[:8]
