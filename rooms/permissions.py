"""Who may do what: one table, deny by default. A command without a row cannot be sent, and a test says so.

A command is judged twice by the same table: when it is decided, so that the sender gets a reason, and at its place in
the log, so that a host who was replaced a moment before changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.errors import Denied
from rooms.people import Role
from rooms.settings import Settings

Least = Role | Callable[[Settings], Role]
"""The least role, or how the room's settings say it."""

TABLE: Mapping[str, Least] = {
    # the film
    "party:play": lambda settings: settings.control,
    "party:pause": lambda settings: settings.control,
    "party:seek": lambda settings: settings.control,
    "party:rate": lambda settings: settings.control,
    "party:media": Role.COHOST,
    # the queue
    "party:queue:add": lambda settings: settings.queueing,
    "party:queue:vote": Role.MEMBER,
    "party:queue:skip": Role.MEMBER,
    "party:queue:move": Role.COHOST,
    "party:queue:remove": Role.COHOST,
    "party:queue:next": lambda settings: settings.control,
    # the chat
    "party:chat": lambda settings: Role.GUEST if settings.guests_chat else Role.MEMBER,
    "party:chat:delete": Role.GUEST,  # one's own; those of others from COHOST on (`chat.may_delete`)
    "party:chat:report": Role.GUEST,
    # the people
    "party:mute": Role.COHOST,
    "party:unmute": Role.COHOST,
    "party:kick": Role.COHOST,
    "party:ban": Role.COHOST,
    "party:unban": Role.COHOST,
    "party:role": Role.HOST,
    "party:host": Role.HOST,
    "party:host:take": Role.COHOST,  # only while the host is away (`election.may_take`)
    "party:invite": Role.COHOST,
    # the room
    "party:settings": Role.HOST,
    "party:close": Role.HOST,
    # the players
    "party:ready": Role.GUEST,
    "party:buffering": Role.GUEST,
}


def least(command: str, settings: Settings) -> Role | None:
    """The least role that may send a command; None for one that nobody may."""
    row = TABLE.get(command)
    return row(settings) if callable(row) and not isinstance(row, Role) else row


def may(role: Role, command: str, settings: Settings) -> bool:
    """Whether somebody with this role may. NOBODY may nothing."""
    needed = least(command, settings)
    return needed is not None and role > Role.NOBODY and role >= needed


def require(role: Role, command: str, settings: Settings) -> None:
    """Raises `Denied` (`party.forbidden`) unless the role may."""
    if not may(role, command, settings):
        needed = least(command, settings)
        whom = "Nobody" if needed is None else f"Only a {needed.name.lower()}"
        raise Denied(
            f"{whom} may do that in this room.", code="party.forbidden", advice="Ask the host for the role."
        )
