"""Reads a Dockerfile and carries its steps out without a container engine: every absolute path of the image becomes
the same path below a folder, the base image becomes the Python that runs the tests.

Only what our Dockerfile uses is understood; anything else raises, so that a new kind of step cannot go untested.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

OURS = ("/opt", "/src", "/wheels", "/data")
"""The folders of the image that our steps write to; all others (`/bin`, `/dev`) are this machine's."""
PYTHON = Path(sys.executable).resolve()
_PATH = re.compile(rf"(?<![\w./-])({'|'.join(OURS)})(?=[/\s\"':]|$)")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction; `words` is what follows its name, with line continuations joined."""

    name: str
    words: str
    line: int

    def exec_form(self) -> list[str]:
        """The JSON list of ENTRYPOINT, CMD and HEALTHCHECK. Raises `ValueError` for the shell form."""
        listed = json.loads(self.words[self.words.index("[") :])
        if not isinstance(listed, list):
            raise ValueError(f"line {self.line}: not in exec form")
        return [str(word) for word in listed]


def parse(text: str) -> list[Step]:
    """Every instruction in order."""
    steps: list[Step] = []
    pending = ""
    begun = 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and not pending):
            continue
        begun = begun if pending else number
        pending += stripped
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        name, _, words = pending.partition(" ")
        steps.append(Step(name.upper(), words.strip(), begun))
        pending = ""
    return steps


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps this file (relative, with slashes) out of the build. The last match decides; a
    pattern matches a file and everything below a folder."""
    out = False
    for pattern in patterns:
        keep = pattern.startswith("!")
        parts = path.split("/")
        if any(
            _matches("/".join(parts[:end]), pattern.removeprefix("!")) for end in range(1, len(parts) + 1)
        ):
            out = not keep
    return out


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.rpartition("/")[2], pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


@dataclass
class Image:
    """What the steps leave behind: the files below `root` and how to start them."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop_signal: str = ""
    volumes: list[str] = field(default_factory=list)

    def here(self, text: str) -> str:
        """A text with the paths of the image turned into those below `root`."""
        return _PATH.sub(lambda found: f"{self.root}{found.group(1)}", text)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process in the container."""
        return {name: self.here(value) for name, value in self.environ.items()}

    @property
    def cwd(self) -> Path:
        return Path(self.here(self.workdir))

    def argv(self, words: list[str]) -> list[str]:
        """A command, its program looked up in the PATH of the image."""
        found = shutil.which(words[0], path=self.env["PATH"])
        if found is None:
            raise FileNotFoundError(words[0])
        return [found, *words[1:]]


class Builder:
    """Carries out the steps of all stages. One root serves them one after the other, as `/` does in each container:
    what is not copied from one stage to the next is gone."""

    def __init__(self, *, context: Path, folder: Path, user: int, python: Path = PYTHON) -> None:
        """`user` plays the image's user (`install -o`), `python` its base image."""
        self._context, self._folder, self._user = context, folder, user
        self._ignore = [
            line
            for line in (context / ".dockerignore").read_text("utf-8").splitlines()
            if line and not line.startswith("#")
        ]
        self._args: dict[str, str] = {}
        self._past: dict[str, Path] = {}
        self._stage = ""
        self._image = Image(folder / "none")
        # The base image has `python` and little else. A link outside of any venv finds the interpreter below it.
        tools = folder / "tools"
        tools.mkdir()
        (tools / "python").symlink_to(python)
        self._base_path = f"{tools}:/usr/local/bin:/usr/bin:/bin"

    def build(self, steps: list[Step]) -> Image:
        """Run everything; returns the last stage. Raises `ValueError` for a step that is not understood."""
        for step in steps:
            work = getattr(self, f"_do_{step.name.lower()}", None)
            if work is None:
                raise ValueError(f"line {step.line}: {step.name} is not understood")
            work(step)
        return self._image

    def _filled(self, text: str) -> str:
        known = {**self._args, **self._image.environ}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known[found.group(1)], text)

    def _do_arg(self, step: Step) -> None:
        name, _, value = step.words.partition("=")
        self._args[name] = value

    def _do_from(self, step: Step) -> None:
        root = self._folder / "root"
        if root.exists():
            self._past[self._stage] = root.rename(self._folder / f"stage-{len(self._past)}")
        root.mkdir()
        self._stage = step.words.split()[2] if " AS " in step.words else ""
        self._image = Image(root, environ={"PATH": self._base_path})

    def _do_workdir(self, step: Step) -> None:
        self._image.workdir = step.words
        self._image.cwd.mkdir(parents=True, exist_ok=True)

    def _do_env(self, step: Step) -> None:
        for word in shlex.split(step.words):
            name, _, value = word.partition("=")
            self._image.environ[name] = self._filled(value)

    def _do_label(self, step: Step) -> None:
        self._image.labels |= dict(word.split("=", 1) for word in shlex.split(self._filled(step.words)))

    def _do_copy(self, step: Step) -> None:
        words = step.words.split()
        if words[0].startswith("--from="):
            old = self._past[words.pop(0).removeprefix("--from=")]
            source, target = (words[0], words[1])
            shutil.copytree(old / source.lstrip("/"), self._image.root / target.lstrip("/"), symlinks=True)
            return
        *sources, target = words
        if any(word.startswith(("--", "/")) for word in sources):
            raise ValueError(f"line {step.line}: COPY is not understood")
        for source in sources:
            self._copy_one(source, self._image.cwd / target, into=target.endswith("/"))

    def _copy_one(self, source: str, target: Path, *, into: bool) -> None:
        """A folder's content goes into `target`; so does a file if the target was written with a slash at its end."""
        path = self._context / source
        files = {path: target / path.name if into else target} if path.is_file() else {}
        if path.is_dir():
            files = {one: target / one.relative_to(path) for one in sorted(path.rglob("*")) if one.is_file()}
        kept = [one for one in files if not ignored(one.relative_to(self._context).as_posix(), self._ignore)]
        if not kept:
            raise FileNotFoundError(f"{source} is not there, is empty, or is kept out by .dockerignore")
        for one in kept:
            files[one].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, files[one])

    def _do_run(self, step: Step) -> None:
        if step.words.startswith("--"):
            raise ValueError(f"line {step.line}: RUN with options is not understood")
        command = re.sub(r"(-[og]) 10001\b", rf"\1 {self._user}", self._image.here(step.words))
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=self._image.cwd,
            env={**_network(os.environ), **self._image.env},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"line {step.line}: {command}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")

    def _do_user(self, step: Step) -> None:
        self._image.user = step.words

    def _do_volume(self, step: Step) -> None:
        self._image.volumes.append(step.words)

    def _do_expose(self, step: Step) -> None:
        int(step.words)

    def _do_stopsignal(self, step: Step) -> None:
        self._image.stop_signal = step.words

    def _do_healthcheck(self, step: Step) -> None:
        self._image.health = step.exec_form()

    def _do_entrypoint(self, step: Step) -> None:
        self._image.entrypoint = step.exec_form()

    def _do_cmd(self, step: Step) -> None:
        self._image.command = step.exec_form()


def _network(environ: Mapping[str, str]) -> dict[str, str]:
    """How this machine reaches its package index; nothing else of our environment belongs into a build."""
    names = ("HOME", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    return {
        name: value
        for name, value in environ.items()
        if name in names or name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
