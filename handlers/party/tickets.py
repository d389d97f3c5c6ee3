"""Short-lived credentials for a party's socket, given to who is known already: tickets, good once, and tokens, for
clients that can do nothing but put a token into an address.

Both are signed texts, so that handing one out writes nothing. That a ticket is used up is a lease under its nonce,
which one process gets, whichever is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

import jwt

from domain.ports import Clock
from gateways.leases.contracts import Leases
from handlers.party.issuer_keys import OWN_ISSUER, IssuerKey
from handlers.party.issuers import LONGEST_TOKEN, Claims, Issuers, unauthorized
from rooms.people import Role

TICKET_SECONDS = 60
TOKEN_SECONDS = 600
LONGEST_TICKET = 1000
_SPENT_SECONDS = TICKET_SECONDS + 60.0


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a ticket is for. `room_id`: the public room that a guest is let into, "" for who is signed in."""

    subject: str
    name: str
    role: Role = Role.MEMBER
    room_id: str = ""


def derived(secret: str, purpose: str) -> bytes:
    """A key of its own for each purpose, of the one secret of this installation: 32 bytes."""
    return hmac.new(secret.encode(), b"cuelight-party:" + purpose.encode(), hashlib.sha256).digest()


class Tickets:
    """Hands them out and takes them. `secret`: the same in all processes."""

    def __init__(self, *, secret: str, leases: Leases, clock: Clock) -> None:
        self._key, self._leases, self._clock = derived(secret, "ticket"), leases, clock
        self._token_key = derived(secret, "token")
        row = IssuerKey(OWN_ISSUER, "HS256", f"base64:{base64.b64encode(self._token_key).decode()}")
        self._own = Issuers([row], clock=clock)

    def ticket(self, bearer: Bearer) -> tuple[str, int]:
        """A ticket, and its end (UTC seconds)."""
        ends = self._clock.now() // 1000 + TICKET_SECONDS
        nonce = secrets.token_urlsafe(16)
        payload = [nonce, ends, bearer.subject, bearer.name, int(bearer.role), bearer.room_id]
        head = "t1." + _encode(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{head}.{_encode(self._mac(head))}", ends

    def token(self, bearer: Bearer) -> tuple[str, int]:
        """A JSON Web Token for who is signed in, good until its end (UTC seconds), as often as one likes."""
        now = self._clock.now() // 1000
        claims = {
            "iss": OWN_ISSUER,
            "sub": bearer.subject,
            "name": bearer.name,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        return jwt.encode(claims, self._token_key, algorithm="HS256"), now + TOKEN_SECONDS

    async def read_token(self, token: str) -> Claims:
        """Whom a token of ours is about; its subject is the whole one. Raises `Denied` (`party.unauthorized`)."""
        return await self._own.verify(token)

    async def take(self, ticket: str) -> Bearer:
        """Whom a ticket is for; it is used up with that. Raises `Denied` (`party.unauthorized`), and `Unavailable` when
        nobody can say whether it was used."""
        head, _, mac = ticket.rpartition(".")
        if len(ticket) > LONGEST_TICKET or not ticket.isascii() or not head.startswith("t1."):
            raise unauthorized()
        if not hmac.compare_digest(mac, _encode(self._mac(head))):
            raise unauthorized()
        try:
            nonce, ends, subject, name, role, room_id = json.loads(_decode(head[3:]))
        except (ValueError, binascii.Error):
            raise unauthorized() from None
        if self._clock.now() // 1000 >= ends:
            raise unauthorized()
        lease = f"party:ticket:{nonce}"
        # An owner whom nobody else is: of any number who bring the ticket, one gets the lease.
        held = await self._leases.acquire([lease], owner=secrets.token_hex(8), ttl_seconds=_SPENT_SECONDS)
        if lease not in held:
            raise unauthorized()
        return Bearer(subject, name, Role(role), room_id)

    def _mac(self, head: str) -> bytes:
        return hmac.new(self._key, head.encode("ascii"), hashlib.sha256).digest()


def is_own(token: str) -> bool:
    """Whether a token says that it is one of ours, which is nothing to rely on."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return False
    try:
        return bool(jwt.decode(token, options={"verify_signature": False}).get("iss") == OWN_ISSUER)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return False


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
