"""Joins how a channel leaves, and what a lost role on Twitch means for the team, to the rows of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.wiring_privacy import privacy_rows
from domain.events import role_event
from domain.ports import Clock
from domain.retry import MUST_HAPPEN
from gateways.twitch.contracts import Helix
from handlers.accounts.leaving import Leaving, SessionsEnd
from handlers.accounts.parts import AccountParts
from handlers.intake import Intake
from handlers.vip.endings import Endings
from handlers.work import Handle, Handler, Work

if TYPE_CHECKING:
    from daemon.wiring_handlers import Repositories


def with_accounts(
    table: Mapping[str, Handler],
    repositories: Repositories,
    *,
    accounts: AccountParts,
    endings: Endings,
    intake: Intake,
    helix: Helix,
    clock: Clock,
) -> dict[str, Handler]:
    """The table with the rows of accounts."""
    r = repositories
    leaving = Leaving(
        channels=r.channels,
        sessions=r.sessions,
        redemptions=r.redemptions,
        slots=r.slots,
        inbox=r.inbox,
        intake=intake,
        helix=helix,
        tokens=accounts.tokens,
        watch=accounts.watch,
        speakers=accounts.speakers,
        bots=accounts.bots,
        team=accounts.team,
        logins=accounts.logins,
        left=accounts.left,
        erasure=accounts.erasure,
        clock=clock,
    )
    ending = SessionsEnd(sessions=r.sessions, endings=endings)
    demoted, ended = table["moderator.removed"], table["vip.expire"]
    return {
        **table,
        **privacy_rows(r, accounts=accounts, intake=intake, clock=clock),
        "channel.leave": Handler(leaving.leave, MUST_HAPPEN),
        "vip.disconnect": Handler(ending.end, MUST_HAPPEN, overtaken=ended.overtaken),
        "moderator.removed": replace(demoted, handle=_out_of_the_team(accounts, demoted.handle)),
    }


def _out_of_the_team(accounts: AccountParts, handle: Handle) -> Handle:
    async def handled(work: Work) -> str:
        event = role_event(work.event)
        await accounts.team.left(event.channel_id, event.viewer.id)
        return await handle(work)

    return handled
