from __future__ import annotations

from simulators.twitch.limits import PointsBucket, Window


def test_bucket_without_size_never_ends() -> None:
    bucket = PointsBucket(0, 60)
    assert all(bucket.take() for _ in range(10_000))
    assert bucket.headers() == {}


def test_bucket_counts_down() -> None:
    bucket = PointsBucket(2, 60)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    assert bucket.headers()["Ratelimit-Remaining"] == "0"


def test_window_without_count_is_never_full() -> None:
    window = Window(0, 10)
    for _ in range(100):
        window.take()
    assert not window.full()


def test_window_fills() -> None:
    window = Window(1, 10)
    assert not window.full()
    window.take()
    assert window.full()
