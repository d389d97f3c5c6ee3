"""The connection page shows what Twitch has, what is missing and why, and what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.errors import NotFound
from domain.transport import Way
from gateways.twitch.contracts import RemoteSubscription, TwitchDown
from gateways.twitch.subscriptions import Wanted
from handlers.vip.connection import LOOK_MS, MISSING, ConnectionView, Listing, seen
from storage.pulses import Pulse, Subscribed
from tests.support.scene import Scene


class Twitch:
    """What Twitch lists, and how often it was asked."""

    def __init__(self, *types: str) -> None:
        self.types = types
        self.asked = 0
        self.down = False

    async def listed(self, channel_id: str) -> list[RemoteSubscription]:
        self.asked += 1
        if self.down:
            raise TwitchDown("away")
        return [RemoteSubscription(type_, type_, "1", "enabled") for type_ in self.types]

    async def scopes(self, channel_id: str) -> tuple[str, ...]:
        return ("channel:manage:redemptions", "channel:manage:vips")


def view(scene: Scene, twitch: Twitch) -> ConnectionView:
    r = scene.repositories
    return ConnectionView(
        channels=r.channels,
        live=scene.desk.live,
        keeper=scene.desk.keeper,
        pulses=r.pulses,
        chats=r.chats,
        inbox=r.inbox,
        listed=twitch.listed,
        scopes=twitch.scopes,
        clock=scene.clock,
    )


async def test_the_whole_picture(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    twitch = Twitch("channel.vip.add")
    await scene.desk.live.show_connection(channel.id, "live", "")
    await scene.settled(await scene.redeem(channel, ann))
    await scene.deliver({"broadcaster_user_id": channel.id}, "channel.unheard.of")
    shown = await view(scene, twitch).show(channel.id)
    assert (shown["state"], shown["transport"]) == ("live", "websocket")
    assert shown["last_event_at"] == scene.clock.now()
    by_type = {one["type"]: one for one in shown["subscriptions"]}
    assert by_type["channel.vip.add"]["status"] == "enabled"
    assert by_type["channel.vip.remove"]["status"] == MISSING
    assert "not granted" not in by_type["channel.vip.remove"]["why"]
    assert by_type["channel.moderator.add"]["why"] == "The permission moderation:read is not granted."
    assert "channel.unheard.of" not in by_type
    assert (shown["chat"]["sent"], shown["chat"]["last_drop"]) == (1, None)
    assert shown["backlog"] == {"waiting": 0, "oldest_at": None, "parked": 0, "dead": 0, "over_quota": 0}
    assert twitch.asked == 1


async def test_twitch_is_asked_each_half_minute_at_most_and_its_last_word_is_shown_while_it_is_away(
    scene: Scene,
) -> None:
    channel = await scene.channel()
    twitch = Twitch("channel.vip.add")
    first = await view(scene, twitch).show(channel.id)
    assert await view(scene, twitch).show(channel.id) == first
    assert twitch.asked == 1
    await scene.pass_ms(LOOK_MS)
    twitch.down = True
    assert (await view(scene, twitch).show(channel.id))["subscriptions"] == first["subscriptions"]
    assert twitch.asked == 2


async def test_a_channel_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await view(scene, Twitch()).show("404")


def test_a_status_has_its_time() -> None:
    wanted = [(Wanted("channel.ban", "1", {}), ""), (Wanted("stream.online", "1", {}), "")]
    enabled = RemoteSubscription("1", "channel.ban", "1", "enabled")
    over = RemoteSubscription("2", "channel.ban", "1", "authorization_revoked")
    strange = RemoteSubscription("3", "channel.raid", "1", "enabled")
    pulse = Pulse("1", subscriptions=(Subscribed("channel.ban", "1", "enabled", 5, 6),))
    after = seen(pulse, wanted, [over, enabled, strange], now=10)
    ban, online, raid = after.subscriptions
    assert (ban.status, ban.since, ban.last_event_at) == ("enabled", 5, 6)
    assert (online.status, online.since) == (MISSING, 10)
    assert online.why
    assert (raid.type, raid.status) == ("channel.raid", "enabled")
    revoked = seen(after, wanted, [over], now=20).of("channel.ban")
    assert revoked is not None
    assert (revoked.status, revoked.since) == ("authorization_revoked", 20)


class Listed:
    """Both lists of Twitch."""

    async def subscriptions_of(self, channel_id: str) -> list[RemoteSubscription]:
        return [RemoteSubscription("u", "channel.ban", "1", "enabled")]

    async def pages(self, user_id: str) -> AsyncIterator[list[RemoteSubscription]]:
        yield [RemoteSubscription("w", "channel.ban", "1", "enabled")]
        yield [RemoteSubscription(user_id, "channel.ban", "1", "enabled", method="conduit")]


class ByUser(Listed):
    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]:
        return await self.subscriptions_of(channel_id)


class ByApplication(Listed):
    def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]:
        return self.pages(user_id)


async def test_the_list_is_that_of_the_way_in_which_events_come(scene: Scene) -> None:
    transports = scene.repositories.transports
    listing = Listing(by_user=ByUser(), by_application=ByApplication(), transports=transports)
    assert [one.id for one in await listing.of("7")] == ["u"]
    await transports.change(lambda held: replace(held, target=Way.CONDUIT, in_force=Way.CONDUIT))
    assert [one.id for one in await listing.of("7")] == ["7"]
