"""The bench with tiny numbers, and its sums: where a page is, how far pages are apart and from the room."""

from __future__ import annotations

import pytest

from bench._party_pages import Picture, Seat
from bench.party_browser import Run, errors, places, result, spreads
from tests.bench.running import told_by
from tests.support.need import need


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(110)
async def test_two_pages_are_compared() -> None:
    program = str(need("chromium"))
    told = await told_by(
        "party_browser", "--pages", "2", "--runs", "1", "--ways", "uneven", "--seconds", "0.5",
        "--settle", "0",
        "--chromium", program, seconds=100,
    )  # fmt: skip
    (one,) = told["details"]["runs"]["2, uneven"]
    assert one["samples"] >= 16
    assert set(one["back_s"]) == {"play", "pause", "seek", "join", "reload"}
    assert told["aims"] == [], "half of what the ways differ is nobody's fault"


def test_a_page_is_where_its_picture_is_and_goes_on_from_there() -> None:
    pictures = [Picture(10.0, 4.0, 1.0), Picture(10.2, 4.2, 0.0), Picture(11.0, 7.0, 2.0)]
    found = places(pictures, 9.95, 11.7)
    assert found[0] is None
    assert found[1:3] == pytest.approx([4.05, 4.15])
    assert found[3:11] == pytest.approx([4.2] * 8), "it stands"
    assert found[11:16] == pytest.approx([7.1, 7.3, 7.5, 7.7, 7.9])
    assert found[16] == 7.0, "no picture for so long: it hangs"


def test_the_spread_is_from_the_hindmost_to_the_foremost() -> None:
    assert spreads([[1.0, None, 3.0], [1.1, 2.0, 3.0], [0.9, 2.0, 3.05]]) == pytest.approx([200.0, 50.0])


def test_the_error_is_to_the_rooms_own_timeline() -> None:
    state = {"pos": 2.0, "rate": 1.0, "playing": True, "ts": 101_000_000}
    found = errors([[3.0, 3.2]], state, since=100.0, ahead=2.0)
    assert found == pytest.approx([0.0, 100.0])
    assert errors([[2.5]], state | {"playing": False}, since=100.0, ahead=2.0) == pytest.approx([500.0])


def test_the_table_has_the_middle_run() -> None:
    back = dict.fromkeys(("seek", "join", "reload"), 1.0)
    runs = [Run(spreads=[each] * 3, errors=[each], back_s=back) for each in (10.0, 30.0, 200.0)]
    told = result({"2, even": runs, "2, uneven": runs})
    assert [row[1] for row in told.rows] == [30.0, 30.0]
    assert [one.met for one in told.aims] == [True] * 3
    assert Seat(0.0, 0.0, 60, 20).unseen_ms == -20
