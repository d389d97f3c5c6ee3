"""Who and what exists: users, channels, their roles, points and rewards. State only, no rules of the API."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.moment import now_ms
from simulators.twitch.rewards import Redemption, Reward


@dataclass
class User:
    """An account. `login` is lower-case ASCII of 3 to 25 characters, `name` may be any script."""

    id: str
    login: str
    name: str
    broadcaster_type: str = ""
    created_at: int = 0
    deleted: bool = False


@dataclass
class Channel:
    """A broadcaster's channel. Roles and `followers` map a user id to the moment (ms) since when they hold, `timeouts`
    to the moment until when. `blocked` are banned for good. `drops`: why the next chat lines of applications are not
    shown, (code, sentence) each."""

    user: User
    vip_slots: int
    unlocked: bool = True
    vips: dict[str, int] = field(default_factory=dict)
    moderators: dict[str, int] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    timeouts: dict[str, int] = field(default_factory=dict)
    followers: dict[str, int] = field(default_factory=dict)
    subscribers: dict[str, str] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    rewards: dict[str, Reward] = field(default_factory=dict)
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    live_since: int | None = None
    drops: deque[tuple[str, str]] = field(default_factory=deque)

    @property
    def id(self) -> str:
        return self.user.id


class World:
    """All users and channels, by id and by login."""

    def __init__(self, *, ids: Ids, viewer_points: int) -> None:
        self._ids = ids
        self._viewer_points = viewer_points
        self._by_login: dict[str, User] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}

    def add_user(self, login: str, name: str | None = None, *, broadcaster_type: str = "") -> User:
        """A new account. Raises ApiError 409 when the login is taken."""
        login = login.lower()
        if login in self._by_login:
            raise ApiError(409, f"login {login!r} is taken")
        user = User(self._ids.user(), login, name or login, broadcaster_type, now_ms())
        self.users[user.id] = user
        self._by_login[login] = user
        return user

    def add_channel(
        self,
        login: str,
        name: str | None = None,
        *,
        vip_slots: int,
        unlocked: bool = True,
        broadcaster_type: str = "affiliate",
    ) -> Channel:
        user = self.add_user(login, name, broadcaster_type=broadcaster_type)
        channel = Channel(user=user, vip_slots=vip_slots, unlocked=unlocked)
        self.channels[user.id] = channel
        return channel

    def rename(self, user: User, login: str, name: str | None = None) -> None:
        """The account gets another login; the old one is free. Raises ApiError 409 when the new one is taken."""
        login = login.lower()
        if self._by_login.get(login, user) is not user:
            raise ApiError(409, f"login {login!r} is taken")
        del self._by_login[user.login]
        user.login, user.name = login, name or login
        self._by_login[login] = user

    def user(self, user_id: str) -> User | None:
        """The living account, or None."""
        user = self.users.get(user_id)
        return None if user is None or user.deleted else user

    def user_by_login(self, login: str) -> User | None:
        user = self._by_login.get(login.lower())
        return None if user is None or user.deleted else user

    def channel(self, channel_id: str) -> Channel:
        """Raises ApiError 404 for an unknown or deleted broadcaster."""
        channel = self.channels.get(channel_id)
        if channel is None or channel.user.deleted:
            raise ApiError(404, "The ID in broadcaster_id was not found.")
        return channel

    def points_of(self, channel: Channel, user_id: str) -> int:
        """The viewer's balance in this channel; everybody starts with the same."""
        return channel.points.get(user_id, self._viewer_points)

    def pay(self, channel: Channel, user_id: str, points: int) -> None:
        """Move `points` out of the balance (negative: back into it). Raises ApiError 409 when short."""
        balance = self.points_of(channel, user_id) - points
        if balance < 0:
            raise ApiError(409, "the viewer has not enough channel points")
        channel.points[user_id] = balance
