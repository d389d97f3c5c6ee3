"""What a process writes into a room: what its members ask for, who they are, and what is due by itself.

Nobody owns the room. A command is decided on the replica of whoever got it, and the log takes what was decided only if
nobody was faster (`guard`); who was slower catches up and decides again. It is acknowledged when it came back by the
log, so that whoever hears that it was done can rely on every replica.

Commands of one member are asked one after the other (`film.item_id`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from domain.errors import Conflict, NotFound, Unavailable
from domain.ports import Clock
from gateways.topics.contracts import Entry, GuardFailed, NewEntry, Position, Topics
from rooms import people
from rooms.commands import Command
from rooms.due import due, wakes_at
from rooms.entries import Draft, entry
from rooms.fleet.replica import Replica
from rooms.fleet.views import Answer, keyed
from rooms.lead import Delays
from rooms.moment import NONE_MEASURED
from rooms.people import Member
from rooms.settings import Settings, to_wire
from rooms.step import step

TRIES = 10
REACH_SECONDS = 0.5
"""After so long an entry of ours is looked for in the log itself, should its news be lost."""

ENTER_SECONDS = 10.0
LONGEST_NAP_SECONDS = 15.0


class Table:
    """One room at one process. `mine`: the members whose sockets are here, which only this process knows.

    The log's order is the truth; so what is asked for here waits until the replica has it.
    """

    def __init__(self, replica: Replica, *, topics: Topics, clock: Clock, process: str) -> None:
        self.replica = replica
        self.mine: dict[str, Member] = {}
        self._topics, self._clock, self._process = topics, clock, process
        self._is_to_mend = False
        replica.listeners.append(self)

    # -- people -------------------------------------------------------------------------------------------------

    async def open(self, host: Member, settings: Settings) -> None:
        """Open the room; `host` is its first member. Raises `Conflict` (`party.room_exists`) and `Unavailable`."""
        await self._following()
        if self.replica.room.opened_at:
            raise _exists()
        await self.join(host)  # first: a host is a member
        opened = entry("room.opened", {"settings": to_wire(settings)}, by=host, now=self.replica.time.now())
        try:
            answer = await self.write(Draft(opened, f"open:{host.id}"))
        except GuardFailed:
            answer = None
        if answer is None or answer.is_void:
            await self.leave(host.id)
            raise _exists()

    async def join(self, member: Member) -> None:
        """A member has come, whose socket is here. Raises `Unavailable`."""
        await self._following()
        self.mine[member.id] = member
        await self._say(people.joined(member), lambda: self._is_here(member.id))

    async def away(self, member_id: str) -> None:
        """The socket of a member is lost."""
        if self.mine.pop(member_id, None) is None:
            return
        gone = people.went_away(member_id, now=self.replica.time.now())
        await self._say(gone, lambda: not self._is_here(member_id))

    async def back(self, member: Member) -> None:
        """A member who was away, or was at another process, has a socket here. One who was told to be here and is still
        needs no entry."""
        self.mine[member.id] = member
        await self._say(people.came_back(member.id, process=self._process), lambda: self._is_here(member.id))

    async def leave(self, member_id: str) -> None:
        """The membership has ended. Raises `Unavailable`."""
        self.mine.pop(member_id, None)
        await self._say(people.left(member_id), lambda: self.replica.roster.get(member_id) is None)
        room = self.replica.room
        if member_id in room.players or member_id in room.skips:
            now = self.replica.time.now()
            gone = entry("player.gone", {"member": member_id}, by=None, now=now)
            await self.write(Draft(gone, f"gone:{member_id}:{now}"))

    async def say_gone(self, process: str) -> None:
        """A process is dead: those who were with it are away."""
        if any(one.process == process and one.is_here for one in self.replica.roster):
            gone = people.process_gone(process, now=self.replica.time.now())
            await self._topics.append(self.replica.people.topic, gone)

    async def mend(self) -> None:
        """Say again who is here, where the roster differs: it was lost, or others took us for dead. And end what is
        over: memberships that were away for too long."""
        roster, now = self.replica.roster, self.replica.time.now()
        if not self.replica.is_following:
            return
        wrong: list[NewEntry] = []
        for member in list(self.mine.values()):
            held = roster.get(member.id)
            if held is None:
                wrong.append(people.joined(member))
            elif not held.is_here:
                wrong.append(people.came_back(member.id, process=self._process))
            elif held.process != self._process:
                del self.mine[member.id]  # came back at another process
        for one in roster:
            if one.is_here and one.process == self._process and one.id not in self.mine:
                wrong.append(people.went_away(one.id, now=now))
            elif not one.is_here and now - one.away_since > people.AWAY_SECONDS * 1_000_000:
                wrong.append(people.left(one.id))
        for new in wrong:
            await self._topics.append(self.replica.people.topic, new)

    def _is_here(self, member_id: str) -> bool:
        held = self.replica.roster.get(member_id)
        return held is not None and held.is_here and held.process == self._process

    async def _say(self, new: NewEntry, is_so: Callable[[], bool]) -> None:
        """Write it into the membership until the roster says so. Twice is harmless."""
        for _ in range(TRIES):
            if is_so():
                return
            await self._topics.append(self.replica.people.topic, new)
            await self.replica.until(is_so, 4 * REACH_SECONDS)
        if not is_so():
            raise _busy()

    # -- commands -----------------------------------------------------------------------------------------------

    async def ask(
        self, sender: Member, command: Command, *, delays: Delays = NONE_MEASURED
    ) -> Sequence[Position]:
        """Do what a member asks for; returns where it stands in the log, nothing if there was nothing to do.

        The same `command.id` of the same member twice is one effect and one answer. Raises what `step` raises,
        `NotFound` (`party.room_not_found`), `Conflict` (`party.too_late`: the log put something before it that took its
        effect), `Unavailable` (`party.busy`, and those of the topics; then its outcome is unknown, and asking again
        with the same id is right).
        """
        first = f"{sender.id}:{command.id}"
        for _ in range(TRIES):
            before = self.replica.view.answer(first)
            if before is not None:
                return [_counted(before).position]
            await self._following(4 * REACH_SECONDS)  # what was lost comes back before anything new
            if not self.replica.room.opened_at:
                raise NotFound("There is no such room.", code="party.room_not_found", advice="Open it.")
            seen = self.replica.view.position
            try:
                answers = [
                    await self.write(draft) for draft in step(self.replica.moment(delays), sender, command)
                ]
            except GuardFailed:
                await self._after_race(seen)
                continue
            if all(answers):
                return [_counted(one).position for one in answers if one is not None]
        raise _busy()

    async def write(self, draft: Draft) -> Answer | None:
        """Write a draft and wait until the replica has it. None: the log lost it again. Raises `GuardFailed` and
        `Unavailable`."""
        view = self.replica.view
        guard = view.room.rev if draft.is_guarded else None
        at = await self._topics.append(view.topic, keyed(draft), guard=guard, key=draft.key)

        def is_known() -> bool:
            return view.answer(draft.key) is not None or (
                view.room.epoch == at.epoch and view.room.seq >= at.seq
            )

        if not await self.replica.until(is_known, REACH_SECONDS):
            await self.replica.catch_up()
            await self.replica.until(is_known, REACH_SECONDS)
        if view.room.epoch == at.epoch and view.room.seq >= at.seq:
            return view.answer(draft.key) or Answer(at, is_void=False)  # one so old that nobody remembers it
        return view.answer(draft.key)

    async def _after_race(self, seen: Position) -> None:
        """Somebody was faster, or the log is another one: have what is new before deciding again."""
        await self.replica.catch_up()
        await self.replica.until(lambda: self.replica.view.position != seen, REACH_SECONDS)

    async def _following(self, seconds: float = ENTER_SECONDS) -> None:
        if not await self.replica.until(lambda: self.replica.is_following, seconds):
            raise _busy()

    # -- what is due --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what the room does by itself, until cancelled. Every process does; the log takes it once."""
        while True:
            seen, nap, at = self._stand(), 1.0, None
            try:
                if self._is_to_mend and self.replica.is_following:
                    self._is_to_mend = False
                    await self.mend()
                if await self._do_next():
                    continue
                nap, at = self._nap()
            except GuardFailed:
                await self._after_race_safely(seen[0])
                continue
            except Unavailable as error:
                if error.code == "topic.closed":
                    return
            await self.replica.until(functools.partial(self._is_to_look, seen, at), nap)

    def _stand(self) -> tuple[Position, Position, bool, bool]:
        replica = self.replica
        return replica.view.position, replica.people.position, replica.is_following, self._is_to_mend

    def _is_to_look(self, seen: tuple[Position, Position, bool, bool], at: int | None) -> bool:
        return self._stand() != seen or (at is not None and self.replica.time.now() >= at)

    async def _do_next(self) -> bool:
        if not self.replica.is_following:
            return False
        for draft in due(self.replica.moment()):
            if self.replica.view.answer(draft.key) is None:
                return await self.write(draft) is not None
        return False

    async def _after_race_safely(self, seen: Position) -> None:
        try:
            await self._after_race(seen)
        except Unavailable:
            return

    def _nap(self) -> tuple[float, int | None]:
        """How long to wait at most, and when something is due."""
        moment = self.replica.moment()
        at = wakes_at(moment)
        if at is None:
            return LONGEST_NAP_SECONDS, None
        return min(max((at - moment.now) / 1e6, 0.001), LONGEST_NAP_SECONDS), at

    # -- as a listener of its replica ---------------------------------------------------------------------------

    def counted(self, entry: Entry) -> None:
        """See `views.Listener`."""

    def people(self, entry: Entry) -> None:
        """See `views.Listener`."""
        if entry.kind == "process.gone" and entry.body["process"] == self._process:
            self._is_to_mend = True

    def reset(self) -> None:
        """See `views.Listener`."""
        self._is_to_mend = True


def _counted(answer: Answer) -> Answer:
    if answer.is_void:
        raise Conflict(
            "The room changed just before this, so it had no effect.",
            code="party.too_late",
            advice="Look at the room and try again.",
        )
    return answer


def _exists() -> Conflict:
    return Conflict("This room is there already.", code="party.room_exists", advice="Join it.")


def _busy() -> Unavailable:
    return Unavailable(
        "The room is too busy for this at the moment.",
        code="party.busy",
        advice="Try again with the same id.",
        retry_after_seconds=0.5,
    )
