"""Answers viewers who ask in chat. `!vip`: how long am I VIP, or how do I become one; `!leave`: off the waiting list.

Nobody can make us talk without end: one answer for a viewer in ten seconds, and one in a channel in three. Whoever asks
sooner is not answered; he sees the last answer above. What is old when we come to it is left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.channel import Channel, Reward
from domain.commands import ChatMessage, Command, chat_message, command_in
from domain.ports import Clock
from domain.redemption import Refusal
from domain.vip import VipSession, VipStatus
from domain.words import Line
from gateways.pace import Pace
from handlers.vip.announce import Announcer
from handlers.vip.waiting import Waiting
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.slots import SlotsOf
from storage.viewers import Viewers

VIEWER_SECONDS = 10.0
CHANNEL_SECONDS = 3.0
LATE_MS = 60_000

IsOurs = Callable[[str, str], Awaitable[bool]]
"""Whether an account speaks for us in a channel (channel id, user id)."""


class Commands:
    """Handles `chat.message`."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        slots: SlotsOf,
        redemptions: Redemptions,
        waiting: Waiting,
        announcer: Announcer,
        is_ours: IsOurs,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._channels, self._sessions, self._viewers, self._slots = channels, sessions, viewers, slots
        self._redemptions, self._waiting, self._announcer = redemptions, waiting, announcer
        self._is_ours, self._pace, self._clock = is_ours, pace, clock

    async def heard(self, work: Work) -> str:
        """Returns `answered`, `leaves`, or why nothing was done: `off`, `ignored`, `late`, `our_own`, `too_soon`,
        `not_waiting`."""
        message = chat_message(work.event)
        channel = await self._channels.get(message.channel_id)
        if channel is None or not channel.settings.messages.answers_vip:
            return "off"
        command = command_in(message, channel.language)
        if command is None:
            return "ignored"
        if self._clock.now() - work.row.received_at > LATE_MS:
            return "late"
        if await self._is_ours(channel.id, message.viewer.id):
            return "our_own"
        if work.noted("heard") is None:  # an attempt that was cut off has had its turn
            if not await self._may(channel.id, message.viewer.id, command):
                return "too_soon"
            await work.note("heard", {"command": command.value})
        if command is Command.LEAVE:
            return await self._leave(channel.id, message.viewer.id)
        line = await self._answer(channel, message)
        await self._announcer.say(
            channel.id, line, id=f"{work.row.id}:answer", at=work.row.received_at, answers=True
        )
        return "answered"

    async def _may(self, channel_id: str, viewer_id: str, command: Command) -> bool:
        own = f"command:{command.value}:{channel_id}:{viewer_id}"
        if await self._pace.take(own, limit=1, window_seconds=VIEWER_SECONDS) > 0:
            return False
        if command is Command.LEAVE:
            return True  # it costs nobody a line
        if await self._pace.take(f"command:{channel_id}", limit=1, window_seconds=CHANNEL_SECONDS) > 0:
            await self._pace.give_back(own)
            return False
        return True

    async def _leave(self, channel_id: str, viewer_id: str) -> str:
        """Off the list with all that he has on it."""
        leaves = False
        for wait in (await self._slots.get(channel_id)).waiting:
            if wait.viewer_id != viewer_id:
                continue
            redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is not None:
                await self._waiting.let_go(redemption, Refusal.LEFT)
                leaves = True
        return "leaves" if leaves else "not_waiting"

    async def _answer(self, channel: Channel, message: ChatMessage) -> Line:
        viewer = message.viewer
        session = await self._sessions.open_for(channel.id, viewer.id)
        if session is not None and session.status is VipStatus.ACTIVE:
            return self._time_left(session, viewer.shown)
        for position, wait in enumerate((await self._slots.get(channel.id)).waiting, 1):
            if wait.viewer_id == viewer.id:
                sold = channel.reward(wait.reward_id)
                cost = None if sold is None else sold.cost
                return Line("waiting", viewer.shown, position=position, reward=wait.reward_title, cost=cost)
        record = await self._viewers.get(channel.id, viewer.id)
        if message.is_vip or record.by_hand_since > 0:
            return Line("vip_answer", viewer.shown, variant="no_end")
        reward = _cheapest(channel)
        if reward is None:
            return Line("vip_answer_none", viewer.shown, variant="no_reward")
        return Line("vip_answer_none", viewer.shown, reward=reward.title, cost=reward.cost)

    def _time_left(self, session: VipSession, shown: str) -> Line:
        left_ms = session.left_ms(self._clock.now())
        if session.left_at:  # over, and the streamer lets it be
            return Line("vip_answer", shown, variant="no_end")
        return Line(
            "vip_answer",
            shown,
            left_ms=left_ms,
            until_stream=session.until_stream_end,
            after_ms=session.after_stream_ms or None,
        )


def _cheapest(channel: Channel) -> Reward | None:
    """How one becomes VIP here, if anybody can at the moment."""
    if channel.paused:
        return None
    usable = [reward for reward in channel.rewards if reward.sells_time and not reward.paused_by_us]
    return min(usable, key=lambda reward: reward.cost, default=None)
