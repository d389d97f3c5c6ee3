"""What viewers do besides redeeming: over the control surface, seen through EventSub, Helix and the oracle."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.twitch.ledger import Entry
from simulators.twitch.oracle import audit
from tests.simulators.twitch.playground import Playground, Socket, Streamer


async def heard(socket: Socket) -> tuple[str, dict[str, Any]]:
    frame = await socket.of_type("notification")
    return frame["metadata"]["subscription_type"], frame["payload"]["event"]


async def stage(play: Playground, *kinds: str) -> tuple[Streamer, str, Socket]:
    streamer, ann, socket = await play.streamer(), await play.viewer(), await play.socket()
    for kind in kinds:
        assert (await play.subscribe(streamer, socket, kind)).status == 202
    return streamer, ann, socket


# What chat shows


async def test_lines_that_are_not_shown(play: Playground) -> None:
    streamer = await play.streamer()
    body = {"broadcaster_id": streamer.id, "sender_id": streamer.id, "message": "hello"}

    async def line() -> tuple[bool, str, Any]:
        answer = await play.helix("POST", "/chat/messages", streamer.token, json=body)
        (row,) = answer.json["data"]
        return row["is_sent"], row["message_id"], row["drop_reason"]

    await play.sim("drop", channel_id=streamer.id, times=2)
    for _ in range(2):
        shown, message_id, reason = await line()
        assert (shown, message_id, reason["code"]) == (False, "", "msg_rejected")
        assert "mods" in reason["message"]
    assert (await line())[0]
    await play.sim("drop", channel_id=streamer.id, code="new_reason", message="Just so.")
    assert (await line())[2] == {"code": "new_reason", "message": "Just so."}
    await play.sim("drop", channel_id=streamer.id, times=5)
    await play.sim("drop", channel_id=streamer.id, times=0)
    assert (await line())[0]
    assert (await play.control("drop", channel_id=streamer.id, code="")).status == 400
    assert len(play.simulator.ledger.of("chat")) == 2


# What EventSub tells


async def test_a_ban_takes_following_roles_and_the_badge(play: Playground) -> None:
    streamer, ann, socket = await stage(play, "channel.ban", "channel.unban", "channel.vip.remove")
    who = {"channel_id": streamer.id, "user_id": ann}
    await play.sim("follow", **who)
    await play.sim("vips", **who)
    event = await play.sim("ban", **who, reason="spam")
    assert await heard(socket) == (
        "channel.vip.remove",
        {key: event[key] for key in event if key.startswith(("user_", "broadcaster_"))},
    )
    kind, told = await heard(socket)
    assert (kind, told) == ("channel.ban", event)
    assert (told["is_permanent"], told["ends_at"], told["reason"]) == (True, None, "spam")
    assert told["moderator_user_id"] == streamer.id
    assert (await play.control("follow", **who)).status == 403
    assert (await play.vip("POST", streamer, ann)).status == 400
    await play.sim("unban", **who)
    assert (await heard(socket))[0] == "channel.unban"
    assert (await play.vip("POST", streamer, ann)).status == 204
    assert [entry.by for entry in play.simulator.ledger.of("vip_removed")] == ["twitch"]


async def test_a_timeout_leaves_the_badge(play: Playground) -> None:
    streamer, ann, socket = await stage(play, "channel.ban", "channel.moderator.remove")
    mo = await play.viewer("mo")
    await play.sim("vips", channel_id=streamer.id, user_id=ann)
    await play.sim("ban", channel_id=streamer.id, user_id=ann, by=mo, seconds=60)
    _, told = await heard(socket)
    assert (told["is_permanent"], told["moderator_user_id"]) == (False, mo)
    assert told["ends_at"] > told["banned_at"]
    assert ann in play.simulator.world.channels[streamer.id].vips
    await play.sim("moderators", channel_id=streamer.id, user_id=mo)
    await play.sim("ban", channel_id=streamer.id, user_id=mo, seconds=60)
    assert (await heard(socket))[0] == "channel.moderator.remove"


async def test_a_cheer_is_told_twice_and_other_bits_once(play: Playground) -> None:
    streamer, ann, socket = await stage(play, "channel.cheer", "channel.bits.use")
    event = await play.sim("bits", channel_id=streamer.id, user_id=ann, bits=100)
    kind, cheer = await heard(socket)
    assert (kind, cheer["bits"], cheer["is_anonymous"]) == ("channel.cheer", 100, False)
    assert await heard(socket) == ("channel.bits.use", event)
    await play.sim("bits", channel_id=streamer.id, user_id=ann, bits=5, type="power_up")
    kind, used = await heard(socket)
    assert (kind, used["type"]) == ("channel.bits.use", "power_up")
    await play.sim("bits", channel_id=streamer.id, bits=7)
    _, cheer = await heard(socket)
    assert (cheer["is_anonymous"], cheer["user_id"]) == (True, None)
    assert (await play.control("bits", channel_id=streamer.id, bits=0)).status == 400
    assert (await play.control("bits", channel_id=streamer.id, bits=1, type="x")).status == 400
    assert len(play.simulator.ledger.of("contributed")) == 2


async def test_a_custom_power_up_is_a_redemption_of_its_own(play: Playground) -> None:
    power_up = "channel.custom_power_up_redemption.add"
    streamer, ann, socket = await stage(play, power_up, "channel.bits.use")
    event = await play.sim("powerup", channel_id=streamer.id, user_id=ann, bits=300, title="VIP!", copies=2)
    assert [await heard(socket) for _ in range(2)] == [(power_up, event)] * 2
    kind, used = await heard(socket)
    assert (kind, used["type"], used["custom_power_up"]) == (
        "channel.bits.use", "custom_power_up", event["custom_power_up"],
    )  # fmt: skip


async def test_a_first_month_is_told_and_known(play: Playground) -> None:
    streamer, ann, socket = await stage(play, "channel.subscribe")
    event = await play.sim("subscribe", channel_id=streamer.id, user_id=ann, tier="2000", is_gift=True)
    assert await heard(socket) == ("channel.subscribe", event)
    rows = await play.helix("GET", "/subscriptions", streamer.token, broadcaster_id=streamer.id, user_id=ann)
    assert [row["tier"] for row in rows.json["data"]] == ["2000"]


@pytest.mark.parametrize("silent", [False, True])
async def test_a_stream_begins_and_ends(play: Playground, silent: bool) -> None:
    streamer, _, socket = await stage(play, "stream.online", "stream.offline", "channel.cheer")
    on = await play.sim("stream", channel_id=streamer.id, since=1_700_000_000_000, silent=silent)
    assert on == {"live_since": 1_700_000_000_000}
    rows = (await play.helix("GET", "/streams", streamer.token, user_id=streamer.id)).json["data"]
    assert [row["started_at"] for row in rows] == ["2023-11-14T22:13:20.000Z"]
    assert (await play.sim("stream", channel_id=streamer.id, live=False, silent=silent))["live_since"] is None
    await play.sim("bits", channel_id=streamer.id, bits=1)
    kinds = [(await heard(socket))[0] for _ in range(1 if silent else 3)]
    assert kinds == ["channel.cheer"] if silent else ["stream.online", "stream.offline", "channel.cheer"]
    assert (await play.helix("GET", "/streams", streamer.token, user_id=streamer.id)).json["data"] == []


async def test_a_new_name_is_in_the_next_answers(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.viewer("ben")
    await play.vip("POST", streamer, ann)
    await play.sim("rename", user_id=ann, login="Anna", name="Änna")
    rows = await play.helix("GET", "/channels/vips", streamer.token, broadcaster_id=streamer.id)
    assert [(row["user_login"], row["user_name"]) for row in rows.json["data"]] == [("anna", "Änna")]
    assert (await play.helix("GET", "/users", streamer.token, login="ann")).json["data"] == []
    assert (await play.control("rename", user_id=ann, login="ben")).status == 409
    assert (await play.control("rename", user_id="404", login="x")).status == 404


# What the oracle makes of it


def story(*happened: tuple[int, str, str] | tuple[int, str, str, str]) -> dict[str, Any]:
    """Judge entries of one viewer: (ms, kind, by, redemption). One reward lasts 1000 ms, "s" until the stream ends."""
    entries = [
        Entry(n, entry[0], entry[1], "c", "v", (entry[3:] or ("",))[0], (entry[3:] or ("",))[0][:1], entry[2])
        for n, entry in enumerate(happened, 1)
    ]
    durations = {"r": 1000, "s": 100_000}
    return audit(entries, durations, now=60_000, slack_ms=100, until_stream={"s"})


@pytest.mark.parametrize(
    "happened",
    [
        [(0, "contributed", "self"), (50, "vip_added", "app"), (9000, "vip_removed", "app")],
        [(0, "arranged", "streamer"), (5, "vip_added", "app")],
        # A VIP by hand that was given an end.
        [(0, "vip_added", "streamer"), (500, "arranged", "streamer"), (9000, "vip_removed", "app")],
        # Paid with points, then extended by the streamer, and revoked by him.
        [
            (0, "redeemed", "self", "r1"), (10, "vip_added", "app"), (20, "fulfilled", "app", "r1"),
            (500, "arranged", "streamer"), (30_000, "vip_removed", "app"),
        ],
        # Made moderator, and given back later what was left.
        [
            (0, "redeemed", "self", "r1"), (10, "vip_added", "app"), (20, "fulfilled", "app", "r1"),
            (500, "vip_removed", "streamer"), (500, "moderator_added", "streamer"),
            (9000, "moderator_removed", "streamer"), (9010, "vip_added", "app"), (9500, "vip_removed", "app"),
        ],
        # Until the stream ends.
        [
            (0, "redeemed", "self", "s1"), (10, "vip_added", "app"), (20, "fulfilled", "app", "s1"),
            (30_000, "stream_offline", "streamer"), (31_000, "vip_removed", "app"),
        ],
    ],
)  # fmt: skip
def test_time_that_was_not_paid_for_with_points_is_no_fault(happened: list[Any]) -> None:
    assert story(*happened)["details"] == []


@pytest.mark.parametrize(
    ("happened", "fault"),
    [
        ([(0, "vip_added", "app")], "doubled"),
        # One contribution excuses one VIP.
        (
            [
                (0, "contributed", "self"), (5, "vip_added", "app"), (900, "vip_removed", "app"),
                (9000, "vip_added", "app"),
            ],
            "doubled",
        ),
        ([(0, "vip_added", "streamer"), (9000, "vip_removed", "app")], "early"),
        ([(0, "moderator_removed", "streamer"), (9, "vip_added", "app")], "doubled"),
        # The stream is still on.
        (
            [
                (0, "redeemed", "self", "s1"), (10, "vip_added", "app"), (20, "fulfilled", "app", "s1"),
                (31_000, "vip_removed", "app"),
            ],
            "early",
        ),
        # A reward by the clock outlasts the stream.
        (
            [
                (0, "redeemed", "self", "r1"), (10, "vip_added", "app"), (20, "fulfilled", "app", "r1"),
                (100, "stream_offline", "streamer"), (200, "vip_removed", "app"),
            ],
            "early",
        ),
    ],
)  # fmt: skip
def test_faults_are_still_found(happened: list[Any], fault: str) -> None:
    assert [detail["kind"] for detail in story(*happened)["details"]] == [fault]


async def test_an_order_from_the_dashboard_is_told_to_the_oracle(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.sim("arrange", channel_id=streamer.id, user_id=ann)
    await play.vip("POST", streamer, ann)
    assert (await play.sim("verdict", durations_ms={}, until_stream=[], slack_ms=0))["details"] == []
    await play.vip("DELETE", streamer, ann)
    await play.vip("POST", streamer, ann)
    assert (await play.sim("verdict", durations_ms={}, slack_ms=0))["doubled"] == 1
