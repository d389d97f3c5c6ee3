"""The table of permissions: deny by default, and a row for every command."""

from __future__ import annotations

import pytest

from domain.errors import Denied
from rooms.commands import FIELDS
from rooms.people import Role
from rooms.permissions import TABLE, least, may, require
from rooms.settings import Settings
from rooms.step import COMMANDS

BESIDE = {"party:invite"}
"""Commands that write no entry: the shell answers them, by the same table."""


def test_every_command_has_a_row_a_reader_and_a_step() -> None:
    assert set(TABLE) - BESIDE == set(FIELDS) == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(TABLE))
def test_nobody_may_nothing_and_the_host_everything(command: str) -> None:
    assert not may(Role.NOBODY, command, Settings())
    assert may(Role.HOST, command, Settings())


@pytest.mark.parametrize("role", Role)
def test_what_has_no_row_is_denied(role: Role) -> None:
    assert not may(role, "party:fly", Settings())


@pytest.mark.parametrize(
    ("command", "settings", "needed"),
    [
        ("party:play", Settings(), Role.HOST),
        ("party:play", Settings(control=Role.MEMBER), Role.MEMBER),
        ("party:queue:add", Settings(), Role.MEMBER),
        ("party:queue:add", Settings(queueing=Role.GUEST), Role.GUEST),
        ("party:chat", Settings(), Role.GUEST),
        ("party:chat", Settings(guests_chat=False), Role.MEMBER),
        ("party:settings", Settings(), Role.HOST),
        ("party:kick", Settings(), Role.COHOST),
    ],
)
def test_the_least_role_is_as_the_room_is_set(command: str, settings: Settings, needed: Role) -> None:
    assert least(command, settings) == needed
    for role in Role:
        assert may(role, command, settings) == (role >= needed)


def test_the_refusal_names_the_role() -> None:
    with pytest.raises(Denied, match="Only a host") as refused:
        require(Role.MEMBER, "party:settings", Settings())
    assert refused.value.code == "party.forbidden"
