"""What a streamer orders from the dashboard, and what viewers do besides redeeming: rows in a scene."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from domain.channel import Causes, Channel, ChannelSettings, Viewer
from domain.inbox import Delivery, InboxRow
from handlers.vip.lanes import lane_of
from tests.support.scene import Scene

STREAMER = {"kind": "streamer", "id": "1", "name": "Streamer"}
MODERATOR = {"kind": "moderator", "id": "77", "name": "Mo"}


def person(viewer: Viewer) -> dict[str, str]:
    return {"id": viewer.id, "login": viewer.login, "name": viewer.name}


async def put(scene: Scene, channel: Channel, viewer: Viewer, kind: str, **body: Any) -> str:
    """Store an order in the viewer's lane. The id of its row."""
    delivery = Delivery(
        source="dashboard",
        message_id=f"order-{next(scene.numbers)}",
        kind=kind,
        lane=lane_of(channel.id, viewer.id),
        channel_id=channel.id,
        raw=json.dumps({"viewer": person(viewer), "actor": STREAMER, **body}).encode(),
    )
    await scene.desk.intake.accept(delivery)
    return delivery.row_id


async def order(scene: Scene, channel: Channel, viewer: Viewer, kind: str, **body: Any) -> dict[str, Any]:
    """Carry an order out; what is told of it."""
    row = await done(scene, await put(scene, channel, viewer, kind, **body))
    outcome = row.steps["outcome"]
    assert outcome["result"] == row.result
    return outcome


async def done(scene: Scene, row_id: str) -> InboxRow:
    """A row once all work is done."""
    await scene.finish()
    row = await scene.row(row_id)
    assert row.state == "done", row.error
    return row


async def choose(
    scene: Scene, channel: Channel, *, causes: Causes | None = None, paused: bool = False, **settings: Any
) -> Channel:
    """The channel with other settings."""
    fresh = ChannelSettings(**settings) if causes is None else ChannelSettings(causes=causes, **settings)
    return await scene.repositories.channels.put(
        channel, lambda held: replace(held, settings=fresh, paused=paused)
    )
