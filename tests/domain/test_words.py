import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.words import CHAT, CHAT_LIMIT, duration, say

VALUES = {"viewer": "Ann", "duration": "20 s", "left": "1 min"}


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (1, "1 s"),
        (20_000, "20 s"),
        (90_000, "1 min 30 s"),
        (86_400_000, "1 d"),
        (187_200_000, "2 d 4 h"),
        (86_405_000, "1 d"),
        (3_600_000, "1 h"),
    ],
)
def test_durations_read_like_speech(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@given(st.sampled_from(sorted(CHAT)), st.text(max_size=1000))
def test_a_line_is_one_line_that_chat_takes(template: str, viewer: str) -> None:
    line = say(template, {**VALUES, "viewer": viewer})
    assert len(line) <= CHAT_LIMIT
    assert "\n" not in line


def test_every_sentence_mentions_the_viewer_once() -> None:
    for template in CHAT.values():
        assert template.count("{viewer}") == 1
