"""What Discord is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.embeds import GO, QUIET, STOP, embed, literal
from domain.messages import EVENTS
from domain.words import Line, said

AT = 1_772_359_200_000


def test_a_grant_with_its_facts() -> None:
    line = Line("granted", "Ann", duration_ms=60_000, left_ms=60_000, reward="VIP *now*", cost=500)
    told = embed(line, "@Ann is VIP now, for 1 min. Enjoy!", language="en", channel="Lumen", at=AT)
    assert told == {
        "description": "Ann is VIP now, for 1 min. Enjoy!",
        "color": GO,
        "fields": [
            {"name": "Reward", "value": "VIP \\*now\\*", "inline": True},
            {"name": "Points", "value": "500", "inline": True},
            {"name": "VIP until", "value": f"<t:{AT // 1000 + 60}:R>", "inline": True},
        ],
        "footer": {"text": "Lumen"},
        "timestamp": "2026-03-01T10:00:00.000Z",
    }


def test_colours_go_by_event_or_family() -> None:
    def colour(event: str) -> int:
        found: int = embed(Line(event), "x", language="de", channel="", at=AT)["color"]
        return found

    assert (colour("refunded.cooldown"), colour("ended"), colour("admitted")) == (STOP, QUIET, GO)


@pytest.mark.parametrize(
    "text", ["[free](https://evil.example)", "<@123>", "@everyone", "`x` ||y||", "a_b_c"]
)
def test_a_name_is_shown_as_it_is(text: str) -> None:
    shown = literal(text)
    assert shown.replace("\\", "") == text
    for sign in "[]()<`|_":
        assert shown.count(sign) == shown.count(f"\\{sign}")


@given(st.sampled_from(sorted(EVENTS)), st.text(max_size=900), st.text(max_size=900))
def test_whatever_it_is_discord_takes_it(event: str, viewer: str, reward: str) -> None:
    line = Line(event, viewer, left_ms=1000, reward=reward, cost=1, position=1, reason="waited")
    text = said(line, language="en", texts={}, channel=viewer)
    told = embed(line, text, language="en", channel=viewer, at=AT)
    assert 0 < len(told["description"]) <= 4096
    assert all(0 < len(field["value"]) <= 1024 for field in told["fields"])
    assert len(told["footer"]["text"]) <= 2048
