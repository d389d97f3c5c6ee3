from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channel import Causes, ChannelSettings, Messages, VipTime
from gateways.twitch import scopes
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.subscriptions import Plan, Wanted, missing_scopes, plan, vip_channel

ADD = "channel.channel_points_custom_reward_redemption.add"


def wanted(type_: str = ADD, **condition: str) -> Wanted:
    return Wanted(type_, "1", condition or {"broadcaster_user_id": "100"})


def remote(id_: str, type_: str = ADD, **fields: Any) -> RemoteSubscription:
    base: dict[str, Any] = {
        "version": "1",
        "status": "enabled",
        "condition": {"broadcaster_user_id": "100"},
        "session_id": "S2",
    }
    return RemoteSubscription(id=id_, type=type_, **{**base, **fields})


def test_nothing_there_means_create_everything_in_order() -> None:
    wishes = vip_channel("100")
    assert plan(wishes, [], "S2") == Plan(wishes, (), ())


def test_what_is_enabled_on_this_session_is_kept() -> None:
    mine = remote("a")
    assert plan([wanted()], [mine], "S2") == Plan((), (), (mine,))


def test_leftovers_of_dead_sessions_are_deleted_and_made_anew() -> None:
    dead = [remote("a", session_id="S1"), remote("b", session_id="S0", status="websocket_disconnected")]
    assert plan([wanted()], dead, "S2") == Plan((wanted(),), tuple(dead), ())


def test_a_disabled_one_on_this_session_is_replaced() -> None:
    off = remote("a", status="version_removed")
    assert plan([wanted()], [off], "S2") == Plan((wanted(),), (off,), ())


def test_what_is_not_wanted_on_this_session_is_deleted() -> None:
    stray = remote("a", "channel.cheer")
    assert plan([], [stray], "S2").delete == (stray,)


def test_an_enabled_stranger_on_another_session_is_left_alone() -> None:
    stranger = remote("a", "channel.cheer", session_id="S9")
    assert plan([wanted()], [stranger], "S2") == Plan((wanted(),), (), ())


def test_webhooks_and_conduits_are_somebody_elses() -> None:
    others = [remote("a", method="webhook", session_id=""), remote("b", method="conduit", session_id="")]
    assert plan([wanted()], others, "S2") == Plan((wanted(),), (), ())


def test_a_second_copy_is_deleted() -> None:
    first, second = remote("a"), remote("b")
    assert plan([wanted()], [first, second], "S2") == Plan((), (second,), (first,))


def test_an_empty_optional_key_of_the_condition_is_no_difference() -> None:
    with_key = remote("a", condition={"broadcaster_user_id": "100", "reward_id": ""})
    assert plan([wanted()], [with_key], "S2").keep == (with_key,)
    narrower = remote("b", condition={"broadcaster_user_id": "100", "reward_id": "rw"})
    assert plan([wanted()], [narrower], "S2") == Plan((wanted(),), (narrower,), ())


def test_another_version_is_another_subscription() -> None:
    old = remote("a", version="beta")
    assert plan([wanted()], [old], "S2") == Plan((wanted(),), (old,), ())


def test_the_same_wish_twice_is_one() -> None:
    assert plan([wanted(), wanted()], [], "S2").create == (wanted(),)


def types(scopes: list[str] | None = None, **settings: Any) -> list[str]:
    return [wish.type for wish in vip_channel("100", scopes, ChannelSettings(**settings))]


BASE = [
    "channel.channel_points_custom_reward_redemption.add",
    "channel.channel_points_custom_reward_redemption.update",
    "channel.vip.remove",
    "channel.vip.add",
    "channel.moderator.add",
    "channel.moderator.remove",
    "stream.online",
    "stream.offline",
]
QUIET = Messages(answers_vip=False)


def test_a_vip_channel_drops_only_optional_subscriptions_without_scope() -> None:
    everything = vip_channel("100")
    assert [wish.type for wish in everything] == [
        *BASE, "channel.ban", "channel.unban", "channel.chat.message",
    ]  # fmt: skip
    chat = everything[-1]
    assert chat.condition == {"broadcaster_user_id": "100", "user_id": "100"}
    assert all(wish.condition == {"broadcaster_user_id": "100"} for wish in everything[:-1])
    granted = ["channel:manage:redemptions", "channel:read:vips"]
    streams = BASE[6:]
    assert types(granted) == [*BASE[:4], *streams], "that a stream is on, everybody may know"
    assert types([*granted, "moderation:read"]) == BASE
    assert types([]) == [*BASE[:4], *streams]
    assert types([*granted, "channel:moderate"]) == [*BASE[:4], *streams, "channel.ban", "channel.unban"]
    assert [wish.optional for wish in everything] == [False] * 4 + [True] * 7


@pytest.mark.parametrize(
    ("causes", "more"),
    [
        (Causes(), []),
        (Causes(subscription=VipTime(1)), ["channel.subscribe"]),
        (Causes(bits=VipTime(1)), ["channel.bits.use"]),
        (Causes(power_up=VipTime(1)), ["channel.bits.use", "channel.custom_power_up_redemption.add"]),
    ],
)
def test_what_is_not_switched_on_is_not_asked_for(causes: Causes, more: list[str]) -> None:
    bans = ["channel.ban", "channel.unban"]
    assert types(causes=causes, messages=QUIET) == [*BASE, *more, *bans]
    assert types(["moderation:read"], causes=causes, messages=QUIET) == BASE, "nor what is not granted"


def test_each_event_that_is_asked_for_has_the_scopes_of_its_feature() -> None:
    causes = Causes(VipTime(1), VipTime(1), VipTime(1))
    for wish in vip_channel("100", None, ChannelSettings(causes=causes)):
        # Of the reader of a chat more is asked than a socket needs: over a conduit it is the application that reads.
        besides = {"user:bot"} if wish.type == "channel.chat.message" else set()
        strongest = set(scopes.event_scopes(wish.type))
        assert strongest - besides <= set(wish.scopes), wish.type
        assert besides <= strongest, wish.type
        assert bool(strongest) == bool(wish.scopes), wish.type


def test_missing_scopes_name_the_strongest_of_each_choice_once() -> None:
    wishes = vip_channel("100")
    assert missing_scopes(wishes, ["channel:read:redemptions"]) == ("channel:manage:vips",)
    assert missing_scopes(wishes, []) == ("channel:manage:redemptions", "channel:manage:vips")
    assert missing_scopes(wishes, ["channel:manage:redemptions", "channel:manage:vips"]) == ()


_TYPES = st.sampled_from(["a", "b", "c"])
_CONDITIONS = st.sampled_from([{"x": "1"}, {"x": "2"}, {"x": "1", "reward_id": ""}])
_WANTED = st.builds(Wanted, _TYPES, st.just("1"), _CONDITIONS)
_REMOTE = st.builds(
    RemoteSubscription,
    id=st.uuids().map(str),
    type=_TYPES,
    version=st.sampled_from(["1", "2"]),
    status=st.sampled_from(["enabled", "websocket_disconnected"]),
    condition=_CONDITIONS,
    method=st.sampled_from(["websocket", "webhook"]),
    session_id=st.sampled_from(["S1", "S2"]),
)


@given(st.lists(_WANTED, max_size=6), st.lists(_REMOTE, max_size=12))
def test_carrying_a_plan_out_leaves_nothing_to_do(
    wishes: list[Wanted], actual: list[RemoteSubscription]
) -> None:
    todo = plan(wishes, actual, "S2")
    assert {item.id for item in todo.keep}.isdisjoint(item.id for item in todo.delete)
    after = [item for item in actual if item not in todo.delete]
    after += [
        RemoteSubscription(
            id=f"new-{number}",
            type=wish.type,
            version=wish.version,
            status="enabled",
            condition=dict(wish.condition),
            session_id="S2",
        )
        for number, wish in enumerate(todo.create)
    ]
    again = plan(wishes, after, "S2")
    assert (again.create, again.delete) == ((), ())
