"""A desk with accounts, per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.wiring_accounts import Accounts
from tests.support.desk import open_scene
from tests.support.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, accounts=True, scheduler=False) as scene:
        yield scene


@pytest.fixture
def accounts(scene: Scene) -> Accounts:
    assert scene.accounts is not None
    return scene.accounts
