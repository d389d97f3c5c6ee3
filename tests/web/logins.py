"""The sessions of browsers in memory, where `handlers/accounts/sessions.py` would be: `LoginBook` as plain as can
be."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from domain.ports import Clock
from handlers.accounts.sessions import DEVELOPMENT, IDLE_MS, RoleName, SignedIn


@dataclass
class MemoryLogins:
    """Implements `web.ports.LoginBook`. Tests change `roles` (by subject), and look at `agents` and `looked`."""

    clock: Clock
    roles: dict[str, Mapping[str, RoleName]] = field(default_factory=dict)
    held: dict[str, SignedIn] = field(default_factory=dict)
    agents: list[str] = field(default_factory=list)
    watchers: list[Callable[[str], None]] = field(default_factory=list)
    looked: int = 0
    nobody: bool = False

    async def open(
        self, *, subject: str, login: str, name: str, agent: str, replaces: str
    ) -> tuple[str, SignedIn]:
        self.held.pop(replaces, None)
        self.agents.append(agent)
        key = secrets.token_urlsafe(32)
        session = SignedIn(
            f"id-of-{key}", subject, login, name, secrets.token_urlsafe(24), self.clock.now() + IDLE_MS, None
        )
        self.held[key] = session
        return key, self._now(session)

    async def read(self, key: str) -> SignedIn | None:
        self.looked += 1
        session = self.held.get(key)
        valid = session is not None and session.expires_at > self.clock.now()
        return self._now(session) if session is not None and valid else None

    async def lasts(self, login_id: str, channel_id: str) -> bool:
        found = [one for one in self.held.values() if one.id == login_id]
        return bool(found) and (not channel_id or self._now(found[0]).role_in(channel_id) is not None)

    async def end(self, login_id: str, subject: str) -> None:
        self.held = {key: one for key, one in self.held.items() if one.id != login_id}
        self.tell(subject)

    async def end_all(self, subject: str) -> int:
        before = len(self.held)
        self.held = {key: one for key, one in self.held.items() if one.subject != subject}
        self.tell(subject)
        return before - len(self.held)

    def watch(self, watcher: Callable[[str], None]) -> None:
        self.watchers.append(watcher)

    async def nobody_yet(self) -> bool:
        return self.nobody

    def tell(self, subject: str) -> None:
        for watcher in self.watchers:
            watcher(subject)

    def _now(self, session: SignedIn) -> SignedIn:
        roles = None if session.subject == DEVELOPMENT else self.roles.get(session.subject, {})
        return replace(session, roles=roles)
