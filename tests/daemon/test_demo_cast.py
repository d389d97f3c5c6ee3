"""The cast of the demo: people whom the simulator's own story does not know, and rewards of every kind."""

from __future__ import annotations

import random
import re

from daemon.demo_cast import audience, cast, viewer
from domain.channel import Lasting
from domain.slots import WhenFull
from simulators.twitch.cast import ViewerNames


def test_names_are_unique_valid_and_not_those_of_the_story() -> None:
    names = audience(random.Random(1), 300)
    logins = [login for login, _ in names]
    assert len(set(logins)) == 300
    assert all(re.fullmatch(r"[a-z0-9_]{3,25}", login) for login in logins)
    assert all(0 < len(name) <= 25 for _, name in names)
    assert not set(logins) & {login for login, _ in ViewerNames(random.Random(1)).take(3000)}
    assert audience(random.Random(1), 300) == names


def test_there_is_a_reward_of_every_kind_and_a_waiting_list() -> None:
    star, *others = cast(longest_wait_ms=9000)
    assert {sale.time.lasting for sale in star.sales} == set(Lasting)
    assert (star.settings.limits.when_full, star.settings.limits.longest_wait_ms) == (WhenFull.WAIT, 9000)
    assert star.settings.limits.cap + star.by_hand < star.vip_slots
    for part in (star, *others):
        played = [sale for sale in part.sales if sale.plays]
        assert played
        assert all(sale.buys_ms <= 60_000 for sale in played), "short enough to be seen"
        assert len({sale.title for sale in part.sales}) == len(part.sales)


def test_a_viewer_as_the_simulator_tells_of_him() -> None:
    assert viewer({"id": "1", "login": "ann", "name": "Ann"}).shown == "Ann"
