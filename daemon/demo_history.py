"""The week before a demo: sessions, redemptions and an audit trail as they would have come about, made up from a seed.

Pure. A streamer streams at about this hour each day but one; most viewers redeem while he does, some before. What is
made up keeps the rules of the real thing: one open session for each viewer, a record for each grant, refund and end,
the same ids for the same things. Nothing of it lies in the future.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.demo_cast import DAY, HOUR, MINUTE, SECOND, Part, Sale
from domain import vip
from domain.audit import SYSTEM, Action, Actor, AuditRecord, streamer
from domain.channel import NOBODY, Channel, Lasting, Reward, Viewer
from domain.redemption import Redemption, RedemptionStatus, Refusal
from domain.vip import Ended, Method, VipSession, VipStatus

DAYS = 7
DAY_OFF = 3  # that many days ago there was no stream
REFUSED = 0.12
REFUSALS = {
    Refusal.SLOTS_FULL: 5,
    Refusal.FOLLOWS_TOO_SHORT: 3,
    Refusal.WAITED: 2,
    Refusal.MODERATOR: 1,
    Refusal.VIP_BY_HAND: 1,
    Refusal.BLOCKED: 1,
}
LIVE_FOR = 130 * MINUTE
"""How long the present stream has been on."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Times in UTC ms; `until` is `None` for the one that is on."""

    since: int
    until: int | None


@dataclass(slots=True)
class Past:
    """What happened. `records` in the order of their times."""

    sessions: dict[str, VipSession] = field(default_factory=dict)
    redemptions: list[Redemption] = field(default_factory=list)
    records: list[AuditRecord] = field(default_factory=list)

    @property
    def still_open(self) -> list[VipSession]:
        """Who is VIP now."""
        return [one for one in self.sessions.values() if one.status is VipStatus.ACTIVE]


def past_of(
    part: Part, channel: Channel, viewers: Sequence[Viewer], *, moderator: Viewer, now: int, seed: int
) -> Past:
    """A week of a channel that ends `now` (UTC ms). `channel.rewards` are those of `part.sales`, in their order.
    The same arguments make the same week."""
    return _Week(part, channel, viewers, moderator, now, seed).lived()


class _Week:
    def __init__(  # noqa: PLR0917 - one caller, right above
        self, part: Part, channel: Channel, viewers: Sequence[Viewer], moderator: Viewer, now: int, seed: int
    ) -> None:
        self._part, self._channel, self._now = part, channel, now
        self._viewers, self._moderator = list(viewers), moderator
        self._random = random.Random(f"{seed}:{part.login}")  # noqa: S311 - a play, no secret
        self._often = [1 / (place + 4) for place in range(len(self._viewers))]
        self._past = Past()
        self._open: dict[str, str] = {}
        self._streams = self._on_air()

    def lived(self) -> Past:
        self._beginnings()
        for at in self._arrivals():
            self._end_all_until(at)
            self._arrive(at)
        self._end_all_until(self._now)
        self._leave_room()
        self._past.records.sort(key=lambda record: (record.at, record.id))
        return self._past

    # When

    def _on_air(self) -> list[Stream]:
        streams = []
        for back in range(DAYS, 0, -1):
            if back != DAY_OFF:
                since = self._now - back * DAY - LIVE_FOR + self._spread(25 * MINUTE)
                streams.append(Stream(since, since + 4 * HOUR + self._spread(40 * MINUTE)))
        if self._part.on_air:
            streams.append(Stream(self._now - LIVE_FOR, None))
        return streams

    def _arrivals(self) -> list[int]:
        times: list[int] = []
        for stream in self._streams:
            until = self._now - 3 * MINUTE if stream.until is None else stream.until
            length = until - stream.since
            share = min(1.0, length / (4 * HOUR))
            count = max(2, round(self._random.gauss(self._part.a_day, self._part.a_day / 6) * share))
            # Few at the beginning, most in the second third.
            times += [stream.since + round(length * self._random.betavariate(2.0, 1.7)) for _ in range(count)]
            early = stream.since - 6 * HOUR
            times += [
                early + round(6 * HOUR * self._random.random())
                for _ in range(self._random.randint(0, self._part.a_day // 7))
            ]
        return sorted(at for at in times if at < self._now - 2 * MINUTE)

    def _spread(self, most: int) -> int:
        return round(self._random.uniform(-most, most))

    # What

    def _beginnings(self) -> None:
        """The rewards were made before the first stream; streams begin and end."""
        first = self._streams[0].since - HOUR
        by = streamer(self._channel.id, self._channel.name)
        for place, reward in enumerate(self._channel.rewards):
            detail = {"reward_id": reward.id, "reward_title": reward.title}
            self._note(Action.REWARD_CREATED, first + place * 90 * SECOND, by, "dashboard", detail=detail)
        for stream in self._streams:
            started = {"started_at": stream.since}
            self._note(Action.LIVE, stream.since + 4 * SECOND, SYSTEM, "twitch", detail=started)
            if stream.until is not None:
                self._note(Action.OVER, stream.until + 5 * SECOND, SYSTEM, "twitch", detail={})

    def _arrive(self, at: int) -> None:
        others = self._part.other_causes
        cause = self._random.choices(
            ["redemption", *others], weights=[max(1, 100 - sum(others.values())), *others.values()]
        )[0]
        someone = self._random.choices(self._viewers, weights=self._often)[0]
        if cause != "redemption":
            self._contribute(at, someone, cause)
            return
        sales = list(zip(self._part.sales, self._channel.rewards, strict=True))
        chosen = self._random.choices(sales, weights=[sale.weight for sale, _ in sales])[0]
        self._redeem(at, someone, *chosen)

    def _redeem(self, at: int, someone: Viewer, sale: Sale, reward: Reward) -> None:
        until_stream_end = sale.time.lasting is Lasting.STREAM
        if until_stream_end and self._stream_at(at) is None:
            return
        redemption = Redemption(
            id=self._unique(),
            channel_id=self._channel.id,
            reward_id=reward.id,
            reward_title=reward.title,
            reward_cost=sale.cost,
            viewer_id=someone.id,
            viewer_login=someone.login,
            viewer_name=someone.name,
            user_input="",
            redeemed_at=at,
            received_at=at + self._random.randint(90, 400),
        )
        settled_at = redemption.received_at + self._random.randint(250, 900)
        detail: dict[str, Any] = {
            "redemption_id": redemption.id,
            "reward_id": reward.id,
            "reward_title": reward.title,
            "reward_cost": sale.cost,
            "redeemed_at": at,
        }
        held = self._open.get(someone.id)
        if held is None and self._random.random() < REFUSED:
            self._refuse(redemption, settled_at, someone, detail)
            return
        if held is not None and until_stream_end:
            return  # he has what he could buy
        actor = Actor("viewer", someone.id, someone.shown)
        session, outcome = self._give(
            settled_at,
            someone,
            redemption.id,
            Method.REDEMPTION,
            someone.id,
            reward=reward,
            session_id=redemption.id,
            added_ms=sale.buys_ms,
            until_stream_end=until_stream_end,
        )
        self._past.redemptions.append(
            replace(
                redemption,
                status=RedemptionStatus.FULFILLED,
                outcome=outcome,
                session_id=session.id,
                settled_at=settled_at,
            )
        )
        detail |= {"seconds": sale.buys_ms // 1000, "expires_at": session.expires_at}
        action = Action.GRANTED if outcome == "granted" else Action.EXTENDED
        record_id = f"{redemption.id}:{RedemptionStatus.FULFILLED}"
        self._note(action, settled_at, actor, "redemption", someone, detail=detail, id=record_id)

    def _refuse(
        self, redemption: Redemption, settled_at: int, someone: Viewer, detail: dict[str, Any]
    ) -> None:
        reason = self._random.choices(list(REFUSALS), weights=list(REFUSALS.values()))[0]
        refunded = replace(
            redemption, status=RedemptionStatus.REFUNDED, reason=reason.value, settled_at=settled_at
        )
        self._past.redemptions.append(refunded)
        self._note(
            Action.REFUNDED,
            settled_at,
            SYSTEM,
            "redemption",
            someone,
            reason=reason.value,
            detail=detail,
            id=f"{redemption.id}:{RedemptionStatus.REFUNDED}",
        )

    def _contribute(self, at: int, someone: Viewer, cause: str) -> None:
        """VIP time that was not paid for with points."""
        causes, bits, detail = self._channel.settings.causes, 0, dict[str, Any]()
        actor = Actor("viewer", someone.id, someone.shown)
        if cause == "bits" and causes.bits is not None:
            bits = self._random.choice((100, 200, 300, 500, 1000))
            added_ms, detail = causes.bits.ms_for(bits), {"bits": bits}
        elif cause == "subscription" and causes.subscription is not None:
            tier = self._random.choices((1, 2, 3), weights=(8, 2, 1))[0]
            added_ms, detail = causes.subscription.ms_for(tier), {"tier": tier}
        else:
            cause, added_ms = "dashboard", self._random.choice((2, 6, 24)) * HOUR
            by = self._moderator
            actor = Actor("moderator", by.id, by.shown)
        given = self._unique()
        session_id = f"vip-{given[:24]}"
        session, outcome = self._give(
            at, someone, given, Method(cause), actor.id, added_ms=added_ms, session_id=session_id
        )
        told = {
            "session_id": session.id,
            "seconds": added_ms // 1000,
            "expires_at": session.expires_at,
            "method": session.method.value,
            **detail,
        }
        action = Action.GRANTED if outcome == "granted" else Action.EXTENDED
        self._note(action, at, actor, cause, someone, detail=told, id=f"{given}:{outcome}")

    def _give(
        self,
        at: int,
        someone: Viewer,
        cause: str,
        method: Method,
        granted_by: str,
        *,
        added_ms: int,
        session_id: str,
        reward: Reward | None = None,
        until_stream_end: bool = False,
    ) -> tuple[VipSession, str]:
        held = self._open.get(someone.id)
        if held is not None:
            session = vip.extended(self._past.sessions[held], cause=cause, added_ms=added_ms, now=at)
            self._past.sessions[held] = session
            return session, "extended"
        session = vip.opened(
            id=session_id,
            channel_id=self._channel.id,
            viewer=someone,
            cause=cause,
            added_ms=added_ms,
            now=at,
            method=method,
            granted_by=granted_by,
            reward_id=reward.id if reward else "",
            reward_title=reward.title if reward else "",
            until_stream_end=until_stream_end,
        )
        self._past.sessions[session.id] = session
        self._open[someone.id] = session.id
        return session, "granted"

    # Ends

    def _end_all_until(self, moment: int) -> None:
        for session_id in list(self._open.values()):
            session = self._past.sessions[session_id]
            stream = self._stream_at(session.granted_at) if session.until_stream_end else None
            if stream is not None and stream.until is not None and stream.until + 5 * MINUTE <= moment:
                over_at = stream.until + 5 * MINUTE
                if not session.after_stream_ms:
                    self._end(session, Ended.STREAM_OVER, over_at, SYSTEM, "stream")
                    continue
                session = self._past.sessions[session_id] = vip.stream_over(session, over_at=over_at)
            if session.expires_at + SECOND <= moment:
                at = session.expires_at + self._random.randint(120, 900)
                self._end(session, Ended.EXPIRED, at, SYSTEM, "clock")

    def _leave_room(self) -> None:
        """Somebody makes room for what is to come: those whose time is nearly over, and those above the number."""
        held = sorted(
            (self._past.sessions[one] for one in self._open.values()), key=lambda one: one.expires_at
        )
        short = [one for one in held if one.expires_at - self._now < 20 * MINUTE]
        surplus = len(held) - len(short) - self._part.most_open
        longest = [one for one in reversed(held) if one not in short]
        for session in [*short, *longest[: max(0, surplus)]]:
            at = self._random.randint(max(session.granted_at, self._now - DAY), self._now - MINUTE)
            at = max(at, *(grant.at + SECOND for grant in session.grants))
            by = streamer(self._channel.id, self._channel.name)
            self._end(session, Ended.REMOVED_BY_HAND, min(at, self._now), by, "twitch")

    def _end(self, session: VipSession, because: Ended, at: int, actor: Actor, cause: str) -> None:
        over = vip.ended(session, because=because, now=at)
        self._past.sessions[session.id] = over
        del self._open[session.viewer_id]
        someone = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
        detail = {
            "session_id": session.id,
            "expires_at": session.expires_at,
            "reward_title": session.reward_title,
        }
        self._note(
            Action.ENDED,
            at,
            actor,
            cause,
            someone,
            reason=because.value,
            detail=detail,
            id=f"{session.id}:ended",
        )

    # Parts

    def _stream_at(self, at: int) -> Stream | None:
        for stream in self._streams:
            if stream.since <= at and (stream.until is None or at <= stream.until):
                return stream
        return None

    def _unique(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _note(
        self,
        action: Action,
        at: int,
        actor: Actor,
        cause: str,
        someone: Viewer = NOBODY,
        *,
        reason: str = "",
        detail: Mapping[str, Any],
        id: str = "",
    ) -> None:
        record = AuditRecord(
            id=id or f"{action.value}:{self._unique()}",
            channel_id=self._channel.id,
            at=at,
            action=action,
            actor=actor,
            cause=cause,
            viewer=someone,
            reason=reason,
            detail=dict(detail),
        )
        self._past.records.append(record)
