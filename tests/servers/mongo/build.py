"""Builds the launcher of mongo-java-server once, into `.cache/mongo/`: its jars by Maven, its one class by javac."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.need import ROOT, need

HERE = Path(__file__).parent
SOURCES = (HERE / "pom.xml", HERE / "Launcher.java")
CACHE = ROOT / ".cache" / "mongo"
BUILD_SECONDS = 600


def launcher() -> tuple[Path, str]:
    """The `java` to run and its class path; built where it is not yet. Blocks. Skips where a tool is missing."""
    java = need("java")
    place = CACHE / _checksum()
    if not place.is_dir():
        tools = need("mvn"), need("javac")
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one test run come here at the same moment
            if not place.is_dir():
                _build(place, *tools)
    return java, os.pathsep.join([str(place / "classes"), str(place / "lib" / "*")])


def _build(place: Path, mvn: Path, javac: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        built = Path(folder) / "built"
        libraries = built / "lib"
        _run(
            [str(mvn), "-B", "-q", "-f", str(SOURCES[0]), "dependency:copy-dependencies",
             f"-DoutputDirectory={libraries}"]
        )  # fmt: skip
        _run([str(javac), "-d", str(built / "classes"), "-cp", f"{libraries}/*", str(SOURCES[1])])
        shutil.move(built, place)  # at once, so that a build that is cut off leaves nothing that looks whole


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    if done.returncode:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def _checksum() -> str:
    digest = hashlib.sha256()
    for source in SOURCES:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
