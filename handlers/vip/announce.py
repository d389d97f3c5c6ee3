"""Telling everybody what happened: the audit trail, the live page, chat. Each exactly once, by the record's id."""

from __future__ import annotations

import json
from collections.abc import Mapping

from domain.audit import AuditRecord
from domain.events import text
from domain.inbox import Delivery
from domain.ports import Metrics
from domain.vip import VipSession
from domain.words import say
from gateways.twitch.contracts import Chat, Helix, LoginNeeded, Waiting
from handlers.intake import Intake
from handlers.vip.live import Live
from handlers.work import Work
from storage.audit import AuditTrail
from storage.channels import Channels

Line = tuple[str, Mapping[str, str]]
"""A template of `domain.words.CHAT` and its values."""


class Announcer:
    """Repeating an announcement after a crash completes what was missing and doubles nothing."""

    def __init__(self, *, audit: AuditTrail, live: Live, intake: Intake, channels: Channels) -> None:
        self._audit, self._live, self._intake, self._channels = audit, live, intake, channels

    async def announce(
        self, record: AuditRecord, *, session: VipSession | None = None, line: Line | None = None
    ) -> bool:
        """Write the record, show it and the session, and put a chat line into its own lane, where it holds up
        nobody. Returns whether the record is new."""
        new = await self._audit.add(record)
        if session is not None:
            await self._live.show_vip(session, key=record.id)
        await self._live.show_activity(record)
        channel = await self._channels.get(record.channel_id)
        if line is not None and channel is not None and channel.chat:
            template, values = line
            body = {"channel_id": record.channel_id, "text": say(template, values)}
            await self._intake.accept(
                Delivery(
                    source="chat",
                    message_id=record.id,
                    kind="chat.say",
                    lane=f"chat:{record.channel_id}",
                    channel_id=record.channel_id,
                    raw=json.dumps(body).encode(),
                )
            )
        return new


class ChatWriter:
    """Sends chat lines. A line is noted before it is sent, and after a crash it is not sent a second time: a missing
    message is a lesser evil than a double one."""

    def __init__(self, *, helix: Helix, sender_id: str, metrics: Metrics) -> None:
        self._helix, self._sender_id, self._metrics = helix, sender_id, metrics

    async def say(self, work: Work) -> str:
        """Handle a `chat.say` row. The sender is the bot account, or the streamer where there is none."""
        begun = work.noted("sending")
        if begun is not None and not begun.get("refused"):
            return "perhaps_sent"
        channel_id, line = text(work.payload, "channel_id"), text(work.payload, "text")
        work.hold()
        await work.note("sending", {"text": line})
        try:
            answer = await self._helix.say(channel_id, self._sender_id or channel_id, line)
        except (Waiting, LoginNeeded) as error:
            # Certainly not said: it may be sent when the wait is over.
            await work.note("sending", {"refused": error.code})
            raise
        self._metrics.count("chat_lines_total", outcome=answer.outcome.value)
        return answer.outcome.value if answer.outcome is not Chat.DROPPED else f"dropped {answer.reason}"[:80]
