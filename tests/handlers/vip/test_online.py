"""We say that we are here once per start, and not too often."""

from __future__ import annotations

from handlers.vip.online import LEAST_MS
from tests.handlers.vip.test_discord_writer import choose
from tests.support.scene import Scene

HERE = "Cuelight is on: redeem a VIP reward, and your badge comes by itself."


async def test_only_who_wants_it_and_once_in_ten_minutes(scene: Scene) -> None:
    wants, silent = await scene.channel(), await scene.channel("silent")
    await choose(scene, wants, says_online=True)
    online = scene.desk.telling.online
    assert await online.say(start="boot-1") == 1
    assert await online.say(start="boot-1") == 0
    assert await online.say(start="boot-2") == 0, "it was killed and started again"
    await scene.finish()
    assert (scene.said(wants), scene.said(silent)) == ([HERE], [])
    await scene.pass_ms(LEAST_MS)
    assert await online.say(start="boot-3") == 1
    await scene.finish()
    assert scene.said(wants) == [HERE, HERE]
    assert (await scene.repositories.chats.get(wants.id)).sent == 2


async def test_a_store_that_is_away_does_not_stop_the_start(scene: Scene) -> None:
    await choose(scene, await scene.channel(), says_online=True)
    scene.store.orders.fail("chats", "change")
    assert await scene.desk.telling.online.say(start="boot-1") == 0
    assert await scene.desk.telling.online.say(start="boot-1") == 1
