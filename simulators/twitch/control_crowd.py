"""Control commands for what happens around VIPs: followers, streams, bans, bits, subscriptions, names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.stage import Stage
from simulators.twitch.world import Channel, User

Body = dict[str, Any]


class CrowdControl:
    """One method per command. Those that EventSub tells of answer with the event."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def commands(self) -> dict[str, Callable[[Body], Body]]:
        return {
            "follow": self.follow,
            "stream": self.stream,
            "ban": self.ban,
            "unban": self.unban,
            "bits": self.bits,
            "subscribe": self.subscribe,
            "powerup": self.power_up,
            "rename": self.rename,
            "arrange": self.arrange,
            "drop": self.drop,
        }

    def follow(self, body: Body) -> Body:
        """{"channel_id","user_id","since":ms|null,"remove":false}"""
        since = None if body.get("since") is None else int(body["since"])
        ends = bool(body.get("remove"))
        self._stage.crowd.follow(self._channel(body), self._user(body), since=since, ends=ends)
        return {}

    def stream(self, body: Body) -> Body:
        """{"channel_id","live":true,"since":ms|null,"silent":false}: `silent` tells nobody, as if the notice was
        lost."""
        channel = self._channel(body)
        self._stage.talk.set_live(
            channel,
            live=bool(body.get("live", True)),
            since=None if body.get("since") is None else int(body["since"]),
            silent=bool(body.get("silent")),
        )
        return {"live_since": channel.live_since}

    def ban(self, body: Body) -> Body:
        """{"channel_id","user_id","by":user_id,"seconds":null,"reason":""}: with seconds it is a timeout."""
        seconds = None if body.get("seconds") is None else float(body["seconds"])
        channel = self._channel(body)
        return self._stage.crowd.ban(
            channel,
            self._user(body),
            by=self._by(body, channel),
            seconds=seconds,
            reason=str(body.get("reason", "")),
        )

    def unban(self, body: Body) -> Body:
        """{"channel_id","user_id","by":user_id}"""
        channel = self._channel(body)
        return self._stage.crowd.unban(channel, self._user(body), by=self._by(body, channel))

    def bits(self, body: Body) -> Body:
        """{"channel_id","user_id"|null,"bits","type":"cheer","copies":1}: without a user it is anonymous."""
        user = None if body.get("user_id") is None else self._user(body)
        return self._stage.crowd.use_bits(
            self._channel(body),
            user,
            int(body["bits"]),
            type=str(body.get("type", "cheer")),
            copies=int(body.get("copies", 1)),
        )

    def subscribe(self, body: Body) -> Body:
        """{"channel_id","user_id","tier":"1000","is_gift":false,"copies":1}"""
        return self._stage.talk.subscribe(
            self._channel(body),
            self._user(body),
            str(body.get("tier", "1000")),
            is_gift=bool(body.get("is_gift")),
            copies=int(body.get("copies", 1)),
        )

    def power_up(self, body: Body) -> Body:
        """A custom power-up: {"channel_id","user_id","bits","title","reward_id","copies":1}"""
        return self._stage.crowd.redeem_power_up(
            self._channel(body),
            self._user(body),
            title=str(body.get("title", "VIP")),
            bits=int(body["bits"]),
            reward_id=str(body.get("reward_id", "")),
            copies=int(body.get("copies", 1)),
        )

    def rename(self, body: Body) -> Body:
        """{"user_id","login","name"}"""
        self._stage.crowd.rename(self._user(body), str(body["login"]), body.get("name"))
        return {}

    def arrange(self, body: Body) -> Body:
        """Tell the oracle of an order from the dashboard, right before it is given: {"channel_id","user_id"}."""
        self._stage.crowd.arrange(self._channel(body), self._user(body))
        return {}

    def drop(self, body: Body) -> Body:
        """Chat that is taken and not shown: {"channel_id","code":"msg_rejected","message":"","times":1}, see
        `crowd.DROP_REASONS`."""
        self._stage.crowd.drop_lines(
            self._channel(body),
            code=str(body.get("code", "msg_rejected")),
            message=str(body.get("message", "")),
            times=int(body.get("times", 1)),
        )
        return {}

    def _by(self, body: Body, channel: Channel) -> User:
        return channel.user if body.get("by") is None else self._user({"user_id": body["by"]})

    def _channel(self, body: Body) -> Channel:
        return self._stage.world.channel(str(body["channel_id"]))

    def _user(self, body: Body) -> User:
        user = self._stage.world.user(str(body["user_id"]))
        if user is None:
            raise ApiError(404, "no such user")
        return user
