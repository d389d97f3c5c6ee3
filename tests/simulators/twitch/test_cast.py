"""Names look like people's and obey Twitch's rules for logins."""

from __future__ import annotations

import random
import re

from simulators.twitch.cast import ViewerNames


def test_names_are_valid_unique_and_varied() -> None:
    source = ViewerNames(random.Random(1))
    pairs = source.take(4) + source.take(300)
    logins = [login for login, _ in pairs]
    assert len(set(logins)) == len(logins)
    assert all(re.fullmatch(r"[a-z0-9_]{3,25}", login) for login in logins)
    names = [name for _, name in pairs]
    assert sum(len(name) == 25 for name in names) >= 2
    assert any("\u0600" <= letter <= "\u06ff" for name in names for letter in name)
    assert sum(not name.isascii() for name in names) >= 3
