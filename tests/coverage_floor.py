"""A plugin for `make test` (`-p tests.coverage_floor`): counts lines in every worker and holds packages to a floor.

The figures are printed before pytest's own last line; a package under the floor fails the run. Subprocesses (the
daemons of the journeys) are not counted.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import coverage
import pytest

FLOOR_PERCENT = 90.0
PACKAGES = ("domain", "storage", "gateways", "handlers")
ROOT = Path(__file__).parents[1]

# Plugins named with -p are imported before anything of ours, so every import is counted.
_counting = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"), data_suffix=True)
# The first process runs no test where workers do, which is no news.
_counting.set_option(
    "run:disable_warnings", ["no-data-collected", "module-not-imported", "module-not-measured"]
)
_counting.start()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        for left in ROOT.glob(".coverage*"):
            left.unlink()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In each worker: write down what was counted."""
    if hasattr(session.config, "workerinput"):
        _counting.stop()
        _counting.save()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In the first process, once all workers are gone (workers have a reporter too, which nobody reads)."""
    if hasattr(terminalreporter.config, "workerinput"):
        return
    _counting.stop()
    _counting.save()
    whole = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    with contextlib.suppress(coverage.exceptions.NoDataError):
        whole.combine()
    whole.load()
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


def figures(counted: coverage.Coverage, package: str) -> tuple[int, int, list[tuple[float, str, str]]]:
    """How many lines a package has, how many were not run, and its files, the worst first."""
    lines = missed = 0
    files = []
    for path in sorted((ROOT / package).rglob("*.py")):
        _, statements, _, holes, text = counted.analysis2(str(path))
        lines += len(statements)
        missed += len(holes)
        if holes:
            done = 100.0 * (len(statements) - len(holes)) / len(statements)
            files.append((done, str(path.relative_to(ROOT)), text))
    return lines, missed, sorted(files)[:8]
