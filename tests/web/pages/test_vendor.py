"""What others wrote and we ship is what its README says it is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from web.pages import STATIC

VENDOR = STATIC / "vendor"
LICENCES = {"uplot": "MIT", "hls": "Apache License, Version 2.0"}
"""Folder → what its licence calls itself."""
MARKS = ("uplot", "hls.min", "hls.worker", "hls.light")


def test_each_folder_is_looked_at() -> None:
    assert {path.name for path in VENDOR.iterdir()} == set(LICENCES)


@pytest.mark.parametrize("name", LICENCES)
def test_each_file_is_the_one_of_the_readme(name: str) -> None:
    folder = VENDOR / name
    readme = (folder / "README.md").read_text()
    table = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", readme, re.M))
    found = {path.name for path in folder.iterdir()} - {"README.md"}
    assert found == set(table)
    for file, told in table.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == told, file
    assert LICENCES[name] in (folder / "LICENSE").read_text()


def test_hls_is_the_version_of_the_readme() -> None:
    told = re.search(r"version (\d+\.\d+\.\d+)", (VENDOR / "hls" / "README.md").read_text())
    assert told is not None
    assert f'"{told[1]}"' in (VENDOR / "hls" / "hls.min.mjs").read_text()


def test_nothing_of_it_lies_elsewhere() -> None:
    ours = [path for path in STATIC.rglob("*") if "vendor" not in path.relative_to(STATIC).parts]
    assert [path for path in ours if Path(path).name.lower().startswith(MARKS)] == []
