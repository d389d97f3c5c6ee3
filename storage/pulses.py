"""What comes in from Twitch for each channel, and what goes out to its chat: small figures, written now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every

PULSES = Schema(name="pulses")
CHATS = Schema(name="chats")
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription as it was last seen. `status` is Twitch's word, or `missing` (wanted, and not there), or `` (not
    looked at yet); `since`: since when it has that status as far as we know; `why`: for people. Times in UTC ms."""

    type: str
    version: str
    status: str = ""
    since: int = 0
    last_event_at: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """`id` is the channel's. `last_event_at`: when an event came last, `lag_ms`: how long it had taken, `looked_at`:
    when Twitch was last asked for the subscriptions."""

    id: str
    last_event_at: int = 0
    lag_ms: int = 0
    looked_at: int = 0
    subscriptions: tuple[Subscribed, ...] = ()
    v: int = 1

    def of(self, type: str) -> Subscribed | None:
        return next((each for each in self.subscriptions if each.type == type), None)


@dataclass(frozen=True, slots=True)
class HeardOf:
    """Events of one type that came: their version, and when the last one did."""

    version: str
    at: int


def with_events(pulse: Pulse, heard: Mapping[str, HeardOf], *, at: int, lag_ms: int) -> Pulse:
    """A pulse that knows of these events too; what it knows of later ones stays."""
    known = {each.type: each for each in pulse.subscriptions}
    for type_, one in heard.items():
        held = known.get(type_) or Subscribed(type_, one.version)
        known[type_] = replace(held, last_event_at=max(held.last_event_at, one.at))
    newer = at >= pulse.last_event_at
    return replace(
        pulse,
        last_event_at=max(at, pulse.last_event_at),
        lag_ms=lag_ms if newer else pulse.lag_ms,
        subscriptions=tuple(known[type_] for type_ in sorted(known)),
    )


class Pulses:
    def __init__(self, pulses: Collection) -> None:
        self._pulses = pulses

    async def get(self, channel_id: str) -> Pulse:
        """What was written last; an empty pulse where nothing was."""
        document = await self._pulses.get(channel_id)
        return Pulse(channel_id) if document is None else from_document(Pulse, document)

    async def last_events(self) -> dict[str, int]:
        """When an event came last (UTC ms), of every channel of which that is known."""
        return {document["_id"]: document["last_event_at"] async for document in every(self._pulses, {})}

    async def change(self, channel_id: str, fn: Callable[[Pulse], Pulse]) -> Pulse:
        """Replace a pulse by `fn` of it (pure and quick: it may run more than once)."""

        def apply(document: Document) -> Document | None:
            held = from_document(Pulse, document)
            new = fn(held)
            return None if new == held else to_document(new)

        document = await self._pulses.change(channel_id, apply, initial=to_document(Pulse(channel_id)))
        return Pulse(channel_id) if document is None else from_document(Pulse, document)


@dataclass(frozen=True, slots=True)
class LastDrop:
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChatTally:
    """`id` is the channel's. How many lines Twitch took, how many it did not show (`is_sent: false`) or refused, and
    the last of these. `online_at`: when we said last that we are here (UTC ms)."""

    id: str
    sent: int = 0
    dropped: int = 0
    last_drop: LastDrop | None = None
    online_at: int = 0
    v: int = 1


class Chats:
    def __init__(self, chats: Collection) -> None:
        self._chats = chats

    async def get(self, channel_id: str) -> ChatTally:
        document = await self._chats.get(channel_id)
        return ChatTally(channel_id) if document is None else from_document(ChatTally, document)

    async def sent(self, channel_id: str) -> None:
        """Count a line that Twitch took."""
        await self._change(channel_id, lambda tally: replace(tally, sent=tally.sent + 1))

    async def dropped(self, channel_id: str, *, at: int, reason: str) -> None:
        """Count a line that is not in the chat, and keep why."""
        drop = LastDrop(at, reason[:LONGEST_REASON])
        await self._change(
            channel_id, lambda tally: replace(tally, dropped=tally.dropped + 1, last_drop=drop)
        )

    async def came_online(self, channel_id: str, *, now: int, least_ms: int) -> bool:
        """Note that we say now that we are here, unless that was said less than `least_ms` ago: then false. Of several
        who ask at the same time, one may."""
        may = False

        def apply(tally: ChatTally) -> ChatTally:
            nonlocal may
            may = not tally.online_at <= now < tally.online_at + least_ms
            return replace(tally, online_at=now) if may else tally

        await self._change(channel_id, apply)
        return may

    async def _change(self, channel_id: str, fn: Callable[[ChatTally], ChatTally]) -> None:
        def apply(document: Document) -> Document:
            return to_document(fn(from_document(ChatTally, document)))

        # What `initial` is inserted as goes through `apply`, too.
        await self._chats.change(channel_id, apply, initial=to_document(ChatTally(channel_id)))
