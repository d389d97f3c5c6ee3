"""The client where no daemon is, or not to the end."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.admin_client import admin_call
from daemon.admin_protocol import SOCKET_NAME
from domain.errors import Denied, Rejected, Unavailable


def answering(place: Path, answer: bytes) -> Callable[[], None]:
    """A daemon that sends `answer` to the first request and hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / SOCKET_NAME))
    listener.listen()

    def serve() -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread.join


@pytest.mark.parametrize("place", ["", "nowhere", "file"])
def test_no_daemon(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        admin_call(tmp_path / place, "status")
    assert caught.value.code == "admin.no_daemon"
    assert "cuelight run" in caught.value.advice


def test_a_dead_socket_is_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET_NAME))
    with pytest.raises(Unavailable) as caught:
        admin_call(tmp_path, "status")
    assert caught.value.code == "admin.no_daemon"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may connect to everything; run the tests as another user")
def test_somebody_elses_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(tmp_path / SOCKET_NAME))
        theirs.listen()
        (tmp_path / SOCKET_NAME).chmod(0)
        with pytest.raises(Denied):
            admin_call(tmp_path, "status")


@pytest.mark.parametrize("answer", [b"", b'{"ok": tr', b'{"progress": {}}\n', b"\xff\n"])
def test_an_answer_that_breaks_off(tmp_path: Path, answer: bytes) -> None:
    join = answering(tmp_path, answer)
    with pytest.raises(Unavailable) as caught:
        admin_call(tmp_path, "status", timeout_seconds=5)
    assert caught.value.code == "admin.lost"
    join()


def test_a_request_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        admin_call(tmp_path, "inbox.show", {"id": "x" * 70_000})
