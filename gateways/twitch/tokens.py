"""Access tokens of users: kept, refreshed once for all who ask in all processes, validated at start and hourly.

The new pair is stored before anybody uses it: a crash in between loses nothing. A grant that Twitch calls dead
(the user disconnected us, changed the password) is marked once, told once, and never tried again until a login.
Sources: Twitch authentication guide (docs/facts/twitch.md): refresh, validate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

import structlog

from domain.errors import CuelightError, Rejected, Unavailable
from domain.ports import Clock, Tasks
from gateways.leases.contracts import Leases
from gateways.leases.memory import MemoryLeases
from gateways.twitch.contracts import LoginNeeded
from gateways.twitch.oauth import Grant, GrantDead, TwitchOAuth
from gateways.twitch.refreshing import RefreshTurns, Turn
from gateways.twitch.single_flight import SingleFlight

VALIDATE_EVERY_SECONDS = 3600.0  # Twitch demands it hourly, and audits it
BELIEVE_SECONDS = (
    5.0  # what another process stored or marked is seen after this time, if no signal tells it before
)
_SLEEP_SECONDS = 15.0  # at most this at once: laptops suspend
_STORE_TRIES = 5  # each lost race means that somebody else stored a newer pair

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """The grant of one user. `expires_at` in UTC ms; `dead` says why it cannot be used ("" while it can).

    `revision` is 0 for one that was never stored; the store counts it.
    """

    user_id: str
    login: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: int
    dead: str = ""
    revision: int = 0


class TokenStore(Protocol):
    """Where grants are kept, encrypted at rest. What returned is durable. May raise the errors of the storage."""

    async def load(self, user_id: str) -> StoredToken | None: ...

    async def replace(self, user_id: str, expected_revision: int, new: StoredToken) -> bool:
        """Write `new` as revision `expected_revision + 1`, if the stored one is still at `expected_revision`.

        0 means "there is none yet". False when somebody else was faster: nothing is written.
        """
        ...

    async def mark_dead(self, user_id: str, expected_revision: int, why: str) -> bool:
        """Set `dead`, counting as a revision, under the same condition."""
        ...

    async def remove(self, user_id: str, expected_revision: int) -> bool:
        """Forget a grant, under the same condition. False as well when there is none."""
        ...

    async def ids(self) -> Sequence[str]:
        """The ids of all users with a grant, dead ones too."""
        ...


async def _nobody(user_id: str) -> None:
    """Nobody wants to know."""


async def _nobody_why(user_id: str, why: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the store held at a moment of our monotonic clock."""

    token: StoredToken
    at: float


class TokenKeeper:
    """The only holder of user tokens in this process. `on_dead(user_id, why)` and `on_alive(user_id)` are told of each
    change that it made.

    `leases` and `owner` (this process) let one process of many refresh at a time; without them this one is alone.
    Every method may raise what the store raises. No error carries a token.
    """

    def __init__(
        self,
        *,
        store: TokenStore,
        oauth: TwitchOAuth,
        clock: Clock,
        tasks: Tasks,
        leases: Leases | None = None,
        owner: str = "alone",
        random: Random | None = None,
        on_dead: Callable[[str, str], Awaitable[None]] = _nobody_why,
        on_alive: Callable[[str], Awaitable[None]] = _nobody,
    ) -> None:
        self._store = store
        self._oauth = oauth
        self._clock = clock
        self._on_dead = on_dead
        self._on_alive = on_alive
        self._seen: dict[str, _Seen] = {}
        self._unsaved: dict[str, tuple[StoredToken, StoredToken]] = {}
        self._refreshes: SingleFlight[str] = SingleFlight(tasks=tasks, name="twitch.refresh")
        self._turns = RefreshTurns(
            leases=leases or MemoryLeases(clock=clock),
            owner=owner,
            clock=clock,
            random=random or Random(),  # noqa: S311 - spreads looks, guards nothing
        )

    async def access_token(self, user_id: str) -> str:
        """The newest token that we know. Raises `LoginNeeded` when there is none or the grant is dead.

        While the store is away, what it held is believed for longer.
        """
        return (await self._current(user_id)).access_token

    async def scopes(self, user_id: str) -> tuple[str, ...]:
        """What the user granted. Raises `LoginNeeded` as `access_token` does."""
        return (await self._current(user_id)).scopes

    async def standing(self, user_id: str) -> StoredToken | None:
        """The grant as it is stored, a dead one too; `None` where there is none."""
        return await self._store.load(user_id)

    async def give_back(self, user_id: str) -> bool:
        """End the grant at Twitch, then forget it. False when there was none.

        Repeating it after a crash completes it. Raises `TwitchDown` or `Waiting` when Twitch was not told.
        """
        stored = await self._store.load(user_id)
        if stored is None:
            return False
        if not stored.dead and not await self._oauth.revoke(stored.access_token):
            # An access token that ran out cannot be revoked, and the refresh token behind it lives on.
            try:
                await self._oauth.revoke(await self.refresh(user_id, stored.access_token))
            except LoginNeeded:
                log.info("twitch.grant_was_over", user=user_id)
            stored = await self._store.load(user_id) or stored
        gone = await self._store.remove(user_id, stored.revision)
        self._unsaved.pop(user_id, None)
        self.forget(user_id)
        return gone

    async def refresh(self, user_id: str, rejected_token: str) -> str:
        """A token newer than `rejected_token`, refreshed at most once however many ask.

        Raises `LoginNeeded` when the grant is dead, `TwitchDown` when Twitch cannot say (the old pair stays),
        `Waiting` when another process is at it for too long.
        """
        current = await self._current(user_id)
        if current.access_token != rejected_token:
            return current.access_token
        return await self._refreshes.run(user_id, lambda: self._refresh(user_id, rejected_token))

    def forget(self, user_id: str) -> None:
        """Another process changed the grant of this user ("": of anybody): read it again before it is used."""
        if user_id:
            self._seen.pop(user_id, None)
        else:
            self._seen.clear()

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None:
        """Twitch refused this token although it is fresh: the grant is dead, unless a newer pair is there."""
        stored = await self._store.load(user_id)
        if stored is not None and stored.access_token == rejected_token:
            await self._bury(stored, why)

    async def put(self, user_id: str, login: str, grant: Grant) -> StoredToken:
        """Keep what a login brought, whatever was there before; a dead grant is alive again."""
        for _ in range(_STORE_TRIES):
            old = await self._store.load(user_id)
            new = self._stored(user_id, login, grant, old.revision if old else 0)
            if await self._store.replace(user_id, new.revision - 1, new):
                self._unsaved.pop(user_id, None)
                self._saw(new)
                await self._on_alive(user_id)
                return new
        raise Rejected("Somebody else is storing a login of the same user.", code="twitch.login_race")

    async def validate(self, user_id: str) -> None:
        """Ask Twitch whether the token is good; a bad one is refreshed, scopes and login are kept up to date.

        Raises `LoginNeeded` when the grant is dead, `TwitchDown` when Twitch cannot say.
        """
        current = await self._current(user_id)
        seen = await self._oauth.validate(current.access_token)
        if seen is None:
            token = await self.refresh(user_id, current.access_token)
            current = await self._current(user_id)
            seen = await self._oauth.validate(token)
            if seen is None:
                await self.condemn(user_id, token, "Twitch refuses a token that it has just given.")
                raise _login_needed(user_id, "")
        if seen.user_id != user_id or seen.client_id != self._oauth.client_id:
            await self._bury(current, "The token belongs to another user or another application.")
            raise _login_needed(user_id, "")
        if set(seen.scopes) != set(current.scopes) or seen.login != current.login:
            new = replace(current, scopes=seen.scopes, login=seen.login, revision=current.revision + 1)
            await self._store.replace(user_id, current.revision, new)
            self.forget(user_id)  # it, or the newer pair that was there already, is read at the next call

    async def validate_all(self) -> dict[str, str]:
        """Validate every grant that is not known to be dead. Answers an error code by user id, "" where good."""
        results: dict[str, str] = {}
        for user_id in await self._store.ids():
            try:
                await self.validate(user_id)
                results[user_id] = ""
            except CuelightError as error:
                results[user_id] = error.code
        return results

    async def run_validation(self, clock: Clock) -> None:
        """Validate now, and each hour, for ever. A failure of the store is met again after a short sleep."""
        next_at = clock.monotonic()
        while True:
            if clock.monotonic() >= next_at:
                try:
                    await self.validate_all()
                    next_at = clock.monotonic() + VALIDATE_EVERY_SECONDS
                except CuelightError as error:
                    log.warning("twitch.validation_failed", code=error.code)
            await clock.sleep(_SLEEP_SECONDS)

    async def _current(self, user_id: str) -> StoredToken:
        seen = self._seen.get(user_id)
        if seen is not None and self._clock.monotonic() - seen.at < BELIEVE_SECONDS:
            return seen.token
        try:
            return await self._living(user_id)
        except LoginNeeded:
            raise
        except Unavailable:
            if seen is None:
                raise
            return seen.token

    async def _living(self, user_id: str) -> StoredToken:
        """What the store holds now. Raises `LoginNeeded` when that is nothing, or dead."""
        stored = await self._store.load(user_id)
        if stored is None or stored.dead:
            self.forget(user_id)
            raise _login_needed(user_id, stored.dead if stored else "")
        self._saw(stored)
        return stored

    def _saw(self, token: StoredToken) -> None:
        self._seen[token.user_id] = _Seen(token, self._clock.monotonic())

    async def _refresh(self, user_id: str, rejected_token: str) -> str:
        unsaved = self._unsaved.get(user_id)
        if unsaved is not None:  # Twitch gave it, the store could not keep it: first that, then anything else
            return await self._save_pair(*unsaved)
        async with self._turns.of(user_id) as turn:
            while True:
                ours = await turn.take()
                stored = await self._living(user_id)
                if stored.access_token != rejected_token:  # another process, or a login
                    return stored.access_token
                if ours and turn.time_left():
                    return await self._renew(stored, turn)

    async def _renew(self, stored: StoredToken, turn: Turn) -> str:
        """A new pair from Twitch, stored. The store may fail: then the pair is ours alone, and so stays the turn."""
        try:
            grant = await self._oauth.refresh(stored.refresh_token)
        except GrantDead as error:
            if await self._bury(stored, error.message):
                raise _login_needed(stored.user_id, error.message) from None
            return (await self._living(stored.user_id)).access_token
        try:
            return await self._save_pair(
                stored, self._stored(stored.user_id, stored.login, grant, stored.revision)
            )
        finally:
            if stored.user_id in self._unsaved:
                turn.keep()

    async def _save_pair(self, old: StoredToken, new: StoredToken) -> str:
        """Store a refreshed pair in place of `old`, then hand it out. If the store fails, it is kept for the next try.

        A change that left the old pair in place (new scopes, a new login name) must not win: the refresh token that
        it keeps may be used up. Nor must the mark that it is dead: who asked Twitch after us was told so, since we had
        the new one. Another pair does win.
        """
        user_id = new.user_id
        self._unsaved[user_id] = (old, new)
        basis: StoredToken | None = old
        while basis is not None and basis.refresh_token == old.refresh_token:
            new = replace(new, revision=basis.revision + 1)
            if await self._store.replace(user_id, basis.revision, new):
                self._unsaved.pop(user_id, None)
                self._saw(new)
                if basis.dead:
                    await self._on_alive(user_id)
                return new.access_token
            basis = await self._store.load(user_id)
        self._unsaved.pop(user_id, None)
        return (await self._living(user_id)).access_token

    async def _bury(self, stored: StoredToken, why: str) -> bool:
        """True when this grant is dead now; false when a newer one took its place in the meantime."""
        marked = await self._store.mark_dead(stored.user_id, stored.revision, why)
        self.forget(stored.user_id)
        if marked:
            await self._on_dead(stored.user_id, why)
        return marked

    def _stored(self, user_id: str, login: str, grant: Grant, revision: int) -> StoredToken:
        return StoredToken(
            user_id=user_id,
            login=login,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            scopes=grant.scopes,
            expires_at=self._clock.now() + grant.expires_in * 1000,
            revision=revision + 1,
        )


def _login_needed(user_id: str, why: str) -> LoginNeeded:
    return LoginNeeded(user_id, why or "Twitch has not granted us access to this account.")
