"""One of two daemons is hit at a checkpoint, at exactly that step of one viewer's story; the other completes it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from tests.journeys.fleet.faults import FAULTS, TAKEOVER_SECONDS
from tests.journeys.fleet.recovery import Recovery, recovery
from tests.journeys.fleet.rig import SLACK_MS, Fleet, Member
from tests.journeys.stand import Stage

GRANTED = ("redeemed", "vip_added", "fulfilled", "vip_removed")
REFUNDED = ("redeemed", "refunded")
HIT_SECONDS = 40.0
Play = Callable[[Fleet, Stage], Awaitable[tuple[Member, int]]]
"""Plays until somebody was hit and the viewer got what is his; returns who, and when (UTC milliseconds)."""

LINES: dict[str, Sequence[str]] = {
    **{key: (fault.name, fault.how, fault.holds) for key, fault in FAULTS.items()},
    "point": (
        "one of two dies at a step",
        "`kill -9` of itself at each of the 16 checkpoints",
        "the other completes the step: neither lost nor doubled",
    ),
    "zombie": (
        "one of two freezes at a step",
        "SIGSTOP of itself right before a call, and right after; SIGCONT when the other has done it all",
        "what it wakes up with is refused",
    ),
    "late": (
        "a call lands late",
        "the removal of a VIP is held up on its way; its sender is stopped, or dies; it lands in the next session",
        "Twitch cannot be fenced: the VIP is read back and granted again",
    ),
    "clocks": (
        "two clocks are 2 s apart",
        "the wall clock of one daemon is wrong from the start",
        "nothing is late or early: all use one time",
    ),
    "rolling": (
        "a rolling restart",
        "SIGTERM to one after the other, the later release writes entries of a later version",
        "nothing is lost; pages get a reset for what they cannot read",
    ),
}
"""Every line of the table in `docs/faults.md`."""


async def by_webhook(stand: Fleet, stage: Stage) -> tuple[Member, int]:
    """The redemption comes as a webhook alone; Twitch sends it again until it is answered."""
    viewer = await stand.viewer()
    await stand.hide_next(stage)
    redemption = await stand.redeem(stage, viewer)
    stand.arm()
    assert not await stand.try_to_deliver(redemption, message_id="webhook-1")
    hit, at = await stand.hit(), _now()
    await stand.deliver(redemption, message_id="webhook-1")
    await stand.happened(viewer, *GRANTED)
    return hit, at


async def by_socket(stand: Fleet, stage: Stage) -> tuple[Member, int]:
    """The redemption comes over the WebSocket."""
    viewer = await stand.viewer()
    stand.arm()
    await stand.redeem(stage, viewer)
    hit, at = await stand.hit(), _now()
    await stand.happened(viewer, *GRANTED)
    return hit, at


async def refund(stand: Fleet, stage: Stage) -> tuple[Member, int]:
    """A moderator redeems, who cannot be VIP."""
    viewer = await stand.viewer()
    await stand.simulator.order("moderators", {"channel_id": stage.id, "user_id": viewer})
    stand.arm()
    await stand.redeem(stage, viewer)
    hit, at = await stand.hit(), _now()
    await stand.happened(viewer, *REFUNDED)
    return hit, at


async def reconciliation(stand: Fleet, stage: Stage) -> tuple[Member, int]:
    """The daemon that listens to the channel dies; the other one takes it over, and dies over what it finds."""
    deaf = await stand.holder(stage)
    await deaf.kill()
    viewers = [await stand.viewer() for _ in range(3)]
    for viewer in viewers:
        await stand.redeem(stage, viewer)
    (left,) = stand.others(deaf)
    stand.arm()
    await stand.gone(left, seconds=HIT_SECONDS)
    at = _now()
    await stand.restart(deaf)
    for viewer in viewers:
        await stand.happened(viewer, *GRANTED)
    return left, at


PLAYS: dict[str, Play] = {
    "webhook": by_webhook,
    "inbox": by_webhook,
    "worker": by_socket,
    "vip": by_socket,
    "vip.refund_intended": refund,
    "vip.refunded": refund,
    "expiry": by_socket,
    "reconcile": reconciliation,
}
"""By name, else by the first word of the name."""


async def play(stand: Fleet, point: str, *, by: str = "kill") -> Recovery:
    """The story of a checkpoint, to its end; a member that was stopped goes on when the other has done everything."""
    await stand.start(at=point, by=by)
    stage = await stand.enrol(vip_seconds=2)
    async with stand.pages():
        playing = PLAYS.get(point) or PLAYS[point.partition(".")[0]]
        hit, at = await playing(stand, stage)
        if hit.stopped:
            hit.resume()
            await awake(stand, hit)
        else:
            await stand.restart(hit)
        stand.slack_ms = SLACK_MS + round(1000 * TAKEOVER_SECONDS)
        await stand.settle(seconds=60.0)
        await stand.judge()
        await stand.judge_pages()
    return recovery(await stand.ledger(), since_ms=at)


async def awake(stand: Fleet, member: Member) -> None:
    """Wait until one that was stopped has ended what it was at."""

    async def idle() -> bool:
        status = await member.program.admin("status")
        return not status["worker"]["busy"]

    await stand.until(idle, f"{member.name} has put down what it had in hand")


def _now() -> int:
    return round(time.time() * 1000)
