"""Joins what is told beside the announcements: Discord, commands in chat, reminders, "we are here"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.settings import Settings
from daemon.wiring_outside import Outside
from daemon.wiring_repositories import Repositories
from daemon.wiring_shared import Shared
from domain.channel import Channel
from domain.ports import Clock, Metrics
from gateways.discord import Discord
from gateways.pace import MemoryPace, Pace
from handlers.accounts.speakers import Speakers
from handlers.due_work import Waits
from handlers.intake import Intake
from handlers.vip.announce import Announcer
from handlers.vip.book import Book
from handlers.vip.commands import Commands
from handlers.vip.discord_writer import DiscordWriter, Opened, opener
from handlers.vip.online import Online
from handlers.vip.remind import Reminders
from handlers.vip.waiting import Waiting

if TYPE_CHECKING:
    from daemon.wiring_handlers import Desk
    from daemon.wiring_store import Kept


@dataclass(frozen=True, slots=True)
class MessageParts:
    """What telling needs of the outside: Discord, how its addresses are opened, the pace that all processes share."""

    discord: Discord
    opened: Opened
    pace: Pace


def open_messages(settings: Settings, kept: Kept, outside: Outside, shared: Shared) -> MessageParts:
    """As the operator set it; nothing is called yet."""
    return MessageParts(
        discord=Discord(http=outside.http, origin=settings.discord_url or ""),
        opened=opener(kept.grants.sealer),
        pace=shared.pace,
    )


async def say_online(desk: Desk, kept: Kept, *, start: str) -> None:
    """Once for a start: of the processes of a fleet the first one, alone every one."""
    if kept.daemons is None or await kept.daemons.is_first():
        await desk.telling.online.say(start=start)


@dataclass(frozen=True, slots=True)
class Telling:
    """`reminding` is to be run in one process that works: it lets `reminders` look."""

    commands: Commands
    discord: DiscordWriter
    reminders: Reminders
    reminding: Waits
    online: Online


def join_messages(
    repositories: Repositories,
    *,
    parts: MessageParts | None,
    speakers: Speakers | None,
    chat_sender_id: str,
    announcer: Announcer,
    waiting: Waiting,
    intake: Intake,
    book: Book,
    clock: Clock,
    metrics: Metrics,
) -> Telling:
    """Without `parts`, nothing is told on Discord."""
    r = repositories

    async def is_ours(channel_id: str, user_id: str) -> bool:
        """The streamer may ask in his own chat; a line of ours is never a command (`domain.words.filled`)."""
        if speakers is None:
            return user_id == chat_sender_id
        return any(one.id == user_id and one.kind != "self" for one in await speakers.choices(channel_id))

    commands = Commands(
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        slots=r.slots,
        redemptions=r.redemptions,
        waiting=waiting,
        announcer=announcer,
        is_ours=is_ours,
        pace=parts.pace if parts else MemoryPace(clock=clock),
        clock=clock,
    )
    reminders = Reminders(
        channels=r.channels, sessions=r.sessions, intake=intake, announcer=announcer, clock=clock
    )
    discord = DiscordWriter(
        discord=parts.discord if parts else None,
        opened=parts.opened if parts else _nowhere,
        channels=r.channels,
        book=book,
        clock=clock,
        metrics=metrics,
    )
    return Telling(
        commands=commands,
        discord=discord,
        reminders=reminders,
        reminding=Waits(waiting=reminders, clock=clock),
        online=Online(channels=r.channels, chats=r.chats, announcer=announcer, clock=clock),
    )


def _nowhere(channel: Channel) -> str:
    return ""
