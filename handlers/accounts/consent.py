"""Logins on their way: begun here, answered by Twitch, each for one use and for the browser that began it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.errors import Denied
from domain.ports import Clock
from gateways.twitch.contracts import TwitchBroken
from gateways.twitch.oauth import Grant, LoginRefused, TwitchOAuth, Validation
from storage.logins import Consent, Consents, digest

CONSENT_MS = 600_000

SIGN_IN, BOT, DEVICE, VIEWER = "sign_in", "bot", "device", "viewer"


class LoginFailed(Denied):
    """A login that did not work. `reason` is what the page `/sign-in?error=` has words for: access_denied, state,
    expired, exchange, mismatch, twitch_down, not_invited."""

    def __init__(self, reason: str, message: str, *, advice: str = "Begin again.") -> None:
        super().__init__(message, code=f"login.{reason}", advice=advice)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Granted:
    """What a user granted, as Twitch confirms it: `grant` carries the scopes of the validation, not those that the
    exchange told."""

    user_id: str
    login: str
    grant: Grant


class ConsentFlow:
    """The authorization code flow. `redirect_uri` gives exactly what is registered with Twitch."""

    def __init__(
        self, *, consents: Consents, oauth: TwitchOAuth, redirect_uri: Callable[[], str], clock: Clock
    ) -> None:
        self._consents, self._oauth, self._redirect_uri = consents, oauth, redirect_uri
        self._clock = clock

    @property
    def redirect_uri(self) -> str:
        return self._redirect_uri()

    async def begin(
        self,
        *,
        purpose: str,
        scopes: Sequence[str],
        return_to: str,
        binding: str,
        subject: str = "",
        channel_id: str = "",
        by: str = "",
        widened: bool = False,
        ask_who: bool = False,
    ) -> str:
        """Where to send the browser. `binding` is what it holds in a cookie; `ask_who`: Twitch shows its page although
        the user agreed before, so that another account can be chosen. The rest: `storage.logins.Consent`."""
        state = secrets.token_urlsafe(32)
        await self._consents.begin(
            Consent(
                id=digest(state),
                purpose=purpose,
                return_to=return_to,
                scopes=tuple(scopes),
                binding=digest(binding),
                expires_at=self._clock.now() + CONSENT_MS,
                subject=subject,
                channel_id=channel_id,
                by=by,
                widened=widened,
            )
        )
        return self._oauth.authorize_url(
            redirect_uri=self._redirect_uri(), scopes=scopes, state=state, force_verify=ask_who
        )

    async def answer(self, *, state: str, binding: str) -> Consent:
        """The login that Twitch answers to. Raises `LoginFailed`: `state` when we did not begin it, it was answered
        before, or another browser began it (then it stays open for that one); `expired`."""
        found = await self._consents.get(digest(state)) if state else None
        if found is None or not hmac.compare_digest(found.binding, digest(binding)):
            raise LoginFailed("state", "This answer belongs to no login that was begun in this browser.")
        taken = await self._consents.take(found.id)
        if taken is None:
            raise LoginFailed("state", "This login was answered already.")
        if taken.expires_at <= self._clock.now():
            raise LoginFailed("expired", "This login took too long.")
        return taken

    async def exchange(self, code: str) -> Granted:
        """The code of the redirect for a confirmed grant. Raises `LoginFailed` (`exchange`, `mismatch`),
        `TwitchDown`."""
        try:
            grant = await self._oauth.exchange(code, self._redirect_uri())
        except (LoginRefused, TwitchBroken) as error:
            raise LoginFailed("exchange", f"Twitch does not take the code: {error.message}") from error
        return await self.confirm(grant)

    async def confirm(self, grant: Grant) -> Granted:
        """Whose grant it is, and for what, by Twitch's own word. Raises as `exchange` does."""
        seen: Validation | None = await self._oauth.validate(grant.access_token)
        if seen is None:
            raise LoginFailed("exchange", "Twitch does not accept the token that it has just given.")
        if seen.client_id != self._oauth.client_id or not seen.user_id:
            raise LoginFailed("mismatch", "The token belongs to another application.")
        confirmed = Grant(grant.access_token, grant.refresh_token, seen.scopes, grant.expires_in)
        return Granted(seen.user_id, seen.login, confirmed)

    async def drop(self, grant: Grant) -> None:
        """End a grant that is not kept. It would run out by itself, so that a failure may be passed over by who
        calls."""
        await self._oauth.revoke(grant.access_token)


def failed_at_twitch(error: str) -> LoginFailed:
    """What Twitch says in place of a code."""
    if error == "access_denied":
        return LoginFailed("access_denied", "Twitch was told no.", advice="Begin again if that was a slip.")
    return LoginFailed("exchange", "Twitch did not let this application ask.")
