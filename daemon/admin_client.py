"""The command line's side of the local admin socket. Blocking: a command has nothing else to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from daemon.admin_protocol import ANSWER_BYTES, REQUEST_BYTES, socket_address
from domain.errors import CuelightError, Denied, Rejected, Unavailable

LONGEST_COMMAND_SECONDS = 600.0


class AdminError(CuelightError):
    """What the daemon answered: its code, sentence and advice."""


def admin_call(
    data_dir: Path,
    command: str,
    args: Mapping[str, Any] | None = None,
    *,
    progress: Callable[[dict[str, Any]], None] | None = None,
    timeout_seconds: float = LONGEST_COMMAND_SECONDS,
) -> Any:
    """Ask the daemon of this data directory and return its result.

    `progress` is called with the facts of each progress line; `timeout_seconds` is the longest silence. Raises
    `AdminError` for a refusal, `Unavailable` (code `admin.no_daemon`) where no daemon runs and (`admin.lost`) where
    it went away in between, `Denied` where the daemon belongs to somebody else.
    """
    request = json.dumps({"command": command, "args": dict(args or {})}).encode("ascii") + b"\n"
    if len(request) > REQUEST_BYTES:
        raise Rejected("The command is too long.", code="admin.request")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        _connect(connection, data_dir)
        try:
            connection.sendall(request)
            with connection.makefile("rb") as lines:
                return _result(lines, progress)
        except (OSError, ValueError) as error:
            raise Unavailable(
                "The daemon did not answer to the end.",
                code="admin.lost",
                advice="See its log; what it had begun may be done. Ask again.",
            ) from error


def _connect(connection: socket.socket, data_dir: Path) -> None:
    try:
        with socket_address(data_dir) as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise Unavailable(
            f"No daemon runs with the data directory {data_dir}.",
            code="admin.no_daemon",
            advice="Start one with `cuelight run`, or name its directory with --data-dir or DATA_DIR.",
        ) from None
    except PermissionError:
        raise Denied(
            f"The daemon of {data_dir} belongs to another user.",
            code="admin.denied",
            advice="Run the command as that user.",
        ) from None


def _result(lines: IO[bytes], progress: Callable[[dict[str, Any]], None] | None) -> Any:
    while line := lines.readline(ANSWER_BYTES + 1):
        answer = json.loads(line)
        if "progress" in answer:
            if progress is not None:
                progress(answer["progress"])
            continue
        if answer.get("ok"):
            return answer.get("result")
        error = answer["error"]
        raise AdminError(error["message"], code=error["code"], advice=error.get("advice", ""))
    raise ConnectionResetError("closed before the answer")
