"""Applications, tokens, refresh tokens and consents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.moment import now_ms
from simulators.twitch.settings import SimulatorSettings


@dataclass(frozen=True)
class Client:
    """A registered application; without a secret it is a public one. `name` is what people are shown."""

    id: str
    secret: str | None
    redirect_uris: tuple[str, ...] = ()
    name: str = ""


@dataclass
class Token:
    """An access token. `user_id` is None for an app token. `expires_at` in UTC milliseconds."""

    value: str
    client_id: str
    user_id: str | None
    scopes: frozenset[str]
    expires_at: int
    refresh_token: str | None = None

    @property
    def is_app(self) -> bool:
        return self.user_id is None

    def expires_in(self) -> int:
        return max(0, (self.expires_at - now_ms()) // 1000)


@dataclass
class Grant:
    """What a refresh token stands for, and the access tokens that came out of it, oldest first."""

    refresh_token: str
    client_id: str
    user_id: str
    scopes: frozenset[str]
    access: list[str] = field(default_factory=list)


class TokenBook:
    """All that id.twitch.tv remembers."""

    def __init__(self, *, settings: SimulatorSettings, ids: Ids) -> None:
        self._settings = settings
        self._ids = ids
        self._tokens: dict[str, Token] = {}
        self._grants: dict[str, Grant] = {}
        self.clients = {
            settings.client_id: Client(
                settings.client_id, settings.client_secret, settings.redirect_uris, settings.client_name
            ),
            settings.public_client_id: Client(
                settings.public_client_id, None, settings.redirect_uris, settings.client_name
            ),
            settings.foreign_client_id: Client(
                settings.foreign_client_id, settings.client_secret + "-foreign"
            ),
        }

    def client(self, client_id: str) -> Client:
        """Raises ApiError 400 `invalid client`."""
        client = self.clients.get(client_id)
        if client is None:
            raise ApiError(400, "invalid client")
        return client

    def authenticate_client(self, client_id: str, secret: str | None) -> Client:
        """Raises ApiError 400 for an unknown client, 403 for a wrong secret of a confidential one."""
        client = self.client(client_id)
        if client.secret is not None and client.secret != secret:
            raise ApiError(403, "invalid client secret")
        return client

    def issue_app(self, client_id: str) -> Token:
        expires_at = now_ms() + round(self._settings.app_token_s * 1000)
        token = Token(self._ids.token(), client_id, None, frozenset(), expires_at)
        self._tokens[token.value] = token
        return token

    def issue(self, client_id: str, user_id: str, scopes: Iterable[str]) -> Token:
        """A new consent of the user: an access token with a refresh token."""
        grant = Grant(self._ids.refresh_token(), client_id, user_id, frozenset(scopes))
        self._grants[grant.refresh_token] = grant
        return self._access(grant)

    def refresh(self, client_id: str, refresh_token: str) -> Token:
        """Raises ApiError 400 for a dead or foreign refresh token."""
        grant = self._grants.get(refresh_token)
        if grant is None or grant.client_id != client_id:
            raise ApiError(400, "Invalid refresh token")
        if self.clients[client_id].secret is None or self._settings.rotate_refresh_tokens:
            del self._grants[refresh_token]
            grant.refresh_token = self._ids.refresh_token()
            self._grants[grant.refresh_token] = grant
        return self._access(grant)

    def find(self, value: str) -> Token | None:
        """The living access token, or None when unknown, revoked or expired."""
        token = self._tokens.get(value)
        if token is None or token.expires_at <= now_ms():
            return None
        return token

    def revoke_access(self, client_id: str, value: str) -> Token:
        """One token and the grant behind it. Raises ApiError 400 `Invalid token`."""
        token = self._tokens.get(value)
        if token is None or token.client_id != client_id:
            raise ApiError(400, "Invalid token")
        grant = self._grants.get(token.refresh_token or "")
        if grant is not None:
            self._drop(grant)
        self._tokens.pop(value, None)
        return token

    def revoke_user(self, user_id: str) -> set[str]:
        """The user disconnects every application (or changed the password): ids of the clients concerned."""
        gone = [grant for grant in self._grants.values() if grant.user_id == user_id]
        for grant in gone:
            self._drop(grant)
        return {grant.client_id for grant in gone}

    def expire_user(self, user_id: str | None) -> int:
        """End the access tokens of a user (None: of everybody) now; refresh tokens live on."""
        count = 0
        for token in self._tokens.values():
            if token.user_id is not None and user_id in (None, token.user_id) and token.expires_at > now_ms():
                token.expires_at = now_ms() - 1
                count += 1
        return count

    def scopes_granted(self, client_id: str, user_id: str) -> frozenset[str]:
        """What the user allows this application at present, over all living grants."""
        scopes: frozenset[str] = frozenset()
        for grant in self._grants.values():
            if grant.client_id == client_id and grant.user_id == user_id:
                scopes |= grant.scopes
        return scopes

    def has_grant(self, client_id: str, user_id: str) -> bool:
        return any(g.client_id == client_id and g.user_id == user_id for g in self._grants.values())

    def _access(self, grant: Grant) -> Token:
        expires_at = now_ms() + round(self._settings.user_token_s * 1000)
        value = self._ids.token()
        token = Token(value, grant.client_id, grant.user_id, grant.scopes, expires_at, grant.refresh_token)
        self._tokens[value] = token
        grant.access.append(value)
        for old in grant.access[: -self._settings.access_tokens_per_refresh_token]:
            self._tokens.pop(old, None)
        grant.access = grant.access[-self._settings.access_tokens_per_refresh_token :]
        return token

    def _drop(self, grant: Grant) -> None:
        self._grants.pop(grant.refresh_token, None)
        for value in grant.access:
            self._tokens.pop(value, None)
