"""The lock file: everything that pyproject.toml asks for, at one version, by hash, and nothing of one machine."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
BUILD = (ROOT / "deploy" / "build.lock").read_text("utf-8")
AGAIN = "pyproject.toml has changed: run deploy/lock"


def pinned(text: str) -> dict[str, Version]:
    """Package → its one version."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return {canonicalize_name(name): Version(version) for name, version in found}


def unmet(wanted: list[str], text: str) -> list[str]:
    """Requirements that the lock does not meet."""
    have = pinned(text)
    needs = [Requirement(one) for one in wanted]
    needs += [extra for one in needs for extra in _extras(one)]
    return [
        str(one)
        for one in needs
        if canonicalize_name(one.name) not in have or have[canonicalize_name(one.name)] not in one.specifier
    ]


def _extras(wanted: Requirement) -> list[Requirement]:
    """What `name[extra]` asks for besides `name`."""
    declared = [Requirement(one) for one in (requires(wanted.name) or [] if wanted.extras else [])]
    return [
        one
        for one in declared
        if one.marker and any(one.marker.evaluate({"extra": extra}) for extra in wanted.extras)
    ]


def test_it_meets_what_the_project_asks_for() -> None:
    assert unmet(PROJECT["project"]["dependencies"], LOCK) == [], AGAIN
    assert unmet(PROJECT["project"]["optional-dependencies"]["sentry"], LOCK) == [], (
        "the image reports errors"
    )
    assert unmet(PROJECT["build-system"]["requires"], BUILD) == [], AGAIN
    assert unmet(["aiohttp>=99", "no-such-thing"], LOCK) == ["aiohttp>=99", "no-such-thing"]
    assert "cryptography" in str(unmet(["pyjwt[crypto]"], LOCK.replace("cryptography==", "cryptogrophy==")))


def test_every_line_is_a_version_or_its_hash() -> None:
    """No options, no addresses: which index is asked is the business of who installs."""
    for text in (LOCK, BUILD):
        lines = text.splitlines()
        for line in lines:
            assert re.fullmatch(
                r"[a-z0-9.-]+==[\w.]+( ; [\w.()=!<> '-]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
            ), line
        blocks = re.split(r"\n(?=\S)", text)
        assert all(block.count("--hash=sha256:") >= 1 for block in blocks)
