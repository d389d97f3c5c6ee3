"""One session over a real socket, against a scripted server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.errors import Rejected, Unavailable
from gateways.twitch.contracts import LoginNeeded, TwitchBroken, TwitchDown, Waiting
from gateways.twitch.subscriptions import vip_channel
from tests.gateways.twitch import eventsub_frames as frames
from tests.gateways.twitch.eventsub_server import House

ALL = [wish.type for wish in vip_channel("100")]
ADD = ALL[0]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


async def test_a_session_subscribes_reconciles_and_hands_on_what_it_hears(house: House) -> None:
    peer = await house.live()
    assert peer.path == "/ws?keepalive_timeout_seconds=30"
    assert house.desk.types("S1") == ALL
    assert house.records.gaps == ["100"]
    await peer.send(frames.notification("n-1"))
    await house.heard("n-1")
    assert house.records.last["type"] == ADD
    assert house.records.last["transport"] == "websocket"
    assert house.records.last["headers"]["twitch-eventsub-message-timestamp"] == frames.stamp()
    assert peer.received == []


async def test_the_same_message_twice_is_handed_on_once(house: House) -> None:
    peer = await house.live()
    for message_id in ("n-1", "n-1", "n-2"):
        await peer.send(frames.notification(message_id))
    await house.heard("n-2")
    assert house.records.notified == ["n-1", "n-2"]


async def test_hand_over_with_both_sockets_alive(house: House) -> None:
    old = await house.live()
    made = len(house.desk.calls)
    url = f"{house.server.url}?challenge=a%2Fb&id=7"
    await old.send(frames.reconnect(url))
    new = await house.server.peer()
    assert new.path == "/ws?challenge=a%2Fb&id=7"
    await old.send(frames.notification("n-1"))
    await house.heard("n-1")
    await new.send(frames.welcome("S2"))
    await new.send(frames.notification("n-1"))
    await old.send(frames.notification("n-2"))
    await new.send(frames.notification("n-2"))
    await new.send(frames.notification("n-3"))
    await house.heard("n-1", "n-2", "n-3")
    assert await old.gone() == 1000
    assert sorted(house.records.notified) == ["n-1", "n-2", "n-3"]
    assert len(house.desk.calls) == made, "subscriptions carry over"
    assert house.records.gaps == ["100"]
    assert house.records.state() == ("live", "")


async def test_a_hand_over_to_nowhere_ends_in_a_cold_connect(house: House) -> None:
    old = await house.live()
    await old.send(frames.reconnect(f"{house.server.url}?challenge=x"))
    new = await house.server.peer()
    await new.close(4007)
    await house.until(lambda: house.records.state()[0] == "connecting")
    assert house.records.state() == ("connecting", "bad_reconnect_url")
    assert await old.gone() == 1000
    again = await house.again("S3")
    assert again.path == "/ws?keepalive_timeout_seconds=30"
    await house.until(lambda: house.records.state()[0] == "live")
    assert house.desk.types("S3") == ALL
    await house.until(lambda: house.desk.types("S1") == [])  # leftovers are deleted


@pytest.mark.parametrize("code", [1001, 4000, 4001, 4002, 4004, 4005, 4006, 4007])
async def test_every_close_code_leads_back_to_live_and_reconciles(house: House, code: int) -> None:
    peer = await house.live()
    await peer.close(code)
    await house.until(lambda: house.records.state()[0] == "connecting")
    await house.again("S2")
    await house.until(lambda: house.records.state() == ("live", ""))
    assert house.desk.types("S2") == ALL
    await house.until(lambda: len(house.records.gaps) == 2)


async def test_unused_with_a_dead_grant_parks_until_somebody_logs_in(house: House) -> None:
    peer = await house.live()
    house.desk.refuse("list", LoginNeeded("100", "The grant is gone."))
    await peer.close(4003)
    await house.until(lambda: house.records.state()[0] == "needs_login")
    assert house.records.state() == ("needs_login", "The grant is gone.")
    await house.clock.advance(3600.0)
    assert house.server.connections == 1
    house.monitor.wake("100")
    await house.server.greet("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_unused_with_a_good_grant_connects_again_but_does_not_hurry(house: House) -> None:
    peer = await house.live()
    calls = house.desk.calls.count("list")
    house.desk.refuse("list", TwitchDown("Twitch is away.", retry_after_seconds=1.0))
    await peer.close(4003)
    await house.until(lambda: house.desk.calls.count("list") == calls + 1)
    await house.clock.advance(4.0)
    await house.until(lambda: house.desk.calls.count("list") == calls + 2)
    await house.clock.advance(26.0)
    assert house.server.connections == 1
    await house.again("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_silence_is_noticed_and_keepalives_prevent_it(house: House) -> None:
    peer = await house.live(keepalive=10)
    await house.clock.advance(12.0)
    await peer.send(frames.keepalive())
    await peer.send(frames.notification("n-1"))
    await house.heard("n-1")
    await house.clock.advance(12.0)
    assert house.records.state()[0] == "live"
    await house.clock.advance(1.5)
    assert house.records.state() == ("connecting", "silence")
    assert await peer.gone() == 1000


async def test_bad_frames_are_counted_and_the_session_goes_on(house: House) -> None:
    peer = await house.live()
    bad: list[str | bytes] = [
        "not json",
        b"\xff\xfe",
        '{"metadata": 7}',
        "[" * 20_000,
        '{"a": 1' + "0" * 400 + "}",
        frames.frame("session_pause", {}),
        frames.welcome("S9"),
        "again not json",
    ]
    for text in bad:
        await peer.send(text)
    await peer.send(frames.notification("n-1"))
    await house.heard("n-1")
    counted = {key[1]: n for key, n in house.counts.seen.items() if key[0] == "eventsub_bad_frames_total"}
    assert counted == {
        "not_json": 2,
        "not_utf8": 1,
        "wrong_shape": 1,
        "too_deep": 1,
        "bad_number": 1,
        "unknown_type": 1,
        "unexpected": 1,
    }
    await house.clock.advance(3.0)
    await house.until(lambda: len(house.records.gaps) == 2)
    assert house.records.state() == ("live", "")


async def test_an_oversize_frame_costs_the_socket_not_the_session(house: House) -> None:
    peer = await house.live()
    await peer.send("x" * (300 * 1024))
    assert await peer.gone() == 1009
    await house.until(lambda: house.records.state()[0] == "connecting")
    assert house.counts.seen["eventsub_bad_frames_total", "too_large"] == 1
    await house.again("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_a_stale_notification_is_left_aside_and_reconciled(house: House) -> None:
    peer = await house.live()
    await peer.send(frames.notification("n-1", at=frames.NOW_MS - 700_000))
    await peer.send(frames.notification("n-2"))
    await house.heard("n-2")
    assert house.records.notified == ["n-2"]
    await house.clock.advance(3.0)
    await house.until(lambda: len(house.records.gaps) == 2)


async def test_refused_for_now_then_success_within_the_window(house: House) -> None:
    for type_ in ALL:
        house.desk.refuse(type_, Waiting("Too many transports.", retry_after_seconds=30.0))
    house.monitor.add("100", vip_channel("100"))
    await house.server.greet("S1")
    await house.until(lambda: len(house.desk.calls) == 1 + len(ALL))
    await house.clock.advance(2.1)
    await house.until(lambda: house.records.state()[0] == "live")
    assert house.server.connections == 1
    assert house.desk.types("S1") == ALL


async def test_refused_longer_than_the_window_starts_another_session(house: House) -> None:
    house.desk.refuse("list", *[Waiting("Too many calls.", retry_after_seconds=30.0)] * 30)
    house.monitor.add("100", vip_channel("100"))
    peer = await house.server.greet("S1")
    await house.until(lambda: "list" in house.desk.calls)
    await house.clock.advance(9.6)
    assert await peer.gone() == 1000
    assert house.records.state() == ("connecting", "window")
    house.desk.refusals.clear()
    await house.again("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_what_stays_refused_is_polled_meanwhile(house: House) -> None:
    house.desk.refuse(ALL[2], *[Waiting("Too many of this type.", retry_after_seconds=1.0)] * 60)
    house.monitor.add("100", vip_channel("100"))
    peer = await house.server.greet("S1", keepalive=600)
    await peer.send(frames.notification("n-1"))
    await house.heard("n-1")
    await house.clock.advance(60.0)
    await house.until(lambda: house.records.gaps)
    assert house.records.state() == ("connecting", "not everything could be subscribed yet")
    house.desk.refusals.clear()
    await house.clock.advance(200.0)
    await house.until(lambda: house.records.state()[0] == "live")


async def test_a_missing_optional_scope_drops_only_what_needs_it(house: House) -> None:
    for type_ in ALL[4:]:
        house.desk.refuse(type_, LoginNeeded("100", "A scope is missing.", scopes=("moderation:read",)))
    await house.live()
    assert house.desk.types("S1") == ALL[:4]
    assert house.records.state() == ("live", "without: " + " ".join(ALL[4:]))


async def test_a_missing_required_scope_needs_login(house: House) -> None:
    house.desk.refuse(ADD, LoginNeeded("100", "A scope is missing.", scopes=("channel:manage:redemptions",)))
    house.monitor.add("100", vip_channel("100"))
    peer = await house.server.greet("S1")
    assert await peer.gone() == 1000
    await house.until(lambda: house.records.state()[0] == "needs_login")
    assert house.records.state() == ("needs_login", "missing: channel:manage:redemptions")


@pytest.mark.parametrize("error", [Rejected("Bad type."), TwitchBroken("Nonsense.", status=418)])
async def test_a_subscription_refused_for_good_rests_and_tries_again(house: House, error: Exception) -> None:
    house.desk.refuse(ADD, error)  # type: ignore[arg-type]
    house.monitor.add("100", vip_channel("100"))
    peer = await house.server.greet("S1")
    assert await peer.gone() == 1000
    await house.until(lambda: house.records.state() == ("connecting", "subscribing"))
    assert house.counts.seen["errors_total", "eventsub.subscribe"] == 1
    await house.again("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_a_revocation_is_told_and_a_dead_grant_behind_it_parks(house: House) -> None:
    peer = await house.live()
    house.desk.held.clear()
    house.desk.refuse("list", LoginNeeded("100", "The grant is gone."))
    await peer.send(frames.revocation("v-1"))
    await peer.send(frames.revocation("v-2"))
    await house.until(lambda: len(house.records.revoked) == 2)
    assert house.records.revoked[0].status == "authorization_revoked"
    await house.clock.advance(5.5)
    await house.until(lambda: house.records.state()[0] == "needs_login")
    assert await peer.gone() == 1000


async def test_a_revoked_subscription_that_may_be_made_again_is(house: House) -> None:
    peer = await house.live()
    house.desk.held.pop(next(iter(house.desk.held)))
    await peer.send(frames.revocation("v-1", status="version_removed"))
    await house.until(lambda: house.records.revoked)
    await house.clock.advance(5.5)
    await house.until(lambda: len(house.records.gaps) == 2)
    assert sorted(house.desk.types("S1")) == sorted(ALL)
    assert house.server.connections == 1


async def test_a_failing_sink_keeps_order_while_the_session_goes_on(house: House) -> None:
    peer = await house.live(keepalive=10)
    house.records.sink_errors = [Unavailable("The disk is full.", retry_after_seconds=2.0)] * 4
    for number in range(5):
        await peer.send(frames.notification(f"n-{number}"))
    await house.until(lambda: house.records.attempts == 1)
    for _ in range(5):
        await peer.send(frames.keepalive())
        await peer.send(frames.notification("n-0"))
        await house.clock.advance(9.0)
    await house.heard("n-4")
    assert house.records.notified == [f"n-{number}" for number in range(5)]
    assert house.server.connections == 1


async def test_what_the_session_is_killed_by_is_logged_and_it_starts_again(house: House) -> None:
    peer = await house.live()
    house.desk.refuse("list", ZeroDivisionError())  # type: ignore[arg-type]
    await peer.send(frames.revocation("v-1"))
    await house.until(lambda: house.records.revoked)
    await house.clock.advance(5.5)
    await house.until(lambda: ("100", "connecting", "failed, starting again") in house.records.states)
    assert house.counts.seen["errors_total", "eventsub.session"] == 1
    assert await peer.gone() == 1006
    await house.again("S2")
    await house.until(lambda: house.records.state()[0] == "live")
