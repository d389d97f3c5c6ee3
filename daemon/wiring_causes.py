"""Joins what makes and ends VIPs besides redemptions: orders of people, contributions, the stream, changes of role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.wiring_slots import Slotting
from domain.ports import Checkpoint, Clock, Metrics
from gateways.twitch.contracts import Helix
from handlers.intake import Intake
from handlers.vip.announce import Announcer
from handlers.vip.by_hand import ByHand
from handlers.vip.contributions import Contributions
from handlers.vip.endings import Endings
from handlers.vip.gifts import Gifts
from handlers.vip.granting import Granting
from handlers.vip.hands import Hands
from handlers.vip.live import Live
from handlers.vip.people import People
from handlers.vip.stream import GRACE_SECONDS, OnAir

if TYPE_CHECKING:
    from daemon.wiring_handlers import Repositories


@dataclass(frozen=True, slots=True)
class Causing:
    """The handlers of rows other than those of redemptions."""

    by_hand: ByHand
    contributions: Contributions
    people: People
    on_air: OnAir


def join_causes(
    repositories: Repositories,
    *,
    slotting: Slotting,
    endings: Endings,
    hands: Hands,
    announcer: Announcer,
    live: Live,
    intake: Intake,
    helix: Helix,
    clock: Clock,
    metrics: Metrics,
    checkpoint: Checkpoint,
    session_changed: Callable[[], None],
    stream_grace_seconds: float = GRACE_SECONDS,
    most_listed: int,
) -> Causing:
    r = repositories
    gifts = Gifts(announcer=announcer, clock=clock, metrics=metrics)
    granting = Granting(
        sessions=r.sessions,
        helix=helix,
        endings=endings,
        room=slotting.room,
        clock=clock,
        checkpoint=checkpoint,
        session_changed=session_changed,
    )
    by_hand = ByHand(
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        helix=helix,
        granting=granting,
        gifts=gifts,
        endings=endings,
        hands=hands,
        live=live,
        clock=clock,
        most_listed=most_listed,
    )
    contributions = Contributions(
        channels=r.channels,
        sessions=r.sessions,
        audit=r.audit,
        granting=granting,
        eligibility=slotting.eligibility,
        gifts=gifts,
        clock=clock,
        metrics=metrics,
    )
    people = People(
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        redemptions=r.redemptions,
        streams=r.streams,
        helix=helix,
        granting=granting,
        endings=endings,
        hands=hands,
        gifts=gifts,
        room=slotting.room,
        waiting=slotting.waiting,
        intake=intake,
        clock=clock,
        metrics=metrics,
    )
    on_air = OnAir(
        channels=r.channels,
        sessions=r.sessions,
        streams=r.streams,
        helix=helix,
        waiting=slotting.waiting,
        announcer=announcer,
        live=live,
        intake=intake,
        clock=clock,
        grace_seconds=stream_grace_seconds,
    )
    return Causing(by_hand=by_hand, contributions=contributions, people=people, on_air=on_air)
