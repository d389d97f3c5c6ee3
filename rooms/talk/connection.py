"""One socket's whole conversation: what a client says comes in as text, what it is told goes out by its `Line`. No I/O
of its own, and no task unless there is something to do.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from domain.errors import CuelightError, Denied, Rejected, Unavailable
from rooms.commands import FIELDS, word
from rooms.talk import greeting, requests
from rooms.talk.conversation import Conversation, Said
from rooms.talk.limits import CLASSES, too_often

HELLO_SECONDS = 10.0
SILENCE_SECONDS = 40.0
AWAY_AFTER_SECONDS = 1.5
"""Who is back within this time was never away: a page that is loaded again, a short loss of the network."""

TELL_EACH_SECONDS = 0.2
"""A flood is not answered by a flood of refusals."""

BYE_LATER, BYE_LIFETIME, BYE_FLOOD, BYE_SILENT, BYE_NOBODY = 4000, 4002, 4029, 4040, 4501

_NOW: Mapping[str, Callable[[Conversation, Said, int], None]] = {
    "clock:ping": requests.clock,
    "party:pong": requests.pong,
    "party:report": requests.report,
    "party:react": requests.react,
}
_IN_TURN: Mapping[str, Callable[[Conversation, Said], Awaitable[None]]] = {
    "party:hello": greeting.hello,
    "party:create": greeting.create,
    "party:join": greeting.join,
    "party:resume": greeting.resume,
    "party:leave": greeting.leave,
    "party:roster": requests.roster,
    "party:invite": requests.invite,
    **dict.fromkeys(FIELDS, requests.ask),
}
_FOR_ANYBODY = frozenset({"party:hello", "party:resume", "clock:ping"})


class Connection(Conversation):
    """`receive`, `look` and `lost` never raise."""

    __slots__ = ()

    def identify(self, *, room_id: str = "", **credentials: str) -> None:
        """Before anything else: the credential that came with the address."""
        self.lanes.put(functools.partial(self._admit, Said("", {**credentials, "roomId": room_id}, "")))

    async def _admit(self, said: Said) -> None:
        try:
            await greeting.identify(self, said)
        except CuelightError as error:
            self.refuse(error, "")
            code = BYE_LATER if isinstance(error, Unavailable) else BYE_NOBODY
            self.end(code, error.code.removeprefix("party."), 2000 if code == BYE_LATER else 0)
        except Exception as error:  # the border
            self.broke(error, "party:hello", "")
            self.end(BYE_LATER, "internal", 5000)

    def receive(self, text: str, *, received_us: int) -> None:
        """One message. `received_us`: room time when its frame was read."""
        now = self.desk.clock.monotonic()
        if self.is_over:
            return
        wait, is_flood = self.allowances.take_any(now)
        if is_flood:
            self.flooded()
            return
        if wait:
            if now - self.told_often_at < TELL_EACH_SECONDS:
                return
            self.told_often_at = now
        said = Said("", {}, "")
        try:
            said = _parse(text)
            if wait:
                raise too_often(wait)
            self._take(said, received_us, now)
        except CuelightError as error:
            self.refuse(error, said.id)
        except Exception as error:  # the border: nothing that a client sends ends more than this message
            self.broke(error, said.type, said.id)

    def flooded(self) -> None:
        """Too much has come for too long, or far too much at once."""
        if not self.is_over:
            self.desk.metrics.count("party_sent_away_total", reason="flood")
            self.end(BYE_FLOOD, "too many messages", 5000)

    def _take(self, said: Said, received_us: int, now: float) -> None:
        limited = CLASSES.get(said.type)
        if limited is not None and (wait := self.allowances.take(limited, now)):
            raise too_often(wait)
        at_once = _NOW.get(said.type)
        if at_once is not None:
            if self.person is None and said.type not in _FOR_ANYBODY:
                self.known()
            at_once(self, said, received_us)
        elif said.type in _IN_TURN:
            self.lanes.put(functools.partial(self._do, said), film=limited == "film")
        else:
            raise Rejected(
                f"There is no message {said.type[:40]!r}.",
                code="party.bad_type",
                advice="See docs/protocol.md.",
            )

    async def _do(self, said: Said) -> None:
        if self.is_over:
            return
        try:
            if said.type not in _FOR_ANYBODY:
                self.known()
            if self.answered is not None and (said.type, said.id) in self.answered:
                self._again(said)
            else:
                await _IN_TURN[said.type](self, said)
        except CuelightError as error:
            self.refuse(error, said.id)
            if (
                isinstance(error, Denied)
                and error.code == "party.unauthorized"
                and said.type == "party:hello"
            ):
                self.end(BYE_NOBODY, "unauthorized")
        except Exception as error:  # the border
            self.broke(error, said.type, said.id)

    def _again(self, said: Said) -> None:
        """A message that was answered already: the same answer, and nothing is done."""
        data = (self.answered or {})[said.type, said.id]
        if data is not None:
            self.answer(said, data)
        elif self.inside is not None:
            greeting.welcome_again(self, said)
        else:
            raise Denied("You are in no room.", code="party.not_joined", advice="Send party:join again.")

    def look(self, now: float, heard_at: float) -> float:
        """Do what is due at `now` (monotonic seconds), and return when to look again. `heard_at`: when anything at all
        came last."""
        if now >= self.ends_at:
            self.end(BYE_LIFETIME, "lifetime", 1)
        elif now - heard_at >= SILENCE_SECONDS:
            self.end(BYE_SILENT, "nothing was heard", 500)
        elif self.person is None and now - self.opened_at >= HELLO_SECONDS:
            self.end(BYE_NOBODY, "no credential")
        at = min(self.ends_at, heard_at + SILENCE_SECONDS)
        return min(at, self.opened_at + HELLO_SECONDS) if self.person is None else at

    def lost(self) -> None:
        """The socket is gone: what was still to be done is not, and in a moment the member is away."""
        self.is_over = True
        if self.inside is not None:
            self.inside.here.hub.leave(self.inside.viewer)
            self.inside.viewer.detach()
            self.lanes.finish(self._go)
        else:
            self.lanes.forget()

    async def _go(self) -> None:
        held = self.inside
        if held is None:
            return
        here, member_id = held.here, held.member.id
        if member_id in here.replica.room.removed:
            if here.unseat(member_id, self):
                await self._quietly(here.table.leave(member_id))
            return
        await self.desk.clock.sleep(AWAY_AFTER_SECONDS)
        if here.unseat(member_id, self) and not self.desk.rooms.is_closing:
            await self._quietly(here.table.away(member_id))

    async def _quietly(self, telling: Awaitable[None]) -> None:
        try:
            await telling
        except Unavailable:
            return  # `Table.mend` says so with the next beat
        except Exception as error:  # the border
            self.broke(error, "lost", "")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _parse(text: str) -> Said:
    """A message as the envelope has it. Raises `Rejected`: `party.bad_json`, `party.bad_type`, `party.bad_field`."""
    try:
        message: Any = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Rejected(
            "That is not a JSON object.",
            code="party.bad_json",
            advice='Send text like {"type": "party:chat", "data": {"message": "hi"}}.',
        )
    said_type, said_id, data = message.get("type"), message.get("id"), message.get("data")
    if not isinstance(said_type, str):
        raise Rejected("type has to be text.", code="party.bad_type", advice="See docs/protocol.md.")
    if data is not None and not isinstance(data, dict):
        raise Rejected("data has to be an object.", code="party.bad_field", advice="Send data as an object.")
    return Said(said_type, data or {}, "" if said_id is None else word("id", said_id))
