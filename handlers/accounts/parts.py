"""What the handlers of rows need of accounts, in one hand; and what is known only after they are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.audit import Action, Actor
from gateways.twitch.subscriptions import Wanted
from gateways.twitch.tokens import TokenKeeper
from handlers.accounts.sessions import LoginSessions
from handlers.accounts.speakers import Speakers
from handlers.accounts.team import TeamWork
from handlers.erasure import Eraser
from handlers.vip.book import Book
from handlers.vip.channels import Watch
from storage.left import LeftChannels
from storage.team import Bots


class LateWatch:
    """Implements `Watch` for those who are joined before it is there. Until then nothing is held, and whoever comes to
    hold channels reads the store: so there is nothing to tell."""

    def __init__(self) -> None:
        self.watch: Watch | None = None

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        if self.watch is not None:
            self.watch.add(channel_id, wanted)

    async def remove(self, channel_id: str) -> None:
        if self.watch is not None:
            await self.watch.remove(channel_id)

    def restart(self, channel_id: str) -> None:
        if self.watch is not None:
            self.watch.restart(channel_id)

    def wake(self, channel_id: str) -> None:
        if self.watch is not None:
            self.watch.wake(channel_id)


class LateBook:
    """Writes down what was changed of a channel's team or account, once there is something to write it in."""

    def __init__(self) -> None:
        self.book: Book | None = None

    async def changed(self, channel_id: str, part: str, actor: Actor, detail: Mapping[str, Any]) -> None:
        """`part`: team or account. See `handlers.accounts.team.Changed`."""
        if self.book is not None:
            await self.book.write(
                channel_id, Action.SETTINGS_CHANGED, actor, parts=[part], detail={part: dict(detail)}
            )


@dataclass(frozen=True, slots=True)
class AccountParts:
    """The parts by which a channel leaves, its team is kept, and its chat is spoken in."""

    tokens: TokenKeeper
    watch: LateWatch
    book: LateBook
    speakers: Speakers
    bots: Bots
    team: TeamWork
    logins: LoginSessions
    left: LeftChannels
    erasure: Eraser


_conforms: type[Watch] = LateWatch
