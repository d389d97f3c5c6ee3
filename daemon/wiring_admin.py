"""Joins what the command line may ask of a running daemon."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from daemon.commands import (
    ChannelCommands,
    Command,
    DataCommands,
    InboxCommands,
    KeyCommands,
    build_commands,
)
from daemon.settings import Settings
from daemon.setup_application import seal_again
from daemon.setup_device import Entrance
from daemon.wiring_accounts import Accounts, build_overview
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_privacy import build_privacy_commands
from daemon.wiring_store import Kept
from domain.ports import Clock
from handlers.vip.channels import Enrolment


async def admin_commands(
    settings: Settings,
    *,
    kept: Kept,
    desk: Desk,
    enrolment: Enrolment,
    accounts: Accounts,
    outside: Outside,
    status: Command,
    clock: Clock,
) -> Mapping[str, Command]:
    """Every command, by its name. `status`: how this daemon is."""
    r = kept.repositories
    return build_commands(
        inbox=InboxCommands(inbox=r.inbox, poke=desk.poke, clock=clock),
        channels=ChannelCommands(
            enrolment=enrolment,
            overview=build_overview(
                desk=desk,
                enrolment=enrolment,
                accounts=accounts,
                clock=clock,
            ),
            enter=Entrance(accounts, outside).enter,
        ),
        keys=KeyCommands(
            settings=settings,
            grants=kept.grants,
            uses=accounts.uses,
            others=[r.channels.seal_again, seal_again(settings.data_dir)],
        ),
        status=status,
        data=DataCommands(
            store=kept.store,
            engine="mongodb" if settings.mongo_url else "sqlite",
            version=version("cuelight"),
            clock=clock,
        ),
        more=await build_privacy_commands(accounts.privacy, settings, intake=desk.intake),
    )
