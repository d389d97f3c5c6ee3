"""The parts of the API, each with what it asks. One line here for each part of `web/routes.py`'s `Api`."""

from __future__ import annotations

from daemon.settings import Settings
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_shared import Shared
from handlers.vip.channels import Enrolment
from handlers.vip.connection import ConnectionView, Listing
from handlers.vip.operations import Operations
from handlers.vip.vip_desk import VipDesk
from handlers.vip.vip_list import VipList
from handlers.vip.who import Who
from web.api.connection import ConnectionApi
from web.api.operations import OperationsApi
from web.api.vips import VipsApi
from web.api.waiting_list import WaitingListApi
from web.routes import Api


def build_api(
    settings: Settings, *, desk: Desk, outside: Outside, shared: Shared, enrolment: Enrolment
) -> Api:
    """Join the parts with what this process has."""
    r, clock = desk.repositories, shared.clock
    operations = Operations(inbox=r.inbox, intake=desk.intake, clock=clock)
    who = Who(helix=outside.helix)
    vips = VipDesk(operations=operations, who=who, slots=r.slots, redemptions=r.redemptions)
    connection = ConnectionView(
        channels=r.channels,
        live=desk.live,
        keeper=desk.keeper,
        pulses=r.pulses,
        chats=r.chats,
        inbox=r.inbox,
        listed=Listing(
            by_user=outside.helix, by_application=outside.helix.conduits, transports=r.transports
        ).of,
        scopes=outside.tokens.scopes,
        clock=clock,
    )
    return Api(
        vips=VipsApi(lists=VipList(sessions=r.sessions, live=desk.live, clock=clock), desk=vips),
        waiting_list=WaitingListApi(shown=desk.live, desk=vips),
        operations=OperationsApi(operations=operations),
        connection=ConnectionApi(shown=connection, restart=enrolment, desk=vips),
    )
