"""nginx and Caddy as real processes on a free port of loopback, with the very files of `deploy/`."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from daemon.programs import end, free_port
from tests.deploy.tools import need

DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS = 30.0
HOST = "vip.example.org"


@dataclass(frozen=True, slots=True)
class Proxy:
    """How to reach a proxy: its URL by loopback, the name it answers to, the certificate to trust."""

    port: int
    scheme: str
    host: str
    trust: ssl.SSLContext | None = None

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


Start = Callable[[Path, int], AbstractAsyncContextManager[Proxy]]


def replaced(text: str, pairs: dict[str, str]) -> str:
    """Each of these once, so that a change of the file cannot leave a test without effect."""
    for old, new in pairs.items():
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the file"
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def nginx(
    folder: Path, upstream: int, *, changes: dict[str, str] | None = None
) -> AsyncIterator[Proxy]:
    """nginx with TLS, in front of `upstream`. Only addresses and the certificate's paths differ from the file."""
    program = need("nginx")
    port, plain = free_port(), free_port()
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST, "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "cert.pem")
    site = replaced(
        (DEPLOY / "nginx.conf").read_text("utf-8"),
        {
            "    server 127.0.0.1:8080 ": f"    server 127.0.0.1:{upstream} ",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem": str(folder / "cert.pem"),
            f"/etc/letsencrypt/live/{HOST}/privkey.pem": str(folder / "cert.pem"),
            **(changes or {}),
        },
    )
    (folder / "site.conf").write_text(site, "utf-8")
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {name}_temp_path {folder}/{name};" for name in places)
    user = "user root;\n" if os.getuid() == 0 else ""  # pytest's folder is closed to the usual `nobody`
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nworker_processes 1;\n"
        "events {\n    worker_connections 256;\n}\n"
        f"http {{\n    access_log off;\n{temporary}\n    include {folder}/site.conf;\n}}\n",
        "utf-8",
    )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    command = [str(program), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    async with _process(command, {}, port, folder / "log"):
        yield Proxy(port, "https", HOST, trust)


@asynccontextmanager
async def caddy(folder: Path, upstream: int) -> AsyncIterator[Proxy]:
    """Caddy without TLS (its certificates come from outside), in front of `upstream`."""
    program = need("caddy")
    port = free_port()
    environ = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "CUELIGHT_SITE": f"http://127.0.0.1:{port}",
        "CUELIGHT_UPSTREAMS": f"127.0.0.1:{upstream}",
    }
    command = [str(program), "run", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    async with _process(command, environ, port, folder / "log"):
        yield Proxy(port, "http", f"127.0.0.1:{port}")


@asynccontextmanager
async def _process(
    command: Sequence[str], environ: dict[str, str], port: int, log: Path
) -> AsyncIterator[None]:
    """A server, once it listens. What it said is shown if it does not."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=said, stderr=said)
    try:
        await listening(process, port, log)
        yield
    finally:
        await end(process)


async def listening(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Wait until somebody listens. Fails with the log if the process ends instead."""
    async with asyncio.timeout(SECONDS):
        while not await _answers(port):
            assert process.returncode is None, log.read_text("utf-8")
            await asyncio.sleep(0.02)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
