"""What Cuelight says: one line, the viewer mentioned once, what happened and what comes next.

The words are the streamer's own (`Messages.texts`), or those of his language (`domain/locales`). What fills them comes
from viewers and from Twitch, so nothing in it counts as more than text: a value is put in once and not read again, has
no line breaks, mentions nobody, and no line begins like a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from domain.locales import Locale, locale_of
from domain.rules import Refusal

CHAT_LIMIT = 500  # characters in one message (Send Chat Message, Twitch API reference)
LONGEST_VALUE = 120  # of a name or a title; Twitch's own are shorter

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
COMMAND_SIGNS = "/.!"
"""What a chat command begins with, Twitch's own and those of bots."""

_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1000)
# Control characters, and signs that turn the direction of what follows or are not seen at all.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be told. `event` is one of `domain.messages.EVENTS`; what is not known of it is left out.

    Lengths in ms. `until_stream`: the time ends with the stream, so that no length is told; `after_ms`: or so long
    after it, then what is added may have a length. `variant`: of the catalogue's sentence, where it has one.
    """

    event: str
    viewer: str = ""
    duration_ms: int | None = None
    left_ms: int | None = None
    until_stream: bool = False
    after_ms: int | None = None
    reward: str = ""
    cost: int | None = None
    reason: str = ""  # a `Refusal`
    position: int | None = None
    variant: str = ""


def line_shown(line: Line) -> dict[str, Any]:
    """A line as it is stored: what is not known is left out."""
    told = asdict(line).items()
    return {name: value for name, value in told if value is not None and value is not False and value != ""}


def line_of(stored: Mapping[str, Any]) -> Line:
    """The inverse; what another release has written besides is left out."""
    known = {field.name for field in fields(Line)}
    return Line(**{name: value for name, value in stored.items() if name in known})


def family_of(event: str) -> str:
    """`refunded` of `refunded.cooldown`; an event without a dot is its own."""
    return event.partition(".")[0]


def names(events: tuple[str, ...], event: str) -> bool:
    """Whether an event is among these, by itself or by its family."""
    return event in events or family_of(event) in events


def duration(milliseconds: int, locale: Locale | None = None) -> str:
    """The two largest units that are not zero: `2 d 4 h`, `20 s`; rounded up to whole seconds. English by default."""
    units = (locale or locale_of("")).units
    rest = -(-max(0, milliseconds) // 1000) * 1000
    parts: list[str] = []
    for unit, size in zip(units, _UNITS_MS, strict=True):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or f"0 {units[-1]}"


def said(line: Line, *, language: str, texts: Mapping[str, str], channel: str) -> str:
    """The sentence for chat; "" for an event of which nothing is said. `texts`: the streamer's own, by event. One that
    cannot be filled (an unknown placeholder, nothing to put there, too long) gives way to the catalogue's."""
    locale = locale_of(language)
    values = values_of(line, locale, channel=channel)
    for own in (texts.get(line.event), texts.get(family_of(line.event))):
        text = filled(own, values) if own else ""
        if text and len(text) <= CHAT_LIMIT and not missing(own or "", values):
            return text
    return cut(filled(usual(line.event, locale, variant=_variant(line)), values))


def usual(event: str, locale: Locale, *, variant: str = "") -> str:
    """The catalogue's text for an event, with its placeholders; "" where it has none."""
    keys = (f"{event}.{variant}" if variant else event, event, family_of(event))
    return next((locale.lines[key] for key in keys if key in locale.lines), "")


def _variant(line: Line) -> str:
    with_stream = "stream_and_after" if line.after_ms else "stream"
    return line.variant or (with_stream if line.until_stream else "")


def values_of(line: Line, locale: Locale, *, channel: str) -> dict[str, str]:
    """What stands for each placeholder, in this language. What is not known has no key."""

    def length(milliseconds: int | None) -> str:
        if line.until_stream and not line.after_ms:
            return locale.this_stream
        return "" if milliseconds is None else duration(milliseconds, locale)

    def left() -> str:
        after = f" + {duration(line.after_ms, locale)}" if line.after_ms else ""
        return locale.this_stream + after if line.until_stream else length(line.left_ms)

    reason = locale.reasons.get(Refusal(line.reason), "") if line.reason in set(Refusal) else ""
    found = {
        "viewer": line.viewer,
        "channel": channel,
        "duration": length(line.duration_ms) or (locale.this_stream if line.until_stream else ""),
        "left": left(),
        "reward": line.reward,
        "cost": "" if line.cost is None else str(line.cost),
        "reason": reason,
        "position": "" if line.position is None else str(line.position),
    }
    return {name: value for name, value in found.items() if value}


def placeholders(text: str) -> Iterator[str]:
    """The names in brackets, each as often as it is there."""
    return iter(PLACEHOLDER.findall(text))


def missing(text: str, values: Mapping[str, str]) -> bool:
    """Whether something in the text would stay unfilled."""
    return any(name not in values for name in placeholders(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced, in one line that is no command. Whatever the text holds, nothing but
    `values` comes out: a template of a stranger is not given to `str.format`, which reads attributes."""
    whole = PLACEHOLDER.sub(lambda match: plain(values[match[1]]) if match[1] in values else match[0], text)
    return " ".join(_UNSEEN.sub(" ", whole).split()).lstrip(COMMAND_SIGNS + " ")


def plain(value: str) -> str:
    """A value as it may stand in a line: short, in one line, mentioning nobody."""
    return cut(" ".join(_UNSEEN.sub(" ", value).replace("@", "").split()), LONGEST_VALUE)


def cut(text: str, limit: int = CHAT_LIMIT) -> str:
    """At most `limit` characters; what is longer ends after a word, with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    whole, blank, _ = head.rpartition(" ")
    return f"{whole if blank and len(whole) * 2 > limit else head}…"
