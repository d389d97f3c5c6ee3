from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.slots import Hold
from handlers.exporting import BLOCK_BYTES, Exporter, Manifest
from storage.personal import PersonalData
from storage.tokens import TOKENS
from tests.handlers.test_erasure import eraser, lived
from tests.support.desk import open_scene
from tests.support.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, accounts=True, scheduler=False) as scene:
        yield scene


async def read(pieces: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    whole = b"".join([piece async for piece in pieces])
    assert whole.endswith(b"\n")
    lines = whole.splitlines(keepends=True)
    told = [json.loads(line) for line in lines]
    assert told[-1]["sha256"] == hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    return told


def exporter(scene: Scene) -> Exporter:
    return Exporter(data=PersonalData(scene.store), program="9.9", clock=scene.clock)


async def test_all_that_is_held_of_a_viewer(scene: Scene) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    await scene.settled(await scene.redeem(channel, await scene.viewer("other")))
    await scene.repositories.slots.change(
        channel.id, lambda held: replace(held, held=(Hold(zoe.id, "s", 1), Hold("555", "t", 1)))
    )
    assert scene.accounts is not None
    await scene.accounts.parts.logins.open(subject=zoe.id, login="zebrina", name="Z")
    manifest = Manifest()
    head, *lines, end = await read(exporter(scene).viewer(zoe.id, channel.id, manifest))
    assert head["of"] == {"viewer_id": zoe.id, "channel_id": channel.id}
    assert (head["format"], head["version"], head["program"]) == ("cuelight-export", 1, "9.9")
    assert end["counts"] == manifest.told()["counts"] == await eraser(scene).count_viewer(channel.id, zoe.id)
    of = {kind: [line for line in lines if line["kind"] == kind] for kind in end["counts"]}
    assert of["redemptions"][0]["data"]["user_input"] == "zebrina says hello"
    assert of["slots"][0]["data"] == {"held": [of["slots"][0]["data"]["held"][0]], "waiting": []}
    assert of["analytics_days"][0]["data"]["viewer"]["points"] == 500
    assert {line["channel_id"] for line in lines} == {channel.id}
    assert "event" in json.dumps([line["data"]["body"] for line in of["inbox"]])
    assert "555" not in json.dumps(lines)
    assert not {"salt", "commitment", "linked"} & set(of["audit"][0]["data"])

    everywhere = await read(exporter(scene).viewer(zoe.id, None, Manifest()))
    assert everywhere[0]["of"] == {"viewer_id": zoe.id}
    [login] = [line for line in everywhere if line.get("kind") == "logins"]
    assert "id" not in login
    assert set(login["data"]) == {"subject", "login", "name", "created_at", "seen_at", "expires_at", "agent"}


async def test_all_that_is_held_of_a_channel_without_its_secrets(scene: Scene) -> None:
    channel = await scene.channel()
    await lived(scene, channel)
    sealed = "abcd1234:secret-webhook"
    await scene.repositories.channels.change(
        channel.id,
        lambda held: replace(
            held,
            settings=replace(held.settings, messages=replace(held.settings.messages, discord_url=sealed)),
        ),
    )
    token = await scene.grants.load(channel.id)
    assert token is not None
    stored = await (await scene.store.collection(TOKENS)).get(channel.id)
    assert stored is not None
    manifest = Manifest()
    lines = await read(exporter(scene).channel(channel.id, manifest))
    text = json.dumps(lines)
    assert {"channels", "tokens", "audit", "redemptions", "viewers", "vip_sessions"} <= set(manifest.counts)
    for secret in (token.access_token, token.refresh_token, stored["access_token"], sealed):
        assert secret not in text
    [settings] = [line["data"]["settings"] for line in lines if line.get("kind") == "channels"]
    assert settings["messages"]["discord_url"] is True


async def test_what_was_erased_is_in_no_export(scene: Scene) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    await eraser(scene).viewer(channel.id, zoe.id)
    assert len(await read(exporter(scene).viewer(zoe.id, None, Manifest()))) == 2
    assert "zebrina" not in json.dumps(await read(exporter(scene).channel(channel.id, Manifest())))


async def test_it_comes_in_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.exporting.BLOCK_BYTES", 100)
    channel = await scene.channel()
    await lived(scene, channel)
    pieces = [piece async for piece in exporter(scene).channel(channel.id, Manifest())]
    assert len(pieces) > 3
    assert all(len(piece) < BLOCK_BYTES for piece in pieces)
