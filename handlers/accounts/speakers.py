"""Who speaks in a channel's chat: the account that the streamer connected, else the operator's, else the streamer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog

from domain.audit import streamer
from domain.ports import Clock
from gateways.twitch.contracts import User
from gateways.twitch.scopes import Feature, scopes_for
from gateways.twitch.tokens import TokenKeeper
from handlers.accounts.team import Changed
from storage.channels import Channels
from storage.team import Bot, Bots

log = structlog.get_logger(__name__)

BOT_SCOPES = scopes_for((Feature.CHAT_AS_APP_BOT, Feature.READ_CHAT))
"""What the account grants: to write, to be a bot, to read commands."""

Kind = Literal["self", "bot", "shared_bot"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """`kind`: the streamer himself, an account of his, or the operator's for all channels."""

    id: str
    kind: Kind
    login: str = ""
    name: str = ""


class Speakers:
    """`shared_id`: the operator's account (TWITCH_BOT_ID), empty for none."""

    def __init__(
        self,
        *,
        bots: Bots,
        tokens: TokenKeeper,
        channels: Channels,
        shared_id: str,
        clock: Clock,
        changed: Changed,
    ) -> None:
        self._bots, self._tokens, self._channels = bots, tokens, channels
        self._shared_id, self._clock, self._told = shared_id, clock, changed

    async def of(self, channel_id: str) -> Speaker:
        """Who is to speak."""
        return (await self.choices(channel_id))[0]

    async def choices(self, channel_id: str) -> list[Speaker]:
        """Who may speak, the best first; the streamer is always the last."""
        found: list[Speaker] = []
        bot = await self._bots.get(channel_id)
        if bot is not None:
            found.append(Speaker(bot.bot_id, "bot", bot.login, bot.name))
        if self._shared_id and self._shared_id != channel_id:
            found.append(Speaker(self._shared_id, "shared_bot"))
        return [*found, Speaker(channel_id, "self")]

    async def connect(self, channel_id: str, user: User) -> None:
        """From now on this account speaks in the channel; its grant is stored."""
        before = await self._bots.get(channel_id)
        await self._bots.put(Bot(channel_id, user.id, user.login, user.name, self._clock.now()))
        log.info("account.bot_connected", channel=channel_id, bot=user.id)
        if before is not None and before.bot_id != user.id:
            await self._let_go(before.bot_id)
        await self._told(channel_id, "account", streamer(channel_id), {"speaks_as": user.login})

    async def disconnect(self, channel_id: str) -> bool:
        """The streamer speaks himself again. The account's grant ends unless it is needed elsewhere. False when there
        was none. Repeating it completes what a crash left; raises what Twitch and the store raise."""
        bot = await self._bots.get(channel_id)
        if bot is None:
            return False
        await self._let_go(bot.bot_id, besides=channel_id)
        await self._bots.remove(channel_id)
        await self._told(channel_id, "account", streamer(channel_id), {"speaks_as": ""})
        log.info("account.bot_disconnected", channel=channel_id, bot=bot.bot_id)
        return True

    async def _let_go(self, bot_id: str, *, besides: str = "") -> None:
        held = await self._bots.get(besides) if besides else None
        own = 1 if held is not None and held.bot_id == bot_id else 0
        used = await self._bots.speaking(bot_id) > own or bot_id == self._shared_id
        if not used and await self._channels.get(bot_id) is None:
            await self._tokens.give_back(bot_id)
