"""All parts of one simulator, built once and handed to the endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.twitch.crowd import Crowd
from simulators.twitch.eventsub.service import EventSub
from simulators.twitch.faults import HttpFaults
from simulators.twitch.ids import Ids
from simulators.twitch.ledger import Ledger
from simulators.twitch.life import Life
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.talk import Talk
from simulators.twitch.tokens import Token, TokenBook
from simulators.twitch.world import User, World

BROADCASTER_SCOPES = (
    "channel:manage:redemptions",
    "channel:read:redemptions",
    "channel:manage:vips",
    "channel:read:vips",
    "moderation:read",
    "channel:read:subscriptions",
    "bits:read",
    "channel:bot",
    "user:read:chat",
    "user:write:chat",
    "user:bot",
    "moderator:read:followers",
    "channel:moderate",
)
KNOWN_SCOPES = frozenset(
    (
        *BROADCASTER_SCOPES,
        "channel:manage:moderators",
        "moderator:manage:chat_messages",
        "moderator:manage:banned_users",
        "user:read:email",
        "openid",
        "chat:read",
        "chat:edit",
    )
)


@dataclass(frozen=True)
class Stage:
    """The collaborators."""

    settings: SimulatorSettings
    ids: Ids
    ledger: Ledger
    world: World
    tokens: TokenBook
    eventsub: EventSub
    life: Life
    talk: Talk
    crowd: Crowd
    faults: HttpFaults

    @classmethod
    def build(cls, settings: SimulatorSettings) -> Stage:
        ids = Ids(settings.seed)
        ledger = Ledger()
        world = World(ids=ids, viewer_points=settings.viewer_points)
        tokens = TokenBook(settings=settings, ids=ids)
        eventsub = EventSub(settings=settings, ids=ids, ledger=ledger, tokens=tokens, world=world)
        life = Life(world=world, ledger=ledger, ids=ids, settings=settings, publish=eventsub.publish)
        talk = Talk(ledger=ledger, ids=ids, publish=eventsub.publish)
        crowd = Crowd(
            world=world, ledger=ledger, ids=ids, life=life, settings=settings, publish=eventsub.publish
        )
        faults = HttpFaults(seed=settings.seed)
        return cls(settings, ids, ledger, world, tokens, eventsub, life, talk, crowd, faults)

    def actor(self, token: Token, target_id: str = "") -> str:
        """Who acts with this token, in the words of the ledger."""
        if token.client_id != self.settings.client_id:
            return "streamer"
        return "self" if target_id and token.user_id == target_id else "app"

    def consent(self, user: User, client_id: str, scopes: tuple[str, ...]) -> Token:
        """The user lets an application in; tells `user.authorization.grant`."""
        token = self.tokens.issue(client_id, user.id, scopes)
        if client_id == self.settings.client_id and user.id in self.world.channels:
            self.ledger.write("access_restored", channel_id=user.id, user_id=user.id, by="streamer")
        self._tell_authorization("grant", client_id, user)
        return token

    def withdraw(self, user: User, *, status: str = "authorization_revoked") -> None:
        """The user disconnects every application: tokens die, subscriptions end."""
        clients = self.tokens.revoke_user(user.id)
        self.lose_access(user, clients, status)

    def lose_access(self, user: User, clients: set[str], status: str = "authorization_revoked") -> None:
        """Consequences, where no other consent of this user to the client is left."""
        for client_id in clients:
            if self.tokens.has_grant(client_id, user.id):
                continue
            if client_id == self.settings.client_id and user.id in self.world.channels:
                self.ledger.write("access_lost", channel_id=user.id, user_id=user.id, by="streamer")
            self._tell_authorization("revoke", client_id, user)
            self.eventsub.revoke_user(user.id, status)

    def _tell_authorization(self, verb: str, client_id: str, user: User) -> None:
        event: Mapping[str, Any] = {
            "client_id": client_id,
            "user_id": user.id,
            "user_login": None if user.deleted else user.login,
            "user_name": None if user.deleted else user.name,
        }
        self.eventsub.publish(f"user.authorization.{verb}", {"client_id": client_id}, dict(event))
