"""Clock and correction in the browser answer as the machines in Python do, whose proofs they share."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page

from simulators.players.correction import REMOTE, SAME_ROOM, Correction, Hold, Look, Rate, Seek, Showing
from simulators.players.offset import Probing, RoomClock
from tests.web.browser import BROWSER, new_page
from tests.web.party.stand import library

pytestmark = BROWSER
EPOCH = 1_790_000_000_000_000
CASES = 60

CLOCKS = """async (cases) => {
  const { RoomClock } = await import("/static/party/clock.js");
  return cases.map(({ resolution, steps }) => {
    const clock = new RoomClock({ resolution });
    return steps.map((step) => {
      const did = step.beat === undefined ? clock.add(step) : clock.beat(step.beat);
      const at = step.beat ?? step.received;
      if (!clock.ready) return [did, null];
      const room = clock.room(at + 3);
      const told = [room, clock.estimate(at), clock.offset(at + 1), clock.bound(at + 5), clock.local(room, at)];
      return [did, ...told, clock.clockId];
    });
  });
}"""

LOOPS = """async (cases) => {
  const { Correction, REMOTE, SAME_ROOM } = await import("/static/party/correction.js");
  return cases.map(({ near, music, step, steps }) => {
    const loop = new Correction({ tuning: { ...(near ? SAME_ROOM : REMOTE), music }, step });
    return steps.map((each) => {
      if (each.start !== undefined) loop.start.took(each.start);
      else if (each.seek !== undefined) loop.seek.took(each.seek);
      else if (each.changed) loop.changed();
      else return loop.look(each).map((action) => [action.do, action.rate ?? action.position ?? action.seconds]);
      return [loop.start.seconds, loop.seek.seconds, loop.factor];
    });
  });
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    async with library() as origin:
        seen = await new_page(chromium)
        await seen.page.goto(origin)
        yield seen.page
        await seen.context.close()
        assert seen.wrong == []


def clock_steps(random: Random) -> list[dict[str, Any]]:
    """A viewer's probes: delays of every kind, sleep, a clock that jumps, another clock of the room."""
    skew, offset = random.uniform(-150e-6, 150e-6), random.uniform(-5000, 5000)
    now, steps, name = 0.0, [], "k1"
    for _ in range(random.choice((3, 12, 40, 90))):
        now += random.choice((0.2, 1.0, 10.0)) * random.uniform(0.5, 1.5)
        local = now * (1 + skew) + offset
        if random.random() < 0.3:
            steps.append({"beat": local})
            continue
        if random.random() < 0.02:
            name = random.choice(("k1", "k2"))
        if random.random() < 0.02:
            offset += random.uniform(-3, 3)
        up, down = (random.choice((0.005, 0.03, 0.4)) * random.random() for _ in range(2))
        arrived = EPOCH + round((now + up) * 1e6)
        steps.append(
            {
                "sent": local,
                "arrived": arrived,
                "answered": arrived + random.choice((-5, 0, 50)),
                "received": (now + up + down) * (1 + skew) + offset,
                "clockId": name,
            }
        )
        now += up + down
    return steps


def told_by_python(resolution: float, steps: list[dict[str, Any]]) -> list[list[Any]]:
    clock, told = RoomClock(resolution=resolution), []
    for step in steps:
        if "beat" in step:
            did, at = clock.beat(step["beat"]), step["beat"]
        else:
            names = {name: step[name] for name in ("sent", "arrived", "answered", "received")}
            did, at = clock.add(**names, clock_id=step["clockId"]), step["received"]
        if not clock.ready:
            told.append([did, None])
            continue
        room = clock.room(at + 3)
        told.append(
            [did, room, clock.estimate(at), clock.offset(at + 1), clock.bound(at + 5), clock.local(room, at)]
        )
        told[-1].append(clock.clock_id)
    return told


async def test_the_clock_tells_the_same_time(page: Page) -> None:
    random = Random(5)
    cases = [{"resolution": random.choice((0.0, 0.001)), "steps": clock_steps(random)} for _ in range(CASES)]
    told = await page.evaluate(CLOCKS, cases)
    refused = 0
    for case, theirs in zip(cases, told, strict=True):
        for ours, mine in zip(told_by_python(**case), theirs, strict=True):
            refused += ours[0] is False
            assert mine[0] is ours[0]
            if ours[1] is None:
                assert mine[1] is None
                continue
            assert abs(mine[1] - ours[1]) <= 1  # µs
            assert mine[2:6] == [_about(value) for value in ours[2:6]]
            assert mine[6] == ours[6]
    assert refused > 20  # some of it was worth nothing, on both sides


def _about(value: float) -> Any:
    class About(float):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, int | float) and abs(float(self) - other) <= 1e-6

        __hash__ = float.__hash__

    return About(value)


def loop_steps(random: Random) -> list[dict[str, Any]]:
    """A player that is off by more and less, stalls, seeks, pauses; a room that changes its mind."""
    now, error, rate, steps = 50.0, random.choice((0.0, 0.03, 0.2, 3.0)) * random.uniform(-1, 1), 1.0, []
    for _ in range(random.choice((12, 60, 240))):
        chance = random.random()
        if chance < 0.03:
            steps.append({random.choice(("start", "seek")): random.uniform(-0.1, 1.5)})
        elif chance < 0.05:
            steps.append({"changed": True})
            rate = random.choice((0.5, 1.0, 1.5))
        elif chance < 0.10:
            error = random.choice((0.0, 0.01, 0.05, 0.2, 0.6, 4.0)) * random.uniform(-1, 1)
        else:
            now += 0.25 + random.uniform(-0.01, 0.05)
            steps.append(
                {
                    "now": now,
                    "showing": random.choice(("playing",) * 18 + ("paused", "waiting")),
                    "position": 100 + now + error + random.uniform(-0.006, 0.006),
                    "target": 100 + now,
                    "plays": random.random() < 0.95,
                    "rate": rate,
                    "free": random.random() < 0.98,
                }
            )
            error *= 0.97
    return steps


def done_by_python(near: bool, music: bool, step: float, steps: list[dict[str, Any]]) -> list[list[Any]]:
    base = SAME_ROOM if near else REMOTE
    tuning = type(base)(dead=base.dead, done=base.done, music=music)
    loop, told = Correction(tuning, step=step), []
    for each in steps:
        if "now" in each:
            done = loop.look(Look(**{**each, "showing": Showing(each["showing"])}))
            told.append([_as_wire(action) for action in done])
            continue
        if "start" in each:
            loop.start.took(each["start"])
        elif "seek" in each:
            loop.seek.took(each["seek"])
        else:
            loop.changed()
        told.append([loop.start.seconds, loop.seek.seconds, loop.factor])
    return told


def _as_wire(action: Rate | Seek | Hold) -> list[Any]:
    match action:
        case Rate(rate):
            return ["rate", rate]
        case Seek(position):
            return ["seek", position]
        case Hold(seconds):
            return ["hold", seconds]


async def test_the_loop_does_the_same(page: Page) -> None:
    random = Random(6)
    cases = [
        {
            "near": random.random() < 0.3,
            "music": random.random() < 0.3,
            "step": random.choice((0.0, 0.0, 0.01, 0.02, 0.25)),
            "steps": loop_steps(random),
        }
        for _ in range(CASES)
    ]
    seen: set[str] = set()
    for case, theirs in zip(cases, await page.evaluate(LOOPS, cases), strict=True):
        for ours, mine in zip(done_by_python(**case), theirs, strict=True):
            assert len(mine) == len(ours)
            for one, other in zip(mine, ours, strict=True):
                if isinstance(other, list):
                    seen.add(other[0])
                    assert one[0] == other[0]
                    assert math.isclose(one[1], other[1], abs_tol=1e-6)
                else:
                    assert math.isclose(one, other, abs_tol=1e-6)
    assert seen == {"rate", "seek", "hold"}


async def test_probes_are_due_at_the_same_instants(page: Page) -> None:
    chances = [Random(7).random() for _ in range(40)]
    draws = iter(chances)
    probing = Probing(lambda: next(draws), now=5.0)
    ours = []
    for turn in range(30):
        probing.asked(probing.due)
        if turn in (12, 20):
            probing.hurry(probing.due - 4.0, after=0.0 if turn == 20 else 1.0)
        ours.append(probing.due)
    theirs = await page.evaluate(
        """async (chances) => {
          const { Probing } = await import("/static/party/clock.js");
          const probing = new Probing(() => chances.shift(), 5);
          return Array.from({ length: 30 }, (_, turn) => {
            probing.asked(probing.due);
            if (turn === 20) probing.hurry(probing.due - 4, 0);
            if (turn === 12) probing.hurry(probing.due - 4);
            return probing.due;
          });
        }""",
        chances,
    )
    assert all(math.isclose(one, other, abs_tol=1e-6) for one, other in zip(theirs, ours, strict=True))
