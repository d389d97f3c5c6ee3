"""The admin socket over the real socket, with the real client and with one that misbehaves."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.admin_client import AdminError, admin_call
from daemon.admin_protocol import REQUEST_BYTES, SOCKET_NAME
from daemon.admin_socket import AdminSocket, Progress
from daemon.metrics import PrometheusMetrics
from domain.errors import NotFound, Unavailable


async def double(*, number: int) -> dict[str, int]:
    return {"twice": number * 2}


async def count(*, to: int, progress: Progress) -> str:
    for done in range(to):
        await progress(done=done + 1, of=to)
    return "counted"


async def refuse() -> None:
    raise NotFound("There is no such row.", code="inbox.no_row", advice="List them.")


async def slip() -> None:
    raise KeyError("very-private-detail")


async def flood() -> str:
    return "x" * (17 * 1024 * 1024)


COMMANDS: dict[str, Any] = {"double": double, "count": count, "refuse": refuse, "slip": slip, "flood": flood}


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics()


@pytest.fixture
async def admin(tmp_path: Path, metrics: PrometheusMetrics) -> AsyncIterator[AdminSocket]:
    server = AdminSocket(tmp_path / "data", commands=COMMANDS, metrics=metrics)
    await server.start()
    yield server
    await server.stop()


async def call(server: AdminSocket, command: str, **args: Any) -> Any:
    return await asyncio.to_thread(admin_call, server.path.parent, command, args, timeout_seconds=10)


async def raw(server: AdminSocket, data: bytes) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(data)
    writer.write_eof()
    lines = (await asyncio.wait_for(reader.read(), 5)).splitlines()
    writer.close()
    await writer.wait_closed()
    return [json.loads(line) for line in lines]


async def test_a_command_and_its_result(admin: AdminSocket) -> None:
    assert await call(admin, "double", number=21) == {"twice": 42}


async def test_progress_comes_line_by_line(admin: AdminSocket) -> None:
    seen: list[dict[str, Any]] = []
    result = await asyncio.to_thread(
        admin_call, admin.path.parent, "count", {"to": 3}, progress=seen.append, timeout_seconds=10
    )
    assert result == "counted"
    assert seen == [{"done": 1, "of": 3}, {"done": 2, "of": 3}, {"done": 3, "of": 3}]


async def test_a_refusal_arrives_with_code_and_advice(admin: AdminSocket) -> None:
    with pytest.raises(AdminError) as caught:
        await call(admin, "refuse")
    error = caught.value
    assert (error.code, error.message, error.advice) == (
        "inbox.no_row",
        "There is no such row.",
        "List them.",
    )


async def test_a_slip_is_logged_here_and_not_told_there(
    admin: AdminSocket, metrics: PrometheusMetrics
) -> None:
    with capture_logs() as lines, pytest.raises(AdminError) as caught:
        await call(admin, "slip")
    assert caught.value.code == "broken"
    assert "very-private-detail" not in f"{caught.value} {caught.value.advice}"
    assert any(line["log_level"] == "error" for line in lines)
    assert metrics.value("errors_total", where="admin") == 1


@pytest.mark.parametrize(
    ("command", "args", "code"),
    [
        ("no.such", {}, "admin.unknown_command"),
        ("double", {}, "admin.arguments"),
        ("double", {"number": 1, "more": 2}, "admin.arguments"),
        ("flood", {}, "admin.too_long"),
    ],
)
async def test_what_does_not_fit_is_refused(
    admin: AdminSocket, command: str, args: dict[str, Any], code: str
) -> None:
    with pytest.raises(AdminError) as caught:
        await call(admin, command, **args)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"command": 1}\n',
        b'{"command": "x", "args": []}\n',
        b"[" * 9000 + b"\n",
    ],
)
async def test_bad_requests_are_answered(admin: AdminSocket, line: bytes) -> None:
    (answer,) = await raw(admin, line)
    assert answer["error"]["code"] == "admin.request"
    assert await call(admin, "double", number=1) == {"twice": 2}


async def test_a_line_that_is_too_long_is_refused(admin: AdminSocket) -> None:
    answers = await raw(admin, b"x" * (REQUEST_BYTES * 2))
    assert answers[0]["error"]["code"] == "admin.request"


async def test_several_requests_on_one_connection(admin: AdminSocket) -> None:
    request = b'{"command": "double", "args": {"number": 2}}\n'
    assert [answer["result"] for answer in await raw(admin, request * 3)] == [{"twice": 4}] * 3


async def test_the_socket_is_private(admin: AdminSocket) -> None:
    assert stat.S_IMODE(admin.path.stat().st_mode) == 0o600


async def test_a_socket_that_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET_NAME))
    server = AdminSocket(tmp_path, commands=COMMANDS, metrics=PrometheusMetrics())
    await server.start()
    assert await call(server, "double", number=1) == {"twice": 2}
    await server.stop()
    assert not server.path.exists()


async def test_a_path_longer_than_an_address(tmp_path: Path) -> None:
    place = tmp_path / ("long-" * 20) / ("name-" * 20)
    server = AdminSocket(place, commands=COMMANDS, metrics=PrometheusMetrics())
    await server.start()
    assert len(str(server.path)) > 200
    assert await call(server, "double", number=4) == {"twice": 8}
    await server.stop()
    assert not server.path.exists()


async def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = AdminSocket(tmp_path / "file", commands=COMMANDS, metrics=PrometheusMetrics())
    with pytest.raises(Unavailable) as caught:
        await server.start()
    assert caught.value.code == "admin.socket"
    await server.stop()


async def test_stop_ends_open_connections(tmp_path: Path) -> None:
    server = AdminSocket(tmp_path, commands=COMMANDS, metrics=PrometheusMetrics())
    await server.start()
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(b'{"command": "double", "args": {"number": 1}}\n')
    await reader.readline()
    await server.stop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()


async def test_who_hangs_up_in_between_harms_nobody(admin: AdminSocket) -> None:
    _, writer = await asyncio.open_unix_connection(admin.path)
    writer.write(b'{"command": "count", "args": {"to": 20000}}\n')
    await writer.drain()
    writer.transport.abort()
    assert await call(admin, "double", number=3) == {"twice": 6}
