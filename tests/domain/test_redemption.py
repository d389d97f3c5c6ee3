import pytest

from domain.channel import Viewer
from domain.errors import Broken
from domain.events import RedemptionEvent, redemption_event
from domain.locales import locale_of
from domain.redemption import MOVES, SETTLED, Redemption, RedemptionStatus, Refusal, event_of, moved, received


def redemption(status: RedemptionStatus = RedemptionStatus.RECEIVED) -> Redemption:
    return Redemption("r", "1", "rw", "VIP", 500, "2", "ann", "Ann", "", 1, 2, status=status)


@pytest.mark.parametrize("start", list(RedemptionStatus))
@pytest.mark.parametrize("to", list(RedemptionStatus))
def test_only_listed_moves_are_possible(start: RedemptionStatus, to: RedemptionStatus) -> None:
    if to is start:
        assert moved(redemption(start), to, now=9) == redemption(start)
    elif to in MOVES[start]:
        after = moved(redemption(start), to, now=9, reason="why")
        assert (after.status, after.reason) == (to, "why")
        assert (after.settled_at == 9) is (to in SETTLED)
    else:
        with pytest.raises(Broken):
            moved(redemption(start), to, now=9)


def test_a_decision_to_refund_never_becomes_a_vip() -> None:
    reachable, edge = set(), [RedemptionStatus.REFUNDING]
    while edge:
        for following in MOVES[edge.pop()] - reachable:
            reachable.add(following)
            edge.append(following)
    assert reachable.isdisjoint({RedemptionStatus.GRANTED, RedemptionStatus.FULFILLED})


def test_every_refusal_has_its_sentence() -> None:
    assert set(locale_of("en").reasons) == set(Refusal)


def test_a_redemption_is_received_as_the_event_tells_it() -> None:
    event = RedemptionEvent("r", "1", Viewer("2", "ann", "Ann"), "hi", "unfulfilled", "rw", "VIP", 500, 1)
    first = received(event, now=2)
    assert (first.id, first.viewer, first.user_input, first.received_at) == ("r", event.viewer, "hi", 2)
    assert first.status is RedemptionStatus.RECEIVED


def test_a_redemption_is_told_again_as_it_was_received() -> None:
    before = redemption()
    event = redemption_event(event_of(before))
    assert received(event, now=before.received_at) == before
