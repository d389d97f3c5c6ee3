"""Resume tokens: who lost the socket comes back as the same member, at any process, without saying who one is again.

`r1.<payload>.<mac>`, both parts base64url without padding; the MAC is HMAC-SHA256 (RFC 2104) over what is before it.
The payload holds all that a membership is made of, so that a token is good also when the roster was lost. Each
generation is good once: the shell takes a lease with `lease_name`, which decides across processes, and the welcome
brings the next.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import Denied
from rooms.people import Member, Role

LONGEST_TOKEN = 1200
SMALLEST_KEY_BYTES = 32
GOOD_SECONDS = 600
"""A token is good for so long after the connection ended; see `people.AWAY_SECONDS`."""


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
    def lease_name(self) -> str:
        """Who holds this lease has used the token."""
        return f"party:resume:{self.member_id}:{self.generation}"

    def next(self) -> Membership:
        """With the generation of the next token."""
        return replace(self, generation=self.generation + 1)

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


def invalid() -> Denied:
    """The refusal."""
    return Denied(
        "This token does not bring you back.", code="party.resume_invalid", advice="Join the room again."
    )


def _mac(head: str, key: bytes) -> bytes:
    return hmac.new(key, b"cuelight-resume:" + head.encode("ascii"), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
