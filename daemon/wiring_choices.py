"""Joins what streamers choose and look at: rewards, settings, lists, figures."""

from __future__ import annotations

from dataclasses import replace

from daemon.settings import Settings
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_shared import Shared
from daemon.wiring_store import Kept
from domain.ports import Metrics
from gateways.discord import Discord
from handlers.vip.analytics import Analytics
from handlers.vip.channels import Enrolment
from handlers.vip.lists import Lists
from handlers.vip.operations import Operations
from handlers.vip.overlay import Overlay
from handlers.vip.preferences import Preferences
from handlers.vip.rewards import Rewards
from handlers.vip.vip_desk import VipDesk
from handlers.vip.who import Who
from web.api.analytics import AnalyticsApi
from web.api.rewards import RewardsApi
from web.api.settings import SettingsApi
from web.api.viewers import ViewersApi
from web.overlay import OverlayStreams
from web.routes import Api


def with_choices(
    api: Api,
    *,
    settings: Settings,
    kept: Kept,
    desk: Desk,
    outside: Outside,
    shared: Shared,
    enrolment: Enrolment,
    metrics: Metrics,
) -> Api:
    """The API with these parts."""
    r, clock, who = desk.repositories, shared.clock, Who(helix=outside.helix)
    operations = Operations(inbox=r.inbox, intake=desk.intake, clock=clock)
    vips = VipDesk(operations=operations, who=who, slots=r.slots, redemptions=r.redemptions)
    rewards = Rewards(
        channels=r.channels,
        redemptions=r.redemptions,
        helix=outside.helix,
        intake=desk.intake,
        book=desk.book,
        clock=clock,
    )
    preferences = Preferences(
        channels=r.channels,
        grants=kept.grants,
        watch=enrolment.watch,
        room=desk.slotting.room,
        discord=Discord(http=outside.http, origin=settings.discord_url or ""),
        book=desk.book,
        live=desk.live,
    )
    overlay = Overlay(
        channels=r.channels, sessions=r.sessions, sealer=kept.grants.sealer, book=desk.book, clock=clock
    )
    analytics = Analytics(channels=r.channels, days=r.counted_days, trail=r.trail, clock=clock)
    return replace(
        api,
        rewards=RewardsApi(rewards=rewards, operations=operations),
        settings=SettingsApi(preferences=preferences, overlay=overlay),
        viewers=ViewersApi(lists=Lists(viewers=r.viewers, desk=vips, who=who)),
        analytics=AnalyticsApi(analytics=analytics),
        overlay=OverlayStreams(views=overlay, topics=shared.topics, clock=clock, metrics=metrics),
    )
