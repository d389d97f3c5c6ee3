"""Who is signed in. Sessions live in the store; what a browser holds is a random key to one of them.

A session ends after `IDLE_MS` without use and after `LONGEST_MS` in any case. What somebody may do (his own channel,
the teams that he belongs to) is looked up with the session, so that whoever loses a right loses it while signed in.

Each request asks, so answers are remembered for `BELIEVE_SECONDS`. Whatever is ended or changed here is forgotten
here at once, and elsewhere by a signal; a signal that is lost costs those seconds.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from domain.ports import Clock
from gateways.signals.contracts import Signals
from storage.channels import Channels
from storage.logins import Login, Logins, digest
from storage.team import Team

SIGNAL = "logins"
IDLE_MS = 7 * 86_400_000
LONGEST_MS = 30 * 86_400_000
SEEN_MS = 600_000  # how exactly the last use is kept
BELIEVE_SECONDS = 3.0
MOST_REMEMBERED = 10_000
LONGEST_AGENT = 120
DEVELOPMENT = "development"
"""The subject of the login that the demo has: owner of every channel."""

RoleName = Literal["owner", "moderator"]
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is in force. `roles`: by channel id; `None` means owner of all of them. Times in UTC ms."""

    id: str
    subject: str
    login: str
    name: str
    csrf: str
    expires_at: int
    roles: Mapping[str, RoleName] | None

    def role_in(self, channel_id: str) -> RoleName | None:
        return "owner" if self.roles is None else self.roles.get(channel_id)


@dataclass(frozen=True, slots=True)
class _Remembered:
    found: SignedIn | None
    until: float  # monotonic


class LoginSessions:
    """The sessions of all browsers. `development`: whether that login is in force here; in a store that a demo left
    behind it is not."""

    def __init__(
        self,
        *,
        logins: Logins,
        team: Team,
        channels: Channels,
        signals: Signals,
        clock: Clock,
        development: bool = False,
    ) -> None:
        self._logins, self._team, self._channels = logins, team, channels
        self._signals, self._clock, self._development = signals, clock, development
        self._memory: OrderedDict[str, _Remembered] = OrderedDict()
        self._changes = 0
        self._watchers: list[Callable[[str], None]] = []
        signals.listen(SIGNAL, self._changed)

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Be told when sessions of somebody ended or changed: his id, or "" for everybody. Must not wait."""
        self._watchers.append(watcher)

    async def open(
        self, *, subject: str, login: str, name: str, agent: str = "", replaces: str = ""
    ) -> tuple[str, SignedIn]:
        """Begin a session: its key, for the browser alone, and the session. What the browser had before (`replaces`,
        a key) ends, so that a key that somebody planted there is worth nothing."""
        if _KEY.fullmatch(replaces):
            await self._logins.end(digest(replaces))
            self._memory.pop(digest(replaces), None)
        key, now = secrets.token_urlsafe(32), self._clock.now()
        begun = Login(
            id=digest(key),
            subject=subject,
            login=login,
            name=name,
            csrf=secrets.token_urlsafe(24),
            created_at=now,
            seen_at=now,
            expires_at=now + IDLE_MS,
            ends_at=now + LONGEST_MS,
            agent=shortened(agent),
        )
        await self._logins.add(begun)
        self._tell(subject)  # a role that was gained with it counts in the other sessions, too
        return key, await self._signed_in(begun)

    async def read(self, key: str) -> SignedIn | None:
        """The session that a browser's key opens; `None` for anything that opens none. Raises what the store raises."""
        return await self._look(digest(key), used=True) if _KEY.fullmatch(key) else None

    async def lasts(self, login_id: str, channel_id: str) -> bool:
        """Whether a session is still in force and may see a channel ("": none is asked about). Asking is no use of the
        session."""
        found = await self._look(login_id, used=False)
        return found is not None and (not channel_id or found.role_in(channel_id) is not None)

    async def of(self, subject: str) -> list[Login]:
        """All sessions of somebody that are in force, the latest first."""
        now = self._clock.now()
        return [login for login in await self._logins.of(subject) if login.expires_at > now]

    async def end(self, login_id: str, subject: str) -> None:
        """End one session of somebody, in all processes."""
        await self._logins.end(login_id)
        self._tell(subject)

    async def end_all(self, subject: str, *, unless: Callable[[], Awaitable[bool]] | None = None) -> int:
        """End every session of somebody; returns how many there were.

        `unless` is asked once it is known which they are: none ends where it says true, and one that begins afterwards
        is none of them.
        """
        logins = await self._logins.of(subject)
        if unless is not None and await unless():
            return 0
        for login in logins:
            await self._logins.end(login.id)
        self._tell(subject)
        return len(logins)

    def changed(self, subject: str) -> None:
        """What somebody may do has changed: his sessions are read again before they count."""
        self._tell(subject)

    def _tell(self, subject: str) -> None:
        self._changed(subject)
        self._signals.send(SIGNAL, subject)

    def _changed(self, subject: str) -> None:
        self._changes += 1
        if subject:
            for login_id, seen in list(self._memory.items()):
                if seen.found is not None and seen.found.subject == subject:
                    del self._memory[login_id]
        else:
            self._memory.clear()
        for watcher in self._watchers:
            watcher(subject)

    async def _look(self, login_id: str, *, used: bool) -> SignedIn | None:
        seen = self._memory.get(login_id)
        if seen is None or self._clock.monotonic() >= seen.until:
            seen = await self._remember(login_id, used=used)
        found = seen.found
        return found if found is not None and found.expires_at > self._clock.now() else None

    async def _remember(self, login_id: str, *, used: bool) -> _Remembered:
        changes = self._changes
        login = await self._logins.get(login_id)
        if login is not None and used:
            login = await self._touched(login)
        valid = login is not None and (self._development or login.subject != DEVELOPMENT)
        found = await self._signed_in(login) if login is not None and valid else None
        seen = _Remembered(found, self._clock.monotonic() + BELIEVE_SECONDS)
        if changes == self._changes:  # else it may be what was just ended
            self._memory[login_id] = seen
            self._memory.move_to_end(login_id)
            while len(self._memory) > MOST_REMEMBERED:
                self._memory.popitem(last=False)
        return seen

    async def _touched(self, login: Login) -> Login | None:
        now = self._clock.now()
        if login.expires_at <= now or now - login.seen_at < SEEN_MS:
            return login
        return await self._logins.change(
            login.id,
            lambda held: replace(held, seen_at=now, expires_at=min(held.ends_at, now + IDLE_MS)),
        )

    async def _signed_in(self, login: Login) -> SignedIn:
        return SignedIn(
            id=login.id,
            subject=login.subject,
            login=login.login,
            name=login.name,
            csrf=login.csrf,
            expires_at=login.expires_at,
            roles=None if login.subject == DEVELOPMENT else await self._roles(login.subject),
        )

    async def _roles(self, user_id: str) -> dict[str, RoleName]:
        roles: dict[str, RoleName] = {
            member.channel_id: "moderator"
            for member in await self._team.of_user(user_id)
            if await self._channels.get(member.channel_id)
            is not None  # its team outlives it until it is erased
        }
        if await self._channels.get(user_id) is not None:
            roles[user_id] = "owner"
        return roles


def shortened(agent: str) -> str:
    """A browser's name for itself, as far as people care."""
    return "".join(letter for letter in agent if letter.isprintable())[:LONGEST_AGENT]
