"""The pages about deployment: links lead somewhere, no file of `deploy/` is left unexplained, and each page says what
was not run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "deploy").glob("*.md"))
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *(ROOT / "deploy").rglob("*"),
        *ROOT.glob("*.yaml"),
        ROOT / "Dockerfile",
        ROOT / "requirements.lock",
    )
    if path.is_file()
)


def test_there_is_a_page_for_each_way() -> None:
    assert [page.stem for page in PAGES] == ["cloud-run", "docker", "monitoring", "proxy", "systemd"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert links
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_says_what_was_run_and_what_was_not(page: Path) -> None:
    _, _, last = page.read_text("utf-8").rpartition("\n## ")
    assert last.startswith("What was run and what was not\n")
    assert re.search(r"Not run|Nothing of this has been on", last)


def test_no_file_is_left_unexplained() -> None:
    told = "\n".join(page.read_text("utf-8") for page in PAGES)
    told += "".join((ROOT / name).read_text("utf-8") for name in ("compose.yaml", "Dockerfile"))
    assert [name for name in FILES if Path(name).name not in told] == []


def test_variables_that_are_named_exist() -> None:
    """A variable of ours that is written like a setting, `NAME=`, is one, or belongs to another program."""
    others = {
        "PROJECT",
        "REGION",
        "CUELIGHT_SITE",
        "CUELIGHT_UPSTREAMS",
        "MONGO_PASSWORD",
        "MONGO_ROOT_PASSWORD",
    }
    known = {name.upper() for name in Settings.model_fields} | others | {"PYTHON_IMAGE", "NAME"}
    told = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert set(re.findall(r"(?<![\w$_])([A-Z][A-Z_]{3,})=", told)) <= known
