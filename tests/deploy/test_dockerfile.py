"""What the Dockerfile promises, and the reader that its other tests stand on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.settings import Settings
from tests.deploy.dockerfile import Builder, Image, ignored, parse

ROOT = Path(__file__).parents[2]
STEPS = parse((ROOT / "Dockerfile").read_text("utf-8"))
IGNORE = [
    line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"
]


def words(name: str) -> list[str]:
    return [step.words for step in STEPS if step.name == name]


def test_the_base_image_has_a_version_and_can_be_pinned_by_digest() -> None:
    assert words("ARG")[0] == "PYTHON_IMAGE=python:3.13-slim"
    assert {line.split()[0] for line in words("FROM")} == {"${PYTHON_IMAGE}"}
    assert len(words("FROM")) == 2, "what builds does not run"


def test_it_does_not_run_as_root_and_starts_without_a_shell() -> None:
    last = [step.name for step in STEPS][::-1]
    assert words("USER") == ["10001:10001"]
    assert last.index("USER") < last.index("RUN"), "steps after USER would run as that user"
    for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
        assert next(step for step in STEPS if step.name == name).exec_form()


def test_everything_that_is_installed_has_a_hash() -> None:
    installs = [line for line in words("RUN") if re.search(r"\binstall\b.*\.lock", line)]
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in installs)
    ours = next(line for line in words("RUN") if "pip wheel" in line)
    assert "--no-build-isolation" in ours, "isolation would fetch a setuptools without a hash"
    assert "--no-index --no-deps" in ours


def test_its_environment_has_settings_and_no_secrets() -> None:
    known = {name.upper() for name in Settings.model_fields}
    named = {pair.partition("=")[0] for line in words("ENV") for pair in line.split()}
    assert named - known == {"PATH", "PYTHONUNBUFFERED", "HOME"}
    assert not [line for line in words("ARG") if re.search("SECRET|KEY|TOKEN|PASSWORD", line)]


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "data/cuelight.db",
        "tests/support/clock.py",
        "daemon/__pycache__/cli.cpython-313.pyc",
        "deploy/nginx.conf",
        "web/static/.DS_Store",
    ],
)
def test_the_build_never_sees(path: str) -> None:
    assert ignored(path, IGNORE)


@pytest.mark.parametrize(
    "path", ["daemon/cli.py", "web/static/app.js", "requirements.lock", "deploy/build.lock"]
)
def test_the_build_sees(path: str) -> None:
    assert not ignored(path, IGNORE)


def test_every_package_of_the_program_goes_in() -> None:
    copied = {word for line in words("COPY") for word in line.split()[:-1]}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages <= copied


def test_the_reader_joins_lines_and_skips_comments() -> None:
    steps = parse('# a\nFROM x AS y\nRUN a && \\\n    # why\n    b\n\nCMD ["c"]\n')
    assert [(step.name, step.words, step.line) for step in steps] == [
        ("FROM", "x AS y", 2),
        ("RUN", "a && b", 3),
        ("CMD", '["c"]', 7),
    ]
    assert steps[2].exec_form() == ["c"]


def test_the_reader_turns_paths_of_the_image_into_ours_and_leaves_others() -> None:
    image = Image(Path("/tmp/x"))
    assert image.here('/opt/a/b -o /data:/bin "/src" ./data x/opt/y') == (
        '/tmp/x/opt/a/b -o /tmp/x/data:/bin "/tmp/x/src" ./data x/opt/y'
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("FROM x\nADD a b", ValueError),
        ("FROM x\nRUN --mount=type=cache a", ValueError),
        ("FROM x\nCOPY --chown=1 a b", ValueError),
        ("FROM x\nCMD run", ValueError),
        ("FROM x\nCOPY nothing_there .", FileNotFoundError),
        ("FROM x\nCOPY tests tests", FileNotFoundError),
        ("FROM x\nRUN false", AssertionError),
        ("FROM x\nENV A=$UNKNOWN", KeyError),
    ],
)
def test_the_builder_refuses_what_it_would_not_prove(
    text: str, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        Builder(context=ROOT, folder=tmp_path, user=0).build(parse(text))


def test_the_builder_forgets_what_is_not_copied_between_stages(tmp_path: Path) -> None:
    made = "RUN mkdir /opt /opt/kept && touch /opt/lost /opt/kept/it"
    text = f"FROM x AS a\n{made}\nFROM x\nCOPY --from=a /opt/kept /opt/new"
    image = Builder(context=ROOT, folder=tmp_path, user=0).build(parse(text))
    assert [path.relative_to(image.root).as_posix() for path in sorted(image.root.rglob("*"))] == [
        "opt",
        "opt/new",
        "opt/new/it",
    ]
