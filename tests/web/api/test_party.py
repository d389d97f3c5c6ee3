"""Credentials for the socket of watch parties, and the list of public rooms, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.handlers.party.house import Doorway, open_doorway
from tests.web.logins import MemoryLogins
from tests.web.world import World, running
from web.api.party import PartyApi
from web.auth_sessions import Sessions
from web.keys import Rate
from web.limits import Allowance
from web.routes import Api

TICKETS, ROOMS = "/api/v1/party/tickets", "/api/v1/party/rooms"


@asynccontextmanager
async def serving(path: Path, **options: Any) -> AsyncIterator[tuple[World, Doorway]]:
    async with open_doorway(path / "data") as door:
        logins = MemoryLogins(door.clock)
        api = PartyApi(desk=door.entrance, sessions=Sessions(logins=logins, secure=False))
        ports = {"api": Api(party=api), "logins": logins, "newcomers": logins, "clock": door.clock}
        async with running(ports=ports, **options) as world:
            yield world, door


async def send(world: World, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with world.client.request(method, world.url(path), json=body, headers=named) as response:
        return response.status, await response.json(content_type=None)


async def signed_in(world: World) -> dict[str, str]:
    await world.sign_in()
    _, found = await send(world, "GET", "/api/auth/csrf")
    return {"X_CSRF_Token": found["token"], "Origin": f"http://127.0.0.1:{world.port}"}


async def test_who_is_signed_in_gets_a_ticket_or_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, door):
        headers = await signed_in(world)
        status, told = await send(world, "POST", TICKETS, {}, **headers)
        assert (status, told["token"]) == (200, "")
        person = await door.doors.identify(ticket=told["ticket"])
        assert person.subject == "twitch:development"
        status, told = await send(world, "POST", TICKETS, {"kind": "token"}, **headers)
        assert (status, told["ticket"]) == (200, "")
        assert await door.doors.identify(token=told["token"]) == person
        assert told["expiresAt"] > door.clock.now() // 1000


@pytest.mark.parametrize("wrong", [{}, {"X_CSRF_Token": ""}, {"X_CSRF_Token": "guessed"}])
async def test_another_site_gets_none(tmp_path: Path, wrong: dict[str, str]) -> None:
    async with serving(tmp_path) as (world, door):
        headers = await signed_in(world)
        status, told = await send(world, "POST", TICKETS, {}, Origin=headers["Origin"], **wrong)
        assert (status, told["code"]) == (403, "csrf.token")
        room = await door.open(isPublic=True)
        status, told = await send(
            world, "POST", TICKETS, {"roomId": room.id}, Origin=headers["Origin"], **wrong
        )
        assert status == 403, "who is signed in is not let in as a guest by mistake"
        foreign = {**headers, "Origin": "https://evil.example"}
        status, told = await send(world, "POST", TICKETS, {}, **foreign)
        assert (status, told["code"]) == (403, "csrf.origin")


async def test_a_guest_names_a_public_room(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, door):
        public, private = await door.open(isPublic=True), await door.open("gold-fox-1")
        status, told = await send(world, "POST", TICKETS, {"roomId": public.id})
        assert status == 200
        assert (await door.doors.identify(ticket=told["ticket"])).invite == f"public:{public.id}"
        for body, expected in (
            ({"roomId": private.id}, (404, "party.room_not_found")),
            ({"roomId": "no-such-room"}, (404, "party.room_not_found")),
            ({}, (401, "auth.signed_out")),
            ({"roomId": public.id, "kind": "token"}, (401, "auth.signed_out")),
            ({"roomId": "../x"}, (400, "web.body")),
            ({"room": "x"}, (400, "web.body")),
            ([], (400, "web.body")),
        ):
            status, told = await send(world, "POST", TICKETS, body)
            assert (status, told["code"]) == expected


async def test_guests_of_one_address_have_an_allowance(tmp_path: Path) -> None:
    async with serving(tmp_path, rate_limits={Rate.TICKETS: Allowance(2, 60)}) as (world, door):
        room = await door.open(isPublic=True)
        done = [(await send(world, "POST", TICKETS, {"roomId": room.id}))[0] for _ in range(3)]
        assert done == [200, 200, 429]


async def test_the_public_rooms_page_by_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, door):
        for number in range(3):
            await door.open(f"room-{number}", channel="900", isPublic=number > 0, title=f"Room {number}")
        _, first = await send(world, "GET", f"{ROOMS}?limit=1")
        _, second = await send(world, "GET", f"{ROOMS}?limit=1&cursor={first['cursor']}")
        shown = [*first["rooms"], *second["rooms"]]
        assert {room["title"] for room in shown} == {"Room 1", "Room 2"}
        assert shown[0] == {
            "roomId": shown[0]["roomId"],
            "title": shown[0]["title"],
            "film": "",
            "channel": "900",
            "members": 1,
            "here": 1,
            "vipOnly": False,
            "hasPassword": False,
            "openedAt": door.clock.now(),
        }
        for query in ("limit=0", "limit=101", "cursor=nonsense", "other=1"):
            assert (await send(world, "GET", f"{ROOMS}?{query}"))[0] == 400


async def test_who_opened_a_room_makes_its_invites_void(tmp_path: Path) -> None:
    async with serving(tmp_path) as (world, door):
        mine, other = await door.open(owner="twitch:development"), await door.open("gold-fox-1")
        path = f"{ROOMS}/{mine.id}/invites"
        assert (await send(world, "DELETE", path))[0] == 401
        headers = await signed_in(world)
        assert await send(world, "DELETE", path, **headers) == (200, {"void": True})
        status, told = await send(world, "DELETE", f"{ROOMS}/{other.id}/invites", **headers)
        assert (status, told["code"]) == (404, "party.room_not_found")
