from __future__ import annotations

import pytest

from domain.errors import NotFound, Rejected
from handlers.vip.who import Who
from tests.support.scene import Scene


async def test_a_viewer_is_found_by_login_and_by_id(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    who = Who(helix=scene.helix)
    for written in ("ann", "@ANN", " Ann ", ann.id):
        assert await who.find(channel.id, written) == ann


async def test_digits_may_be_a_login(scene: Scene) -> None:
    channel, digits = await scene.channel(), await scene.viewer("20071")
    assert await Who(helix=scene.helix).find(channel.id, "20071") == digits


async def test_nobody_is_called_so(scene: Scene) -> None:
    channel = await scene.channel()
    for written in ("nobody", "987654321"):
        with pytest.raises(NotFound) as missing:
            await Who(helix=scene.helix).find(channel.id, written)
        assert missing.value.code == "vip.no_viewer"


@pytest.mark.parametrize("written", ["", "@", "two words", "ann\n", "é", "x" * 26, "a/b", "a&login=b"])
async def test_what_can_be_no_login_is_not_even_asked_for(scene: Scene, written: str) -> None:
    channel = await scene.channel()
    with pytest.raises(Rejected) as refused:
        await Who(helix=scene.helix).find(channel.id, written if written != "ann\n" else "a\nnn")
    assert refused.value.code == "vip.viewer"
