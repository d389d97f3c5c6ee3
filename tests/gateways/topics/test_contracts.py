"""The text form of a position: what a browser sends back in `Last-Event-ID`."""

from __future__ import annotations

import pytest

from domain.errors import Rejected
from gateways.topics.contracts import Position


def test_a_position_survives_its_text_form() -> None:
    assert Position.parse(str(Position("k3f9", 18231))) == Position("k3f9", 18231)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "a",
        "a-",
        "-1",
        "a--1",
        "a-b",
        "ä-1",
        "a\x00-1",
        "a-1\n",
        "a-" + "9" * 19,
        "a" * 64 + "-1",
        "a-²",
    ],
)
def test_what_is_no_position_is_rejected(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        Position.parse(text)
    assert caught.value.code == "topic.position"
