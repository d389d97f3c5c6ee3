"""The control surface /sim: builds the world, plays its people, orders failures, asks the oracle.

JSON in, JSON out. It has no authentication and therefore answers loopback addresses only.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from simulators.twitch.control_crowd import CrowdControl
from simulators.twitch.control_eventsub import EventSubControl
from simulators.twitch.errors import ApiError
from simulators.twitch.identity import Identity
from simulators.twitch.moment import now_ms
from simulators.twitch.oracle import audit
from simulators.twitch.rewards import redemption_for_helix, reward_for_helix
from simulators.twitch.stage import BROADCASTER_SCOPES, Stage
from simulators.twitch.story import Story
from simulators.twitch.world import Channel, User

Body = dict[str, Any]
Command = Callable[[Body], Any]


class Control:
    """One method per command; each takes the JSON body and returns the JSON answer."""

    def __init__(self, stage: Stage, identity: Identity, story: Story) -> None:
        self._stage = stage
        self._identity = identity
        self._story = story

    def add_routes(self, app: web.Application) -> None:
        commands: dict[str, Command] = {
            "channels": self.add_channel,
            "viewers": self.add_viewer,
            "rewards": self.add_reward,
            "redeem": self.redeem,
            "resolve": self.resolve,
            "moderators": self.moderators,
            "blocked": self.blocked,
            "vips": self.vips,
            "points": self.points,
            "subscribers": self.subscribers,
            "live": self.live,
            "say": self.say,
            "slots": self.slots,
            "login": self.login,
            "redirects": self.redirects,
            "tokens/revoke": self.revoke_tokens,
            "tokens/expire": self.expire_tokens,
            "accounts/delete": self.delete_account,
            "device/approve": self.approve_device,
            "faults": self.add_fault,
            "verdict": self.verdict,
            "story/start": self._story.start,
            "story/stop": self._story.stop,
            **CrowdControl(self._stage).commands(),
            **EventSubControl(self._stage).commands(),
        }
        for path, command in commands.items():
            app.router.add_post(f"/sim/{path}", answering(command))
        app.router.add_delete("/sim/faults", answering(self.clear_faults))
        app.router.add_get("/sim/faults", answering(lambda _: {"faults": self._stage.faults.to_json()}))
        app.router.add_get("/sim/state", answering(self.state))
        app.router.add_get("/sim/ledger", self._ledger)

    # The world

    def add_channel(self, body: Body) -> Body:
        """{"login","name","vip_slots","unlocked","broadcaster_type","scopes"} → ids and tokens of the streamer."""
        settings = self._stage.settings
        channel = self._stage.world.add_channel(
            str(body["login"]),
            body.get("name"),
            vip_slots=int(body.get("vip_slots", settings.vip_slots)),
            unlocked=bool(body.get("unlocked", True)),
            broadcaster_type=str(body.get("broadcaster_type", "affiliate")),
        )
        user = channel.user
        return {
            "id": user.id,
            "login": user.login,
            "name": user.name,
            **self.login({**body, "user_id": user.id}),
        }

    def login(self, body: Body) -> Body:
        """{"user_id","scopes"} → tokens of a fresh consent to the application, without the browser."""
        user = self._user(str(body["user_id"]))
        scopes = tuple(body.get("scopes") or BROADCASTER_SCOPES)
        token = self._stage.consent(user, str(body.get("client_id", self._stage.settings.client_id)), scopes)
        return {
            "access_token": token.value,
            "refresh_token": token.refresh_token,
            "expires_in": token.expires_in(),
            "scopes": list(scopes),
        }

    def redirects(self, body: Body) -> Body:
        """In the console: register the redirect addresses of the application ({"redirect_uris"}); none takes all."""
        book, client_id = self._stage.tokens, str(body.get("client_id", self._stage.settings.client_id))
        uris = tuple(str(uri) for uri in body["redirect_uris"])
        book.clients[client_id] = replace(book.client(client_id), redirect_uris=uris)
        return {"redirect_uris": list(uris)}

    def add_viewer(self, body: Body) -> Body:
        user = self._stage.world.add_user(str(body["login"]), body.get("name"))
        return {"id": user.id, "login": user.login, "name": user.name}

    def add_reward(self, body: Body) -> Body:
        """In the dashboard: make a reward that belongs to nobody's application ({"channel_id","title","cost",...}),
        or delete any ({"channel_id","reward_id","remove":true})."""
        channel = self._channel(body)
        if body.get("remove"):
            reward = channel.rewards.get(str(body["reward_id"]))
            if reward is None:
                raise ApiError(404, "no such reward in this channel")
            self._stage.life.delete_reward(channel, reward, by="streamer")
            return {}
        fields = {name: value for name, value in body.items() if name not in ("channel_id", "client_id")}
        client_id = str(body.get("client_id", ""))
        reward = self._stage.life.create_reward(channel, fields, client_id=client_id, by="streamer")
        return reward_for_helix(reward, channel.user)

    def redeem(self, body: Body) -> Body:
        """{"channel_id","reward_id","viewer_id","user_input","copies"} → the redemption as Helix shows it."""
        channel = self._channel(body)
        redemption = self._stage.life.redeem(
            channel.id,
            str(body["reward_id"]),
            str(body["viewer_id"]),
            user_input=str(body.get("user_input", "")),
            copies=int(body.get("copies", 1)),
        )
        user = self._stage.world.users[redemption.user_id]
        return redemption_for_helix(redemption, channel.user, user)

    def resolve(self, body: Body) -> Body:
        """A moderator in the queue page: {"channel_id","redemption_id","status"}."""
        channel = self._channel(body)
        redemption = channel.redemptions.get(str(body["redemption_id"]))
        if redemption is None:
            raise ApiError(404, "no such redemption")
        self._stage.life.resolve(channel, redemption, str(body["status"]).upper(), by="moderator")
        return redemption_for_helix(redemption, channel.user, self._stage.world.users[redemption.user_id])

    def moderators(self, body: Body) -> Body:
        """{"channel_id","user_id","remove":false}"""
        change = self._stage.life.remove_moderator if body.get("remove") else self._stage.life.add_moderator
        change(self._channel(body), str(body["user_id"]))
        return {}

    def blocked(self, body: Body) -> Body:
        """{"channel_id","user_id","remove":false}"""
        self._stage.life.block(self._channel(body), str(body["user_id"]), blocked=not body.get("remove"))
        return {}

    def vips(self, body: Body) -> Body:
        """By the streamer's hand: {"channel_id","user_id","remove":false}"""
        change = self._stage.life.remove_vip if body.get("remove") else self._stage.life.add_vip
        change(self._channel(body), str(body["user_id"]), by="streamer")
        return {}

    def points(self, body: Body) -> Body:
        """Set or read a balance: {"channel_id","viewer_id","points"}."""
        channel, viewer_id = self._channel(body), str(body["viewer_id"])
        if "points" in body:
            channel.points[viewer_id] = int(body["points"])
        return {"points": self._stage.world.points_of(channel, viewer_id)}

    def subscribers(self, body: Body) -> Body:
        """{"channel_id","user_id","tier":"1000","remove":false}"""
        channel, user_id = self._channel(body), str(body["user_id"])
        if body.get("remove"):
            channel.subscribers.pop(user_id, None)
        else:
            self._stage.talk.subscribe(channel, self._user(user_id), str(body.get("tier", "1000")))
        return {}

    def live(self, body: Body) -> Body:
        """{"channel_id","live":true}"""
        self._stage.talk.set_live(self._channel(body), live=bool(body.get("live", True)))
        return {}

    def say(self, body: Body) -> Body:
        """A viewer writes in the chat: {"channel_id","user_id","text"}."""
        user = self._user(str(body["user_id"]))
        by = "streamer" if user.id == body["channel_id"] else "self"
        return {"message_id": self._stage.talk.say(self._channel(body), user, str(body["text"]), by=by)}

    def slots(self, body: Body) -> Body:
        """Change what adding VIPs depends on: {"channel_id","vip_slots","unlocked"}."""
        channel = self._channel(body)
        channel.vip_slots = int(body.get("vip_slots", channel.vip_slots))
        channel.unlocked = bool(body.get("unlocked", channel.unlocked))
        return {"vip_slots": channel.vip_slots, "unlocked": channel.unlocked}

    # Tokens, accounts, failures

    def revoke_tokens(self, body: Body) -> Body:
        """The user disconnects the application: {"user_id"}."""
        user = self._stage.world.users.get(str(body["user_id"]))
        if user is None:
            raise ApiError(404, "no such user")
        self._stage.withdraw(user)
        return {}

    def expire_tokens(self, body: Body) -> Body:
        """Access tokens end now, refresh tokens live on: {"user_id"} or {} for everybody."""
        user_id = body.get("user_id")
        return {"expired": self._stage.tokens.expire_user(None if user_id is None else str(user_id))}

    def delete_account(self, body: Body) -> Body:
        user = self._user(str(body["user_id"]))
        self._stage.life.delete_account(user)
        self._stage.withdraw(user, status="user_removed")
        return {}

    def approve_device(self, body: Body) -> Body:
        self._identity.approve_device(str(body["user_code"]), str(body["user_id"]))
        return {}

    def add_fault(self, body: Body) -> Body:
        return asdict(self._stage.faults.add(body))

    def clear_faults(self, body: Body) -> Body:
        """All, or {"id"} one; the event faults go as well when all go."""
        self._stage.faults.clear(body.get("id"))
        if "id" not in body:
            self._stage.eventsub.faults.clear()
        return {}

    # Looking

    def verdict(self, body: Body) -> Body:
        """{"durations_ms":{reward_id: ms},"until_stream":[reward_id],"waits_ms":{reward_id: ms},"makes_room":
        [reward_id],"slack_ms","dead_ms","now_ms"} → the oracle's JSON."""
        durations = {str(key): int(value) for key, value in dict(body["durations_ms"]).items()}
        return audit(
            self._stage.ledger,
            durations,
            now=int(body.get("now_ms", now_ms())),
            slack_ms=int(body.get("slack_ms", 5000)),
            until_stream=frozenset(map(str, body.get("until_stream", ()))),
            waits_ms={str(key): int(value) for key, value in dict(body.get("waits_ms", {})).items()},
            makes_room=frozenset(map(str, body.get("makes_room", ()))),
            dead_ms=int(body.get("dead_ms", 0)),
        )

    def state(self, _: Body) -> Body:
        world, eventsub = self._stage.world, self._stage.eventsub
        return {
            "now_ms": now_ms(),
            "channels": [self._channel_row(channel) for channel in world.channels.values()],
            "users": [
                {"id": u.id, "login": u.login, "name": u.name, "deleted": u.deleted}
                for u in world.users.values()
            ],
            "sessions": [
                {
                    "id": s.id,
                    "user_id": (s.owner or ("", ""))[1],
                    "shard": s.shard,
                    "subscriptions": sum(1 for row in eventsub.register.of_session(s.id) if row.alive),
                }
                for s in eventsub.hall.sessions.values()
            ],
            "subscriptions": [row.to_json() for row in eventsub.register],
            "story": self._story.to_json(),
            "ledger_entries": len(self._stage.ledger),
        }

    def _channel_row(self, channel: Channel) -> Body:
        return {
            "id": channel.id,
            "login": channel.user.login,
            "name": channel.user.name,
            "deleted": channel.user.deleted,
            "vip_slots": channel.vip_slots,
            "unlocked": channel.unlocked,
            "vips": dict(channel.vips),
            "moderators": list(channel.moderators),
            "blocked": sorted(channel.blocked),
            "live_since": channel.live_since,
            "rewards": [
                {**reward_for_helix(reward, channel.user), "client_id": reward.client_id}
                for reward in channel.rewards.values()
            ],
            "unfulfilled": [r.id for r in channel.redemptions.values() if r.status == "UNFULFILLED"],
        }

    async def _ledger(self, request: web.Request) -> web.Response:
        """`?after=<seq>` gives only the younger entries."""
        after = int(request.query.get("after", "0"))
        return web.json_response({"entries": [entry.to_json() for entry in self._stage.ledger.after(after)]})

    def _user(self, user_id: str) -> User:
        user = self._stage.world.user(user_id)
        if user is None:
            raise ApiError(404, "no such user")
        return user

    def _channel(self, body: Body) -> Channel:
        return self._stage.world.channel(str(body["channel_id"]))


def answering(command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler of the control surface: JSON in and out, for loopback addresses only."""

    async def handle(request: web.Request) -> web.Response:
        if not _is_loopback(request.remote):
            return web.json_response({"error": "the control surface answers loopback only"}, status=403)
        try:
            raw = await request.read()
            body = json.loads(raw) if raw else {}
            answer = command(body if isinstance(body, dict) else {})
            if hasattr(answer, "__await__"):
                answer = await answer
        except ApiError as error:
            return web.json_response({"error": error.message, "status": error.status}, status=error.status)
        except KeyError as error:
            return web.json_response({"error": f"missing field {error}", "status": 400}, status=400)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error), "status": 400}, status=400)
        return web.json_response(answer)

    return handle


def _is_loopback(address: str | None) -> bool:
    return address is None or ipaddress.ip_address(address.partition("%")[0]).is_loopback
