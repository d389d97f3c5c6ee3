"""Joins what accounts are made of: sessions of browsers, logins with Twitch, teams, and who speaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from daemon.channel_overview import ChannelOverview
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_privacy import Privacy, open_privacy
from daemon.wiring_shared import Shared
from domain.ports import Clock, Metrics
from gateways.signals.contracts import Signals
from gateways.topics.contracts import Topics
from gateways.twitch.contracts import Helix
from gateways.twitch.oauth import TwitchOAuth
from gateways.twitch.tokens import TokenKeeper
from handlers.accounts.admission import Admission
from handlers.accounts.consent import ConsentFlow
from handlers.accounts.devices import DeviceLogins
from handlers.accounts.login import SigningIn
from handlers.accounts.parts import AccountParts, LateBook, LateWatch
from handlers.accounts.permissions import PermissionDesk, Uses
from handlers.accounts.sessions import LoginSessions
from handlers.accounts.speakers import Speakers
from handlers.accounts.team import TeamWork
from handlers.vip.channels import Enrolment
from handlers.vip.operations import Operations
from storage.channels import Channels
from storage.contracts import Store
from storage.left import LEFT, LeftChannels
from storage.logins import CONSENTS, LOGINS, Consents, Logins
from storage.sealing import Sealer
from storage.team import BOTS, HOSTS, TEAM, Bots, Hosts, Team
from web.api.accounts import AccountApi, TeamApi
from web.auth_login import LoginParts

CALLBACK = "/api/auth/callback/twitch"

log = structlog.get_logger("daemon.accounts")


@dataclass(frozen=True, slots=True)
class Accounts:
    """`parts` for the handlers of rows, `login` for the web layer, `privacy` for those who ask what is held."""

    parts: AccountParts
    login: LoginParts
    admission: Admission
    privacy: Privacy
    uses: Uses

    async def disowned(self, user_id: str) -> None:
        """Twitch said that the grant of this account is over (that it is away says nothing): whoever disconnected us
        there, or changed his password, is signed out here too. Not who has granted anew meanwhile."""
        parts = self.parts

        async def granted_anew() -> bool:
            held = await parts.tokens.standing(user_id)
            return held is not None and not held.dead

        if ended := await parts.logins.end_all(user_id, unless=granted_anew):
            log.info("account.signed_out", user=user_id, sessions=ended)


async def open_accounts(
    store: Store,
    *,
    channels: Channels,
    sealer: Sealer,
    tokens: TokenKeeper,
    oauth: TwitchOAuth,
    helix: Helix,
    signals: Signals,
    clock: Clock,
    public_url: Callable[[], str],
    allowed: Sequence[str] = (),
    shared_bot_id: str = "",
    development: bool = False,
    topics: Topics | None = None,
    metrics: Metrics | None = None,
) -> Accounts:
    """Open the collections and join everything. To be called before the signals are started: it listens.

    `public_url` may be known later than this is called, since a port may be any that is free. `allowed`: see
    `Admission`; `shared_bot_id`: the operator's account; `development`: whether the demo's login is in force. `topics`:
    of live pages, which an erasure makes begin anew.
    """
    team, bots = Team(await store.collection(TEAM)), Bots(await store.collection(BOTS))
    left = LeftChannels(await store.collection(LEFT))
    consents = Consents(await store.collection(CONSENTS))
    watch, book = LateWatch(), LateBook()
    privacy = await open_privacy(store, clock=clock, topics=topics, metrics=metrics)
    sessions = LoginSessions(
        logins=Logins(await store.collection(LOGINS)),
        team=team,
        channels=channels,
        signals=signals,
        clock=clock,
        development=development,
    )
    team_work = TeamWork(team=team, sessions=sessions, helix=helix, clock=clock, changed=book.changed)
    speakers = Speakers(
        bots=bots,
        tokens=tokens,
        channels=channels,
        shared_id=shared_bot_id,
        clock=clock,
        changed=book.changed,
    )
    admission = Admission(
        channels=channels,
        hosts=Hosts(await store.collection(HOSTS)),
        allowed=allowed,
        clock=clock,
    )
    flow = ConsentFlow(
        consents=consents, oauth=oauth, redirect_uri=lambda: public_url() + CALLBACK, clock=clock
    )
    signing_in = SigningIn(
        flow=flow,
        admission=admission,
        tokens=tokens,
        helix=helix,
        channels=channels,
        left=left,
        team=team_work,
        speakers=speakers,
        watch=watch,
        clock=clock,
    )
    devices = DeviceLogins(
        consents=consents,
        flow=flow,
        oauth=oauth,
        signing_in=signing_in,
        sealer=sealer,
        clock=clock,
    )
    return Accounts(
        parts=AccountParts(
            tokens=tokens,
            watch=watch,
            book=book,
            speakers=speakers,
            bots=bots,
            team=team_work,
            logins=sessions,
            left=left,
            erasure=privacy.eraser,
        ),
        login=LoginParts(flow, signing_in, devices, PermissionDesk(channels=channels, tokens=tokens)),
        admission=admission,
        privacy=privacy,
        uses=Uses(channels=channels, bots=bots, shared_id=shared_bot_id),
    )


def account_api(accounts: Accounts, *, desk: Desk, outside: Outside, shared: Shared) -> AccountApi:
    """The part of the API that is about a channel's account. Who leaves does not wait for it: it may take minutes."""
    return AccountApi(
        channels=desk.repositories.channels,
        permissions=accounts.login.permissions,
        speakers=accounts.parts.speakers,
        logins=accounts.parts.logins,
        operations=Operations(
            inbox=desk.repositories.inbox, intake=desk.intake, clock=shared.clock, wait_seconds=0.0
        ),
        helix=outside.helix,
        clock=shared.clock,
    )


def team_api(accounts: Accounts) -> TeamApi:
    """The part of the API that is about a channel's team."""
    return TeamApi(team=accounts.parts.team)


def build_overview(*, desk: Desk, enrolment: Enrolment, accounts: Accounts, clock: Clock) -> ChannelOverview:
    """What the command line asks of channels."""
    r = desk.repositories
    return ChannelOverview(
        enrolment=enrolment,
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        slots=r.slots,
        inbox=r.inbox,
        permissions=accounts.login.permissions,
        intake=desk.intake,
        clock=clock,
    )
