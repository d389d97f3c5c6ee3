"""Every engine against a plain dict, whatever the order of calls: never two holders, and fences that rise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateways.leases.contracts import Held
from tests.gateways.leases.engines import ENGINES, Engine

T = TypeVar("T")
OWNERS = st.sampled_from(["a", "b"])
NAMES = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=3)
# Times never meet: what is left of a lease is 500 seconds and more, or it is over for 500 seconds and more.
STEP = 1000
TTLS = st.integers(0, 3).map(lambda steps: steps * STEP + 500)


@dataclass
class Lease:
    owner: str
    fence: int
    until: float


class Model(RuleBasedStateMachine):
    runner: asyncio.Runner
    make: Callable[[], Engine]

    def __init__(self) -> None:
        super().__init__()
        self.engine = type(self).make()
        self.now = 0
        self.leases: dict[str, Lease] = {}
        self.highest: dict[str, int] = {}
        self.believed: dict[tuple[str, str], Held] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(steps=st.integers(1, 3))
    def time_passes(self, steps: int) -> None:
        self.now += steps * STEP
        self.run(self.engine.pass_time(steps * STEP))
        self.leases = {name: lease for name, lease in self.leases.items() if lease.until > self.now}

    @rule(owner=OWNERS, names=NAMES, ttl=TTLS)
    def acquire(self, owner: str, names: list[str], ttl: int) -> None:
        held = self.run(self.engine.of(owner).acquire(names, owner=owner, ttl_seconds=ttl))
        for name in names:
            if name in self.leases:
                continue
            assert held[name].fence > self.highest.get(name, 0)
            self.highest[name] = held[name].fence
            self.leases[name] = Lease(owner, held[name].fence, self.now)
        self.extended(owner, names, ttl, held)

    @rule(owner=OWNERS, names=NAMES, ttl=TTLS)
    def renew(self, owner: str, names: list[str], ttl: int) -> None:
        held = self.run(self.engine.of(owner).renew(names, owner=owner, ttl_seconds=ttl))
        self.extended(owner, names, ttl, held)

    def extended(self, owner: str, names: list[str], ttl: int, held: dict[str, Held]) -> None:
        ours = {name for name in names if name in self.leases and self.leases[name].owner == owner}
        assert set(held) == ours
        for name in names:
            self.believed.pop((owner, name), None)
        for name in ours:
            lease = self.leases[name]
            lease.until = max(lease.until, self.now + ttl)
            assert held[name] == Held(name, lease.fence, self.engine.clock.monotonic() + ttl)
            self.believed[owner, name] = held[name]

    @rule(owner=OWNERS, names=NAMES)
    def release(self, owner: str, names: list[str]) -> None:
        self.run(self.engine.of(owner).release(names, owner=owner))
        for name in names:
            self.believed.pop((owner, name), None)
            if name in self.leases and self.leases[name].owner == owner:
                del self.leases[name]

    @invariant()
    def nobody_believes_in_what_another_has(self) -> None:
        now = self.engine.clock.monotonic()
        believers = [name for (_, name), held in self.believed.items() if now < held.deadline]
        assert len(believers) == len(set(believers))
        holders = self.run(self.engine.of("a").holders(["x", "y", "z"]))
        assert holders == {name: lease.owner for name, lease in self.leases.items()}


@pytest.mark.parametrize(
    "engine",
    [pytest.param(name, marks=[pytest.mark.server] if name == "redis" else []) for name in ENGINES],
)
def test_an_engine_answers_as_a_dict_does(engine: str) -> None:
    with asyncio.Runner(debug=True) as runner:
        server = ENGINES[engine]()
        made = runner.run(server.__aenter__())

        class OfEngine(Model):
            make = staticmethod(made)

        OfEngine.runner = runner
        try:
            run_state_machine_as_test(
                OfEngine,
                settings=settings(
                    max_examples=12, stateful_step_count=20, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )  # fmt: skip
        finally:
            runner.run(server.__aexit__(None, None, None))
