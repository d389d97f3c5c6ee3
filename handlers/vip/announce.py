"""Telling everybody what happened: the audit trail, the live page, chat, Discord. Each exactly once, by the record's
id. What is said in chat or on Discord is a row of its own: it holds up nobody, and finds its words when it is sent."""

from __future__ import annotations

import json
from typing import Any

import structlog

from domain.audit import AuditRecord
from domain.channel import Channel
from domain.errors import Unavailable
from domain.events import text
from domain.inbox import Delivery
from domain.ports import Clock, Metrics
from domain.vip import Grant, VipSession
from domain.words import Line, line_of, line_shown, names, said
from gateways.twitch.contracts import Chat, ChatAnswer, Helix, LoginNeeded, Waiting
from handlers.accounts.speakers import Speakers
from handlers.intake import Intake
from handlers.vip.live import Live
from handlers.work import Work
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.pulses import Chats

__all__ = ("Announcer", "ChatWriter", "Line", "lasting")

log = structlog.get_logger(__name__)

ASIDE = "chat"
"""What these rows wait for from the start: a full chat is no backlog (`storage.inbox.Inbox.oldest_open`)."""


LATE_MS = 15 * 60_000
"""How old a line may be that is still said. Whoever logs in after a week shall not have a week's news in his chat, and
a thousand refunds do not fill it for hours."""


def lasting(session: VipSession, grant: Grant | None) -> dict[str, Any]:
    """What a line tells of how long a VIP lasts and of what was added now (`grant`)."""
    stream, after_ms = session.until_stream_end, session.after_stream_ms or None
    added = 0 if grant is None else grant.added_ms
    # The longest that a stream may last is nothing to be told beside a length that is meant.
    promised = after_ms is not None and grant is not None and grant.until_stream_end
    return {"duration_ms": None if promised else added, "until_stream": stream, "after_ms": after_ms}


class Announcer:
    """Repeating an announcement after a crash completes what was missing and doubles nothing."""

    def __init__(self, *, audit: AuditTrail, live: Live, intake: Intake, channels: Channels) -> None:
        self._audit, self._live, self._intake, self._channels = audit, live, intake, channels

    async def announce(
        self, record: AuditRecord, *, session: VipSession | None = None, line: Line | None = None
    ) -> bool:
        """Write the record, show it and the session, and have the line said. Returns whether the record is new."""
        new = await self._audit.add(record)
        if session is not None:
            await self._live.show_vip(session, key=record.id)
        await self._live.show_activity(record)
        if line is not None:
            await self.say(record.channel_id, line, id=record.id, at=record.at)
        return new

    async def was_told(self, record_id: str) -> bool:
        """Whether there is a record with this id."""
        return await self._audit.get(record_id) is not None

    async def say(self, channel_id: str, line: Line, *, id: str, at: int, answers: bool = False) -> None:
        """Have a line said once by this id, in chat and on Discord, as the streamer chose. `at`: when what it tells of
        happened (UTC ms). `answers`: somebody in chat has asked, so it is said there alone."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            return
        told = channel.settings.messages
        if channel.chat and not names(told.off, line.event):
            await self._queue(channel, line, id, at, kind="chat.say")
        if told.discord_url and not answers and names(told.discord, line.event):
            await self._queue(channel, line, id, at, kind="discord.say")

    async def _queue(self, channel: Channel, line: Line, id: str, at: int, *, kind: str) -> None:
        where = kind.partition(".")[0]
        body = {"channel_id": channel.id, "line": line_shown(line), "at": at}
        await self._intake.accept(
            Delivery(
                source=where,
                message_id=id,
                kind=kind,
                lane=f"{where}:{channel.id}",
                channel_id=channel.id,
                raw=json.dumps(body).encode(),
                waiting_for=ASIDE,
                # Told again, the line may speak of another moment: time that is left, a place on the waiting list.
                first_counts=True,
            )
        )


def in_words(channel: Channel, line: Line) -> str:
    """The sentence, as the channel's streamer wants it said."""
    return said(
        line,
        language=channel.language,
        texts=channel.settings.messages.texts,
        channel=channel.name or channel.login,
    )


class ChatWriter:
    """Sends chat lines. A line is noted before it is sent, and after a crash it is not sent a second time: a missing
    message is a lesser evil than a double one."""

    def __init__(
        self,
        *,
        helix: Helix,
        channels: Channels,
        chats: Chats,
        live: Live,
        sender_id: str,
        clock: Clock,
        metrics: Metrics,
        speakers: Speakers | None = None,
    ) -> None:
        """`speakers` knows who speaks where; without it that is `sender_id`, or the streamer where that is empty."""
        self._speakers = speakers
        self._helix, self._channels, self._chats, self._live = helix, channels, chats, live
        self._sender_id = sender_id
        self._clock, self._metrics = clock, metrics

    async def say(self, work: Work) -> str:
        """Handle a `chat.say` row. The sender is the bot account, or the streamer where there is none; where Twitch
        does not accept an account's grant any more, the next one speaks."""
        begun = work.noted("sending")
        if begun is not None and not begun.get("refused"):
            return "perhaps_sent"
        if self._clock.now() - work.row.received_at > LATE_MS:
            self._metrics.count("chat_lines_total", outcome="late")
            return "late"
        channel_id = text(work.payload, "channel_id")
        line = await self._line(work, channel_id)
        if not line:
            return "nothing_to_say"
        work.hold()
        await work.note("sending", {"text": line})
        try:
            answer = await self._said(channel_id, line)
        except (Waiting, LoginNeeded) as error:
            # Certainly not said: it may be sent when the wait is over.
            await work.note("sending", {"refused": error.code})
            raise
        self._metrics.count("chat_lines_total", outcome=answer.outcome.value)
        await self._tally(work, channel_id, answer)
        return answer.outcome.value if answer.outcome is not Chat.DROPPED else f"dropped {answer.reason}"[:80]

    async def _line(self, work: Work, channel_id: str) -> str:
        """What is to be said: written out in the row, or put into words now, as the streamer chose last."""
        told = work.payload.get("line")
        if not isinstance(told, dict):
            return text(work.payload, "text")
        channel = await self._channels.get(channel_id)
        return "" if channel is None else in_words(channel, line_of(told))

    async def _said(self, channel_id: str, line: str) -> ChatAnswer:
        if self._speakers is None:
            return await self._helix.say(channel_id, self._sender_id or channel_id, line)
        *better, last = await self._speakers.choices(channel_id)
        for speaker in better:
            try:
                return await self._helix.say(channel_id, speaker.id, line)
            except LoginNeeded as error:
                log.warning("chat.speaker_silent", channel=channel_id, speaker=speaker.id, code=error.code)
        return await self._helix.say(channel_id, last.id, line)

    async def _tally(self, work: Work, channel_id: str, answer: ChatAnswer) -> None:
        """Keep count for the page. The line is said or not: a store that is away must not have it said again."""
        try:
            if answer.outcome is Chat.SENT:
                await self._chats.sent(channel_id)
            else:
                reason = answer.reason or answer.outcome.value
                await self._chats.dropped(channel_id, at=self._clock.now(), reason=reason)
                # The page asks again how the channel is connected, which tells of the chat, too.
                await self._live.show_channel(channel_id, key=f"chat:{work.row.id}")
        except Unavailable as error:
            log.warning("chat.not_counted", channel=channel_id, code=error.code)
