"""What can happen in the channels: each deed changes the world, is booked, and is told to EventSub.

Helix, the control surface and the story all act through `Life`, so that a VIP made by the streamer's hand and
one made by the API obey the same rules. `by` says who did it: app, streamer, moderator, self, twitch.
"""

from __future__ import annotations

from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.ledger import Ledger
from simulators.twitch.limits import Window
from simulators.twitch.moment import now_ms
from simulators.twitch.rewards import (
    Redemption,
    Reward,
    pair_fields,
    redemption_for_eventsub,
    reward_for_eventsub,
)
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.talk import Publish
from simulators.twitch.world import Channel, User, World

_REDEMPTION = "channel.channel_points_custom_reward_redemption"
_REWARD = "channel.channel_points_custom_reward"


class Life:
    """The deeds. Each raises ApiError with Twitch's status when the world does not allow it."""

    def __init__(
        self, *, world: World, ledger: Ledger, ids: Ids, settings: SimulatorSettings, publish: Publish
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._ids = ids
        self._settings = settings
        self._publish = publish
        self._vip_windows: dict[tuple[str, str], Window] = {}

    # Redemptions

    def redeem(
        self, channel_id: str, reward_id: str, viewer_id: str, *, user_input: str = "", copies: int = 1
    ) -> Redemption:
        """A viewer pays for a reward. `copies` delivers the event so many times with one message id.

        Raises ApiError 404 for unknown ids, 409 when the reward cannot be redeemed now.
        """
        channel = self._world.channel(channel_id)
        viewer = self._require_user(viewer_id)
        reward = channel.rewards.get(reward_id)
        if reward is None:
            raise ApiError(404, "no such reward in this channel")
        self._check_redeemable(reward, viewer_id)
        self._world.pay(channel, viewer_id, reward.cost)
        skips = reward.should_redemptions_skip_request_queue
        redemption = Redemption(
            id=self._ids.unique(),
            reward_id=reward.id,
            user_id=viewer_id,
            user_input=user_input,
            cost=reward.cost,
            title=reward.title,
            prompt=reward.prompt,
            status="FULFILLED" if skips else "UNFULFILLED",
            redeemed_at=now_ms(),
        )
        channel.redemptions[redemption.id] = redemption
        reward.redemptions[redemption.id] = redemption
        if reward.is_global_cooldown_enabled:
            reward.cooldown_until = redemption.redeemed_at + reward.global_cooldown_seconds * 1000
        self._book("redeemed", channel, redemption, by="self", cost=reward.cost)
        if skips:
            self._book("fulfilled", channel, redemption, by="twitch", why="the reward skips the queue")
        else:
            reward.unfulfilled[redemption.id] = redemption
        self._tell_redemption(".add", channel, redemption, viewer, copies)
        return redemption

    def resolve(
        self, channel: Channel, redemption: Redemption, status: str, *, by: str, why: str = ""
    ) -> None:
        """FULFILLED or CANCELED, once; CANCELED gives the points back. Raises ApiError 404 the second time."""
        if redemption.status != "UNFULFILLED":
            raise ApiError(404, "The redemption was not found or is not in the UNFULFILLED state.")
        if status not in ("FULFILLED", "CANCELED"):
            raise ApiError(400, "The value in status must be FULFILLED or CANCELED.")
        redemption.status = status
        redemption.resolved_at = now_ms()
        reward = channel.rewards.get(redemption.reward_id)
        if reward is not None:
            reward.unfulfilled.pop(redemption.id, None)
        if status == "CANCELED":
            self._world.pay(channel, redemption.user_id, -redemption.cost)
            self._book("refunded", channel, redemption, by=by, points=redemption.cost)
        else:
            self._book("fulfilled", channel, redemption, by=by, why=why)
        self._tell_redemption(".update", channel, redemption, self._world.users[redemption.user_id], 1)

    # VIPs and other roles

    def add_vip(self, channel: Channel, user_id: str, *, by: str) -> None:
        """Raises ApiError 404, 425, 422 (moderator, already VIP), 400 (blocked), 409 (full), 429 (pace of the API)."""
        user = self._require_user(user_id)
        window = self._window("add", channel, by)
        if window.full():
            raise ApiError(429, "The broadcaster may not add more than 10 VIPs within a 10-second period.")
        if not channel.unlocked:
            raise ApiError(
                425,
                "The broadcaster must complete the Build a Community requirement before they may add VIPs.",
            )
        if user_id in channel.moderators:
            raise ApiError(
                422,
                "The user in the user_id query parameter is a moderator. To make them a VIP, you must first "
                "remove them as a moderator.",
            )
        if user_id in channel.vips:
            raise ApiError(422, "The user in the user_id query parameter is already a VIP.")
        if user_id in channel.blocked:
            raise ApiError(400, "The user specified is blocked from the broadcaster's channel.")
        if user_id == channel.id:
            raise ApiError(400, "The ID in user_id must not be the ID of the broadcaster.")
        if len(channel.vips) >= channel.vip_slots:
            raise ApiError(409, "The broadcaster doesn't have available VIP slots.")
        window.take()
        channel.vips[user_id] = now_ms()
        self._ledger.write("vip_added", channel_id=channel.id, user_id=user_id, by=by)
        self._tell_role("channel.vip.add", channel, user)

    def remove_vip(self, channel: Channel, user_id: str, *, by: str) -> None:
        """Raises ApiError 404 (no such user), 422 (is not a VIP), 429 (pace of the API)."""
        user = self._require_user(user_id)
        window = self._window("remove", channel, by)
        if window.full():
            raise ApiError(429, "The broadcaster may not remove more than 10 VIPs within a 10-second period.")
        if user_id not in channel.vips:
            raise ApiError(
                422, "The user in the user_id query parameter is not a VIP in the broadcaster's channel."
            )
        window.take()
        self._drop_vip(channel, user, by)

    def add_moderator(self, channel: Channel, user_id: str) -> None:
        """By the streamer's hand. A VIP who is made a moderator loses the VIP badge (the roles exclude each other)."""
        user = self._require_user(user_id)
        if user_id in channel.vips:
            self._drop_vip(channel, user, "streamer")
        if user_id not in channel.moderators:
            channel.moderators[user_id] = now_ms()
            self._ledger.write("moderator_added", channel_id=channel.id, user_id=user_id, by="streamer")
            self._tell_role("channel.moderator.add", channel, user)

    def remove_moderator(self, channel: Channel, user_id: str) -> None:
        user = self._require_user(user_id)
        if channel.moderators.pop(user_id, None) is not None:
            self._ledger.write("moderator_removed", channel_id=channel.id, user_id=user_id, by="streamer")
            self._tell_role("channel.moderator.remove", channel, user)

    def block(self, channel: Channel, user_id: str, *, blocked: bool) -> None:
        """Ban or pardon. No event that the application subscribes to tells of it."""
        self._require_user(user_id)
        if blocked != (user_id in channel.blocked):
            (channel.blocked.add if blocked else channel.blocked.discard)(user_id)
            kind = "blocked" if blocked else "unblocked"
            self._ledger.write(kind, channel_id=channel.id, user_id=user_id, by="streamer")

    # Rewards

    def create_reward(self, channel: Channel, fields: dict[str, Any], *, client_id: str, by: str) -> Reward:
        """Raises ApiError 403 without affiliate or partner status, 400 for bad fields or the 51st reward."""
        self._check_affiliate(channel)
        if len(channel.rewards) >= self._settings.rewards_per_channel:
            raise ApiError(400, "The broadcaster has reached the limit of 50 custom rewards.")
        if "title" not in fields or "cost" not in fields:
            raise ApiError(400, "The title and cost fields are required.")
        reward = Reward(id=self._ids.unique(), client_id=client_id, title="", cost=0)
        reward.set_fields(fields)
        self._check_title(channel, reward.title, reward.id, "CREATE")
        channel.rewards[reward.id] = reward
        self._ledger.write("reward_created", channel_id=channel.id, reward_id=reward.id, by=by)
        self._tell_reward(".add", channel, reward)
        return reward

    def update_reward(self, channel: Channel, reward: Reward, fields: dict[str, Any], *, by: str) -> None:
        if isinstance(fields.get("title"), str):
            self._check_title(channel, fields["title"], reward.id, "UPDATE")
        reward.set_fields(fields)
        self._ledger.write("reward_updated", channel_id=channel.id, reward_id=reward.id, by=by)
        self._tell_reward(".update", channel, reward)

    def delete_reward(self, channel: Channel, reward: Reward, *, by: str) -> None:
        """Its UNFULFILLED redemptions become FULFILLED: the points are lost."""
        for redemption in list(reward.unfulfilled.values()):
            self.resolve(channel, redemption, "FULFILLED", by=by, why="the reward was deleted")
        del channel.rewards[reward.id]
        self._ledger.write("reward_deleted", channel_id=channel.id, reward_id=reward.id, by=by)
        self._tell_reward(".remove", channel, reward)

    # Accounts

    def delete_account(self, user: User) -> None:
        """The account is gone: its VIP badges fall off everywhere, its channel answers 404."""
        for channel in self._world.channels.values():
            if user.id in channel.vips:
                self._drop_vip(channel, user, "twitch")
            channel.moderators.pop(user.id, None)
        user.deleted = True
        self._ledger.write("account_deleted", channel_id=user.id, user_id=user.id, by="self")

    # Parts

    def _window(self, direction: str, channel: Channel, by: str) -> Window:
        if by != "app":
            return Window(0, 0)
        key = (direction, channel.id)
        if key not in self._vip_windows:
            self._vip_windows[key] = Window(self._settings.vip_changes, self._settings.vip_window_s)
        return self._vip_windows[key]

    def _require_user(self, user_id: str) -> User:
        user = self._world.user(user_id)
        if user is None:
            raise ApiError(404, "The ID in user_id was not found.")
        return user

    def _drop_vip(self, channel: Channel, user: User, by: str) -> None:
        del channel.vips[user.id]
        self._ledger.write("vip_removed", channel_id=channel.id, user_id=user.id, by=by)
        self._tell_role("channel.vip.remove", channel, user)

    def _check_redeemable(self, reward: Reward, viewer_id: str) -> None:
        if not reward.is_enabled or reward.is_paused or not reward.in_stock():
            raise ApiError(409, "the reward is disabled, paused or out of stock")
        if reward.cooldown_until is not None and reward.cooldown_until > now_ms():
            raise ApiError(409, "the reward is cooling down")
        if reward.is_max_per_user_per_stream_enabled:
            mine = sum(
                1 for r in reward.redemptions.values() if r.user_id == viewer_id and r.status != "CANCELED"
            )
            if mine >= reward.max_per_user_per_stream:
                raise ApiError(409, "the viewer has redeemed this reward often enough in this stream")

    def _check_affiliate(self, channel: Channel) -> None:
        if channel.user.broadcaster_type not in ("affiliate", "partner"):
            raise ApiError(403, "The broadcaster must have partner or affiliate status.")

    def _check_title(self, channel: Channel, title: str, reward_id: str, verb: str) -> None:
        if any(other.title == title and other.id != reward_id for other in channel.rewards.values()):
            raise ApiError(400, f"{verb}_CUSTOM_REWARD_DUPLICATE_REWARD")

    def _book(self, kind: str, channel: Channel, redemption: Redemption, *, by: str, **detail: Any) -> None:
        self._ledger.write(
            kind,
            channel_id=channel.id,
            user_id=redemption.user_id,
            redemption_id=redemption.id,
            reward_id=redemption.reward_id,
            by=by,
            **detail,
        )

    def _tell_redemption(
        self, suffix: str, channel: Channel, redemption: Redemption, user: User, copies: int
    ) -> None:
        facts = {"broadcaster_user_id": channel.id, "reward_id": redemption.reward_id}
        self._publish(
            _REDEMPTION + suffix, facts, redemption_for_eventsub(redemption, channel.user, user), copies
        )

    def _tell_reward(self, suffix: str, channel: Channel, reward: Reward) -> None:
        facts = {"broadcaster_user_id": channel.id, "reward_id": reward.id}
        self._publish(_REWARD + suffix, facts, reward_for_eventsub(reward, channel.user))

    def _tell_role(self, kind: str, channel: Channel, user: User) -> None:
        self._publish(kind, {"broadcaster_user_id": channel.id}, pair_fields(user, channel))
