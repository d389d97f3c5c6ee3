"""What the command line and the daemon say to each other over the local socket, and where that socket is.

One JSON object per line, in UTF-8. The client sends `{"command": NAME, "args": {…}}`; the daemon answers any number
of `{"progress": {…}}` lines and then one of

    {"ok": true, "result": …}
    {"ok": false, "error": {"code": …, "message": …, "advice": …}}

A connection may carry several requests, one after the other.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from domain.errors import Unavailable

SOCKET_NAME = "admin.sock"
REQUEST_BYTES = 64 * 1024
ANSWER_BYTES = 16 * 1024 * 1024
LONGEST_PATH_BYTES = 104  # 107 on Linux, 103 on others, less the end


@contextlib.contextmanager
def socket_address(data_dir: Path) -> Iterator[str]:
    """A path to the socket that the kernel takes, usable while the block lasts.

    The address of a Unix socket holds 107 bytes. A longer path is reached through an open directory, which Linux
    shows under /proc/self/fd. Raises `FileNotFoundError` if the directory is not there.
    """
    path = data_dir.absolute() / SOCKET_NAME
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    if not Path("/proc/self/fd").is_dir():
        raise Unavailable(
            f"The path of {path} is too long for a socket.",
            code="admin.path",
            advice="Let DATA_DIR name a directory with a shorter path.",
        )
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET_NAME}"
    finally:
        os.close(directory)
