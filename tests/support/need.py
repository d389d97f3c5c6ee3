"""Real servers and tools that a test wants: found, or skipped with how to get them, or a failure where CI has to
have them (`CI=true` or `CUELIGHT_REQUIRE_SERVERS=1`): there, a skip would hide that nothing was proved.

One exception, and it is told: what a package registry refuses to give (`CUELIGHT_REFUSED=twitch-cli`, set by `.ci/run`
after the registry said no) cannot be demanded, so it is skipped with that reason.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Tool → names of its program, and how to get it.
TOOLS: dict[str, tuple[tuple[str, ...], str]] = {
    "redis-server": (("redis-server",), "sudo apt-get install redis-server"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "sudo apt-get install chromium"),
    "twitch-cli": (
        ("twitch-cli",),
        "GOBIN=$PWD/.cache/bin go install github.com/twitchdev/twitch-cli@v1.1.25",
    ),
    "go": (("go",), "https://go.dev/doc/install"),
    "java": (("java",), "sudo apt-get install openjdk-17-jdk-headless"),
    "javac": (("javac",), "sudo apt-get install openjdk-17-jdk-headless"),
    "mvn": (("mvn",), "sudo apt-get install maven"),
}


def find(tool: str) -> Path | None:
    """The program, from `.cache/bin` or the path."""
    names, _ = TOOLS[tool]
    for name in names:
        ours = ROOT / ".cache" / "bin" / name
        if ours.is_file() and os.access(ours, os.X_OK):
            return ours
        if found := shutil.which(name):
            return Path(found)
    return None


def required() -> bool:
    """Whether a missing tool is a failure."""
    wanted = os.environ.get("CUELIGHT_REQUIRE_SERVERS", "") or os.environ.get("CI", "")
    return wanted.lower() in ("1", "true", "yes")


def need(tool: str) -> Path:
    """The path of `tool`. Skips the test where it is missing; fails it where it must not be."""
    found = find(tool)
    if found is not None:
        return found
    if tool in os.environ.get("CUELIGHT_REFUSED", "").split(","):
        pytest.skip(f"The package registry refuses {tool}, so nothing was proved with it. {TOOLS[tool][1]}")
    lacking = f"{tool} is not installed. Get it with: {TOOLS[tool][1]}"
    if required():
        pytest.fail(lacking, pytrace=False)
    pytest.skip(lacking)
