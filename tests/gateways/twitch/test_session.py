from __future__ import annotations

import pytest

from gateways.twitch.frames import BadFrame, Reason
from gateways.twitch.session_table import REACTIONS, State
from gateways.twitch.session_words import (
    Check,
    Close,
    HandedOver,
    Live,
    Lost,
    Notified,
    Open,
    Revoked,
    Subscribe,
    Welcomed,
)
from tests.gateways.twitch import eventsub_frames as frames
from tests.gateways.twitch.session_driver import BASE, CELL, Driver, of


def test_from_start_to_live() -> None:
    driver = Driver()
    driver.session.start()
    assert driver.drain() == [Open(1, BASE)]
    driver.up(1)
    assert driver.hear(1, frames.welcome("S1")) == [Welcomed("S1"), Subscribe("S1", 109.5)]
    driver.session.window_met("S1")
    driver.session.subscribed("S1", driver.now)
    assert driver.drain() == [Live("S1", gap=True)]
    assert driver.session.state is State.LIVE


def test_no_welcome_in_time_is_a_loss_without_a_gap() -> None:
    driver = Driver()
    driver.session.start()
    driver.up(1)
    driver.drain()
    assert driver.to_deadline() == [Lost("no_welcome", None, gap=False), Close(1, 1000, "no_welcome")]
    assert driver.session.state is State.RESTING


def test_the_window_is_left_in_order_before_twitch_closes_it() -> None:
    driver = Driver().greeted()
    assert driver.later(9.4) == []
    lost = driver.later(0.1)
    assert of(Lost, lost) == [Lost("window", None, gap=True)]
    assert of(Close, lost) == [Close(1, 1000, "window")]


def test_one_subscription_meets_the_window() -> None:
    driver = Driver().greeted()
    driver.session.window_met("S1")
    driver.hear(1, frames.keepalive())
    assert driver.later(10.0) == []
    assert driver.session.state is State.SUBSCRIBING


def test_an_answer_for_another_session_changes_nothing() -> None:
    driver = Driver().greeted()
    driver.session.window_met("S0")
    driver.session.subscribed("S0", driver.now)
    driver.session.subscribing_failed("S0", driver.now)
    assert driver.drain() == []
    assert driver.session.state is State.SUBSCRIBING


@pytest.mark.parametrize("sound", [frames.keepalive(), frames.notification()])
def test_silence_beyond_the_slack_is_a_loss(sound: str) -> None:
    driver = Driver().live()
    driver.later(12.0)
    driver.hear(1, sound)
    assert driver.later(12.9) == []
    lost = driver.later(0.1)
    assert of(Lost, lost) == [Lost("silence", None, gap=True)]
    assert of(Close, lost) == [Close(1, 1000, "silence")]


def test_bad_frames_do_not_prove_life() -> None:
    driver = Driver().live()
    driver.later(12.0)
    assert of(BadFrame, driver.hear(1, "nonsense"))
    assert of(Lost, driver.later(1.1))


def test_a_notification_is_handed_out_once_per_message_id() -> None:
    driver = Driver().live()
    (notified,) = driver.hear(1, frames.notification("n-1"))
    assert isinstance(notified, Notified)
    assert notified.message_id == "n-1"
    assert driver.hear(1, frames.notification("n-1", event={"id": "other"})) == []
    assert len(driver.hear(1, frames.notification("n-2"))) == 1


def test_a_notification_older_than_ten_minutes_is_left_aside_a_future_one_is_not() -> None:
    driver = Driver().live()
    old = frames.notification("n-1", at=frames.NOW_MS - 600_001)
    assert driver.hear(1, old) == [BadFrame(Reason.STALE, frames.REDEMPTION_ADD)]
    assert len(driver.hear(1, frames.notification("n-2", at=frames.NOW_MS - 599_000))) == 1
    assert len(driver.hear(1, frames.notification("n-3", at=frames.NOW_MS + 3_600_000))) == 1


def test_hand_over_reads_both_until_the_welcome_and_does_not_subscribe_again() -> None:
    driver = Driver().live()
    assert driver.hear(1, frames.reconnect(CELL)) == [Open(2, CELL, hand_over=True)]
    driver.up(2)
    assert len(driver.hear(1, frames.notification("n-1"))) == 1
    assert driver.hear(2, frames.welcome("S2")) == [HandedOver("S2"), Close(1, 1000, "handed over")]
    assert driver.session.session_id == "S2"
    assert driver.session.state is State.LIVE
    # What was under way on the old socket still counts, once.
    assert driver.hear(2, frames.notification("n-1")) == []
    assert len(driver.hear(1, frames.notification("n-2"))) == 1
    assert driver.hear(2, frames.notification("n-2")) == []
    # The old one may close as it likes.
    assert driver.gone(1, 4004) == []
    assert driver.hear(1, frames.notification("n-3")) == []
    assert driver.session.state is State.LIVE


def test_notifications_on_the_next_socket_before_its_welcome_are_not_lost() -> None:
    driver = Driver().moving()
    driver.up(2)
    assert len(driver.hear(2, frames.notification("n-9"))) == 1


def test_after_a_hand_over_the_new_socket_is_watched() -> None:
    driver = Driver().moving()
    driver.up(2)
    driver.hear(2, frames.welcome("S2", keepalive=30))
    assert driver.later(36.9) == []
    assert of(Lost, driver.later(0.2)) == [Lost("silence", None, gap=True)]


def test_the_old_socket_lost_during_the_hand_over_is_a_gap_but_the_next_goes_on() -> None:
    driver = Driver().moving()
    assert driver.gone(1, 1006) == [Lost("closed", 1006, gap=True)]
    assert driver.session.state is State.MOVING
    driver.up(2)
    said = driver.hear(2, frames.welcome("S2"))
    assert said == [HandedOver("S2"), Subscribe("S2", driver.now + 9.5)]
    driver.session.subscribed("S2", driver.now)
    assert driver.drain() == [Live("S2", gap=True)]


def test_silence_of_the_old_socket_during_the_hand_over() -> None:
    driver = Driver().moving()
    driver.later(10.0)
    said = driver.later(3.1)
    assert said == [Lost("silence", None, gap=True), Close(1, 1000, "silence")]
    assert driver.session.state is State.MOVING


@pytest.mark.parametrize("code", [4004, 4007])
def test_codes_that_end_the_hand_over_lead_to_a_cold_connect_to_the_base_url(code: int) -> None:
    driver = Driver().moving()
    driver.up(2)
    said = driver.gone(2 if code == 4007 else 1, code)
    assert of(Lost, said) == [Lost(REACTIONS[code].name, code, gap=True)]
    assert len(of(Close, said)) == 1
    assert driver.to_deadline() == [Open(3, BASE)]


def test_a_next_socket_that_fails_is_tried_again_then_given_up() -> None:
    driver = Driver().moving()
    for number in (2, 3, 4):
        assert driver.gone(number, None) == []
        assert driver.to_deadline() == [Open(number + 1, CELL, hand_over=True)]
        driver.hear(1, frames.keepalive())
    said = driver.gone(5, None)
    assert said == [Lost("no_connection", None, gap=True), Close(1, 1000, "no_connection")]


def test_a_hand_over_that_takes_too_long_is_given_up() -> None:
    driver = Driver().moving()
    driver.later(12.0)
    driver.hear(1, frames.keepalive())
    driver.later(12.0)
    driver.hear(1, frames.keepalive())
    said = driver.later(4.1)
    assert of(Lost, said) == [Lost("hand_over", None, gap=True)]
    assert {close.socket_id for close in of(Close, said)} == {1, 2}


def test_told_to_move_twice_the_second_address_counts() -> None:
    driver = Driver().moving()
    driver.up(2)
    assert driver.hear(1, frames.reconnect(CELL)) == []  # the same message again
    other = "ws://cell-b.test/ws"
    said = driver.hear(1, frames.reconnect(other, message_id="r-2"))
    assert said == [Close(2, 1000, "replaced"), Open(3, other, hand_over=True)]
    driver.up(3)
    assert HandedOver("S3") in driver.hear(3, frames.welcome("S3"))
    assert driver.hear(2, frames.welcome("S2")) == []
    assert driver.session.session_id == "S3"


def test_a_hand_over_before_everything_is_subscribed_subscribes_on_the_new_session() -> None:
    driver = Driver().greeted()
    driver.hear(1, frames.reconnect(CELL))
    driver.session.subscribed("S1", driver.now)
    assert driver.drain() == []
    driver.up(2)
    said = driver.hear(2, frames.welcome("S2"))
    assert of(Subscribe, said) == [Subscribe("S2", driver.now + 9.5)]
    driver.session.subscribed("S2", driver.now)
    assert driver.drain() == [Live("S2", gap=True)]


def test_a_reconnect_url_of_another_scheme_is_refused() -> None:
    driver = Driver("wss://eventsub.test/ws").live()
    assert of(BadFrame, driver.hear(1, frames.reconnect("ws://plain.test/ws")))
    assert of(BadFrame, driver.hear(1, frames.reconnect("http://plain.test/ws")))
    assert driver.session.state is State.LIVE


@pytest.mark.parametrize(
    "code", [1000, 1001, 1006, 1009, 3999, 4000, 4001, 4002, 4004, 4005, 4006, 4007, 4999, None]
)
def test_a_close_is_a_loss_a_rest_and_a_cold_connect(code: int | None) -> None:
    driver = Driver().live()
    (lost,) = driver.gone(1, code)
    reaction = REACTIONS.get(code) if code else None
    assert lost == Lost(
        reaction.name if reaction else "closed" if code else "no_connection",
        code,
        gap=True,
        alarm=bool(reaction and reaction.alarm),
    )
    deadline = driver.session.next_deadline()
    assert deadline is not None
    least = reaction.rest_seconds if reaction else 0.0
    assert least <= deadline - driver.now <= least + 1.0
    assert driver.to_deadline() == [Open(2, BASE)]
    driver.up(2)
    assert driver.hear(2, frames.welcome("S2"))[-1] == Subscribe("S2", driver.now + 9.5)


def test_unused_asks_for_a_check_first_and_then_rests_longer_each_time() -> None:
    driver = Driver().greeted()
    rests = []
    for number in range(1, 6):
        assert driver.gone(number, 4003) == [Lost("unused", 4003, gap=True), Check()]
        assert driver.session.state is State.CHECKING
        assert driver.later(3600.0) == []
        driver.session.checked(driver.now)
        deadline = driver.session.next_deadline()
        assert deadline is not None
        rests.append(deadline - driver.now)
        driver.to_deadline()
        driver.up(number + 1)
        driver.hear(number + 1, frames.welcome(f"S{number + 1}"))
    assert min(rests) >= 30.0
    assert max(rests) <= 330.0


def test_a_check_that_finds_a_dead_grant_parks_until_somebody_logs_in() -> None:
    driver = Driver().greeted()
    driver.gone(1, 4003)
    driver.session.park()
    assert driver.session.state is State.PARKED
    assert driver.session.next_deadline() is None
    assert driver.later(1e6) == []
    driver.session.wake()
    assert driver.drain() == [Open(2, BASE)]


def test_parking_a_live_session_closes_it_and_tells_the_gap() -> None:
    driver = Driver().live()
    driver.session.park()
    assert driver.drain() == [Lost("parked", None, gap=True), Close(1, 1000, "parked")]


def test_wake_ends_a_rest_and_means_nothing_elsewhere() -> None:
    driver = Driver().live()
    driver.session.wake()
    assert driver.drain() == []
    driver.gone(1, 4000)
    driver.session.wake()
    assert driver.drain() == [Open(2, BASE)]


def test_backoff_grows_with_full_jitter_and_starts_anew_after_a_stable_session() -> None:
    driver = Driver()
    driver.session.start()
    bounds = []
    for number in range(1, 12):
        driver.gone(number, None)
        deadline = driver.session.next_deadline()
        assert deadline is not None
        bounds.append(deadline - driver.now)
        driver.to_deadline()
    assert max(bounds) <= 60.0
    assert max(bounds) > 5.0
    driver.up(12)
    driver.hear(12, frames.welcome("S", keepalive=600))
    driver.session.subscribed("S", driver.now)
    driver.later(61.0)
    driver.gone(12, 4005)
    deadline = driver.session.next_deadline()
    assert deadline is not None
    assert deadline - driver.now <= 1.0


def test_revocations_are_told_and_the_subscriptions_looked_at_once_soon_after() -> None:
    driver = Driver().live()
    assert [type(thing) for thing in driver.hear(1, frames.revocation("v-1"))] == [Revoked]
    assert driver.hear(1, frames.revocation("v-1")) == []
    driver.hear(1, frames.revocation("v-2"))
    said = driver.later(4.1)
    assert said == [Subscribe("S1", None)]
    assert driver.session.state is State.SUBSCRIBING
    driver.session.subscribed("S1", driver.now)
    assert driver.drain() == [Live("S1", gap=True)]


def test_a_revocation_while_subscribing_is_looked_at_afterwards() -> None:
    driver = Driver().greeted()
    driver.session.window_met("S1")
    driver.hear(1, frames.revocation("v-1"))
    assert driver.later(4.1) == []
    driver.session.subscribed("S1", driver.now)
    driver.drain()
    assert of(Subscribe, driver.later(1.1)) == [Subscribe("S1", None)]


def test_what_is_wanted_may_change_while_live() -> None:
    driver = Driver().live()
    driver.session.resync(driver.now)
    assert driver.later(0.0) == [Subscribe("S1", None)]


def test_failed_subscribing_rests_as_long_as_asked() -> None:
    driver = Driver().greeted()
    driver.session.subscribing_failed("S1", driver.now, rest_seconds=40.0)
    said = driver.drain()
    assert of(Lost, said) == [Lost("subscribing", None, gap=True)]
    deadline = driver.session.next_deadline()
    assert deadline is not None
    assert deadline - driver.now >= 40.0


def test_restart_throws_the_session_away() -> None:
    driver = Driver().moving()
    driver.session.restart()
    said = driver.drain()
    assert of(Lost, said) == [Lost("restart", None, gap=True)]
    assert {close.socket_id for close in of(Close, said)} == {1, 2}
    assert of(Open, said) == [Open(3, BASE)]


def test_stop_closes_everything_for_good() -> None:
    driver = Driver().moving()
    driver.session.stop()
    assert {close.socket_id for close in of(Close, driver.drain())} == {1, 2}
    for act in (driver.session.start, driver.session.wake, driver.session.restart, driver.session.park):
        act()
    assert driver.later(1e6) == []
    assert driver.session.state is State.STOPPED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", Reason.NOT_JSON),
        (frames.frame("session_pause", {}), Reason.UNKNOWN_TYPE),
        (frames.welcome("S2"), Reason.UNEXPECTED),
        ('{"metadata": {"message_type": "notification"}, "payload": {}}', Reason.WRONG_SHAPE),
        ("[" * 50_000, Reason.TOO_DEEP),
    ],
)
def test_bad_frames_are_events_and_change_nothing(text: str, reason: Reason) -> None:
    driver = Driver().live()
    (bad,) = driver.hear(1, text)
    assert isinstance(bad, BadFrame)
    assert bad.reason is reason
    assert driver.session.state is State.LIVE


def test_frames_before_the_handshake_and_of_unknown_sockets() -> None:
    driver = Driver()
    driver.session.start()
    driver.drain()
    assert of(BadFrame, driver.hear(1, frames.welcome()))
    assert driver.hear(99, frames.welcome()) == []
    assert driver.gone(99, 4000) == []
    assert driver.up(99) == []
    driver.up(1)
    assert of(BadFrame, driver.hear(1, frames.reconnect(CELL)))
    assert driver.session.state is State.GREETING
