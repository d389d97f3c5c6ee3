"""Our code against `twitch-cli`, which Twitch wrote: its signed webhooks, and its mock of EventSub over WebSocket.

This is the one check of signatures, frames and hand-over that none of us had a hand in. What it cannot prove:

- **Who may.** The mock looks at no token, only for a `Client-Id`: refreshing, missing scopes and rate limits (401,
  403, 429) never happen, all costs are zero.
- **Most of what we sell.** It knows no `channel.vip.*`, so the VIP subscriptions are only seen to be refused; chat and
  bits are missing likewise, and a trigger makes no redemption that could be fulfilled afterwards.
- **Which channel.** Of a subscription it compares type and version, not the condition; its notifications carry
  subscription ids that it never gave out. One socket per channel is all that can be looked at.
- **Twice the same.** Over WebSocket each event gets a fresh message id; after `session_reconnect` only the new socket
  gets events, under another session id. Duplicates, also those of an overlap, need our simulator.
- **Being revoked.** It never sends a `revocation` frame: a revoked event comes as a `notification` without event.
- **Codes and limits.** Asked to close with 4004 it says 4005; a keepalive out of range becomes 10 instead of the
  nearest bound; 100 subscriptions per session where Twitch has 300.
- **Conduits** do not exist, a webhook cannot be subscribed (only its challenge be played), there is no TLS here.

All of that is in `tests/simulators` and `tests/gateways/twitch/test_monitor_simulator.py`.

The mock's control port is fixed, hence one at a time on a host: the module stays on one worker and holds a lock.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest

from daemon.clock import SystemClock
from domain.events import format_time, redemption_event
from tests.peers.listening import CHANNEL, Busy, Line, listening
from tests.peers.twitch_cli import Mock, TwitchCli, alone_on_this_host, binary, until
from tests.support.clock import ManualClock
from tests.web.world import SECRET, World, running

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(
        600
    ),  # the first test may have to build the tool; every wait has its own, short limit
]

ADD = "channel.channel_points_custom_reward_redemption.add"
UPDATE = "channel.channel_points_custom_reward_redemption.update"
MINUTE = 60_000


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwitchCli]:
    with alone_on_this_host():
        yield TwitchCli(binary(), tmp_path_factory.mktemp("twitch-cli"))


@pytest.fixture
async def mock(cli: TwitchCli) -> AsyncIterator[Mock]:
    async with Mock(cli) as running_mock:
        yield running_mock


# Webhooks.


@pytest.fixture
async def world(cli: TwitchCli) -> AsyncIterator[World]:
    async with running(ports={"clock": SystemClock()}) as running_world:
        yield running_world


def towards(world: World, *, secret: str | None = SECRET.decode()) -> tuple[str, ...]:
    """Options that send a command's event to our endpoint, signed."""
    address = ("-F", world.url("/api/webhooks/eventsub"))
    return address if secret is None else (*address, "-s", secret)


def stamp(ago_ms: int) -> str:
    # The tool signs the time as Go prints it, without zeros at the end of the fraction, but sends it as it was given.
    at = SystemClock().now() - ago_ms
    return format_time(at - at % 10 + 7)


async def test_the_challenge_is_answered_as_twitch_wants_it(cli: TwitchCli, world: World) -> None:
    said = await cli.verify(ADD, *towards(world), "-b", CHANNEL)
    assert said.status == 200, said.text
    assert "Valid response. Received challenge" in said.text
    assert "Valid content-type header. Received type text/plain" in said.text
    assert "✗" not in said.text
    assert world.sink.calls == []


async def test_no_challenge_is_answered_under_a_secret_that_is_not_ours(cli: TwitchCli, world: World) -> None:
    said = await cli.verify(ADD, *towards(world, secret="somebody else's"))
    assert said.status == 403, said.text
    assert "Invalid response" in said.text


async def test_a_signed_redemption_is_verified_kept_and_readable(cli: TwitchCli, world: World) -> None:
    details = ("-t", CHANNEL, "-f", "7", "-i", "reward-1", "-n", "VIP for a day ★", "-C", "500")
    said = await cli.trigger("add-redemption", *towards(world), *details, "-I", "message-1", "-u", "sub-1")
    assert said.status == 204, said.text
    row = world.sink.kept["message-1"]
    assert row["payload"] == said.body
    assert (row["type"], row["version"], row["transport"], row["key_id"]) == (ADD, "1", "webhook", "main")
    read = redemption_event(row["payload"]["event"])
    assert (read.channel_id, read.viewer.id, read.reward_id, read.reward_cost) == (
        CHANNEL,
        "7",
        "reward-1",
        500,
    )
    assert (read.reward_title, read.status) == ("VIP for a day ★", "unfulfilled")
    assert abs(read.redeemed_at - SystemClock().now()) < MINUTE


@pytest.mark.parametrize("status", ["fulfilled", "canceled"])
async def test_an_update_says_what_became_of_the_redemption(
    cli: TwitchCli, world: World, status: str
) -> None:
    said = await cli.trigger("update-redemption", *towards(world), "-S", status)
    assert said.status == 204, said.text
    (row,) = world.sink.kept.values()
    assert (row["type"], redemption_event(row["payload"]["event"]).status) == (UPDATE, status)


@pytest.mark.parametrize("event", ["stream.online", "channel.cheer", "channel.moderator.add", "channel.ban"])
async def test_events_that_we_do_not_use_are_taken_alike(cli: TwitchCli, world: World, event: str) -> None:
    said = await cli.trigger(event, *towards(world))
    assert said.status == 204, said.text
    assert [row["payload"] for row in world.sink.kept.values()] == [said.body]


async def test_a_resent_event_is_a_duplicate_and_still_welcome(cli: TwitchCli, world: World) -> None:
    first = await cli.trigger("add-redemption", *towards(world), "-I", "message-2")
    again = await cli.run("event", "retrigger", "-D", "-i", "message-2", *towards(world))
    assert (first.status, again.status) == (204, 204)
    assert world.sink.calls == ["new", "duplicate"]


async def test_an_id_that_comes_again_with_another_body_changes_nothing(cli: TwitchCli, world: World) -> None:
    # Each trigger makes up another redemption, also under an id that was there before.
    first = await cli.trigger("add-redemption", *towards(world), "-I", "message-3")
    other = await cli.trigger("add-redemption", *towards(world), "-I", "message-3")
    assert (first.status, other.status) == (204, 204)
    assert world.sink.calls == ["new", "conflict"]
    assert world.sink.kept["message-3"]["payload"] == first.body


@pytest.mark.parametrize(
    ("secret", "status", "reason"),
    [("another secret of theirs", 403, "signature.wrong"), (None, 400, "signature.missing")],
)
async def test_what_is_signed_wrongly_or_not_at_all_is_refused(
    cli: TwitchCli, world: World, secret: str | None, status: int, reason: str
) -> None:
    said = await cli.trigger("add-redemption", *towards(world, secret=secret))
    assert said.status == status, said.text
    assert world.sink.calls == []
    assert world.counted("webhook_rejected_total", reason=reason) == 1


@pytest.mark.parametrize(
    ("ago_ms", "status", "reason"),
    [
        (9 * MINUTE, 204, None),
        (11 * MINUTE, 403, "signature.too_old"),
        (-11 * MINUTE, 403, "signature.from_future"),
    ],
)
async def test_only_fresh_events_are_taken(
    cli: TwitchCli, world: World, ago_ms: int, status: int, reason: str | None
) -> None:
    said = await cli.trigger("add-redemption", *towards(world), "--timestamp", stamp(ago_ms))
    assert said.status == status, said.text
    assert len(world.sink.calls) == (reason is None)
    if reason is not None:
        assert world.counted("webhook_rejected_total", reason=reason) == 1


@pytest.mark.parametrize("why", ["authorization_revoked", "user_removed", "notification_failures_exceeded"])
async def test_a_revocation_is_passed_on_with_its_reason(cli: TwitchCli, world: World, why: str) -> None:
    options = ("-r", why, "-u", "sub-9", "-t", CHANNEL, "-I", "message-4")
    said = await cli.trigger("add-redemption", *towards(world), *options)
    assert said.status == 204, said.text
    assert world.sink.calls == []
    (revoked,) = world.sink.revoked
    assert (revoked["message_id"], revoked["id"], revoked["status"]) == ("message-4", "sub-9", why)
    assert (revoked["type"], revoked["condition"]) == (ADD, {"broadcaster_user_id": CHANNEL})


# WebSocket.


async def test_welcome_subscriptions_and_events(mock: Mock) -> None:
    async with listening(mock) as line:
        session_id = await line.live()
        await until(lambda: line.records.gaps == [CHANNEL])
        assert line.records.state(CHANNEL)[1] == "without: channel.vip.remove channel.vip.add"
        sent = await line.hear(session_id, "add-redemption", "-i", "reward-1", "-f", "7", "-C", "500")
        assert (sent["event"]["reward"]["id"], sent["event"]["user_id"]) == ("reward-1", "7")
        assert line.records.last["type"] == ADD
        headers = line.records.last["headers"]
        assert headers["twitch-eventsub-message-id"] == line.records.notified[0]
        await line.hear(session_id, "update-redemption", "-S", "canceled")
        await line.hear(session_id, "channel.moderator.add")
        assert line.opened == [f"{mock.socket_url}?keepalive_timeout_seconds=10"]
    await until(lambda: "with code [1000]" in mock.log())
    assert "inbound traffic" not in mock.log()


async def test_a_revoked_event_of_the_mock_is_a_bad_frame_and_harms_nothing(mock: Mock) -> None:
    async with listening(mock) as line:
        session_id = await line.live()
        await mock.fire("add-redemption", session_id, "-r", "authorization_revoked")
        await until(lambda: ("eventsub_bad_frames_total", "wrong_shape") in line.counts.seen)
        await line.hear(session_id)
        assert len(line.opened) == 1


async def test_a_hand_over_keeps_the_subscriptions_and_loses_nothing(mock: Mock) -> None:
    async with listening(mock) as line:
        old = await line.live()
        await line.hear(old)
        await until(lambda: line.records.gaps == [CHANNEL])
        await mock.command("reconnect")
        # Only after the new welcome do we leave the old socket, by ourselves.
        await until(lambda: f"Disconnected client [{old.partition('_')[2]}] with code [1000]" in mock.log())
        new = await line.session()
        assert new != old
        assert re.fullmatch(rf"{re.escape(mock.socket_url)}\?reconnect_id=\w+", line.opened[1])
        for _ in range(3):
            await line.hear(new)
        assert len(set(line.records.notified)) == 4
        # Nothing was subscribed, reconciled or shown anew.
        assert line.records.gaps == [CHANNEL]
        assert [state for _, state, _ in line.records.states] == ["connecting", "live"]
        assert len(line.opened) == 2


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (4000, "server_error"),
        (4001, "inbound_traffic"),
        (4002, "failed_ping_pong"),
        (4003, "unused"),
        (4004, "network_timeout"),  # the mock says 4005
        (4005, "network_timeout"),
        (4006, "network_error"),
        (4007, "bad_reconnect_url"),
    ],
)
async def test_each_close_code_ends_in_a_new_session_without_leftovers(
    mock: Mock, asked: int, reason: str
) -> None:
    async with listening(mock) as line:
        old = await line.live()
        await until(lambda: line.records.gaps == [CHANNEL])
        await mock.command("close", f"--session={old}", f"--reason={asked}")
        await until(lambda: line.reconnects(reason) == 1)
        await line.connected(times=2)
        await until(lambda: line.records.gaps == [CHANNEL] * 2)
        new = await line.live()
        assert new != old
        assert line.opened == [line.opened[0]] * 2
        await line.hear(new)
        await until_no_leftovers(line)


async def until_no_leftovers(line: Line) -> None:
    """What the lost session had is disabled, and still listed until we delete it."""
    async with asyncio.timeout(30):
        while {row.status for row in await line.helix.subscriptions(CHANNEL)} != {"enabled"}:
            await asyncio.sleep(0.01)


async def test_silence_beyond_the_keepalive_that_the_mock_announced_is_a_loss(mock: Mock) -> None:
    async with listening(mock) as line:
        old = await line.live()
        await until(lambda: line.records.gaps == [CHANNEL])
        await mock.command("keepalive", f"--session={old}", "--enabled=false")
        assert isinstance(line.clock, ManualClock)
        await line.clock.advance(12.5)
        assert line.reconnects("silence") == 0
        await line.clock.advance(1.0)
        assert line.reconnects("silence") == 1
        await line.connected(times=2)
        await until(lambda: line.records.gaps == [CHANNEL] * 2)
        await line.hear(await line.live())


async def test_ten_seconds_of_nothing(mock: Mock) -> None:
    """The mock's own timers, at their real pace and side by side: its keepalive, its pings and its 4003."""

    async def kept_alive() -> None:
        async with listening(mock, clock=SystemClock()) as line:
            session_id = await line.live()
            # It pings each five seconds, hangs up ten seconds after the last pong, and sends a keepalive after ten.
            await until(lambda: "Sent session_keepalive to client" in mock.log())
            await line.hear(session_id)
            assert len(line.opened) == 1

    async def unused() -> None:
        async with listening(mock, calls=Busy()) as line:
            await until(lambda: line.reconnects("unused") == 1)
            await line.connected(times=2)
            assert line.opened == [line.opened[0]] * 2
            assert line.records.notified == []

    async with asyncio.TaskGroup() as group:
        group.create_task(kept_alive())
        group.create_task(unused())
