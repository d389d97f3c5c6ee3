"""Opens what calls out: the HTTP client, Twitch's OAuth and Helix, the tokens of users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from daemon.settings import Settings
from daemon.wiring_shared import Shared
from domain.ports import Metrics, Tasks
from gateways.http import HttpClient
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import AppToken, TwitchOAuth
from gateways.twitch.tokens import TokenKeeper, TokenStore


@dataclass(frozen=True, slots=True)
class Outside:
    """What calls out."""

    http: HttpClient
    tokens: TokenKeeper
    oauth: TwitchOAuth
    helix: TwitchHelix


def open_outside(
    settings: Settings,
    *,
    grants: TokenStore,
    shared: Shared,
    owner: str,
    tasks: Tasks,
    metrics: Metrics,
    random: Random,
    on_dead: Callable[[str, str], Awaitable[None]],
    on_alive: Callable[[str], Awaitable[None]],
) -> Outside:
    """Nothing is called yet."""
    http, clock = HttpClient(), shared.clock
    oauth = TwitchOAuth(
        http=http,
        id_url=settings.twitch_id_url,
        client_id=settings.twitch_client_id,
        client_secret=settings.twitch_client_secret.get_secret_value(),
        clock=clock,
        metrics=metrics,
    )
    tokens = TokenKeeper(
        store=grants,
        oauth=oauth,
        leases=shared.leases,
        owner=owner,
        clock=clock,
        tasks=tasks,
        random=random,
        on_dead=on_dead,
        on_alive=on_alive,
    )
    helix = TwitchHelix(
        http=http,
        api_url=settings.twitch_api_url,
        client_id=settings.twitch_client_id,
        tokens=tokens,
        pace=shared.pace,
        clock=clock,
        metrics=metrics,
        random=random,
        app_token=AppToken(oauth=oauth, clock=clock, tasks=tasks),
    )
    return Outside(http, tokens, oauth, helix)
