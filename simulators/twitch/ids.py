"""Identifiers in the shapes that Twitch uses, repeatable from a seed."""

from __future__ import annotations

import random
import string
import uuid

_TOKEN_LETTERS = string.ascii_lowercase + string.digits


class Ids:
    """Hands out ids. Two simulators with the same seed and the same history give the same ids."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._next_user = 100_000 + (seed % 1000) * 1000

    def user(self) -> str:
        self._next_user += 1
        return str(self._next_user)

    def unique(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def session(self) -> str:
        return "AgoQ" + self._letters(36)

    def token(self) -> str:
        """Thirty letters and digits: the length of real access tokens."""
        return self._letters(30)

    def refresh_token(self) -> str:
        return self._letters(50)

    def device_code(self) -> str:
        return self._letters(40)

    def user_code(self) -> str:
        return "".join(self._random.choices(string.ascii_uppercase, k=8))

    def _letters(self, count: int) -> str:
        return "".join(self._random.choices(_TOKEN_LETTERS, k=count))
