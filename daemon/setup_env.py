"""Changes variables in a `.env` and leaves everything else in it as it is: comments, order, other variables.

Pure, but for the reading and writing at the end. A variable that is there in a comment (`#PORT=8080`) gets its line
below that comment; one that is not there comes at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from daemon.setup_application import write_private
from domain.errors import Rejected, Unavailable

_LINE = re.compile(r"^\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)$")
_COMMENT = re.compile(r"^\s*#\s?(?P<name>[A-Z][A-Z0-9_]*)=")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,~-]*")
MOST_BYTES = 1 << 20


def values_of(text: str) -> dict[str, str]:
    """The variables of a `.env`, as far as they are on one line each; of several the last one counts."""
    found = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            found[match["name"]] = _unquoted(match["value"].strip())
    return found


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text with these variables set. Each stands once afterwards. The same changes again change nothing.

    Raises `Rejected` for a value that no line can hold.
    """
    lines = text.splitlines()
    left = {name: _assignment(name, value) for name, value in changes.items()}
    kept: list[str] = []
    for line in reversed(lines):  # the last one counts, so that one stays in its place
        match = _LINE.match(line)
        name = match["name"] if match else ""
        if name not in changes:
            kept.append(line)
        elif name in left:
            kept.append(left.pop(name))
    kept.reverse()
    for name, line in list(left.items()):
        places = [
            number for number, one in enumerate(kept) if (m := _COMMENT.match(one)) and m["name"] == name
        ]
        if places:
            kept.insert(places[-1] + 1, line)
            del left[name]
    return "\n".join([*kept, *left.values()]) + "\n"


def read(path: Path) -> str:
    """The text of a `.env`, "" where there is none. Raises `Rejected`, `Unavailable`."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.", code="setup.env") from error
    if len(raw) > MOST_BYTES:
        raise Rejected(f"{path} is too large to be a file of settings.", code="setup.env")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected(
            f"{path} is not written in UTF-8.", code="setup.env", advice="Save it as UTF-8, then try again."
        ) from None


def write(path: Path, text: str) -> None:
    """Replace the file at once; from now on only its owner reads it (it holds a secret). Raises `Unavailable`."""
    try:
        write_private(path.resolve(), text)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.",
            code="setup.env",
            advice="Run this where you may write, or set the variables in the environment.",
        ) from error


def _assignment(name: str, value: str) -> str:
    if not value.isprintable():
        raise Rejected(f"{name} cannot have a value of several lines.", code="setup.env")
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    if "'" not in value and "\\" not in value:
        return f"{name}='{value}'"
    raise Rejected(f"{name} cannot have an apostrophe or a backslash in its value.", code="setup.env")


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.partition(" #")[0].rstrip()
