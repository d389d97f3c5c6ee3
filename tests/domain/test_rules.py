from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules import NO_RULES, Facts, Needs, Refusal, Rules, judge, needs
from domain.viewer import Listed

NOW = 1_000_000
HOUR = 3_600_000
PLAIN = Facts(added_ms=HOUR)
STRICT = Rules(subscribers_only=True, min_follow_ms=500, allow_only=True, cooldown_ms=500, most_ms=2 * HOUR)


@pytest.mark.parametrize(
    ("rules", "facts", "refusal"),
    [
        (NO_RULES, PLAIN, None),
        (NO_RULES, replace(PLAIN, listed=Listed.BLOCK), Refusal.LISTED),
        (NO_RULES, replace(PLAIN, listed=Listed.PROTECTED), Refusal.ENOUGH),
        (Rules(subscribers_only=True), PLAIN, Refusal.NOT_SUBSCRIBED),
        (Rules(subscribers_only=True), replace(PLAIN, is_subscriber=True), None),
        (Rules(min_follow_ms=1), PLAIN, Refusal.FOLLOWS_TOO_SHORT),
        (Rules(min_follow_ms=100), replace(PLAIN, followed_at=NOW - 99), Refusal.FOLLOWS_TOO_SHORT),
        (Rules(min_follow_ms=100), replace(PLAIN, followed_at=NOW - 100), None),
        (Rules(allow_only=True), PLAIN, Refusal.NOT_ON_LIST),
        (Rules(allow_only=True), replace(PLAIN, listed=Listed.ALLOW), None),
        (Rules(cooldown_ms=100), PLAIN, None),
        (Rules(cooldown_ms=100), replace(PLAIN, last_ended_at=NOW - 99), Refusal.COOLDOWN),
        (Rules(cooldown_ms=100), replace(PLAIN, last_ended_at=NOW - 100), None),
        (Rules(cooldown_ms=100), replace(PLAIN, last_ended_at=NOW - 1, left_ms=5), None),
        (Rules(most_ms=HOUR), PLAIN, None),
        (Rules(most_ms=HOUR - 1), PLAIN, Refusal.ENOUGH),
        (Rules(most_ms=2 * HOUR), replace(PLAIN, left_ms=HOUR), None),
        (Rules(most_ms=2 * HOUR), replace(PLAIN, left_ms=HOUR + 1), Refusal.ENOUGH),
        (NO_RULES, Facts(added_ms=0), Refusal.TOO_FEW),
        (NO_RULES, Facts(added_ms=0, left_ms=9), Refusal.ENOUGH),
    ],
)
def test_each_rule(rules: Rules, facts: Facts, refusal: Refusal | None) -> None:
    assert judge(rules, facts, now=NOW) is refusal


def test_who_is_allowed_passes_all_but_the_stacking_limit() -> None:
    allowed = Facts(added_ms=HOUR, listed=Listed.ALLOW, last_ended_at=NOW - 1)
    assert judge(STRICT, allowed, now=NOW) is None
    assert judge(STRICT, replace(allowed, left_ms=HOUR + 1), now=NOW) is Refusal.ENOUGH


@pytest.mark.parametrize(
    ("rules", "listed", "wanted"),
    [
        (NO_RULES, Listed.NONE, Needs()),
        (Rules(subscribers_only=True), Listed.NONE, Needs(subscription=True)),
        (Rules(min_follow_ms=1), Listed.NONE, Needs(follow=True)),
        (replace(STRICT, allow_only=False), Listed.NONE, Needs(subscription=True, follow=True)),
        (STRICT, Listed.NONE, Needs()),
        (STRICT, Listed.BLOCK, Needs()),
        (STRICT, Listed.ALLOW, Needs()),
    ],
)
def test_only_what_counts_is_asked_for(rules: Rules, listed: Listed, wanted: Needs) -> None:
    assert needs(rules, listed) == wanted


durations = st.integers(0, 3 * HOUR)
some_rules = st.builds(
    Rules, st.booleans(), durations, st.booleans(), cooldown_ms=durations, most_ms=durations
)
some_facts = st.builds(
    Facts,
    added_ms=durations,
    left_ms=st.none() | durations,
    listed=st.sampled_from(Listed),
    is_subscriber=st.booleans(),
    followed_at=st.none() | st.integers(0, NOW),
    last_ended_at=st.integers(0, NOW),
)


@given(some_rules, some_facts)
def test_what_was_not_asked_for_does_not_change_the_judgement(rules: Rules, facts: Facts) -> None:
    wanted = needs(rules, facts.listed)
    known = replace(
        facts,
        is_subscriber=facts.is_subscriber and wanted.subscription,
        followed_at=facts.followed_at if wanted.follow else None,
    )
    assert judge(rules, known, now=NOW) is judge(rules, facts, now=NOW)


@given(some_rules, some_facts)
def test_time_is_sold_whole_below_the_limit_or_not_at_all(rules: Rules, facts: Facts) -> None:
    if judge(rules, facts, now=NOW) is None:
        assert facts.added_ms > 0
        assert not rules.most_ms or (facts.left_ms or 0) + facts.added_ms <= rules.most_ms
        assert facts.listed in (Listed.NONE, Listed.ALLOW)


@given(some_rules, some_facts)
def test_a_rule_less_never_refuses_more(rules: Rules, facts: Facts) -> None:
    if judge(rules, facts, now=NOW) is None:
        for less in (
            replace(rules, subscribers_only=False),
            replace(rules, min_follow_ms=0),
            replace(rules, allow_only=False),
            replace(rules, cooldown_ms=0),
            replace(rules, most_ms=0),
        ):
            if less.allow_only == rules.allow_only:
                assert judge(less, facts, now=NOW) is None
