"""A new release comes while viewers redeem: one daemon after the other is told to stop, and started as the later one,
whose entries have a version that the earlier one's pages cannot read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handlers.vip.live import VERSIONS
from tests.journeys.fleet.recovery import Recovery, percentile_ms, recovery, waits
from tests.journeys.fleet.rig import SLACK_MS, Fleet, fleet
from tests.journeys.fleet.story import SERVED_SECONDS, VIP_SECONDS, begin, open_stages

LATER = {"ENTRY_VERSION": str(max(VERSIONS.values()) + 1)}
ALLOWED_SECONDS = 6.0


@dataclass(frozen=True)
class Rolled:
    """99th percentiles of the wait from redemption to answer, before and during."""

    quiet_p99_ms: int
    rolling_p99_ms: int
    recovery: Recovery


async def roll(
    folder: Path, *, seed: int, vip_seconds: Sequence[int] = VIP_SECONDS, quiet_seconds: float = 12.0
) -> Rolled:
    """The whole story, judged."""
    async with fleet(folder, "--vip-slots", "6", "--seed", str(seed)) as stand:
        await stand.start()
        await open_stages(stand, vip_seconds)
        async with stand.pages():
            await begin(stand)
            await asyncio.sleep(quiet_seconds)
            moment = round(time.time() * 1000)
            for name in ("b", "a"):
                await _replace(stand, name)
            await stand.simulator.order("story/stop")
            stand.slack_ms = SLACK_MS + round(1000 * ALLOWED_SECONDS)
            await stand.settle(seconds=60.0)
            await stand.judge()
            await stand.judge_pages()
            _judge_farewells(stand)
        entries = await stand.ledger()
    found = waits(entries)
    return Rolled(
        quiet_p99_ms=percentile_ms([wait for wait in found if wait[0] < moment], 99),
        rolling_p99_ms=percentile_ms([wait for wait in found if wait[0] >= moment], 99),
        recovery=recovery(entries, since_ms=moment),
    )


async def _replace(stand: Fleet, name: str) -> None:
    member, since = stand.members[name], time.time()
    code = await member.program.stop()
    assert code == 0, f"{name} ended with {code}"
    await stand.answered(since=since, seconds=SERVED_SECONDS)
    since = time.time()
    await stand.restart(member, **LATER)
    await stand.answered(since=since, seconds=SERVED_SECONDS)


def _judge_farewells(stand: Fleet) -> None:
    """Every page was told a time of its own to come back at, and the earlier release's pages got a new picture for
    what they could not read."""
    told = [watcher.page.retries_ms for watcher in stand.watchers]
    assert all(len(retries) >= 3 for retries in told), "a welcome, a farewell, a welcome"
    assert len({retries[1] for retries in told}) > len(told) // 2, "they would all come back at once"
    earlier = [watcher.page.resets for watcher in stand.watchers if watcher.page.name.endswith("a")]
    assert min(earlier) > 1, "nothing of the later version was seen through the earlier one"
