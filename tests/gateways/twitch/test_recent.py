from __future__ import annotations

from gateways.twitch.recent import MEMORY_IDS, MEMORY_SECONDS, Recent


def test_an_id_is_new_once() -> None:
    recent = Recent()
    assert recent.add("a", 0.0)
    assert not recent.add("a", 1.0)
    assert recent.add("b", 1.0)


def test_an_id_is_known_for_ten_minutes() -> None:
    recent = Recent()
    recent.add("a", 0.0)
    assert not recent.add("a", MEMORY_SECONDS)
    assert recent.add("a", MEMORY_SECONDS + 0.1)


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    recent = Recent()
    for number in range(MEMORY_IDS + 1):
        recent.add(str(number), 0.0)
    assert not recent.add(str(MEMORY_IDS), 0.0)
    assert recent.add("0", 0.0)
