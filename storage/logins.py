"""Who is signed in, and who is about to be: sessions of browsers, and logins that wait for Twitch's answer.

Neither holds what a browser shows: the id of a document is the SHA-256 of the random text that the browser was given,
so that whoever reads the store cannot sign in with what is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every

LOGINS = Schema(
    name="logins", fields={"subject": str, "expires_at": int}, indexes=(("subject",), ("expires_at",))
)
CONSENTS = Schema(name="consents", fields={"expires_at": int}, indexes=(("expires_at",),))


def digest(text: str) -> str:
    """The id of a document whose key the browser holds."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Login:
    """The session of one browser. Times in UTC ms. `subject` is the Twitch id of who is signed in, `expires_at` moves
    with use until `ends_at`, `seen_at` is coarse (minutes). What its owner may do is not in here: it may change."""

    id: str
    subject: str
    login: str
    name: str
    csrf: str
    created_at: int
    seen_at: int
    expires_at: int
    ends_at: int
    agent: str = ""
    v: int = 1


@dataclass(frozen=True, slots=True)
class Consent:
    """A login that was begun, for one use. `purpose`: sign_in, bot or device. `binding` is the SHA-256 of what the
    browser that began it holds in a cookie.

    `subject`: only this user may answer ("": anybody). `channel_id`, `by`: the channel that a bot is for, and who asked
    for it. `widened`: Twitch
    was asked a second time, for what had been granted before as well. `device_code` is sealed, bound to
    `<id>:device_code`; `poll_at` says when Twitch may be asked again (UTC ms).
    """

    id: str
    purpose: str
    return_to: str
    scopes: tuple[str, ...]
    binding: str
    expires_at: int
    subject: str = ""
    channel_id: str = ""
    by: str = ""
    widened: bool = False
    device_code: str = ""
    interval_seconds: int = 0
    poll_at: int = 0
    v: int = 1


class Logins:
    """Sessions of browsers."""

    def __init__(self, logins: Collection) -> None:
        self._logins = logins

    async def add(self, login: Login) -> None:
        await self._logins.insert(to_document(login))

    async def get(self, login_id: str) -> Login | None:
        document = await self._logins.get(login_id)
        return None if document is None else _login(document)

    async def change(self, login_id: str, fn: Callable[[Login], Login]) -> Login | None:
        """Replace a session by `fn` of it (pure). `None`: it was ended meanwhile, and stays so."""
        document = await self._logins.change(login_id, lambda held: to_document(fn(_login(held))))
        return None if document is None else _login(document)

    async def end(self, login_id: str) -> bool:
        """False when there is none."""
        return await self._logins.delete(login_id)

    async def of(self, subject: str) -> list[Login]:
        """All sessions of somebody, the latest first."""
        found = [_login(document) async for document in every(self._logins, {"subject": subject})]
        return sorted(found, key=lambda login: login.created_at, reverse=True)


class Consents:
    """Logins that were begun."""

    def __init__(self, consents: Collection) -> None:
        self._consents = consents

    async def begin(self, consent: Consent) -> None:
        await self._consents.insert(to_document(consent))

    async def get(self, consent_id: str) -> Consent | None:
        document = await self._consents.get(consent_id)
        return None if document is None else from_document(Consent, document)

    async def take(self, consent_id: str) -> Consent | None:
        """The login that was begun, for the one who takes it: of any number of callers in any process exactly one gets
        it, the others `None`."""
        while (document := await self._consents.get(consent_id)) is not None:
            if await self._consents.delete(consent_id, rev=document["rev"]):
                return from_document(Consent, document)
        return None

    async def turn(self, consent_id: str, *, now: int) -> Consent | None:
        """The right to ask Twitch about a device, for one caller in each interval; `None` for the others."""
        got = False

        def apply(document: Document) -> Document | None:
            nonlocal got
            got = document["poll_at"] <= now
            return {**document, "poll_at": now + document["interval_seconds"] * 1000} if got else None

        document = await self._consents.change(consent_id, apply)
        return from_document(Consent, document) if document is not None and got else None


def _login(document: Document) -> Login:
    return from_document(Login, document)
