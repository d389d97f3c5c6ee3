"""Where a browser may be sent back to after a login: a path of ours, nothing else."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from domain.errors import Rejected

LONGEST = 512
_PLAIN = re.compile(r"/[!-\[\]-~]*")  # printable ASCII without space and backslash
_NOT_FOR_PEOPLE = ("/api/", "/static/", "/sign-in")


def local_path(text: str) -> str:
    """The path (perhaps with query and fragment) if it leads to a page of ours; `/` for none, and for what is no page.

    Raises `Rejected` (`auth.return_to`) for whatever could lead elsewhere: browsers read `//host`, `/\\host` and what
    decodes to them as another site.
    """
    if not text:
        return "/"
    if len(text) > LONGEST or not _PLAIN.fullmatch(text):
        raise _elsewhere()
    decoded = text
    for _ in range(4):  # encoded twice, by a proxy that decodes once
        _check(decoded)
        again = unquote(decoded)
        if again == decoded:
            break
        decoded = again
    else:
        raise _elsewhere()
    path = urlsplit(text).path
    return text if path == "/api/docs" or not path.startswith(_NOT_FOR_PEOPLE) else "/"


def _check(text: str) -> None:
    if text.startswith("//") or "\\" in text or not text.startswith("/"):
        raise _elsewhere()
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise _elsewhere()
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _elsewhere() from None
    if parts.scheme or parts.netloc:
        raise _elsewhere()


def _elsewhere() -> Rejected:
    return Rejected(
        "After signing in one is sent back to a page of this daemon only.",
        code="auth.return_to",
        advice="Give a path that begins with one slash.",
    )
