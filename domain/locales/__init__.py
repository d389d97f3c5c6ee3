"""What is said in chat, by language: one file of plain tables for each. A new language is a new file and a line below;
a test compares its keys and placeholders with those of English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.locales import de, en, es, fr, pt
from domain.rules import Refusal

USUAL = "en"


@dataclass(frozen=True, slots=True)
class Locale:
    """One language.

    `units`: short for days, hours, minutes, seconds, the same in singular and plural. `this_stream`: stands in place of
    a duration. `lines`: by event, or by its family (the part before the dot), or with a variant behind it: `.stream`
    (the end is that of the stream), `.stream_and_after` (it comes later, by the clock), `.no_end`, `.no_reward`.
    `reasons`: why not, told to the viewer, as the middle of a sentence. `commands`: what viewers write, without the
    `!`. `fields`: what stands below a message on Discord.
    """

    name: str
    units: tuple[str, str, str, str]
    this_stream: str
    lines: Mapping[str, str]
    reasons: Mapping[Refusal, str]
    commands: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, str]
    example_reward: str


_TABLES = {"en": en, "es": es, "fr": fr, "pt": pt, "de": de}

LOCALES: Mapping[str, Locale] = {
    code: Locale(
        name=table.NAME,
        units=table.UNITS,
        this_stream=table.THIS_STREAM,
        lines=table.LINES,
        reasons=table.REASONS,
        commands=table.COMMANDS,
        fields=table.FIELDS,
        example_reward=table.EXAMPLE_REWARD,
    )
    for code, table in _TABLES.items()
}
"""By the code of the language."""


def locale_of(language: str) -> Locale:
    """English for a language that there is no table of."""
    return LOCALES.get(language, LOCALES[USUAL])
