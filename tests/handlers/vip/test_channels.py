"""Channels come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.errors import NotFound, Rejected
from domain.redemption import RedemptionStatus as Status
from domain.rules import Rules
from tests.support.scene import Scene


async def login(scene: Scene, name: str = "streamer", **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = await scene.act("channels", login=name, name=name.title(), **more)
    return row


async def enrol(scene: Scene, row: dict[str, Any], **changes: Any) -> Any:
    given = {
        "access_token": row["access_token"],
        "refresh_token": row["refresh_token"],
        "reward_title": "VIP for a minute",
        "reward_cost": 500,
        "vip_seconds": 60,
    }
    return await scene.enrolment.add(**given | changes)


async def test_a_channel_is_added_with_a_reward_of_its_own_and_watched(scene: Scene) -> None:
    row = await login(scene)
    channel = await enrol(scene, row, login="STREAMER")
    assert (channel.id, channel.login, channel.name) == (row["id"], "streamer", "Streamer")
    (reward,) = channel.rewards
    assert (reward.title, reward.cost, reward.vip_ms) == ("VIP for a minute", 500, 60_000)
    assert channel.added_at == scene.clock.now()
    stored = scene.sim.world.channels[channel.id].rewards[reward.id]
    assert stored.client_id == scene.sim.client_id
    assert not stored.should_redemptions_skip_request_queue
    assert scene.watch.told[-1] == ("add", channel.id)
    assert await scene.repositories.channels.get(channel.id) == channel
    ann = await scene.viewer()
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED


async def test_adding_it_again_changes_the_promise_and_keeps_the_reward(scene: Scene) -> None:
    row = await login(scene)
    first = await enrol(scene, row)
    again = await enrol(scene, row, vip_seconds=120)
    assert again.rewards[0].id == first.rewards[0].id
    assert again.rewards[0].vip_ms == 120_000
    both = await enrol(scene, row, reward_title="VIP for an hour", vip_seconds=3600)
    assert [reward.vip_ms for reward in both.rewards] == [120_000, 3_600_000]
    assert [shown["title"] for shown in (await scene.enrolment.listed())[0]["rewards"]] == [
        "VIP for a minute",
        "VIP for an hour",
    ]


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86_400 + 1])
async def test_the_length_of_a_vip_is_bounded(scene: Scene, seconds: int) -> None:
    row = await login(scene)
    with pytest.raises(Rejected) as caught:
        await enrol(scene, row, vip_seconds=seconds)
    assert caught.value.code == "channel.vip_seconds"


async def test_what_twitch_does_not_accept_is_refused(scene: Scene) -> None:
    row = await login(scene)
    with pytest.raises(Rejected) as caught:
        await enrol(scene, row, access_token="a" * 30)
    assert caught.value.code == "channel.token"
    with pytest.raises(Rejected) as caught:
        await enrol(scene, row, login="somebody_else")
    assert caught.value.code == "channel.login"
    limited = await login(scene, "limited", scopes=["channel:manage:vips"])
    with pytest.raises(Rejected, match="channel:manage:redemptions") as caught:
        await enrol(scene, limited)
    assert caught.value.code == "channel.scopes"
    unpaid = await login(scene, "newcomer", broadcaster_type="")
    with pytest.raises(Rejected) as caught:
        await enrol(scene, unpaid)
    assert caught.value.code == "twitch.reward_forbidden"
    assert await scene.repositories.channels.all() == []
    assert scene.watch.told == [("wake", unpaid["id"])]


async def test_a_reward_of_ours_that_skips_the_queue_is_refused(scene: Scene) -> None:
    """What is fulfilled at once can never be refunded."""
    row = await login(scene)
    channel = await enrol(scene, row)
    reward = scene.sim.world.channels[channel.id].rewards[channel.rewards[0].id]
    reward.should_redemptions_skip_request_queue = True
    with pytest.raises(Rejected) as caught:
        await enrol(scene, row)
    assert caught.value.code == "channel.reward_queue"


async def test_a_title_that_the_streamer_uses_himself_is_refused(scene: Scene) -> None:
    row = await login(scene)
    await scene.act("rewards", channel_id=row["id"], title="VIP for a minute", cost=1)
    with pytest.raises(Rejected, match="DUPLICATE") as caught:
        await enrol(scene, row)
    assert caught.value.code == "twitch.reward_title"


async def test_a_removed_channel_is_left_alone_and_its_trail_stays(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    await scene.enrolment.remove(channel.id)
    assert scene.watch.told[-1] == ("remove", channel.id)
    assert await scene.actions(channel) == ["vip.granted"]
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"
    with pytest.raises(NotFound):
        await scene.enrolment.remove(channel.id)


async def test_a_vip_of_a_removed_channel_still_ends(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=5000), await scene.viewer()
    redemption = await scene.settled(await scene.redeem(channel, ann))
    await scene.enrolment.remove(channel.id)
    await scene.ended(redemption.session_id)
    assert not scene.holds_vip(channel, ann)


async def test_a_session_begins_anew_on_demand(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.enrolment.restart(channel.id)
    assert scene.watch.told[-1] == ("restart", channel.id)
    with pytest.raises(NotFound):
        await scene.enrolment.restart("404")


async def test_a_login_goes_on_with_everything_that_waited_in_its_order(scene: Scene) -> None:
    channel = await scene.channel(vip_ms=3_600_000)
    other = await scene.channel("other")
    viewers = [await scene.viewer(f"viewer{number}") for number in range(3)]
    await scene.act("tokens/revoke", user_id=channel.id)
    ids = [await scene.redeem(channel, viewer) for viewer in (*viewers, viewers[0])]
    await scene.quiet()
    assert scene.desk.live.connection(channel.id).detail
    entry = (await scene.entries(channel))[-1]
    assert (entry.kind, entry.body["connection"]["state"]) == ("channel", "needs_login")
    waiting = await scene.repositories.inbox.waiting_for(channel.id, "login")
    assert len(waiting) == 3, "the fourth waits behind the first, in the same lane"
    assert (await scene.settled_now(await scene.redeem(other, viewers[1]))).status == Status.FULFILLED
    await enrol(scene, {**await scene.act("login", user_id=channel.id), "id": channel.id})
    await scene.quiet()
    assert ("wake", channel.id) in scene.watch.told
    outcomes = [await scene.repositories.redemptions.get(redemption_id) for redemption_id in ids]
    assert [found.outcome for found in outcomes if found] == ["granted", "granted", "granted", "extended"]


async def test_the_list_shows_rewards_and_connection(scene: Scene) -> None:
    channel = await scene.channel(vip_ms=90_000)
    await scene.desk.live.show_connection(channel.id, "live", "")
    (shown,) = await scene.enrolment.listed()
    assert shown["connection"]["state"] == "live"
    assert shown["rewards"] == [
        {"id": channel.rewards[0].id, "title": "VIP of streamer", "cost": 500, "vip_seconds": 90}
    ]


async def test_a_channel_is_paused_and_goes_on(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.enrolment.pause(channel.id)
    await scene.enrolment.pause(channel.id)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "paused")
    await scene.enrolment.resume(channel.id)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED
    shown = [entry.body["paused"] for entry in await scene.entries(channel) if entry.kind == "channel"]
    assert shown == [True, False]
    changes = [
        record.detail["changes"]
        for record in await scene.trail(channel)
        if record.action == "settings.changed"
    ]
    # Both may have happened within one millisecond, so the trail does not tell which came first.
    assert sorted(changes, key=str) == [
        {"paused": {"before": False, "after": True}},
        {"paused": {"before": True, "after": False}},
    ]
    with pytest.raises(NotFound):
        await scene.enrolment.pause("404")


async def test_adding_it_again_keeps_what_the_streamer_chose_for_the_reward(scene: Scene) -> None:
    row = await login(scene)
    first = await enrol(scene, row)
    chosen = replace(first.rewards[0], rules=Rules(subscribers_only=True), pauses_when_full=True)
    await scene.repositories.channels.change(first.id, lambda held: replace(held, rewards=(chosen,)))
    again = await enrol(scene, row, vip_seconds=120)
    assert again.rewards == (replace(chosen, vip_ms=120_000),)
