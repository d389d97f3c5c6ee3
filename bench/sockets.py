"""Memory and CPU of idle EventSub sockets over TLS, beside plain `websockets`.

Client and server (the Twitch simulator) are processes of their own; a certificate is made at run time. The growth of
the client's resident memory (RSS) is taken between one socket, when everything is imported and warm, and all of them
after an idle time; CPU is the client's, user and system, in that idle time, scaled to a minute. Each socket has one
subscription and gets a keepalive every 30 s and a ping every 10 s meanwhile. The clients trust what this machine trusts
and the certificate, so that contexts have the size that they have in real life.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import aiohttp
import psutil
import trustme

from bench._sockets_client import CLIENTS, Order
from bench.report import Result, aim, in_turns, middle, ratio, spread

NAME = "sockets"

AIM_KIB = 80.0
PATIENCE_SECONDS = 30.0
OPEN_SECONDS_EACH = 0.2


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one client."""

    kib_each: float
    cpu_seconds_per_minute: float
    opened_in_seconds: float

    def __str__(self) -> str:
        return f"{self.kib_each:.1f} KiB each, {self.cpu_seconds_per_minute:.2f} s CPU a minute"


@dataclass(frozen=True, slots=True)
class Town:
    """A running simulator with its channels, and where its authority's certificate is."""

    addresses: dict[str, str]
    channels: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Papers:
    """Files: the server's certificate and key, and a bundle of whom the clients trust."""

    certificate: Path
    key: Path
    bundle: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sockets", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--runs", type=int, default=3, help="of each client (default 3)")
    parser.add_argument("--idle-seconds", type=float, default=30.0, help="watched in each run (default 30)")
    parser.add_argument("--per-second", type=float, default=50.0, help="sockets opened (default 50)")
    parser.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if a client or the simulator fails."""
    if options.sockets < 2:
        raise SystemExit("--sockets must be 2 or more: the first is the one that warms up")
    _raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="bench-sockets-") as directory:
        papers = _papers(Path(directory))
        variants: dict[str, Callable[[], Awaitable[Sample]]] = {
            name: partial(_measure, name, options, papers) for name in options.clients
        }
        samples = await in_turns(variants, options.runs, told=lambda line: print(line, file=sys.stderr))
    return _result(samples, options.sockets, options.idle_seconds)


def _result(samples: dict[str, list[Sample]], sockets: int, idle_seconds: float) -> Result:
    rows: list[tuple[str | float, ...]] = []
    middles: dict[str, float] = {}
    for name, found in samples.items():
        middles[name] = middle(found, lambda sample: sample.kib_each)
        rows.append(
            (
                name,
                middles[name],
                spread(found, lambda sample: sample.kib_each),
                middle(found, lambda sample: sample.cpu_seconds_per_minute),
                middle(found, lambda sample: sample.opened_in_seconds),
            )
        )
    aims = []
    if "cuelight" in middles:
        aims.append(
            aim(
                f"memory of the client for each of {sockets} idle EventSub sockets over TLS",
                "at most",
                AIM_KIB,
                middles["cuelight"],
                "KiB",
                reason="not weighed apart here; a socket consists of OpenSSL's connection state with the "
                "peer's certificates, "
                "asyncio's TLS buffer, the objects of websockets, and our session with its tasks",
                next="weigh those parts with tracemalloc and malloc_info; EventSub conduits need a few sockets "
                "for all channels together",
            )
        )
    ours = middles.get("cuelight", 0.0)
    return Result(
        aims=aims,
        header=("client", "KiB each", "least … greatest", "CPU s a minute", "opened in s"),
        rows=rows,
        details={
            "sockets": sockets,
            "idle_seconds": idle_seconds,
            "kib_each": {name: round(kib, 1) for name, kib in middles.items()},
            "runs": {name: [asdict(sample) for sample in found] for name, found in samples.items()},
            "times_ours": {
                name: round(ratio(kib, ours), 2)
                for name, kib in middles.items()
                if name != "cuelight" and ours > 0
            },
        },
        notes=(
            "resident memory of the client process; the kernel's socket buffers are not in it",
            "plain websockets watches no keepalive, hands nothing over and does not reconnect",
        ),
    )


async def _measure(variant: str, options: argparse.Namespace, papers: Papers) -> Sample:
    loop = asyncio.get_running_loop()
    async with _town(options.sockets, papers) as town:
        order = Order(
            variant=variant,
            eventsub_url=town.addresses["eventsub_url"],
            api_url=town.addresses["api_url"],
            client_id=town.addresses["client_id"],
            channels=town.channels,
            per_second=options.per_second,
            keepalive_seconds=30,
        )
        environment = {**os.environ, "SSL_CERT_FILE": str(papers.bundle)}
        async with _program("bench._sockets_client", environment=environment) as client:
            await _tell(client, json.dumps(asdict(order)))
            await _hear(client, "warm", PATIENCE_SECONDS)
            process = psutil.Process(client.pid)
            before = process.memory_info().rss
            began = loop.time()
            await _tell(client, "go")
            patience = options.sockets * (OPEN_SECONDS_EACH + 1 / options.per_second)
            await _hear(client, "open", PATIENCE_SECONDS + patience)
            opened_in = loop.time() - began
            cpu_before, began = process.cpu_times(), loop.time()
            await asyncio.sleep(options.idle_seconds)
            cpu_after, idle = process.cpu_times(), loop.time() - began
            after = process.memory_info().rss
            if client.returncode is not None:
                raise RuntimeError(f"the client {variant!r} ended with {client.returncode}")
            used = (cpu_after.user + cpu_after.system) - (cpu_before.user + cpu_before.system)
            return Sample(
                kib_each=(after - before) / 1024 / (options.sockets - 1),
                cpu_seconds_per_minute=used / idle * 60,
                opened_in_seconds=opened_in,
            )


@asynccontextmanager
async def _town(channels: int, papers: Papers) -> AsyncIterator[Town]:
    """A simulator with so many channels; fresh for each run, so that no run inherits anything."""
    async with _program(
        "simulators.twitch",
        *("--unthrottled", "--tls", "--cert", str(papers.certificate), "--key", str(papers.key)),
    ) as simulator:
        addresses = json.loads(await _read(simulator, PATIENCE_SECONDS))
        context = ssl.create_default_context(cafile=str(papers.bundle))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
            made = []
            for number in range(channels):
                body = {"login": f"channel{number}", "name": f"Channel{number}"}
                async with http.post(f"{addresses['control_url']}/channels", json=body) as answer:
                    answer.raise_for_status()
                    channel = await answer.json()
                    made.append((channel["id"], channel["access_token"]))
        yield Town(addresses, made)


@asynccontextmanager
async def _program(
    module: str, *arguments: str, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        env=environment,
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if process.returncode is None and module != "bench._sockets_client":
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _tell(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()


async def _read(process: asyncio.subprocess.Process, seconds: float) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(seconds):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a program of the bench ended early; see standard error")
    return line.decode().strip()


async def _hear(process: asyncio.subprocess.Process, word: str, seconds: float) -> None:
    said = await _read(process, seconds)
    if said != word:
        raise RuntimeError(f"a program of the bench said {said!r} instead of {word!r}")


def _papers(directory: Path) -> Papers:
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    papers = Papers(directory / "cert.pem", directory / "key.pem", directory / "bundle.pem")
    chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
    papers.certificate.write_bytes(chain)
    papers.key.write_bytes(server.private_key_pem.bytes())
    system = ssl.get_default_verify_paths().cafile
    trusted = Path(system).read_bytes() if system and Path(system).exists() else b""
    papers.bundle.write_bytes(trusted + authority.cert_pem.bytes())
    return papers


def _raise_file_limit() -> None:
    """A socket is a file; both children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
