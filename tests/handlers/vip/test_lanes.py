"""Lanes are apart where things may happen side by side, and one where they may not."""

from __future__ import annotations

from handlers.vip import lanes


def test_everything_of_one_viewer_is_in_one_lane_and_nothing_else() -> None:
    names = [
        lanes.lane_of("1", "2"),
        lanes.lane_of("1", "3"),
        lanes.lane_of("2", "2"),
        lanes.rewards_lane("1"),
        lanes.stream_lane("1"),
        lanes.grace_lane("1"),
        lanes.chat_in_lane("1", "2"),
    ]
    assert lanes.lane_of("1", "2") == "vip:1:2"
    assert len(set(names)) == len(names)
