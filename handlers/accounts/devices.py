"""Signing in from a machine that Twitch cannot send a browser back to: a code is shown, to be typed at
twitch.tv/activate.

The page asks us, we ask Twitch, at most once in each interval that Twitch names, however many pages ask however often.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.errors import Unavailable
from domain.ports import Clock
from gateways.twitch.contracts import TwitchDown, User
from gateways.twitch.oauth import LoginRefused, TwitchOAuth
from handlers.accounts.consent import DEVICE, ConsentFlow
from handlers.accounts.login import SigningIn
from storage.logins import Consent, Consents, digest
from storage.sealing import Sealer, by_id_and_field

DeviceState = Literal["pending", "signed_in", "denied", "expired"]


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """What the page shows. `handle` is what it polls with; it is of use in this browser only."""

    handle: str
    user_code: str
    verification_uri: str
    interval_seconds: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """`user`: who is to be signed in, with `signed_in` only."""

    state: DeviceState
    user: User | None = None


class DeviceLogins:
    """The device code flow."""

    def __init__(
        self,
        *,
        consents: Consents,
        flow: ConsentFlow,
        oauth: TwitchOAuth,
        signing_in: SigningIn,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._consents, self._flow, self._oauth = consents, flow, oauth
        self._signing_in, self._sealer, self._clock = signing_in, sealer, clock

    async def begin(self, *, scopes: Sequence[str], binding: str) -> DeviceLogin:
        """Raises `TwitchDown`, `TwitchBroken`, and what the store raises."""
        device = await self._oauth.start_device(scopes)
        handle = secrets.token_urlsafe(32)
        login_id, now = digest(handle), self._clock.now()
        expires_at = now + device.expires_in * 1000
        sealed = self._sealer.seal(device.device_code, bound_to=_place(login_id))
        await self._consents.begin(
            Consent(
                id=login_id,
                purpose=DEVICE,
                return_to="/",
                scopes=tuple(scopes),
                binding=digest(binding),
                expires_at=expires_at,
                device_code=sealed,
                interval_seconds=device.interval,
                poll_at=now + device.interval * 1000,
            )
        )
        return DeviceLogin(handle, device.user_code, device.verification_uri, device.interval, expires_at)

    async def poll(self, *, handle: str, binding: str) -> DeviceAnswer:
        """How it stands. Of what this browser did not begin, and of what is over, it says `expired`.

        Raises `LoginFailed` for who agreed and is not let in.
        """
        found = await self._consents.get(digest(handle))
        if (
            found is None
            or found.purpose != DEVICE
            or not hmac.compare_digest(found.binding, digest(binding))
        ):
            return DeviceAnswer("expired")
        if found.expires_at <= self._clock.now():
            await self._consents.take(found.id)
            return DeviceAnswer("expired")
        turn = await self._consents.turn(found.id, now=self._clock.now())
        if turn is None:
            return DeviceAnswer("pending")
        return await self._ask(turn)

    async def _ask(self, consent: Consent) -> DeviceAnswer:
        code = self._sealer.open(consent.device_code, bound_to=_place(consent.id))
        try:
            grant = await self._oauth.poll_device(code, consent.scopes)
        except LoginRefused as error:
            await self._consents.take(consent.id)
            return DeviceAnswer("denied" if "denied" in error.message.casefold() else "expired")
        except TwitchDown:
            return DeviceAnswer("pending")  # a later poll may reach it
        if grant is None:
            return DeviceAnswer("pending")
        # Twitch gives the grant once: whatever fails from here on, this login is over.
        if await self._consents.take(consent.id) is None:
            raise Unavailable("Another poll is finishing this login.", code="login.race")
        arrived = await self._signing_in.arrive(consent, await self._flow.confirm(grant))
        return DeviceAnswer("signed_in", arrived.user)


def _place(login_id: str) -> str:
    return by_id_and_field({"_id": login_id}, "device_code")
