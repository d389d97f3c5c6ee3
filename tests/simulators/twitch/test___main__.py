"""The simulator as a program."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
import trustme

from simulators.twitch.__main__ import parse

ADDRESSES = {"api_url", "id_url", "eventsub_url", "control_url", "discord_url", "client_id", "client_secret"}


async def start(*arguments: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.twitch", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(15):
        addresses: dict[str, str] = json.loads(await process.stdout.readline())
    return process, addresses


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_one_line_of_json_then_a_clean_end(number: signal.Signals) -> None:
    process, addresses = await start("--seed", "3")
    assert set(addresses) == ADDRESSES
    async with (
        aiohttp.ClientSession() as http,
        http.post(addresses["control_url"] + "/channels", json={"login": "x"}) as r,
    ):
        assert r.status == 200
    async with aiohttp.ClientSession() as http, http.ws_connect(addresses["eventsub_url"]) as socket:
        await socket.receive()
        process.send_signal(number)
        assert (await socket.receive()).data == 1001
    async with asyncio.timeout(30):
        assert await process.wait() == 0


@pytest.mark.server
async def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    process, addresses = await start("--tls", "--cert", str(certificate), "--key", str(key))
    assert addresses["api_url"].startswith("https://")
    assert addresses["eventsub_url"].startswith("wss://")
    process.terminate()
    assert await process.wait() == 0


def test_settings_from_the_command_line() -> None:
    settings = parse(["--points-per-minute", "5", "--redirect-uri", "http://a/", "--vip-slots", "3"])
    assert (settings.points_per_minute, settings.redirect_uris, settings.vip_slots) == (5, ("http://a/",), 3)
    free = parse(["--unthrottled"])
    assert (free.points_per_minute, free.vip_changes) == (0, 0)


def test_tls_needs_a_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--tls"])
    assert "--cert" in capsys.readouterr().err
