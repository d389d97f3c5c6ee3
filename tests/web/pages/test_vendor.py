"""What others wrote and we ship is what its README says it is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from web.pages import STATIC

UPLOT = STATIC / "vendor" / "uplot"


def test_each_file_is_the_one_of_the_readme() -> None:
    table = dict(
        re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (UPLOT / "README.md").read_text(), re.M)
    )
    found = {path.name for path in UPLOT.iterdir()} - {"README.md"}
    assert found == set(table)
    for name, told in table.items():
        assert hashlib.sha256((UPLOT / name).read_bytes()).hexdigest() == told, name
    assert "MIT" in (UPLOT / "LICENSE").read_text()


def test_nothing_of_it_lies_elsewhere() -> None:
    ours = [path for path in STATIC.rglob("*") if "vendor" not in path.relative_to(STATIC).parts]
    assert [path for path in ours if Path(path).name.lower().startswith("uplot")] == []
