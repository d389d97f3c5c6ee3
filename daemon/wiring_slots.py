"""Joins what decides who may become VIP and when there is room: rules, slots, the waiting list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.ports import Checkpoint, Clock
from domain.slots import Slots
from gateways.twitch.contracts import Helix
from handlers.intake import Intake
from handlers.vip.eligibility import Eligibility
from handlers.vip.live import Live
from handlers.vip.pausing import Pausing
from handlers.vip.room import Room
from handlers.vip.waiting import Waiting

if TYPE_CHECKING:
    from daemon.wiring_handlers import Repositories


@dataclass(frozen=True, slots=True)
class Slotting:
    """For every cause of a VIP, and every end of one."""

    eligibility: Eligibility
    room: Room
    waiting: Waiting
    pausing: Pausing


def join_slots(
    repositories: Repositories,
    *,
    intake: Intake,
    live: Live,
    helix: Helix,
    clock: Clock,
    checkpoint: Checkpoint,
) -> Slotting:
    r = repositories

    async def show(slots: Slots) -> None:
        await live.show_waiting(slots.id, key=f"{slots.id}:{slots.rev}")

    room = Room(
        slots=r.slots,
        channels=r.channels,
        sessions=r.sessions,
        redemptions=r.redemptions,
        viewers=r.viewers,
        intake=intake,
        show=show,
        clock=clock,
        checkpoint=checkpoint,
    )
    waiting = Waiting(
        room=room,
        slots=r.slots,
        channels=r.channels,
        redemptions=r.redemptions,
        sessions=r.sessions,
        intake=intake,
        clock=clock,
        checkpoint=checkpoint,
    )
    return Slotting(
        eligibility=Eligibility(viewers=r.viewers, helix=helix, clock=clock),
        room=room,
        waiting=waiting,
        pausing=Pausing(channels=r.channels, slots=r.slots, helix=helix, clock=clock),
    )
