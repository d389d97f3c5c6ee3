"""`/api/v1/party`: the channel's watch party over HTTP, with the real handlers behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.party.test_channel_desk import desk_of
from tests.support.desk import open_scene
from tests.web.api.choices import Choices
from tests.web.world import running
from web.api.channel_party import ChannelPartyApi
from web.routes import Api

PARTY = "/api/v1/party"


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_scene(tmp_path) as scene:
        desk, _ = await desk_of(scene)
        async with running(ports={"api": Api(channel_party=ChannelPartyApi(party=desk))}) as world:
            await world.sign_in()
            channel = await scene.channel()
            world.outside.list.append({"id": channel.id, "login": channel.login, "name": channel.name})
            yield Choices(world, scene, channel)


async def test_the_party_is_opened_shown_changed_and_closed(choices: Choices) -> None:
    assert await choices.ask("GET", PARTY) == (200, {"party": None})
    status, told = await choices.ask("POST", PARTY, {"title": "Friday", "is_public": True})
    assert status == 200
    party = told["party"]
    assert party == {
        "room_id": party["room_id"],
        "url": f"https://cuelight.test/party/{party['room_id']}",
        "title": "Friday",
        "is_public": True,
        "vip_only": False,
        "opened_at": choices.scene.clock.now(),
        "host": "",
        "film": "",
        "queued": 0,
        "members": 0,
        "here": 0,
        "sync": {"players": 0, "drift_p50_ms": None, "drift_p95_ms": None},
    }
    assert await choices.ask("GET", PARTY) == (200, {"party": party})
    status, told = await choices.ask("PATCH", PARTY, {"vip_only": True})
    assert (status, told["party"]["vip_only"], told["party"]["title"]) == (200, True, "Friday")
    status, made = await choices.ask("POST", f"{PARTY}/invites", {"role": "member", "uses": 2})
    assert status == 201
    assert made["url"].endswith(f"#invite={made['invite']}")
    assert await choices.ask("DELETE", PARTY) == (200, {"party": None})
    assert await choices.refused("PATCH", PARTY, {"title": "x"}) == (404, "party.none")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PARTY, {"title": "x" * 81}),
        ("POST", PARTY, {"titel": "x"}),
        ("PATCH", PARTY, {"is_public": "perhaps"}),
        ("POST", f"{PARTY}/invites", {"role": "host"}),
        ("POST", f"{PARTY}/invites", {"uses": 0}),
    ],
)
async def test_what_is_malformed_is_refused(
    choices: Choices, method: str, path: str, body: dict[str, object]
) -> None:
    assert (await choices.ask(method, path, body))[0] == 400
    assert (await choices.ask("GET", PARTY))[1] == {"party": None}
