"""What a streamer may write into a message: which events have one, which placeholders, how long it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.locales import locale_of
from domain.redemption import Refusal
from domain.words import CHAT_LIMIT, COMMAND_SIGNS, PLACEHOLDER, Line, filled, placeholders, usual, values_of

__all__ = ("EVENTS", "FAMILIES", "LET_GO", "PLACEHOLDERS", "default_of", "examples", "faults", "filled")

LET_GO = frozenset({Refusal.WAITED, Refusal.LEFT, Refusal.STREAM_OVER})
"""Refunds of who was on the waiting list: they are told as `let_go`."""

OF_PARTIES = frozenset(
    {
        Refusal.NO_PARTY,
        Refusal.PARTY_IS_OPEN,
        Refusal.PARTY_ADDRESS,
        Refusal.PARTY_FULL,
        Refusal.PARTY_VIPS,
        Refusal.PARTY_BARRED,
    }
)
"""Refunds of rewards that have to do with the watch party."""

_NEVER_REFUSED = (
    LET_GO | OF_PARTIES | {Refusal.BROADCASTER, Refusal.CROWDED, Refusal.REWARD_GONE, Refusal.BROKEN}
)
"""What only a redemption can meet."""

FAMILIES = ("refunded", "refused")
"""Stand for all events that begin so, in what is switched off or told on Discord."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`example` stands in its place in a preview."""

    name: str
    what: str
    example: str


PLACEHOLDERS: Mapping[str, Placeholder] = {
    one.name: one
    for one in (
        Placeholder("viewer", "name of the viewer", "StarlightFox"),
        Placeholder("duration", "time that was added", "2 h"),
        Placeholder("left", "time that is left in all", "1 d 2 h"),
        Placeholder("reward", "title of the reward", "VIP for a while"),
        Placeholder("cost", "price of the reward in points", "5000"),
        Placeholder("reason", "why, in a few words", "all VIP slots are taken"),
        Placeholder("position", "place on the waiting list", "3"),
        Placeholder("channel", "name of the channel", "LumenLive"),
    )
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may be told. `names`: the placeholders that have a value then."""

    event: str
    what: str
    names: tuple[str, ...]


_ALWAYS = ("viewer", "channel")
_PAID = (*_ALWAYS, "reward", "cost")
_REFUSED: Mapping[Refusal, str] = {
    Refusal.SLOTS_FULL: "all VIP slots are taken",
    Refusal.MODERATOR: "the viewer is a moderator",
    Refusal.BLOCKED: "the viewer is blocked or banned on Twitch",
    Refusal.NOT_UNLOCKED: "the channel has not unlocked VIPs",
    Refusal.VIP_BY_HAND: "the viewer has a VIP badge that was given by hand",
    Refusal.BROADCASTER: "it was the streamer's own test",
    Refusal.NOT_SUBSCRIBED: "the viewer does not subscribe",
    Refusal.FOLLOWS_TOO_SHORT: "the viewer has not followed long enough",
    Refusal.NOT_ON_LIST: "the viewer is not on the allow list",
    Refusal.LISTED: "the viewer is on the block list",
    Refusal.COOLDOWN: "the viewer was VIP not long ago",
    Refusal.ENOUGH: "the viewer has as much VIP time as is allowed",
    Refusal.TOO_FEW: "what was paid buys no time",
    Refusal.PAUSED: "VIPs are paused",
    Refusal.CROWDED: "too many redeemed at the same time",
    Refusal.WAITED: "the longest wait is over",
    Refusal.LEFT: "the viewer was taken off the waiting list",
    Refusal.STREAM_OVER: "the stream is over",
    Refusal.NO_PARTY: "no watch party is open",
    Refusal.PARTY_IS_OPEN: "the watch party is open already",
    Refusal.PARTY_ADDRESS: "what the viewer wrote is no address of a video",
    Refusal.PARTY_FULL: "the queue of the watch party is full",
    Refusal.PARTY_VIPS: "the watch party is for VIPs only",
    Refusal.PARTY_BARRED: "the viewer is banned or muted in the watch party, or blocked",
    Refusal.REWARD_GONE: "the reward was deleted",
    Refusal.VIEWER_GONE: "the account does not exist any more",
    Refusal.UNKNOWN: "a rule could not be checked: a permission is missing",
    Refusal.BROKEN: "something did not work",
}
_EVENTS = (
    Event("online", "Cuelight has started", ("channel",)),
    Event("granted", "somebody became VIP", (*_PAID, "duration", "left")),
    Event("extended", "a VIP got more time", (*_PAID, "duration", "left")),
    Event("ends_soon", "a VIP's time is almost over", (*_ALWAYS, "left")),
    Event("ended", "a VIP's time is over", (*_ALWAYS, "reward")),
    Event("waiting", "somebody joined the waiting list", (*_PAID, "position")),
    Event("admitted", "somebody came from the waiting list", (*_PAID, "duration", "left")),
    Event("let_go", "somebody left the waiting list without a VIP", (*_PAID, "reason")),
    Event("removed_by_streamer", "the streamer took a VIP away", _ALWAYS),
    Event("contributed", "a subscription, bits or a power-up made a VIP", (*_ALWAYS, "duration", "left")),
    Event("cancelled", "a moderator gave points back, and the VIP time went with them", _PAID),
    Event("party_opened", "a redemption opened the watch party", _PAID),
    Event("party_queued", "a redemption added to the queue of the watch party", _PAID),
    Event("vip_answer", "the answer to !vip", (*_ALWAYS, "left")),
    Event("vip_answer_none", "the answer to !vip of who is no VIP", _PAID),
)


def _per_refusal() -> Iterator[Event]:
    for refusal in Refusal:
        why = _REFUSED.get(refusal, refusal.value)
        if refusal not in LET_GO:
            yield Event(f"refunded.{refusal}", f"points were given back: {why}", (*_PAID, "reason"))
        if refusal not in _NEVER_REFUSED:
            yield Event(f"refused.{refusal}", f"no VIP for another cause: {why}", (*_ALWAYS, "reason"))


EVENTS: Mapping[str, Event] = {one.event: one for one in (*_EVENTS, *_per_refusal())}
"""Every event that a streamer may write a message for."""


def event_of_refund(reason: str) -> str:
    """The event that a refund for this reason is told as."""
    return "let_go" if reason in LET_GO else f"refunded.{reason}"


def default_of(event: str, language: str = "en") -> str:
    """The line that is said where the streamer wrote none; "" for what is not said by itself."""
    return usual(event, locale_of(language))


def faults(event: str, text: str, language: str = "en") -> tuple[str, ...]:
    """What is wrong with a text for an event, one sentence for each; nothing: it may be used. Raises `KeyError` for an
    unknown event."""
    known = EVENTS[event].names
    found = []
    for name in dict.fromkeys(placeholders(text)):
        if name not in PLACEHOLDERS:
            found.append(f"There is no placeholder {{{name[:40]}}}.")
        elif name not in known:
            found.append(f"The placeholder {{{name}}} has no value here.")
    if set("{}") & set(PLACEHOLDER.sub("", text)):
        found.append("A bracket { or } has no partner.")
    if text.lstrip()[:1] in tuple(COMMAND_SIGNS):
        found.append(f"The message begins with {text.lstrip()[0]}, like a command.")
    line = filled(text, examples(event, language))
    if not line:
        found.append("The message is empty.")
    if len(line) > CHAT_LIMIT:
        found.append(f"The message has {len(line)} characters; chat takes {CHAT_LIMIT}.")
    return tuple(found)


def example_of(name: str, language: str = "en", event: str = "") -> str:
    """What stands for a placeholder in a preview."""
    locale = locale_of(language)
    refusal = event.partition(".")[2] or Refusal.WAITED.value
    line = Line(
        event,
        duration_ms=2 * 3_600_000,
        left_ms=26 * 3_600_000,
        reward=locale.example_reward,
        reason=refusal,
    )
    return values_of(line, locale, channel="").get(name) or PLACEHOLDERS[name].example


def examples(event: str, language: str = "en") -> dict[str, str]:
    """A value for each placeholder that an event has."""
    return {name: example_of(name, language, event) for name in EVENTS[event].names}
