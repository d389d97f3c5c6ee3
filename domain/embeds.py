"""What is told on Discord: the sentence of the chat as an embed, with its colour and a few fields.

Source of the limits: Discord developer documentation, "Embed" (docs/facts/discord.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.events import format_time
from domain.locales import locale_of
from domain.words import Line, cut, family_of, plain

LONGEST_FIELD = 1024

GO, STAND_BY, STOP, QUIET = 0x1F8A5B, 0xC98A1B, 0xC0392B, 0x7A7067
"""The signals of our pages: somebody is VIP; waits, or is soon to go; did not become VIP; all else."""

COLOURS: Mapping[str, int] = {
    "granted": GO,
    "extended": GO,
    "admitted": GO,
    "contributed": GO,
    "waiting": STAND_BY,
    "ends_soon": STAND_BY,
    "refunded": STOP,
    "refused": STOP,
    "let_go": STOP,
    "cancelled": STOP,
    "removed_by_streamer": STOP,
}

_MARKS = re.compile(r"([\\*_~`|>#\[\]()<:-])")


def embed(line: Line, said: str, *, language: str, channel: str, at: int) -> dict[str, Any]:
    """The embed of a line that reads `said` in chat. `at`: when it happened (UTC ms)."""
    names, fields = locale_of(language).fields, []
    until = None
    if line.left_ms is not None and not line.until_stream and line.event != "ends_soon":
        until = f"<t:{(at + line.left_ms) // 1000}:R>"
    for name, value in (
        ("reward", literal(line.reward)),
        ("cost", "" if line.cost is None else f"{line.cost}"),
        ("position", "" if line.position is None else f"{line.position}"),
        ("until", until),
    ):
        if value:
            fields.append({"name": names[name], "value": value[:LONGEST_FIELD], "inline": True})
    # Nobody on Discord is meant: the sign that mentions a viewer in chat is only in the way.
    sentence = said.replace(f"@{plain(line.viewer)}", plain(line.viewer)) if line.viewer else said
    return {
        "description": cut(literal(sentence), LONGEST_FIELD),
        "color": COLOURS.get(line.event, COLOURS.get(family_of(line.event), QUIET)),
        "fields": fields,
        "footer": {"text": plain(channel)},
        "timestamp": format_time(at),
    }


def literal(text: str) -> str:
    """A text that Discord shows as it is: no formatting, no links, no mentions."""
    return _MARKS.sub(r"\\\1", text)
