from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.party.house import Doorway, open_doorway


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    async with open_doorway(tmp_path / "data") as opened:
        yield opened
