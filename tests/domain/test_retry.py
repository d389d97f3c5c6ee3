from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retry import MUST_HAPPEN, NOTICE, REDEMPTION, RetryPolicy

policies = st.builds(
    RetryPolicy,
    max_attempts=st.one_of(st.none(), st.integers(1, 30)),
    base_ms=st.integers(1, 10_000),
    cap_ms=st.integers(1, 1_000_000),
    floor_ms=st.integers(0, 1000),
)


@given(policies, st.integers(1, 200), st.integers())
def test_a_delay_lies_between_floor_and_ceiling_or_is_the_last(
    policy: RetryPolicy, attempts: int, seed: int
) -> None:
    delay = policy.next_delay_ms(attempts, Random(seed))
    if policy.max_attempts is not None and attempts >= policy.max_attempts:
        assert delay is None
    else:
        assert delay is not None
        assert 0 <= delay <= policy.cap_ms


def test_delays_grow_and_are_spread() -> None:
    random = Random(1)
    policy = RetryPolicy(max_attempts=None, base_ms=100, cap_ms=10_000)
    early = [policy.next_delay_ms(1, random) for _ in range(200)]
    late = [policy.next_delay_ms(8, random) for _ in range(200)]
    assert max(early) <= 100 < max(late) <= 10_000  # type: ignore[type-var]
    assert len(set(late)) > 150


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        NOTICE.next_delay_ms(0, Random())


def test_what_must_happen_is_tried_for_ever_and_the_rest_ends() -> None:
    assert MUST_HAPPEN.next_delay_ms(10**6, Random()) is not None
    assert REDEMPTION.next_delay_ms(12, Random()) is None
    assert NOTICE.next_delay_ms(5, Random()) is None
