"""How the doctor's findings are printed: one line each, and below it what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.cli_output import paint
from daemon.clock import SystemClock
from daemon.doctor import examine
from daemon.doctor_findings import Finding
from daemon.settings import Settings, load_settings
from daemon.settings_words import SettingsInvalid

COLOURS = {"ok": "32", "warning": "33", "failed": "31", "skipped": "2"}


def doctor(options: argparse.Namespace) -> int:
    """Exit code 0 if nothing failed."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        findings = [
            Finding(
                "settings",
                "failed",
                f"{problem.variable} {problem.wrong}.",
                _example(problem.variable, problem.example),
            )
            for problem in error.problems
        ]
    else:
        findings = asyncio.run(examine(_placed(settings, options.data_dir), clock=SystemClock()))
    tell(findings, as_json=options.json)
    return 1 if any(finding.state == "failed" for finding in findings) else 0


def _placed(settings: Settings, data_dir: str | None) -> Settings:
    return settings.model_copy(update={"data_dir": Path(data_dir)}) if data_dir else settings


def _example(variable: str, example: str) -> str:
    return f"{variable}={example}" if example else "See .env.example."


def tell(findings: Sequence[Finding], *, as_json: bool) -> None:
    """A table for people, a list for programs."""
    if as_json:
        print(json.dumps([finding.told() for finding in findings], ensure_ascii=False, indent=2))
        return
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        state = paint(finding.state.ljust(7), COLOURS[finding.state], sys.stdout)
        print(f"{state}  {finding.check.ljust(width)}  {finding.detail}")
        if finding.advice:
            print(f"{' ' * (9 + width)}  → {finding.advice}")
    count = sum(finding.state == "failed" for finding in findings)
    summary = f"{count} {'check' if count == 1 else 'checks'} failed." if count else "Nothing failed."
    print(summary, file=sys.stderr)
