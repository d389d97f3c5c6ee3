"""A streamer's login by code, from the terminal: for machines that Twitch cannot send a browser back to.

Twitch gives a code to type at twitch.tv/activate. Then the channel is in: by the running daemon, or straight into the
store where none runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from daemon.admin_client import admin_call
from daemon.settings import Settings
from daemon.supervisor import Supervisor
from daemon.wiring_accounts import Accounts, open_accounts
from daemon.wiring_outside import Outside, open_outside
from daemon.wiring_shared import alone
from daemon.wiring_store import open_kept
from domain.channel import Channel
from domain.errors import Denied, Unavailable
from domain.ports import Clock, NullMetrics
from gateways.http import HttpClient
from gateways.twitch.oauth import DeviceCode, Grant, LoginRefused, TwitchOAuth
from gateways.twitch.scopes import VIP_FEATURES, features_of, scopes_for

OWNER = "cuelight-setup"


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets a streamer in whose tokens the operator brings, without asking who may: the operator decides that."""

    accounts: Accounts
    outside: Outside

    async def enter(self, *, access_token: str, refresh_token: str) -> dict[str, Any]:
        """Look after the channel of these tokens; it has no reward until one is made. Raises `LoginFailed`,
        `Unavailable`."""
        flow, signing_in = self.accounts.login.flow, self.accounts.login.signing_in
        granted = await flow.confirm(Grant(access_token, refresh_token, (), 0))
        await self.accounts.admission.may_have_channel(
            granted.user_id, granted.login
        )  # the first one is the host
        await self.outside.tokens.put(granted.user_id, granted.login, granted.grant)
        users = await self.outside.helix.users(granted.user_id, ids=[granted.user_id])
        if not users:
            raise Denied(f"Twitch does not show the account {granted.login}.", code="channel.account")
        channel = await signing_in.signed_in(users[0], granted.grant.scopes)
        return {"id": channel.id, "login": channel.login, "name": channel.name}


async def log_in_by_code(
    settings: Settings, *, clock: Clock, show: Callable[[DeviceCode], None]
) -> dict[str, Any]:
    """Begin, `show` the code, wait for the answer, let the channel in. Returns its id, login and name.

    Raises `LoginRefused` for who says no or takes too long, `Unavailable`.
    """
    scopes = scopes_for({*VIP_FEATURES, *features_of(Channel("", "", ""))})  # all that a new channel needs
    async with HttpClient(connections=2) as http:
        oauth = TwitchOAuth(
            http=http,
            id_url=settings.twitch_id_url,
            client_id=settings.twitch_client_id,
            client_secret=settings.twitch_client_secret.get_secret_value(),
            clock=clock,
            metrics=NullMetrics(),
        )
        device = await oauth.start_device(scopes)
        show(device)
        grant = await _answer(oauth, device, scopes, clock=clock)
    return await _let_in(settings, grant, clock=clock)


async def _answer(oauth: TwitchOAuth, device: DeviceCode, scopes: tuple[str, ...], *, clock: Clock) -> Grant:
    deadline = clock.monotonic() + device.expires_in
    while clock.monotonic() < deadline:
        await clock.sleep(device.interval)
        try:
            grant = await oauth.poll_device(device.device_code, scopes)
        except Unavailable:
            continue  # a later question may reach Twitch
        if grant is not None:
            return grant
    raise LoginRefused("Nobody typed the code in time.", advice="Begin again.")


async def _let_in(settings: Settings, grant: Grant, *, clock: Clock) -> dict[str, Any]:
    tokens = {"access_token": grant.access_token, "refresh_token": grant.refresh_token}
    try:
        told: Mapping[str, Any] = await asyncio.to_thread(
            admin_call, settings.data_dir, "channels.enter", tokens
        )
        return dict(told)
    except Unavailable as error:
        if error.code != "admin.no_daemon":
            raise
    return await _into_store(settings, tokens, clock=clock)


async def _into_store(settings: Settings, tokens: Mapping[str, str], *, clock: Clock) -> dict[str, Any]:
    """What the daemon would do, while none runs."""

    async def unconcerned(user_id: str, why: str = "") -> None:
        """The next daemon looks at the grant itself."""

    metrics, random = NullMetrics(), Random()  # noqa: S311 - spreads retries, guards nothing
    tasks, shared = Supervisor(clock=clock, metrics=metrics), alone(clock=clock)
    kept = await open_kept(settings, owner=OWNER, clock=clock, metrics=metrics)
    try:
        outside = open_outside(
            settings,
            grants=kept.grants,
            shared=shared,
            owner=OWNER,
            tasks=tasks,
            metrics=metrics,
            random=random,
            on_dead=unconcerned,
            on_alive=unconcerned,
        )
        try:
            accounts = await open_accounts(
                kept.store,
                channels=kept.repositories.channels,
                sealer=kept.grants.sealer,
                tokens=outside.tokens,
                oauth=outside.oauth,
                helix=outside.helix,
                signals=shared.signals,
                clock=clock,
                public_url=lambda: settings.base_url,
                allowed=settings.allowed_channels,
                shared_bot_id=settings.twitch_bot_id or "",
            )
            return await Entrance(accounts, outside).enter(**tokens)
        finally:
            await outside.http.close()
    finally:
        await tasks.stop(1.0)
        await shared.close()
        await kept.close()
