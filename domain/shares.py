"""How work that belongs to one process at a time is shared out among the processes that are alive."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b


def share_out(things: Collection[str], members: Collection[str]) -> dict[str, str]:
    """Give each thing to one member, the same way wherever it is computed from the same two sets.

    Rendezvous hashing with a bound: each thing goes to the member that it prefers most among those that have less
    than their share, which is `ceil(things / members)`. So the shares differ by few, and a member that comes or goes
    moves about one share. Without members nothing is given.
    """
    if not members:
        return {}
    most = -(-len(things) // len(members))
    free = dict.fromkeys(members, most)
    given: dict[str, str] = {}
    for thing in sorted(things):
        chosen = max(free, key=lambda member: _liking(thing, member))
        given[thing] = chosen
        free[chosen] -= 1
        if not free[chosen]:
            del free[chosen]
    return given


def _liking(thing: str, member: str) -> bytes:
    return blake2b(f"{thing}\0{member}".encode(), digest_size=8).digest()
