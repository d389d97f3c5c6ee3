"""Names that look like people: ordinary ones, very long ones, other scripts, one written from right to left."""

from __future__ import annotations

import random

_FIRST = (
    "mia", "noah", "luca", "emma", "finn", "zoe", "paul", "lena", "jonas", "clara", "theo", "ida", "oskar", "nora",
    "felix", "alma", "emil", "frida", "anton", "greta", "hugo", "ella", "leo", "maja", "karl", "ruby", "milo", "ines",
)  # fmt: skip
_SECOND = (
    "plays", "streams", "reads", "draws", "runs", "naps", "bakes", "codes", "sings", "rides", "fox", "owl", "otter",
    "wolf", "moth", "lynx", "heron", "panda", "raven", "tiger",
)  # fmt: skip
_SPECIAL = (
    ("the_longest_name_of_all25", "The_Longest_Name_Of_All25"),
    ("noor_alhuda", "نور الهدى"),
    ("sakura_hime", "さくら姫"),
    ("minjun_games", "민준게임"),
    ("wei_laoshi", "魏老师"),
    ("average_viewer_no_1234567", "Average_Viewer_No_1234567"),
)


class ViewerNames:
    """An endless supply of unique (login, display name) pairs."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._taken: set[str] = set()
        self._special = list(_SPECIAL)

    def take(self, count: int) -> list[tuple[str, str]]:
        """The special names come first, so that the first channel has them all."""
        special, self._special = self._special[:count], self._special[count:]
        names = [*special]
        self._taken.update(login for login, _ in special)
        while len(names) < count:
            names.append(self._ordinary())
        return names

    def _ordinary(self) -> tuple[str, str]:
        while True:
            first, second = self._random.choice(_FIRST), self._random.choice(_SECOND)
            number = self._random.choice(("", "", str(self._random.randrange(1, 10_000))))
            login = f"{first}_{second}{number}"
            if login not in self._taken:
                self._taken.add(login)
                return login, f"{first.title()}{second.title()}{number}" if not number else login
