"""What a conduit should be, and what is to do about what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.twitch.conduit_plan import (
    Candidate,
    Fill,
    RemoteConduit,
    RemoteShard,
    choose,
    estimate,
    fill,
    mark_of,
    pace,
    remembered,
    resized,
)
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.subscriptions import Wanted, key_of, vip_channel

OURS = "ours"
CHANNELS = st.sampled_from(["1", "2", "3"])
TYPES = st.sampled_from(["a", "b", "c"])


def wish(channel_id: str, type_: str) -> Wanted:
    return Wanted(type_, "1", {"broadcaster_user_id": channel_id})


WANTED = st.dictionaries(CHANNELS, st.sets(TYPES).map(sorted), max_size=3).map(
    lambda found: {one: tuple(wish(one, type_) for type_ in types) for one, types in found.items()}
)

ACTUAL = st.lists(
    st.builds(
        lambda type_, channel_id, status, where: (type_, channel_id, status, where),
        TYPES,
        CHANNELS,
        st.sampled_from(["enabled", "enabled", "authorization_revoked"]),
        st.sampled_from([OURS, OURS, "theirs", ""]),
    ),
    max_size=12,
).map(
    lambda rows: [
        RemoteSubscription(
            f"s{number}",
            type_,
            "1",
            status,
            condition={"broadcaster_user_id": channel_id},
            method="conduit" if where else "websocket",
            conduit_id=where,
        )
        for number, (type_, channel_id, status, where) in enumerate(rows)
    ]
)


def carried_out(
    plan: Fill, wanted: Mapping[str, Sequence[Wanted]], actual: Sequence[RemoteSubscription]
) -> list[RemoteSubscription]:
    left = [one for one in actual if one.id not in plan.delete]
    for channel_id, missing in plan.create.items():
        for number, one in enumerate(missing):
            left.append(
                RemoteSubscription(
                    f"new-{channel_id}-{number}",
                    one.type,
                    one.version,
                    "enabled",
                    condition=dict(one.condition),
                    method="conduit",
                    conduit_id=OURS,
                )
            )
    return left


@given(WANTED, ACTUAL)
def test_a_fill_leads_to_exactly_what_is_wanted(
    wanted: dict[str, tuple[Wanted, ...]], actual: list[RemoteSubscription]
) -> None:
    plan = fill(OURS, wanted, actual)
    after = carried_out(plan, wanted, actual)
    ours = sorted(str(key_of(one)) for one in after if one.conduit_id == OURS)
    assert ours == sorted(str(key_of(one)) for wishes in wanted.values() for one in wishes)
    assert fill(OURS, wanted, after).calls == 0
    assert [one for one in after if one.conduit_id != OURS] == [
        one for one in actual if one.conduit_id != OURS
    ]


@given(WANTED, ACTUAL, st.integers(0, 12))
def test_a_fill_that_was_cut_off_is_resumed_not_repeated(
    wanted: dict[str, tuple[Wanted, ...]], actual: list[RemoteSubscription], done: int
) -> None:
    """However far it came: what was made is not made again, and all calls together are as many as in one go."""
    plan = fill(OURS, wanted, actual)
    steps = [(channel_id, one) for channel_id, missing in plan.create.items() for one in missing][:done]
    cut = Fill({}, plan.delete[: max(0, done - len(steps))])
    halfway = carried_out(cut, wanted, actual) + [
        RemoteSubscription(
            f"half-{number}",
            one.type,
            one.version,
            "enabled",
            condition=dict(one.condition),
            method="conduit",
            conduit_id=OURS,
        )
        for number, (_, one) in enumerate(steps)
    ]
    assert fill(OURS, wanted, halfway).calls == plan.calls - len(steps) - len(cut.delete)


def test_what_is_missing_keeps_its_order_and_the_mark_is_left_alone() -> None:
    wanted = {"7": vip_channel("7")}
    mark = mark_of(OURS, "client")
    actual = [
        RemoteSubscription(
            "m", mark.type, "1", "enabled", condition=dict(mark.condition), method="conduit", conduit_id=OURS
        )
    ]
    plan = fill(OURS, wanted, actual)
    assert plan.create == wanted
    assert plan.delete == ()


def candidate(id: str, *, marked: bool = False, subscriptions: int = 0, enabled: int = 0) -> Candidate:
    return Candidate(RemoteConduit(id, 2), marked, subscriptions, enabled)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([], None),
        ([candidate("a", marked=True, subscriptions=9)], "a"),
        ([candidate("a", marked=True, subscriptions=9, enabled=1)], None),  # somebody serves it
        ([candidate("a", marked=True, subscriptions=9), candidate("b", marked=True, subscriptions=1)], None),
        ([candidate("b", subscriptions=3)], None),  # somebody's, if not ours
        ([candidate("c"), candidate("b")], "b"),  # nobody's
        ([candidate("c"), candidate("a", marked=True, subscriptions=1)], "a"),
    ],
)
def test_which_conduit_is_taken_over(candidates: list[Candidate], chosen: str | None) -> None:
    found = choose(candidates)
    assert (found.id if found else None) == chosen


def test_the_remembered_one_comes_before_all_others() -> None:
    conduits = [RemoteConduit("a", 1), RemoteConduit("b", 2)]
    assert remembered("b", conduits) == conduits[1]
    assert remembered("gone", conduits) is None


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_the_number_of_shards_arrives_where_it_should(have: int, want: int, in_use: bool) -> None:
    seen = []
    for _ in range(20):
        after = resized(have, want, enabled=have, in_use=in_use)
        if after is None:
            break
        seen.append(after - have)
        have = after
    assert have == want
    if in_use:
        assert all(step <= 1 for step in seen)  # never two shards at once that nobody serves


def test_no_further_shard_before_the_last_is_attached() -> None:
    assert resized(2, 4, enabled=1, in_use=True) is None
    assert resized(2, 4, enabled=2, in_use=True) == 3
    assert resized(4, 2, enabled=0, in_use=True) == 2


def test_how_long_it_takes_at_the_rate_of_twitch() -> None:
    assert pace(800) == 10.0
    assert estimate(2000, 12_000, 800) == (
        "2,000 channels lack 12,000 subscriptions: 20 min at 600 of the 800 points a minute that Twitch allows"
    )
    assert estimate(1, 6, 800).startswith("1 channels lack 6 subscriptions: 1 s")


def test_a_shard_is_enabled_or_not() -> None:
    assert RemoteShard("0", "enabled").enabled
    assert not RemoteShard("0", "websocket_disconnected").enabled
