"""The description of the API and what really happens, held against each other: generated requests to each operation of
a whole daemon, signed in as the owner of a channel, and no answer that is not described.

What generates is a program of its own (`schemathesis`, its command `st`), so that neither its plugins nor its warnings
come into these tests. The seed is fixed: a failure is the same one tomorrow.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.daemon.running import Running, running

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

SECONDS = 240.0  # fifteen where nothing else runs
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
LEFT_OUT = {
    "/api/ws": "it does not end; tests/web/test_sse.py",
    "/api/v1/party/rooms/{roomId}/quality": "it does not end; tests/web/test_party_quality.py",
    "/api/auth/sign-out": "ends the session that all the others need",
    "/api/auth/signout": "the same",
    "/api/auth/sign-out-everywhere": "the same",
    "/api/auth/dev": "puts another session in its place",
    "/api/account/disconnect": "removes the channel that all the others need",
}
"""Operations that are not sent, each with its reason."""

# A caller who is turned away every few requests finds nothing; tests/web/test_limits.py has the limits.
NO_LIMITS = dict.fromkeys(
    ("RATE_LIMIT_AUTH", "RATE_LIMIT_WRITES", "RATE_LIMIT_READS", "RATE_LIMIT_WEBHOOKS"), "off"
)

CONFIG = """
[parameters]
"query.channel" = "{channel}"

# Methods that an address does not have are tests/web/test_routes.py's; sending a parameter twice is nobody's contract.
[phases.coverage]
unexpected-methods = []
generate-duplicate-query-parameters = false
"""


async def signed_in(run: Running) -> dict[str, str]:
    """The headers of somebody who is signed in, and of a scheduler."""
    async with run.http.post("/api/auth/dev") as response:
        assert response.status == 200
    async with run.http.get("/api/auth/csrf") as response:
        token = (await response.json())["token"]
    cookies = "; ".join(f"{one.key}={one.value}" for one in run.http.cookie_jar)
    return {
        "Cookie": cookies,
        "X-CSRF-Token": token,
        "Origin": f"http://127.0.0.1:{run.daemon.port}",
        "X-Cron-Secret": "a-cron-secret-of-the-test",
    }


async def generated(run: Running, directory: Path, channel_id: str, *, most_examples: int) -> tuple[int, str]:
    """Run it; returns its exit code and what it says."""
    config = directory / "schemathesis.toml"
    config.write_text(CONFIG.format(channel=channel_id))
    headers = [f"{name}: {value}" for name, value in (await signed_in(run)).items()]
    left_out = "|".join(re.escape(path) for path in LEFT_OUT)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        *("--config-file", str(config), "run", f"http://127.0.0.1:{run.daemon.port}/api/openapi.json"),
        *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
        *("--max-examples", str(most_examples), "--seed", "1", "--generation-database", "none"),
        *("--exclude-path-regex", f"^({left_out})$", "--request-timeout", "15"),
        *("--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"),
        *(part for header in headers for part in ("--header", header)),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, told.decode("utf-8", "replace")


async def test_no_answer_is_a_surprise(tmp_path: Path) -> None:
    async with running(tmp_path, CUELIGHT_DEMO="1", LOG_LEVEL="error", **NO_LIMITS) as run:
        channel_id, reward_id = await run.enrol()
        await run.redeem(channel_id, reward_id, "ann")  # the viewer of the examples
        code, told = await generated(run, tmp_path, channel_id, most_examples=5)
        assert code == 0, told[-8000:]
        asked = set(re.findall(r'http_requests_total\{route="([^"]+)"', run.daemon.metrics().decode()))
        missed = set((await _document(run))["paths"]) - asked - LEFT_OUT.keys()
        assert not missed


async def _document(run: Running) -> dict[str, dict[str, object]]:
    async with run.http.get("/api/openapi.json") as response:
        document: dict[str, dict[str, object]] = await response.json()
        return document
