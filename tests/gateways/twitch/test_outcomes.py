"""Every documented answer has exactly one outcome, and every other has one too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.twitch.contracts import AddVip, Chat, RemoveVip, Resolve
from gateways.twitch.outcomes import TABLE, Call, Outcome, Verdict, judge, says

MODERATOR = (
    "The user in the user_id query parameter is a moderator. To make them a VIP, you must first remove them as a "
    "moderator."
)

DOCUMENTED: list[tuple[Call, int, str | None, Outcome]] = [
    (Call.ADD_VIP, 204, None, AddVip.ADDED),
    (Call.ADD_VIP, 400, "The user is blocked from the broadcaster's channel.", AddVip.BLOCKED),
    (Call.ADD_VIP, 400, "The user is BANNED from the channel", AddVip.BLOCKED),
    (Call.ADD_VIP, 400, "The ID in the user_id query parameter is not valid.", Verdict.BROKEN),
    (Call.ADD_VIP, 403, "The ID in broadcaster_id must match the user", Verdict.LOGIN),
    (Call.ADD_VIP, 404, "The user was not found.", AddVip.UNKNOWN_USER),
    (Call.ADD_VIP, 409, "The broadcaster doesn't have available VIP slots.", AddVip.NO_SLOT),
    (Call.ADD_VIP, 422, MODERATOR, AddVip.MODERATOR),
    (Call.ADD_VIP, 422, "The user in the user_id query parameter is already a VIP.", AddVip.ALREADY_VIP),
    (Call.ADD_VIP, 422, "This cannot be done.", Verdict.LOOK),
    (Call.ADD_VIP, 422, None, Verdict.LOOK),
    (Call.ADD_VIP, 425, "Complete the Build a Community requirement", AddVip.LOCKED),
    (Call.ADD_VIP, 200, None, Verdict.LOOK),
    (Call.REMOVE_VIP, 204, None, RemoveVip.REMOVED),
    (Call.REMOVE_VIP, 400, "The ID is not valid.", Verdict.BROKEN),
    (Call.REMOVE_VIP, 403, "The user may not remove this VIP", Verdict.LOGIN),
    (Call.REMOVE_VIP, 404, "not found", RemoveVip.UNKNOWN_USER),
    (Call.REMOVE_VIP, 422, "The user is not a VIP in the broadcaster's channel.", RemoveVip.NOT_VIP),
    (Call.REMOVE_VIP, 422, "No.", Verdict.LOOK),
    (Call.VIPS, 200, None, Verdict.OK),
    (Call.VIPS, 400, "too many ids", Verdict.BROKEN),
    (Call.MODERATORS, 200, None, Verdict.OK),
    (Call.MODERATORS, 400, "bad", Verdict.BROKEN),
    (Call.BANNED, 200, None, Verdict.OK),
    (Call.BANNED, 401, "Missing scope: moderation:read", Verdict.LOGIN),
    (Call.SUBSCRIBERS, 200, None, Verdict.OK),
    (Call.SUBSCRIBERS, 401, "Missing scope: channel:read:subscriptions", Verdict.LOGIN),
    (Call.FOLLOWERS, 200, None, Verdict.OK),
    (Call.FOLLOWERS, 401, "Missing scope: moderator:read:followers", Verdict.LOGIN),
    (Call.STREAMS, 200, None, Verdict.OK),
    (Call.STREAMS, 400, "bad", Verdict.BROKEN),
    (Call.RESOLVE, 200, None, Resolve.DONE),
    (Call.RESOLVE, 400, "bad", Verdict.BROKEN),
    (Call.RESOLVE, 403, "The ID in the Client-Id header must match the reward's", Resolve.FOREIGN),
    (Call.RESOLVE, 404, "not found or not UNFULFILLED", Resolve.NOT_UNFULFILLED),
    (Call.REDEMPTIONS, 200, None, Verdict.OK),
    (Call.REDEMPTIONS, 403, "another client", Verdict.BROKEN),
    (Call.REDEMPTIONS, 404, "none of the ids was found", Verdict.GONE),
    (Call.CHAT, 200, None, Verdict.OK),
    (Call.CHAT, 400, "bad", Verdict.BROKEN),
    (Call.CHAT, 403, "The sender may not speak", Chat.FORBIDDEN),
    (Call.CHAT, 422, "too long", Chat.TOO_LONG),
    (Call.USERS, 200, None, Verdict.OK),
    (Call.USERS, 400, "bad login", Verdict.REFUSED),
    (Call.REWARDS, 200, None, Verdict.OK),
    (Call.REWARDS, 403, "The broadcaster is not a partner or affiliate.", Verdict.REFUSED),
    (Call.REWARDS, 404, "none", Verdict.GONE),
    (Call.CREATE_REWARD, 200, None, Verdict.OK),
    (Call.CREATE_REWARD, 400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD", Verdict.REFUSED),
    (Call.CREATE_REWARD, 403, "The broadcaster is not a partner or affiliate.", Verdict.REFUSED),
    (Call.UPDATE_REWARD, 200, None, Verdict.OK),
    (Call.UPDATE_REWARD, 400, "The minimum value for cost is 1.", Verdict.REFUSED),
    (Call.UPDATE_REWARD, 403, "The ID in the Client-Id header must match", Verdict.REFUSED),
    (Call.UPDATE_REWARD, 404, "The custom reward was not found.", Verdict.GONE),
    (Call.UPDATE_REWARD, 404, None, Verdict.BROKEN),
    (Call.DELETE_REWARD, 204, None, Verdict.OK),
    (Call.DELETE_REWARD, 400, "missing id", Verdict.BROKEN),
    (Call.DELETE_REWARD, 403, "The ID in the Client-Id header must match", Verdict.REFUSED),
    (Call.DELETE_REWARD, 404, "The custom reward was not found.", Verdict.GONE),
    (Call.SUBSCRIBE, 202, None, Verdict.OK),
    (Call.SUBSCRIBE, 400, "websocket transport session does not exist", Verdict.REFUSED),
    (Call.SUBSCRIBE, 403, "subscription missing proper authorization", Verdict.LOGIN),
    (Call.SUBSCRIBE, 409, "subscription already exists", Verdict.EXISTS),
    (Call.SUBSCRIPTIONS, 200, None, Verdict.OK),
    (Call.SUBSCRIPTIONS, 400, "two filters", Verdict.BROKEN),
    (Call.UNSUBSCRIBE, 204, None, Verdict.OK),
    (Call.UNSUBSCRIBE, 404, "not found", Verdict.GONE),
    (Call.CONDUITS, 200, None, Verdict.OK),
    (Call.CREATE_CONDUIT, 200, None, Verdict.OK),
    (Call.CREATE_CONDUIT, 400, "shard_count", Verdict.REFUSED),
    (Call.RESIZE_CONDUIT, 200, None, Verdict.OK),
    (Call.RESIZE_CONDUIT, 400, "shard_count", Verdict.REFUSED),
    (Call.RESIZE_CONDUIT, 404, "conduit not found", Verdict.GONE),
    (Call.DELETE_CONDUIT, 204, None, Verdict.OK),
    (Call.DELETE_CONDUIT, 404, "conduit not found", Verdict.GONE),
    (Call.SHARDS, 200, None, Verdict.OK),
    (Call.SHARDS, 404, "conduit not found", Verdict.GONE),
    (Call.ATTACH_SHARDS, 202, None, Verdict.OK),
    (Call.ATTACH_SHARDS, 400, "shards", Verdict.REFUSED),
    (Call.ATTACH_SHARDS, 404, "conduit not found", Verdict.GONE),
]


@pytest.mark.parametrize(("call", "status", "message", "outcome"), DOCUMENTED)
def test_documented_answers(call: Call, status: int, message: str | None, outcome: Outcome) -> None:
    assert judge(call, status, message) is outcome


def test_every_row_of_the_table_is_among_the_documented() -> None:
    reached = {(call, status, outcome) for call, status, _, outcome in DOCUMENTED}
    assert {(row.call, row.status, row.outcome) for row in TABLE} <= reached


COMMON: list[tuple[int, str | None, int | None, Outcome]] = [
    (401, "Invalid OAuth token", None, Verdict.REFRESH),
    (401, "invalid access token", None, Verdict.REFRESH),
    (401, "Missing scope: channel:manage:vips", None, Verdict.LOGIN),
    (401, "Client ID and OAuth token do not match", None, Verdict.LOGIN),
    (401, "The ID in broadcaster_id must match the user ID found in the OAuth token", None, Verdict.LOGIN),
    (401, "OAuth token is missing", None, Verdict.LOGIN),
    (401, "", None, Verdict.LOGIN),
    (401, None, None, Verdict.BROKEN),
    (429, "Too Many Requests", 0, Verdict.WAIT_BUCKET),
    (429, None, None, Verdict.WAIT_BUCKET),
    (429, "You may only add 10 VIPs within 10 seconds", 700, Verdict.WAIT_ENDPOINT),
    (408, None, None, Verdict.DOWN),
    (500, "oops", None, Verdict.DOWN),
    (502, None, None, Verdict.DOWN),
    (503, None, None, Verdict.RETRY),
    (504, None, None, Verdict.DOWN),
    (302, None, None, Verdict.BROKEN),
    (418, "teapot", None, Verdict.BROKEN),
]


@pytest.mark.parametrize("call", Call)
@pytest.mark.parametrize(("status", "message", "remaining", "outcome"), COMMON)
def test_common_answers(
    call: Call, status: int, message: str | None, remaining: int | None, outcome: Outcome
) -> None:
    assert judge(call, status, message, remaining=remaining) is outcome


@pytest.mark.parametrize(
    ("call", "status"),
    sorted({(row.call, row.status) for row in TABLE if row.status >= 400 and row.status != 422}),
)
def test_a_proxy_page_decides_nothing(call: Call, status: int) -> None:
    assert judge(call, status, None) is Verdict.BROKEN


def test_how_wide_a_401_is_read_can_be_set() -> None:
    sentence = "The token has been revoked"
    assert judge(Call.VIPS, 401, sentence) is Verdict.LOGIN
    assert judge(Call.VIPS, 401, sentence, token_words=(("token", "revoked"),)) is Verdict.REFRESH
    assert judge(Call.VIPS, 401, "Invalid OAuth token", token_words=()) is Verdict.LOGIN


def test_words() -> None:
    assert says("A b C", (("x",), ("a", "c")))
    assert not says("A b", (("a", "c"),))
    assert not says("anything", ())


@given(
    st.sampled_from(Call),
    st.integers(),
    st.none() | st.text(),
    st.none() | st.integers(),
)
def test_is_total(call: Call, status: int, message: str | None, remaining: int | None) -> None:
    outcome = judge(call, status, message, remaining=remaining)
    if status >= 500:
        assert outcome in (Verdict.DOWN, Verdict.RETRY)
    if isinstance(outcome, AddVip | RemoveVip | Resolve | Chat):
        assert any((row.call, row.status, row.outcome) == (call, status, outcome) for row in TABLE)
