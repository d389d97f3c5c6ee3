"""The story of most faults: viewers redeem in four channels, pages watch, something breaks, everybody recovers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.journeys.fleet.faults import FAULTS, strike
from tests.journeys.fleet.recovery import Recovery, recovery
from tests.journeys.fleet.rig import SLACK_MS, Fleet, fleet
from tests.journeys.stand import measured

CHANNEL_RATE = 0.6
"""Redemptions per second and channel. Below Twitch's pace (ten adds in ten seconds and channel) also when seconds of
them have piled up: who waits for the pace is late without fault."""
VIP_SECONDS = (4, 4, 5, 5)
IN_SHORT = (3, 3)
SERVED_SECONDS = 45.0


async def open_stages(stand: Fleet, vip_seconds: Sequence[int]) -> None:
    """One channel for each."""
    for seconds in vip_seconds:
        await stand.enrol(vip_seconds=seconds)


async def begin(stand: Fleet) -> None:
    """Viewers redeem, and every channel is served."""
    began = time.time()
    await stand.load(rate=CHANNEL_RATE * len(stand.stages))
    await stand.answered(since=began, seconds=SERVED_SECONDS)


async def under_load(
    folder: Path,
    *names: str,
    vip_seconds: Sequence[int] = VIP_SECONDS,
    seed: int = 21,
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> list[tuple[str, Recovery]]:
    """These faults one after the other, on one fleet; both oracles judge it as a whole. Returns the times of each."""
    async with fleet(folder, "--vip-slots", "6", "--seed", str(seed), own=own) as stand:
        await stand.start()
        await open_stages(stand, vip_seconds)
        moments: list[int] = []
        async with stand.pages():
            await begin(stand)
            for name in names:
                moments.append(await strike(FAULTS[name], stand))
                await recovered(stand, moments[-1])
            await stand.simulator.order("story/stop")
            stand.slack_ms = SLACK_MS + round(1000 * max(FAULTS[name].bound_seconds for name in names))
            await stand.settle(seconds=60.0)
            verdict = await stand.judge()
            await stand.judge_pages()
        entries = await stand.ledger()
        found = [
            (name, recovery(entries, since_ms=since, until_ms=until))
            for name, since, until in zip(names, moments, [*moments[1:], None], strict=True)
        ]
        for name, times in found:
            measured(f"{name}: {times}")
        resets = sum(watcher.page.resets - 1 for watcher in stand.watchers)
        seen = sum(watcher.page.entries for watcher in stand.watchers)
        measured(f"pages: {seen} entries, {resets} resets; {verdict}")
        assert verdict["granted"], "nothing happened"
        assert verdict["removed"], "no VIP came to its end"
    return found


async def recovered(stand: Fleet, moment: int) -> None:
    """Every channel is served again; who died is started again, and has its part in what follows."""
    await stand.answered(since=moment / 1000, seconds=SERVED_SECONDS)
    for member in stand.members.values():
        if not member.alive:
            await stand.restart(member)
