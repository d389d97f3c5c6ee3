"""Signed invites: a link that lets somebody in, with a role, for a time, so many times.

`v1.<payload>.<mac>`, both parts base64url without padding; the MAC is HMAC-SHA256 (RFC 2104) over the first two parts
with the room's own key, so turning that key makes every invite of the room void. How often one was used is counted by
the shell under its nonce.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from domain.errors import Denied
from rooms.people import Role

LONGEST_SECONDS = 30 * 24 * 3600
MOST_USES = 10_000
LONGEST_TOKEN = 600
SMALLEST_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Invite:
    """`expires_at` in UTC seconds, since a link outlives room time. `uses`: how many may come by it."""

    room_id: str
    role: Role
    expires_at: int
    uses: int
    nonce: str


def sign(invite: Invite, key: bytes) -> str:
    """The invite as text for a link. Raises `ValueError` for what no room gives out: a host's role, a short key, or
    bounds that are none."""
    if not Role.GUEST <= invite.role <= Role.COHOST or not 0 < invite.uses <= MOST_USES:
        raise ValueError("An invite is for a guest, a member or a co-host, and for a bounded number of uses.")
    if len(key) < SMALLEST_KEY_BYTES or not 8 <= len(invite.nonce) <= 64:
        raise ValueError("An invite needs a key of 32 bytes and a nonce of 8 characters.")
    payload = [invite.room_id, int(invite.role), invite.expires_at, invite.uses, invite.nonce]
    head = "v1." + _encode(json.dumps(payload, separators=(",", ":")).encode())
    return head + "." + _encode(_mac(head, key))


def verify(token: str, *, room_id: str, key: bytes, now: int) -> Invite:
    """The invite, if it is for this room, of this key, and still good at `now` (UTC seconds). Raises `Denied`:
    `party.invite_invalid` (which does not tell why), `party.invite_expired`."""
    head, _, mac = token.rpartition(".")
    if len(token) > LONGEST_TOKEN or not token.isascii() or not head.startswith("v1."):
        raise _invalid()
    try:
        good = hmac.compare_digest(mac, _encode(_mac(head, key)))  # as text: one form only
        fields = json.loads(_decode(head[3:])) if good else None
    except (ValueError, binascii.Error):
        raise _invalid() from None
    if not isinstance(fields, list) or len(fields) != 5 or fields[0] != room_id:
        raise _invalid()
    invite = Invite(fields[0], Role(fields[1]), fields[2], fields[3], fields[4])
    if now >= invite.expires_at:
        raise Denied("This invite has expired.", code="party.invite_expired", advice="Ask for a new one.")
    return invite


def _invalid() -> Denied:
    return Denied(
        "This invite is not good for this room.", code="party.invite_invalid", advice="Ask for a new one."
    )


def _mac(head: str, key: bytes) -> bytes:
    return hmac.new(key, head.encode("ascii"), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
