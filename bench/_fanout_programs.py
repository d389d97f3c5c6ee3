"""The programs of the bench `fanout`: a server on one core, a sink on the other, and how they are talked to."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE / "_fanout_sink.c"
LIMIT_SECONDS = 120.0
LINE_BYTES = 16 << 20


def cores() -> tuple[int | None, int | None]:
    """Server's and sink's; nothing where there is but one, or where they cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


async def compiled(directory: Path) -> list[str] | None:
    """The sink in C, made into a directory; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = directory / "sink"
    process = await asyncio.create_subprocess_exec(
        compiler, "-O2", "-o", str(program), str(SOURCE), stderr=asyncio.subprocess.PIPE
    )
    _, problems = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the sink cannot be compiled: {problems.decode()}")
    return [str(program)]


async def sink_program(directory: Path, *, prefer: str = "c") -> tuple[list[str], str]:
    """How the sink is started, and what it is: `c` if there is a compiler, else `python`."""
    program = await compiled(directory) if prefer == "c" else None
    if program is not None:
        return program, "c"
    return [sys.executable, "-m", "bench._fanout_sink"], "python"


class Program:
    """A line in, a line out."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process, self._name = process, name

    async def ask(self, line: str, *, seconds: float = LIMIT_SECONDS) -> str:
        """Raises `RuntimeError` if it has ended or does not answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        return await self.hear(seconds=seconds)

    async def hear(self, *, seconds: float = LIMIT_SECONDS) -> str:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise RuntimeError(f"the {self._name} does not answer") from None
        if not line:
            raise RuntimeError(f"the {self._name} has ended; see standard error")
        return line.decode().strip()


@asynccontextmanager
async def program(words: Sequence[str], name: str, *, core: int | None) -> AsyncIterator[Program]:
    """Run one on a core; its end is that of its standard input."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=HERE.parent, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES
    )  # fmt: skip
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    try:
        yield Program(process, name)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class Server:
    """`_fanout_server.py`."""

    def __init__(self, program: Program, port: int) -> None:
        self._program, self.port = program, port

    async def do(self, what: str, **words: Any) -> dict[str, Any]:
        """One order."""
        answer: dict[str, Any] = json.loads(await self._program.ask(json.dumps({"do": what, **words})))
        return answer


@dataclass(frozen=True, slots=True)
class Opened:
    """So many sockets came in, so many did not, in so many seconds."""

    count: int
    failed: int
    seconds: float


class Sink:
    """`_fanout_sink.c`."""

    def __init__(self, program: Program, directory: Path) -> None:
        self._program, self._directory = program, directory
        self.opened = 0

    async def open(
        self, lines: Sequence[str], *, port: int, sources: int, at_once: int = 256, seconds: float = 300.0
    ) -> Opened:
        """A socket for each line (path, then texts, with tabs between)."""
        file = self._directory / "lines"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        told = (
            await self._program.ask(f"open {file} 127.0.0.1 {port} {sources} {at_once}", seconds=seconds)
        ).split()
        count, began, ended, failed = (int(word) for word in told[1:])
        self.opened += count
        return Opened(count, failed, (ended - began) / 1e9)

    async def reset(self) -> None:
        await self._program.ask("reset")

    async def wait(self, frames: int, seconds: float) -> tuple[int, int]:
        """So many text frames, and when the last one came (ns)."""
        told = (await self._program.ask(f"await {frames} {seconds}", seconds=seconds + 10)).split()
        return int(told[1]), int(told[2])

    async def stats(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self._program.ask("stats"))
        return told

    async def seqs(self) -> dict[int, tuple[int, int]]:
        """Receipts and time of the last one (ns), by seq."""
        return {seq: (count, last) for seq, count, last in json.loads(await self._program.ask("seqs"))}


@asynccontextmanager
async def pair(
    kind: str, wishes: Mapping[str, Any], *, sink: Sequence[str], directory: Path
) -> AsyncIterator[tuple[Server, Sink]]:
    """A server and its viewers."""
    one, other = cores()
    words = [sys.executable, "-m", "bench._fanout_server", kind, json.dumps(wishes)]
    async with (
        program(words, f"server ({kind})", core=one) as server,
        program(sink, "sink", core=other) as viewers,
    ):
        address = json.loads(await server.hear())
        folder = directory / kind
        folder.mkdir(exist_ok=True)
        yield Server(server, address["port"]), Sink(viewers, folder)
