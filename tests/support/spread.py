"""Which tests a run on several workers keeps together.

A file is done by one worker from its first test to its last: what its tests share (a browser, a built image) is made
once, and what must not run side by side does not. The journeys share nothing and take long, so each goes to whoever is
free. By path, since that is all that `pytest-xdist` tells where it is decided; its own `loadgroup` groups nothing with
pytest 9.2 (pytest-xdist#1386).
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ONE_BY_ONE = "tests/journeys/"
SLOW = ("journey", "browser", "server")
"""Marks of what takes long, the longest in front."""


def together(nodeid: str) -> str:
    """The name of the group of tests that this one is done with."""
    return nodeid if nodeid.startswith(ONE_BY_ONE) else nodeid.partition("::")[0]


def place(item: pytest.Item) -> int:
    """Sorts what takes long in front: a long story that begins last leaves the other workers idle."""
    return next((place for place, mark in enumerate(SLOW) if item.get_closest_marker(mark)), len(SLOW))


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # what has most tests in front would undo our order
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
