"""The commands by themselves; as a person meets them they are judged in test_cli_privacy.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.privacy_commands import person_id
from daemon.wiring_privacy import build_privacy_commands
from domain.errors import Rejected, Unavailable
from tests.handlers.test_erasure import lived
from tests.support.desk import open_scene


class Retained:
    retention_audit_days = 400
    retention_max_documents = 1000


async def progress(**facts: Any) -> None:
    return None


@pytest.mark.parametrize("written", ["", "ann", "12 3", "١٢", "1" * 65, "../1"])
def test_ids_have_digits_only(written: str) -> None:
    with pytest.raises(Rejected):
        person_id(written, "viewer")


async def test_an_erasure_that_takes_too_long_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_scene(tmp_path, accounts=True) as scene:
        channel = await scene.channel()
        zoe = await lived(scene, channel)
        assert scene.accounts is not None
        commands = await build_privacy_commands(scene.accounts.privacy, Retained(), intake=scene.desk.intake)
        monkeypatch.setattr("daemon.privacy_commands.LONGEST_SECONDS", 0.0)
        with pytest.raises(Unavailable) as raised:
            await commands["erase"](progress=progress, viewer=zoe.id, channel=channel.id)
        assert raised.value.code == "privacy.unfinished"
        await scene.finish()
        again = await commands["erase"](progress=progress, viewer=zoe.id, channel=channel.id, dry_run=True)
        assert again["documents"] == 0


async def test_nobody_is_refused(tmp_path: Path) -> None:
    async with open_scene(tmp_path, accounts=True) as scene:
        assert scene.accounts is not None
        commands = await build_privacy_commands(scene.accounts.privacy, Retained(), intake=None)
        with pytest.raises(Rejected):
            await commands["erase"](progress=progress)
        assert await commands["audit.head"]() == []
        assert (await commands["audit.state"]())["newest_at"] is None
