"""What viewers do besides redeeming, and what is done to them: follow, pay with bits, be banned, be renamed."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.ledger import Ledger
from simulators.twitch.life import Life
from simulators.twitch.moment import now_ms, rfc3339
from simulators.twitch.rewards import broadcaster_fields, pair_fields
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.talk import Publish
from simulators.twitch.world import Channel, User, World

BITS_TYPES = ("cheer", "power_up", "combo")
DROP_REASONS = {
    "msg_rejected": "Your message is being checked by mods and has not been sent.",
    "msg_rejected_mandatory": "Your message wasn't posted due to conflicts with the channel's moderation settings.",
    "msg_duplicate": "Your message was not sent because it is identical to the previous one you sent.",
    "msg_slowmode": "This room is in slow mode and you are sending messages too quickly.",
    "msg_followersonly": "This room is in followers-only mode.",
    "msg_subsonly": "This room is in subscribers-only mode.",
}


class Crowd:
    """The deeds. Those that EventSub tells of return their event."""

    def __init__(
        self,
        *,
        world: World,
        ledger: Ledger,
        ids: Ids,
        life: Life,
        settings: SimulatorSettings,
        publish: Publish,
    ) -> None:
        self._world, self._ledger, self._ids, self._life = world, ledger, ids, life
        self._settings, self._publish = settings, publish

    def follow(self, channel: Channel, user: User, *, since: int | None = None, ends: bool = False) -> None:
        """`since` in UTC ms, now by default. Raises ApiError 403 for who is banned."""
        if ends:
            channel.followers.pop(user.id, None)
            return
        if user.id in channel.blocked:
            raise ApiError(403, "who is banned cannot follow")
        channel.followers[user.id] = now_ms() if since is None else since

    def ban(
        self, channel: Channel, user: User, *, by: User, seconds: float | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """For good, or for so many seconds (a timeout). A ban for good takes following, the moderator's sword and, as
        `ban_takes_vip` says, the VIP badge; a timeout only the sword."""
        at = now_ms()
        if seconds is None:
            self._life.block(channel, user.id, blocked=True)
            channel.timeouts.pop(user.id, None)
            channel.followers.pop(user.id, None)
            if self._settings.ban_takes_vip and user.id in channel.vips:
                self._life.remove_vip(channel, user.id, by="twitch")
        else:
            channel.timeouts[user.id] = at + round(seconds * 1000)
            self._ledger.write("timed_out", channel_id=channel.id, user_id=user.id, by="moderator")
        self._life.remove_moderator(channel, user.id)
        ends_at = None if seconds is None else rfc3339(channel.timeouts[user.id])
        event = {
            **_moderated(channel, user, by),
            "reason": reason,
            "banned_at": rfc3339(at),
            "ends_at": ends_at,
            "is_permanent": seconds is None,
        }
        self._tell("channel.ban", channel, event)
        return event

    def unban(self, channel: Channel, user: User, *, by: User) -> dict[str, Any]:
        """Ends a ban or a timeout. A timeout that runs out is not told of."""
        channel.timeouts.pop(user.id, None)
        self._life.block(channel, user.id, blocked=False)
        event = _moderated(channel, user, by)
        self._tell("channel.unban", channel, event)
        return event

    def use_bits(
        self, channel: Channel, user: User | None, bits: int, *, type: str = "cheer", copies: int = 1
    ) -> dict[str, Any]:
        """`user` is None for an anonymous cheer. A cheer is told twice, as `channel.cheer` and `channel.bits.use`."""
        if type not in BITS_TYPES or bits < 1:
            raise ApiError(400, f"bits are 1 or more, type is one of {', '.join(BITS_TYPES)}")
        who: dict[str, Any] = {"user_id": None, "user_login": None, "user_name": None}
        if user is not None:
            who = {"user_id": user.id, "user_login": user.login, "user_name": user.name}
            self._contributed(channel, user, what=type, bits=bits)
        broadcaster = broadcaster_fields(channel.user, eventsub=True)
        said = f"Cheer{bits}" if type == "cheer" else ""
        power_up = {"type": "celebration", "emote": None, "message_effect_id": None}
        event = {
            **broadcaster,
            **who,
            "bits": bits,
            "type": type,
            "power_up": power_up if type == "power_up" else None,
            "custom_power_up": None,
            "message": {"text": said, "fragments": []} if said else None,
        }
        if type == "cheer":
            cheer = {"is_anonymous": user is None, **who, **broadcaster, "message": said, "bits": bits}
            self._tell("channel.cheer", channel, cheer)
        self._tell("channel.bits.use", channel, event, copies)
        return event

    def redeem_power_up(
        self, channel: Channel, user: User, *, title: str, bits: int, reward_id: str = "", copies: int = 1
    ) -> dict[str, Any]:
        """A custom power-up: told as a redemption of its own, and as a use of bits."""
        power_up: dict[str, Any] = {
            "id": reward_id or self._ids.unique(),
            "title": title,
            "bits": bits,
            "prompt": "",
        }
        event = {
            "id": self._ids.unique(),
            **pair_fields(user, channel),
            "user_input": "",
            "status": "unfulfilled",
            "redeemed_at": rfc3339(now_ms()),
            "custom_power_up": power_up,
        }
        self._contributed(channel, user, what="custom_power_up", bits=bits)
        facts = {"broadcaster_user_id": channel.id, "reward_id": power_up["id"]}
        self._publish("channel.custom_power_up_redemption.add", facts, event, copies)
        used = {
            **pair_fields(user, channel),
            "bits": bits,
            "type": "custom_power_up",
            "power_up": None,
            "custom_power_up": power_up,
            "message": None,
        }
        self._tell("channel.bits.use", channel, used)
        return event

    def rename(self, user: User, login: str, name: str | None = None) -> None:
        """Nothing tells of it but the next event."""
        self._world.rename(user, login, name)
        self._ledger.write("renamed", user_id=user.id, by="self")

    def drop_lines(self, channel: Channel, *, code: str, message: str = "", times: int = 1) -> None:
        """The next lines of applications are taken and not shown (`is_sent: false`), for a reason: one of
        `DROP_REASONS`, or another one. `times` 0: all are shown from here on."""
        if not code:
            raise ApiError(400, f"a drop has a code: {', '.join(DROP_REASONS)}, or another one")
        reason = (code, message or DROP_REASONS.get(code, code))
        channel.drops.clear()
        channel.drops.extend(repeat(reason, times))

    def arrange(self, channel: Channel, user: User) -> None:
        """For the oracle: from here on the streamer's own orders to the application (dashboard, API) decide about this
        VIP, not what was paid."""
        self._ledger.write("arranged", channel_id=channel.id, user_id=user.id, by="streamer")

    def _contributed(self, channel: Channel, user: User, **detail: Any) -> None:
        self._ledger.write("contributed", channel_id=channel.id, user_id=user.id, by="self", **detail)

    def _tell(self, kind: str, channel: Channel, event: dict[str, Any], copies: int = 1) -> None:
        self._publish(kind, {"broadcaster_user_id": channel.id}, event, copies)


def _moderated(channel: Channel, user: User, by: User) -> dict[str, Any]:
    return {
        **pair_fields(user, channel),
        "moderator_user_id": by.id,
        "moderator_user_login": by.login,
        "moderator_user_name": by.name,
    }
