"""What to do about a redemption, decided from what is known. No I/O: handlers look, this decides, handlers act."""

from __future__ import annotations

from dataclasses import dataclass

from domain.channel import Lasting, VipTime
from domain.redemption import Redemption, RedemptionStatus, Refusal
from domain.vip import VipSession


@dataclass(frozen=True, slots=True)
class World:
    """What Twitch says of the viewer at this moment."""

    is_vip: bool
    is_moderator: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to decide any more; only make sure that everybody was told."""


@dataclass(frozen=True, slots=True)
class Fulfil:
    """The VIP is there: take the points for good."""


@dataclass(frozen=True, slots=True)
class Refund:
    reason: Refusal


@dataclass(frozen=True, slots=True)
class Extend:
    """Add the time to the open session (if the rules allow it)."""


@dataclass(frozen=True, slots=True)
class GrantVip:
    """Ask Twitch for the VIP (if the rules allow it and there is room; intent first)."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """An earlier try of ours reached Twitch and was not written down: the VIP is ours."""


@dataclass(frozen=True, slots=True)
class CloseFirst:
    """Our session is open but Twitch says that the viewer is no VIP: it was removed by hand. Close it, decide again."""


@dataclass(frozen=True, slots=True)
class RestoreFirst:
    """The same in a lane that was taken over: a process that had been stopped may have removed the VIP too late. Grant
    it again, decide again."""


Decision = Settled | Fulfil | Refund | Extend | GrantVip | Adopt | CloseFirst | RestoreFirst


def early(redemption: Redemption) -> Decision | None:
    """What can be decided without asking Twitch; `None` when the world has to be looked at."""
    match redemption.status:
        case RedemptionStatus.GRANTED:
            return Fulfil()
        case RedemptionStatus.REFUNDING:
            return Refund(Refusal(redemption.reason))
        case RedemptionStatus.RECEIVED | RedemptionStatus.WAITING:
            if redemption.viewer_id == redemption.channel_id:
                return Refund(Refusal.BROADCASTER)
            return None
        case _:
            return Settled()


def decide(
    redemption: Redemption,
    session: VipSession | None,
    world: World,
    *,
    intended: bool,
    doubtful: bool = False,
    paused: bool = False,
) -> Decision:
    """Decide an undecided redemption.

    `session` is the viewer's open session, `intended` says that an earlier attempt of the same row recorded its
    intent to grant after it had seen that the viewer was no VIP: then a VIP that is there now is that attempt's.
    `doubtful` says that the lane was taken over so lately that its former holder may still do harm at Twitch.
    A session that already holds this redemption's time means that the crash came right after it was written. `paused`:
    nothing new is granted in this channel; what was granted before the pause is completed.
    """
    if session is not None:
        if session.has(redemption.id):
            return Extend() if len(session.grants) > 1 else Adopt()
        if paused:
            return Refund(Refusal.PAUSED)
        if world.is_vip:
            return Extend()
        return RestoreFirst() if doubtful and not world.is_moderator else CloseFirst()
    if intended and world.is_vip:
        return Adopt()
    if paused:
        return Refund(Refusal.PAUSED)
    if world.is_moderator:
        return Refund(Refusal.MODERATOR)
    if world.is_vip:
        return Refund(Refusal.VIP_BY_HAND)
    return GrantVip()


def time_to_add(time: VipTime, units: int, session: VipSession | None, *, now: int) -> int:
    """How many milliseconds so many points (or bits, or tiers) add to the open session, or to none; 0: nothing, so they
    must not be taken.

    Time until the end of the stream is a promise, not an amount: who has it already gains nothing by a second one.
    All else is added to what is left, and time by the clock runs when the stream is over (`domain.vip.extended`). So
    both promises are kept, and no time is lost.
    """
    has_it = session is not None and session.until_stream_end and not session.is_over(now)
    return 0 if has_it and time.lasting is Lasting.STREAM else time.ms_for(units)
