"""Who may work with which channel: its team, the account that speaks for it, and who the host of this installation
is."""

from __future__ import annotations

from dataclasses import dataclass

from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Schema, every

TEAM = Schema(
    name="team",
    fields={"channel_id": str, "user_id": str, "login": str},
    indexes=(("channel_id", "login"), ("user_id",)),
)
BOTS = Schema(name="bots", fields={"bot_id": str}, indexes=(("bot_id",),))
HOSTS = Schema(name="hosts")

_HOST = "host"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom a streamer let in. `id` is `<channel>:<user>`. `moderator`: he was a moderator on Twitch when we
    last knew. Times in UTC ms."""

    id: str
    channel_id: str
    user_id: str
    login: str
    name: str
    since: int
    added_by: str
    moderator: bool = False
    v: int = 1


@dataclass(frozen=True, slots=True)
class Bot:
    """The account that speaks in a channel in place of the streamer. `id` is the channel's."""

    id: str
    bot_id: str
    login: str
    name: str
    since: int
    v: int = 1


@dataclass(frozen=True, slots=True)
class Host:
    """The first streamer who signed in here."""

    id: str
    user_id: str
    since: int
    v: int = 1


def member_id(channel_id: str, user_id: str) -> str:
    return f"{channel_id}:{user_id}"


class Team:
    """The teams of all channels."""

    def __init__(self, team: Collection) -> None:
        self._team = team

    async def put(self, member: Member) -> Member:
        """Let somebody in. Who is in already keeps the day when he came; his names are written anew."""

        def apply(document: Document) -> Document:
            fresh = to_document(member)
            return {**fresh, "since": document["since"], "added_by": document["added_by"]}

        document = await self._team.change(member.id, apply, initial=to_document(member))
        return member if document is None else from_document(Member, document)

    async def remove(self, channel_id: str, user_id: str) -> bool:
        """False when he was not in."""
        return await self._team.delete(member_id(channel_id, user_id))

    async def of_channel(self, channel_id: str) -> list[Member]:
        """The team of a channel, by login."""
        where = {"channel_id": channel_id}
        return [
            from_document(Member, document)
            async for document in every(self._team, where, sort=[("login", 1)])
        ]

    async def of_user(self, user_id: str) -> list[Member]:
        """Where somebody was let in."""
        return [from_document(Member, document) async for document in every(self._team, {"user_id": user_id})]


class Bots:
    """The speakers of channels."""

    def __init__(self, bots: Collection) -> None:
        self._bots = bots

    async def get(self, channel_id: str) -> Bot | None:
        document = await self._bots.get(channel_id)
        return None if document is None else from_document(Bot, document)

    async def put(self, bot: Bot) -> None:
        await self._bots.change(bot.id, lambda _: to_document(bot), initial=to_document(bot))

    async def remove(self, channel_id: str) -> bool:
        return await self._bots.delete(channel_id)

    async def speaking(self, bot_id: str) -> int:
        """In how many channels an account speaks."""
        return await self._bots.count({"bot_id": bot_id})


class Hosts:
    """The host: whose installation this is."""

    def __init__(self, hosts: Collection) -> None:
        self._hosts = hosts

    async def get(self) -> Host | None:
        document = await self._hosts.get(_HOST)
        return None if document is None else from_document(Host, document)

    async def claim(self, user_id: str, *, now: int) -> bool:
        """Become the host, if nobody is: of any number who try at the same time, one does. True for the host
        himself."""
        host = Host(_HOST, user_id, now)
        try:
            await self._hosts.insert(to_document(host))
        except Duplicate:
            held = await self.get()
            return held is not None and held.user_id == user_id
        return True
