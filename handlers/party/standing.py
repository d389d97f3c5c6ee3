"""What somebody is in a channel: its streamer, of its team, its VIP. Asked at the door of a channel's room."""

from __future__ import annotations

from domain.vip import VipStatus
from handlers.accounts.sessions import DEVELOPMENT
from storage.channels import Channels
from storage.parties import subject_of
from storage.sessions import Sessions
from storage.team import Team, member_id
from storage.viewers import Viewers

TWITCH = subject_of("")


def of_twitch(user_id: str) -> str:
    """Who signed in here, as rooms name him."""
    return subject_of(user_id)


class Standing:
    """`development`: whether the demo's login is in force here, which owns every channel."""

    def __init__(
        self,
        *,
        channels: Channels,
        team: Team,
        sessions: Sessions,
        viewers: Viewers,
        development: bool = False,
    ) -> None:
        self._channels, self._team, self._sessions, self._viewers = channels, team, sessions, viewers
        self._development = development

    async def runs(self, subject: str, channel_id: str) -> bool:
        """Whether somebody is the streamer of a channel, or of its team."""
        user_id = _user(subject)
        if not user_id or await self._channels.get(channel_id) is None:
            return False
        if user_id == channel_id or (self._development and user_id == DEVELOPMENT):
            return True
        return any(one.id == member_id(channel_id, user_id) for one in await self._team.of_user(user_id))

    async def is_vip(self, subject: str, channel_id: str) -> bool:
        """Whether somebody is VIP of a channel now: by us, or, as far as Twitch has told us, by the streamer's hand."""
        user_id = _user(subject)
        if not user_id:
            return False
        held = await self._sessions.open_for(channel_id, user_id)
        if held is not None and held.status is VipStatus.ACTIVE:
            return True
        return (await self._viewers.get(channel_id, user_id)).by_hand_since > 0


def _user(subject: str) -> str:
    return subject.removeprefix(TWITCH) if subject.startswith(TWITCH) else ""
