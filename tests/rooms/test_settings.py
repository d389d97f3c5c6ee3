"""Settings: every one has its bounds, and goes over the wire and back."""

from __future__ import annotations

from dataclasses import fields

import pytest

from domain.errors import Rejected
from rooms.people import Role
from rooms.settings import FIELDS, Settings, Waiting, changed, shown, to_wire

OTHERS = Settings(
    title="Film night",
    is_public=True,
    vip_only=True,
    control=Role.MEMBER,
    queueing=Role.GUEST,
    guests_chat=False,
    slow_seconds=5,
    words=("end", "spoiler"),
    waiting=Waiting.QUORUM,
    quorum=0.9,
    grace_seconds=60,
    host_returns=True,
    plays_next=False,
    most_members=50,
    password="scrypt:…",
)


def test_every_setting_has_a_row() -> None:
    assert {field for field, _ in FIELDS.values()} == {one.name for one in fields(Settings)}


@pytest.mark.parametrize("settings", [Settings(), OTHERS])
def test_over_the_wire_and_back(settings: Settings) -> None:
    assert changed(Settings(), to_wire(settings)) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "x" * 81),
        ("title", 5),
        ("isPublic", 1),
        ("control", "guest"),
        ("control", "king"),
        ("slowSeconds", -1),
        ("slowSeconds", True),
        ("slowSeconds", 601),
        ("words", "spoiler"),
        ("words", ["x"] * 101),
        ("words", [7]),
        ("waiting", "never"),
        ("quorum", 0.4),
        ("quorum", float("nan")),
        ("graceSeconds", 4),
        ("mostMembers", 12_001),
        ("passwordHash", "x" * 201),
        ("colour", "red"),
    ],
)
def test_out_of_bounds_is_refused_with_what_is_in_bounds(name: str, value: object) -> None:
    with pytest.raises(Rejected) as refused:
        changed(Settings(), {name: value})
    assert refused.value.code == "party.bad_field"
    assert refused.value.advice


def test_words_are_kept_in_one_form() -> None:
    assert changed(Settings(), {"words": ["  The  END ", "the end", ""]}).words == ("the end",)


def test_viewers_see_that_there_is_a_password_and_not_which_words() -> None:
    seen = shown(OTHERS)
    assert seen["hasPassword"] is True
    assert "passwordHash" not in seen
    assert "words" not in seen
    assert shown(Settings())["hasPassword"] is False
