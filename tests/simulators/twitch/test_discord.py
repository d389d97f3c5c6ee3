"""The wall in Discord's place, as whoever has the address of a webhook sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.simulators.twitch.playground import Playground

EMBED = {"embeds": [{"description": "Ann is VIP"}]}


def address(play: Playground) -> str:
    return f"{play.simulator.discord_url}/api/webhooks/12/a-token"


async def test_what_is_told_is_shown(play: Playground) -> None:
    assert (await play.request("POST", address(play), json=EMBED)).status == 204
    shown = await play.request("GET", f"{play.simulator.control_url}/discord")
    assert shown.json == {"messages": [{"webhook": "12", "body": EMBED}]}


async def test_a_body_in_parts_is_read_whole(play: Playground) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b'{"content":', b' "hello"', b"}"):
            yield part
            await asyncio.sleep(0.01)

    assert (await play.request("POST", address(play), data=parts())).status == 204


async def test_what_discord_refuses(play: Playground) -> None:
    assert (await play.request("POST", address(play), data=b"{")).status == 400
    assert (await play.request("POST", address(play), json={"embeds": []})).status == 400
    assert (await play.request("POST", address(play), json={"content": "x" * 70_000})).status == 413
    play.simulator.discord.waits.append(2.5)
    waits = await play.request("POST", address(play), json=EMBED)
    assert (waits.status, waits.json["retry_after"]) == (429, 2.5)
    assert (await play.control("discord/delete")).status == 400
    await play.sim("discord/delete", id="12")
    assert (await play.request("POST", address(play), json=EMBED)).status == 404
    assert not play.simulator.discord.heard
