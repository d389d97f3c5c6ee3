"""The delivery of one room at this process: what its log says, to all viewers whose sockets are here.

The film is told in the turn of the loop in which its entry was counted. Chat waits for a tick of 20 ms and is joined
into one write per viewer; who is there is told with the same tick, as counts at most once a second in a large room.
Nothing waits for a viewer (`viewer.py`), and an idle room sends pings only (`rounds.py`).

What must be kept reaches a viewer in the order of the log: each such message names the one before. A viewer who enters
gets the room as it stands and then all that comes, with nothing between; so whatever waits for the tick goes to the
others before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from domain.ports import Clock, Metrics, Tasks
from gateways.topics.contracts import Entry, Topics
from rooms.delivery import messages
from rooms.delivery.agenda import Agenda
from rooms.delivery.aside import KINDS, Aside
from rooms.delivery.beside import TICK_SECONDS, Beside
from rooms.delivery.broadcast import Broadcast, Job
from rooms.delivery.messages import Message
from rooms.delivery.outbox import Kind
from rooms.delivery.quality import Quality
from rooms.delivery.reports import Histogram
from rooms.delivery.rounds import Rounds
from rooms.delivery.told import Told
from rooms.delivery.viewer import Viewer
from rooms.delivery.welcomes import Welcomes
from rooms.fleet.replica import Replica
from rooms.lead import Delays, percentile
from rooms.people import Member, Role
from rooms.state import Room

RESETS_AT_ONCE = 50
LAST_SECONDS = 0.2
"""So long after the end of a room its sockets are closed: whoever ended it is still to be answered."""

FAN_OUTS = 100

CLOSED, REPLACED, KICKED, BANNED, AGAIN = 4504, 4509, 4510, 4511, 4000
_SENT_OUT = {"member.kicked": (KICKED, "kicked"), "member.banned": (BANNED, "banned")}


class Hub:
    """A listener of its replica; made before that runs. `viewers` by member id."""

    def __init__(
        self,
        replica: Replica,
        *,
        topics: Topics,
        clock: Clock,
        tasks: Tasks,
        metrics: Metrics,
        process: str,
    ) -> None:
        """`process`: the name of this one; who comes in at another one is sent away here."""
        self.replica = replica
        self.viewers: dict[str, Viewer] = {}
        self._clock, self._metrics, self._process = clock, metrics, process
        self._aside = Aside(
            replica.people.topic, topics=topics, clock=clock, tasks=tasks, metrics=metrics, process=process
        )
        self._told = Told(epoch=replica.room.epoch, kept=replica.room.kept)
        self._told_rev = replica.room.rev
        self._welcomes = Welcomes()
        self._as_of: Room | None = (
            None  # while a reset is told: what is told after it stands in its own messages
        )
        self._kept: int | None = (
            None  # while somebody resumes: what that client has, after which the missed ones come
        )
        self._rounds = Rounds()
        self._broadcast = Broadcast(done=self._measure)
        self._fan_outs: deque[float] = deque(maxlen=FAN_OUTS)
        self._all: Sequence[Viewer] | None = None
        self._tick: list[Message] = []
        self._agenda = Agenda(clock)
        self._beside = Beside(
            replica, aside=self._aside, agenda=self._agenda, clock=clock, send=self._send,
            quality=Quality(replica.room.id, topics=topics, clock=clock, tasks=tasks),
            host=lambda: self.viewers.get(replica.room.host),
        )  # fmt: skip
        replica.listeners.append(self)

    # -- viewers ------------------------------------------------------------------------------------------------

    def welcome(
        self,
        member: Member,
        *,
        type: str,
        re: str = "",
        resume_token: str = "",
        lives: int = 0,
        why: str = "",
    ) -> bytes:
        """The room as it stands now, for one member, as a frame. `type`: `party:create`, `party:join`, `party:resume`
        or `party:sync`, with `why`. To be handed to `enter` before anything is awaited. `lives` in seconds."""
        room = self._as_of or self.replica.room
        return self._welcomes.make(
            room, self.replica.roster, member, type=type, re=re, resume_token=resume_token, lives=lives,
            why=why, kept=room.kept if self._kept is None else self._kept, now=self.replica.time.now(),
            clock_id=self.replica.time.clock_id,
        )  # fmt: skip

    def enter(self, viewer: Viewer, *, reply: bytes) -> None:
        """`reply` first, then all that comes. An older socket of the same member is closed with 4509, and a viewer who
        was sent out meanwhile is, too."""
        room = self.replica.room
        viewer.role = room.role_of(viewer.member)
        old = self.viewers.get(viewer.member_id)
        if old is not None and old is not viewer:
            self._send_away([old], REPLACED, "replaced")
        if viewer.role is Role.NOBODY or room.closed_at:
            code, reason = (CLOSED, "room_closed") if room.closed_at else (KICKED, "kicked")
            viewer.send(reply)
            self._send_away([viewer], code, reason)
            return
        self._flush()
        viewer.send(reply)
        now = self._clock.monotonic()
        self.viewers[viewer.member_id] = viewer
        self._all = None
        self._rounds.add(viewer, now=now)
        self._plan_ping()

    def resume(self, viewer: Viewer, *, reply_of: Callable[[], bytes], epoch: str, last_seq: int) -> bool:
        """True: the viewer has entered, with `reply_of()` and then what was missed after `last_seq`, in order;
        `welcome` knows while that is called what the client has. False: it is not here any more, or too much to be
        sent again; nothing has happened, and the caller lets the viewer enter with a `party:sync` (`why` is
        `resume_gap`)."""
        room = self.replica.room
        if epoch != room.epoch or last_seq > room.seq:
            return False
        missed = self._told.since(epoch, last_seq, now=self._clock.monotonic())
        if missed is None:
            return False
        after = missed[0].after if missed else None
        self._kept = after
        try:
            reply = reply_of()
        finally:
            self._kept = None
        self.enter(viewer, reply=reply)
        if missed:
            viewer.send(b"".join([one.host if viewer.is_host else one.member for one in missed]))
        return True

    def ask(self, viewer: Viewer) -> None:
        """Ping one viewer alone, after all that was written to it."""
        viewer.send(messages.ping(self.replica.room))

    def leave(self, viewer: Viewer) -> None:
        """No part of the room any more; the socket may stay. Harmless twice."""
        viewer.detach()
        self._forget(viewer)

    def close(self, code: int, reason: str, retry_ms: int = 0) -> None:
        """Send every viewer away, now."""
        self._flush()
        self._send_away(list(self.viewers.values()), code, reason, retry_ms)

    def _send_away(self, viewers: Iterable[Viewer], code: int, reason: str, retry_ms: int = 0) -> None:
        for viewer in viewers:
            self._forget(viewer)
            if not viewer.is_closed:
                self._metrics.count("party_sent_away_total", reason=reason)
                viewer.close(code, reason, retry_ms)

    def _forget(self, viewer: Viewer) -> None:
        self._rounds.remove(viewer)
        if self.viewers.get(viewer.member_id) is viewer:
            del self.viewers[viewer.member_id]
            if self._aside.forget(viewer.member_id):
                self._beside.reported()  # that there is one player less
            self._all = None

    def _everybody(self) -> Sequence[Viewer]:
        if self._all is None:
            self._all = tuple(self.viewers.values())
        return self._all

    # -- what players say of themselves -------------------------------------------------------------------------

    @property
    def delays(self) -> Delays:
        """What decisions rest on: as viewers reported, and as measured here; at most a second old."""
        return self._aside.delays(percentile(self._fan_outs, 0.99))

    def quality(self) -> Histogram:
        """How well the players of all processes keep together now."""
        return self._aside.quality()

    def report(self, member_id: str, report: Mapping[str, Any]) -> None:
        """The data of a `party:report`. Raises `Rejected` (`party.bad_field`)."""
        self._aside.report(member_id, report)
        self._beside.reported()

    def started(self, member_id: str, latency_ms: float) -> None:
        """How long a player took from play to picture (`party:ready`)."""
        self._aside.started(member_id, latency_ms)

    def react(self, member_id: str, emoji: object) -> None:
        """A `party:react`. Raises `Rejected` (`party.bad_field`)."""
        self._aside.react(emoji)
        self._beside.felt()

    # -- as a listener of its replica ---------------------------------------------------------------------------

    def counted(self, entry: Entry) -> None:
        """See `views.Listener`."""
        room = self.replica.room
        if self._told.epoch != room.epoch:
            self._told.begin(epoch=room.epoch, kept=0)
        self._told_rev = room.rev
        message = messages.told(room, entry, after=self._told.kept, roster=self.replica.roster)
        if self.viewers:
            self._beside.room_changed()
        if message is None:
            return
        self._metrics.count("party_messages_total", type=message.type)
        if entry.kind in ("host.changed", "member.role"):
            self._give_roles()
        if message.kind is Kind.STATE:
            self._put(message, overtakes=True)
            return
        self._told.add(message, now=self._clock.monotonic())
        if not message.is_urgent:
            self._tick.append(message)
            self._agenda.plan(self._join, TICK_SECONDS)
            return
        self._flush()
        self._put(message)
        self._follow_up(entry)

    def _follow_up(self, entry: Entry) -> None:
        """Who has to go, after having heard why."""
        if entry.kind == "room.closed":
            self._agenda.plan(self._end, LAST_SECONDS)
        elif entry.kind in _SENT_OUT:
            gone = [one for one in self._everybody() if self._is_sent_out(one.member, entry)]
            if gone:
                self._send_away_later(gone, *_SENT_OUT[entry.kind])

    def _is_sent_out(self, member: Member, entry: Entry) -> bool:
        if member.id == entry.body["member"]:
            return True
        return member.subject == entry.body["subject"] and self.replica.room.is_out(
            member.subject, entry.body["t"]
        )

    def _end(self, now: float) -> None:
        self._send_away_later(self._everybody(), CLOSED, "room_closed")

    def _send_away_later(self, viewers: Sequence[Viewer], code: int, reason: str) -> None:
        def away(viewer: Viewer) -> None:
            self._send_away([viewer], code, reason)

        self._broadcast.put(Job(viewers, each=away, is_firm=True))
        self._agenda.wake()

    def people(self, entry: Entry) -> None:
        """See `views.Listener`."""
        if entry.kind in KINDS:
            self._beside.heard(entry)
            return
        if self.viewers:
            self._beside.people_changed()
        if entry.kind in ("member.back", "member.joined") and entry.body["process"] != self._process:
            moved = self.viewers.get(entry.body["member"])
            if moved is not None:
                self._send_away([moved], REPLACED, "replaced")

    def reset(self) -> None:
        """See `views.Listener`. If nothing of the log was lost, the roster alone is another one."""
        room = self.replica.room
        if self.viewers:
            self._beside.people_changed()
        if (room.epoch, room.kept, room.rev) == (self._told.epoch, self._told.kept, self._told_rev):
            return
        self._tick.clear()
        self._told.begin(epoch=room.epoch, kept=room.kept)
        self._told_rev = room.rev
        self._give_roles()

        def begin_anew(viewer: Viewer) -> None:
            if room.role_of(viewer.member) is Role.NOBODY:
                self._send_away([viewer], KICKED, "kicked")
            elif viewer.sync is None:
                self._send_away([viewer], AGAIN, "data_lost")
            elif not viewer.is_closed:
                self._as_of = room
                try:
                    viewer.send(viewer.sync("data_lost"))
                finally:
                    self._as_of = None

        self._broadcast.put(Job(self._everybody(), each=begin_anew, share=RESETS_AT_ONCE, is_firm=True))
        self._agenda.wake()
        if room.closed_at:
            self._agenda.plan(self._end, LAST_SECONDS)

    def _give_roles(self) -> None:
        room = self.replica.room
        for viewer in self._everybody():
            viewer.role = room.role_of(viewer.member)

    # -- writing ------------------------------------------------------------------------------------------------

    def _put(self, message: Message, *, overtakes: bool = False) -> None:
        frames = _by_role([message])
        self._send(frames, message.kind, message.key, overtakes=overtakes, is_firm=message.is_urgent)

    def _send(
        self,
        frames: Sequence[bytes],
        kind: Kind,
        key: str = "",
        *,
        overtakes: bool = False,
        is_firm: bool = False,
    ) -> None:
        if self.viewers:
            job = Job(self._everybody(), frames, kind, key, is_firm=is_firm, begun=self._clock.monotonic())
            self._broadcast.put(job, overtakes=overtakes)
            self._agenda.wake()

    def _flush(self) -> None:
        """Write what waits for the tick."""
        if self._tick:
            joined = _by_role(self._tick)
            self._tick.clear()
            self._send(joined, Kind.KEEP)

    def _restate(self) -> None:
        room = self.replica.room
        if room.rev != self._told_rev:
            self._told_rev = room.rev
            member, host = messages.restated(room)
            self._send((b"", member, member, member, host), Kind.STATE, messages.STATE_KEY, is_firm=True)

    def _measure(self, job: Job) -> None:
        if job.is_firm and job.begun:
            took = self._clock.monotonic() - job.begun
            self._fan_outs.append(took)
            self._metrics.observe("party_fan_out_seconds", took)

    # -- what is due --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        while True:
            self._agenda.do()
            if self._broadcast.work():
                await self._clock.sleep(0)
            else:
                await self._agenda.nap()

    def _join(self, now: float) -> None:
        if self._broadcast.is_busy:
            self._agenda.plan(self._join, TICK_SECONDS)  # what comes meanwhile is joined too
        else:
            self._flush()

    def _plan_ping(self) -> None:
        at = self._rounds.next_at()
        if at is not None:
            self._agenda.plan(self._ping, at - self._clock.monotonic())

    def _ping(self, now: float) -> None:
        if self._broadcast.is_busy:
            self._agenda.plan(self._ping, TICK_SECONDS)
            return
        due = self._rounds.due(now)
        if due:
            self._flush()  # what the ping says was kept has been told before, and so has its rev
            self._restate()
            frames = (messages.ping(self.replica.room),) * len(Role)
            self._broadcast.put(Job(due, frames, Kind.DROP, is_firm=True))
            self._agenda.wake()
        self._plan_ping()


def _by_role(told: Sequence[Message]) -> list[bytes]:
    """The frames for each role, joined."""
    found = [b""]
    for role in list(Role)[1:]:
        for_host = role is Role.HOST
        found.append(b"".join([one.host if for_host else one.member for one in told if role >= one.audience]))
    return found
