"""Passwords of rooms: what is kept of one, and whether one is it.

`scrypt` (RFC 7914) takes 16 MiB and some 50 ms, so that who gets hold of a hash cannot try many; it runs in a thread, a
few at a time, and whoever would have to wait for long is asked to come back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets

from domain.errors import Rejected, Unavailable

COST, BLOCK, PARALLEL = 2**14, 8, 1
MEMORY_BYTES = 64 << 20
LONGEST = 128
SIDE_BY_SIDE = 2
MOST_WAITING = 32


class Passwords:
    """Bounded work on passwords, for one process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(SIDE_BY_SIDE)
        self._asked = 0

    async def hash(self, password: str) -> str:
        """What is kept: "" for an empty password. Raises `Rejected` (`party.bad_field`) for one that is too long and
        `Unavailable` (`party.busy`)."""
        if not password:
            return ""
        if len(password) > LONGEST:
            raise Rejected(
                f"A password has at most {LONGEST} characters.",
                code="party.bad_field",
                advice="Send a shorter password.",
            )
        salt = secrets.token_bytes(16)
        return f"s1.{_text(salt)}.{_text(await self._derive(password, salt))}"

    async def is_it(self, password: str, kept: str) -> bool:
        """Whether `kept` is of this password. Raises `Unavailable` (`party.busy`)."""
        version, _, rest = kept.partition(".")
        salt, _, wanted = rest.partition(".")
        if version != "s1" or not password or len(password) > LONGEST:
            return False
        try:
            held = base64.b64decode(wanted, validate=True)
            found = await self._derive(password, base64.b64decode(salt, validate=True))
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(found, held)

    async def _derive(self, password: str, salt: bytes) -> bytes:
        if self._asked >= MOST_WAITING:
            raise Unavailable(
                "Too many passwords are being checked.",
                code="party.busy",
                advice="Try again in a moment.",
                retry_after_seconds=2.0,
            )
        self._asked += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_scrypt, password.encode("utf-8", "replace"), salt)
        finally:
            self._asked -= 1


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=MEMORY_BYTES, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
