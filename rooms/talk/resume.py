"""Resume tokens: who lost the socket comes back as the same member, at any process, without saying who one is again.

`r1.<payload>.<mac>`, both parts base64url without padding; the MAC is HMAC-SHA256 (RFC 2104) over what is before it.
The payload holds all that a membership is made of, so that a token is good also when the roster was lost. Each
generation is good once, and the welcome brings the next; but a welcome may be lost on its way, and its client would be
nobody any more. So until the client has shown that it has the welcome, the same token is good **once more**.

What decides, across processes, are leases, which whoever is first gets (`claim`). `used` is taken by the first use,
`settled` by whatever ends the second chance: the answer to a ping that was written after the welcome (what comes over
one connection comes in order), the use of the token in that welcome, or the second use itself. The latter makes the
token of the lost welcome void, and brings the one after it: no generation is ever in two hands.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import Denied
from gateways.leases.contracts import Leases
from rooms.people import Member, Role

LONGEST_TOKEN = 1200
SMALLEST_KEY_BYTES = 32
GOOD_SECONDS = 600
"""A token is good for so long after the connection ended; see `people.AWAY_SECONDS`."""

LEASED_SECONDS = 3600.0 + 2 * GOOD_SECONDS
"""No token lasts longer than this: no connection lives for more than an hour."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who somebody is in a room. `made_by`: the client's id of the message that made it. `expires_at`: UTC seconds."""

    room_id: str
    member_id: str
    name: str
    subject: str
    role: Role
    since: int
    is_vip: bool
    made_by: str = ""
    generation: int = 1
    expires_at: int = 0

    @property
    def used(self) -> str:
        """The lease of who used the token first."""
        return f"party:resume:{self.member_id}:{self.generation}"

    @property
    def settled(self) -> str:
        """The lease of what ended its second chance."""
        return f"{self.used}:settled"

    def next(self, steps: int = 1) -> Membership:
        """With the generation of the next token."""
        return replace(self, generation=self.generation + steps)

    def member(self, process: str) -> Member:
        """As the roster holds it, with a socket at this process."""
        return Member(
            self.member_id, self.name, self.subject, self.role, self.since, process, is_vip=self.is_vip
        )


class ResumeKeys:
    """Signs with the first key, and believes all of them, so that keys can be replaced while people watch."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < SMALLEST_KEY_BYTES for key in keys):
            raise ValueError("Resume tokens need a key of 32 bytes or more.")
        self._keys = tuple(keys)

    def sign(self, held: Membership) -> str:
        """The token of a membership."""
        fields = [
            held.room_id, held.member_id, held.name, held.subject, int(held.role), held.since,
            int(held.is_vip), held.made_by, held.generation, held.expires_at,
        ]  # fmt: skip
        head = "r1." + _encode(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
        return head + "." + _encode(_mac(head, self._keys[0]))

    def read(self, token: str, *, now: int) -> Membership:
        """The membership, if the token is ours and still good at `now` (UTC seconds). Raises `Denied`
        (`party.resume_invalid`), which does not tell why not."""
        head, _, mac = token.rpartition(".")
        if len(token) > LONGEST_TOKEN or not token.isascii() or not head.startswith("r1."):
            raise invalid()
        if not any(hmac.compare_digest(mac, _encode(_mac(head, key))) for key in self._keys):
            raise invalid()
        fields = json.loads(base64.urlsafe_b64decode(head[3:] + "=" * (-len(head[3:]) % 4)))
        room_id, member_id, name, subject, role, since, is_vip, made_by, generation, expires_at = fields
        if now >= expires_at:
            raise invalid()
        return Membership(
            room_id, member_id, name, subject, Role(role), since, bool(is_vip), made_by, generation, expires_at
        )  # fmt: skip


async def claim(leases: Leases, held: Membership) -> Membership | None:
    """Use a token: the membership of the next one; None if it is used up. Raises `Unavailable`, and then the token may
    have been used.

    A token that is refused takes nothing from whoever holds the next one: that is made void only by who had the second
    chance, and not if it was used before.
    """
    if held.used in await _take(leases, held.used, held.next(-1).settled):
        return held.next()
    if held.settled not in await _take(leases, held.settled):
        return None
    lost = held.next()
    return held.next(2) if lost.used in await _take(leases, lost.used, lost.settled) else None


async def settle(leases: Leases, held: Membership) -> None:
    """The client of this membership has its welcome: the token that it came with is used up for good. Raises
    `Unavailable`."""
    await _take(leases, held.next(-1).settled)


async def void(leases: Leases, held: Membership) -> None:
    """Neither the token of this membership nor the one before brings anybody back. Raises `Unavailable`."""
    await _take(leases, held.next(-1).settled, held.used, held.settled)


async def _take(leases: Leases, *names: str) -> set[str]:
    # An owner whom nobody else is: of any number who ask for a lease, one gets it.
    return set(await leases.acquire(names, owner=secrets.token_hex(8), ttl_seconds=LEASED_SECONDS))


def invalid() -> Denied:
    """The refusal."""
    return Denied(
        "This token does not bring you back.", code="party.resume_invalid", advice="Join the room again."
    )


def _mac(head: str, key: bytes) -> bytes:
    return hmac.new(key, b"cuelight-resume:" + head.encode("ascii"), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
