"""The whole `Helix` keeps the contract's shape."""

from __future__ import annotations

import inspect

import pytest

from gateways.twitch.contracts import Helix
from gateways.twitch.helix import TwitchHelix

CALLS = [name for name, _ in inspect.getmembers(Helix, inspect.isfunction) if not name.startswith("_")]


def test_the_contract_has_calls() -> None:
    assert len(CALLS) >= 15


@pytest.mark.parametrize("name", CALLS)
def test_signatures_are_those_of_the_contract(name: str) -> None:
    assert inspect.signature(getattr(TwitchHelix, name)) == inspect.signature(getattr(Helix, name))
