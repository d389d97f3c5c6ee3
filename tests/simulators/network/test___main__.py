"""The proxy as a program."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import aiohttp
import pytest

from simulators.network.__main__ import parse
from tests.simulators.network.peers import Bench


@pytest.mark.server
async def test_one_line_of_json_then_a_clean_end(stand: Bench) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.network", "--route", f"echo=127.0.0.1:{stand.echo.port}"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(15):
        told = json.loads(await process.stdout.readline())
    reader, writer = await asyncio.open_connection("127.0.0.1", told["ports"]["echo"])
    writer.write(b"ping")
    assert await reader.readexactly(4) == b"ping"
    async with aiohttp.ClientSession() as http, http.get(told["control_url"] + "/state") as answer:
        assert (await answer.json())["routes"]["echo"]["accepted"] == 1
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    writer.transport.abort()


def test_routes_from_the_command_line() -> None:
    order = parse(["--upstream", "h:1", "--port", "7", "--route", "b=h:2", "--route", "c=h:3@9"])
    assert order.routes == (("main", "h:1", 7), ("b", "h:2", 0), ("c", "h:3", 9))


@pytest.mark.parametrize("arguments", [["--route", "a=h"], ["--route", "a=h:1@x"], ["--upstream", "h"]])
def test_mistakes_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert "error:" in capsys.readouterr().err
