"""What the rest of Cuelight may ask of Twitch, and every answer it can get.

An answer that decides something is a *value* (an outcome below). What only says "not now" is *raised*:

- `Waiting`      a limit of Twitch or our own pace; not an attempt, try again after `retry_after_seconds`
- `TwitchDown`   5xx, broken connection, a time-out that reading back could not resolve; an attempt, try again
- `LoginNeeded`  the channel's grant is dead or lacks a scope; park the channel's work until somebody logs in
- `TwitchBroken` an answer that no page of the documentation foresees; alarm

Identifiers are Twitch's numeric strings. Sources: Twitch API reference (docs/facts/twitch.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from domain.errors import Broken, Unavailable


class Waiting(Unavailable):
    """A rate limit: nothing was done, nothing is wrong."""

    code = "twitch.waiting"


class TwitchDown(Unavailable):
    """Twitch did not give a usable answer."""

    code = "twitch.down"


class LoginNeeded(Unavailable):
    """The channel needs to log in again. `channel_id` says which, `scopes` what is missing (if that is why)."""

    code = "twitch.login_needed"

    def __init__(self, channel_id: str, message: str, *, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(message, advice="The streamer needs to log in again.", retry_after_seconds=300.0)
        self.channel_id = channel_id
        self.scopes = scopes


class TwitchBroken(Broken):
    """An answer that no contract foresees. `status` and `body` (shortened, redacted) say what came."""

    code = "twitch.broken"

    def __init__(self, message: str, *, status: int = 0, body: str = "") -> None:
        super().__init__(message, advice="See the log; the answer of Twitch is quoted there.")
        self.status = status
        self.body = body


class AddVip(StrEnum):
    """Answers to "make this viewer VIP"."""

    ADDED = "added"  # 204
    ALREADY_VIP = "already_vip"  # 422
    MODERATOR = "moderator"  # 422: moderators cannot be VIP
    NO_SLOT = "no_slot"  # 409
    BLOCKED = "blocked"  # 400 with a message that says banned or blocked
    LOCKED = "locked"  # 425: "Build a Community" is not finished
    UNKNOWN_USER = "unknown_user"  # 404: renamed is fine, deleted or suspended is not


class RemoveVip(StrEnum):
    """Answers to "take this VIP away"; all of them mean that the viewer is not VIP now."""

    REMOVED = "removed"  # 204
    NOT_VIP = "not_vip"  # 422
    UNKNOWN_USER = "unknown_user"  # 404


class Resolve(StrEnum):
    """Answers to "fulfil" or "cancel" a redemption."""

    DONE = "done"  # 200
    NOT_UNFULFILLED = "not_unfulfilled"  # 404: somebody resolved it before, or it is gone: read it back
    FOREIGN = "foreign"  # 403: another application made the reward


class Chat(StrEnum):
    """Answers to "say this in chat"."""

    SENT = "sent"
    DROPPED = "dropped"  # 200 with is_sent false
    FORBIDDEN = "forbidden"  # 403
    TOO_LONG = "too_long"  # 422


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    outcome: Chat
    message_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class User:
    id: str
    login: str
    name: str
    broadcaster_type: str = ""


@dataclass(frozen=True, slots=True)
class RemoteRedemption:
    """A redemption as Helix tells it. `status`: UNFULFILLED, FULFILLED or CANCELED (upper case, one L)."""

    id: str
    channel_id: str
    reward_id: str
    reward_title: str
    reward_cost: int
    user: User
    user_input: str
    status: str
    redeemed_at: int


@dataclass(frozen=True, slots=True)
class RemoteReward:
    """A custom reward as Helix tells it. A limit or a cooldown that is off is 0; `redeemed_now`: how often it was
    redeemed in the stream that is on, `None` when none is."""

    id: str
    title: str
    cost: int
    is_enabled: bool
    is_paused: bool
    skips_queue: bool
    prompt: str = ""
    color: str = ""
    user_input: bool = False
    cooldown_seconds: int = 0
    max_per_stream: int = 0
    max_per_viewer_per_stream: int = 0
    in_stock: bool = True
    redeemed_now: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteSubscription:
    """An EventSub subscription as Twitch lists it."""

    id: str
    type: str
    version: str
    status: str
    condition: dict[str, str] = field(default_factory=dict)
    method: str = "websocket"
    session_id: str = ""
    callback: str = ""
    conduit_id: str = ""


class Helix(Protocol):
    """The calls that we make. Every one may raise `Waiting`, `TwitchDown`, `LoginNeeded`, `TwitchBroken`.

    `channel_id` also says whose token is used. Adds and removals of VIPs are paced (ten of each per ten seconds and
    channel, Twitch's limit): over the pace they raise `Waiting` without calling.
    """

    async def add_vip(self, channel_id: str, user_id: str) -> AddVip:
        """Idempotent by its outcome. A time-out is resolved by reading back: VIP now means `ADDED`."""
        ...

    async def remove_vip(self, channel_id: str, user_id: str) -> RemoveVip: ...

    async def is_vip(self, channel_id: str, user_id: str) -> bool: ...

    async def is_moderator(self, channel_id: str, user_id: str) -> bool: ...

    async def vips(self, channel_id: str) -> list[User]:
        """All VIPs of the channel (all pages)."""
        ...

    async def moderators(self, channel_id: str) -> list[User]:
        """All moderators of the channel (all pages)."""
        ...

    async def is_banned(self, channel_id: str, user_id: str) -> bool:
        """Whether a viewer is banned for good; a timeout is no ban."""
        ...

    async def is_subscriber(self, channel_id: str, user_id: str) -> bool: ...

    async def followed_at(self, channel_id: str, user_id: str) -> int | None:
        """Since when a viewer follows the channel (UTC ms); `None`: he does not."""
        ...

    async def stream(self, channel_id: str) -> int | None:
        """When the stream that is on now began (UTC ms); `None`: off air."""
        ...

    async def resolve(
        self, channel_id: str, reward_id: str, redemption_id: str, status: Literal["FULFILLED", "CANCELED"]
    ) -> Resolve: ...

    async def redemption(
        self, channel_id: str, reward_id: str, redemption_id: str
    ) -> RemoteRedemption | None: ...

    def unfulfilled(self, channel_id: str, reward_id: str) -> AsyncIterator[RemoteRedemption]:
        """All UNFULFILLED redemptions of a reward, oldest first."""
        ...

    async def say(self, channel_id: str, sender_id: str, text: str) -> ChatAnswer:
        """At most 500 characters. The sender's token is used."""
        ...

    async def users(
        self, channel_id: str, *, ids: Sequence[str] = (), logins: Sequence[str] = ()
    ) -> list[User]: ...

    async def user_by_login(self, channel_id: str, login: str) -> User | None:
        """The account that has this login now; `None` also for what cannot be a login."""
        ...

    async def rewards(self, channel_id: str) -> list[RemoteReward]:
        """The rewards that our application made."""
        ...

    async def all_rewards(self, channel_id: str) -> list[RemoteReward]:
        """Every custom reward of the channel, whoever made it, also those that are switched off."""
        ...

    async def create_reward(self, channel_id: str, body: dict[str, Any]) -> RemoteReward:
        """Raises `Rejected` with Twitch's sentence: `twitch.reward` on 400, `twitch.reward_title` when the title is
        taken, `twitch.reward_limit` for the 51st, `twitch.reward_forbidden` (no affiliate, no partner) on 403."""
        ...

    async def update_reward(self, channel_id: str, reward_id: str, body: dict[str, Any]) -> RemoteReward:
        """Only what changes is in `body`. Raises as `create_reward` does (403: also when another application made the
        reward), and `NotFound` (`twitch.reward_gone`)."""
        ...

    async def delete_reward(self, channel_id: str, reward_id: str) -> bool:
        """Twitch fulfils what is unfulfilled then, so the points are lost: cancel first. False when the reward was gone
        already. Raises `Rejected` (`twitch.reward_forbidden`) when another application made it."""
        ...

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription:
        """Raises `Conflict` on 409 (exists), `LoginNeeded` on 403, `Waiting` on 429, `Rejected` on 400."""
        ...

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]: ...

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        """False when it was gone already."""
        ...
