"""Watch parties over the sockets of a whole daemon, and what of them is there again after a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet
from websockets.asyncio.client import ClientConnection, connect

from simulators.twitch import SimulatorSettings, TwitchSimulator
from tests.daemon.running import Running, joining, running
from tests.servers.mongo import shared_mongo
from tests.servers.redis import start_redis

pytestmark = pytest.mark.server

SECONDS = 30.0
SECRET = "0123456789abcdef0123456789abcdef"
ISSUERS = {"JWT_ISSUER_KEYS": f"school HS256 secret:{SECRET}"}


def token(subject: str, **more: Any) -> str:
    claims = {"iss": "school", "sub": subject, "name": subject.title(), "exp": 4_000_000_000, **more}
    return jwt.encode(claims, SECRET, algorithm="HS256")


class Guest:
    """A client: what it was told, and what it waits for."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self._ids = 0

    async def ask(self, type: str, **data: Any) -> dict[str, Any]:
        """Send it and wait for the answer."""
        self._ids += 1
        name = f"c-{self._ids}"
        await self.socket.send(json.dumps({"type": type, "id": name, "data": data}))
        return await self.until(lambda one: one.get("re") == name)

    async def until(self, wanted: Any) -> dict[str, Any]:
        """The first message that was told since the beginning, and not looked for before, that is wanted."""
        async with asyncio.timeout(SECONDS):
            while True:
                for one in self.told:
                    if wanted(one):
                        self.told.remove(one)
                        return one
                self.told.append(json.loads(await self.socket.recv()))

    async def message(self, type: str) -> dict[str, Any]:
        found = await self.until(lambda one: one["type"] == type and "re" not in one)
        data: dict[str, Any] = found["data"]
        return data


@asynccontextmanager
async def coming(run: Running, query: str = "", **more: Any) -> AsyncIterator[Guest]:
    address = f"ws://127.0.0.1:{run.daemon.port}/ws/connect{query}"
    async with connect(address, compression=None, **more) as socket:
        yield Guest(socket)


async def test_two_clients_watch_and_talk(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(running(tmp_path, **ISSUERS))
        ann = await stack.enter_async_context(coming(run, f"?token={token('ann')}"))
        welcome = await ann.ask("party:create", userName="Ann", settings={"title": "Film", "isPublic": True})
        assert welcome["type"] == "party:create", welcome
        room = welcome["data"]["roomId"]
        assert welcome["data"]["isHost"] is True

        async with run.http.get("/api/v1/party/rooms") as answer:
            listed = (await answer.json())["rooms"]
        assert [(one["roomId"], one["title"]) for one in listed] == [(room, "Film")]

        async with run.http.post("/api/v1/party/tickets", json={"roomId": room}) as answer:
            assert answer.status == 200, await answer.text()
            ticket = (await answer.json())["ticket"]
        ben = await stack.enter_async_context(coming(run))
        hello = await ben.ask("party:hello", ticket=ticket)
        assert hello["data"]["role"] == "guest", hello
        joined = await ben.ask("party:join", roomId=room, userName="Ben")
        assert joined["type"] == "party:join", joined
        item = {"kind": "video", "url": "https://films.example.org/a.mp4", "duration": 100}
        assert (await ann.ask("party:media", item=item))["type"] == "party:ok"
        assert (await ann.ask("party:play", currentTime=5))["type"] == "party:ok"
        assert (await ben.ask("party:chat", message="hi"))["type"] == "party:ok"
        assert (await ann.message("party:chat"))["message"] == "hi"
        refused = await ben.ask("party:pause", currentTime=1)
        assert (refused["type"], refused["data"]["code"]) == ("party:error", "forbidden")

        for bad in ({"ticket": ticket}, {"token": token("ann", exp=1)}, {"token": token("ann") + "x"}):
            again = await stack.enter_async_context(coming(run))
            assert (await again.ask("party:hello", **bad))["data"]["code"] == "unauthorized"


async def test_invites_and_passwords(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(running(tmp_path, **ISSUERS))
        ann = await stack.enter_async_context(coming(run, f"?token={token('ann')}"))
        welcome = await ann.ask("party:create", userName="Ann", settings={"password": "open sesame"})
        room = welcome["data"]["roomId"]
        invite = (await ann.ask("party:invite", role="member"))["data"]
        assert f"/party/{room}#invite=" in invite["url"]

        ben = await stack.enter_async_context(coming(run, f"?token={token('ben')}"))
        wrong = await ben.ask("party:join", roomId=room, password="sesame")
        assert wrong["data"]["code"] == "bad_password"
        assert (await ben.ask("party:join", roomId=room, password="open sesame"))["type"] == "party:join"

        cleo = await stack.enter_async_context(coming(run))
        assert (await cleo.ask("party:hello", invite=invite["invite"], roomId=room))["type"] == "party:hello"
        joined = await cleo.ask("party:join", roomId=room, userName="Cleo")
        assert (joined["type"], joined["data"]["role"]) == ("party:join", "member")
        dan = await stack.enter_async_context(coming(run, f"?token={token('dan')}"))
        used = await dan.ask("party:join", roomId=room, invite=invite["invite"])
        assert used["data"]["code"] == "invite_used"


async def test_its_host_sees_how_well_the_room_keeps_together(tmp_path: Path) -> None:
    """Signed in; and nobody else does."""
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(running(tmp_path, CUELIGHT_DEMO="1", **ISSUERS))
        async with run.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"}) as answer:
            assert answer.status == 200, await answer.text()
        async with run.http.get("/api/auth/csrf") as answer:
            headers = {"X-CSRF-Token": (await answer.json())["token"], "Sec-Fetch-Site": "same-origin"}
        rooms = []
        async with run.http.post("/api/v1/party/tickets", json={}, headers=headers) as answer:
            ticket = (await answer.json())["ticket"]
        for query in (f"?ticket={ticket}", f"?token={token('ann')}"):
            host = await stack.enter_async_context(coming(run, query))
            rooms.append((await host.ask("party:create", userName="Host"))["data"]["roomId"])
        mine, other = (f"/api/v1/party/rooms/{room}/quality" for room in rooms)
        async with asyncio.timeout(SECONDS), run.http.get(mine) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream"), await answer.text()
            await answer.content.readuntil(b"event: reset\n")
            told = json.loads((await answer.content.readline()).removeprefix(b"data: "))
            assert (told["players"], told["p95"]) == (0, None)
        for wrong in (other, "/api/v1/party/rooms/no-such-room/quality"):
            async with run.http.get(wrong) as answer:
                assert (answer.status, (await answer.json())["code"]) == (404, "party.room_not_found")


async def test_a_room_survives_a_restart(tmp_path: Path) -> None:
    """One process on SQLite: what was answered before is there afterwards, and nobody stopped the film."""
    data = tmp_path / "data"
    async with TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0)) as sim:
        async with AsyncExitStack() as stack:
            run = await stack.enter_async_context(joining(sim, data, **ISSUERS))
            ann = await stack.enter_async_context(coming(run, f"?token={token('ann')}"))
            welcome = await ann.ask(
                "party:create", userName="Ann", settings={"waiting": "off", "title": "Film"}
            )
            room = welcome["data"]["roomId"]
            bob = await stack.enter_async_context(coming(run, f"?token={token('bob')}"))
            joined = await bob.ask("party:join", roomId=room, userName="Bob")
            item = {"kind": "video", "url": "https://films.example.org/a.mp4", "duration": 10_000}
            await ann.ask("party:media", item=item)
            await ann.ask("party:play", currentTime=100)
            await ann.ask("party:chat", message="is anybody there?")
            banned = await ann.ask("party:ban", memberId=joined["data"]["self"])
            assert banned["type"] == "party:ok", banned
            before = (await ann.ask("clock:ping", t1=0))["data"]["t2"]
        async with AsyncExitStack() as stack:
            run = await stack.enter_async_context(joining(sim, data, **ISSUERS))
            ann = await stack.enter_async_context(coming(run, f"?token={token('ann')}"))
            back = await ann.ask("party:join", roomId=room, userName="Ann")
            assert back["type"] == "party:join", back
            held = back["data"]
            assert held["settings"]["title"] == "Film"
            assert [line["message"] for line in held["history"]] == ["is anybody there?"]
            now = (await ann.ask("clock:ping", t1=0))["data"]["t2"]
            state = held["state"]
            assert state["playing"] is True
            assert now > before
            stands = state["pos"] + (now - state["ts"]) / 1e6
            assert stands - 100 == pytest.approx((now - before) / 1e6, abs=5.0)
            bob = await stack.enter_async_context(coming(run, f"?token={token('bob')}"))
            refused = await bob.ask("party:join", roomId=room, userName="Bob")
            assert refused["data"]["code"] == "banned"


async def test_two_processes_serve_one_room(tmp_path: Path) -> None:
    """Through Redis, with what is kept in MongoDB; and a third one without viewers, which leaves the door shut."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(start_redis())
        sim = await stack.enter_async_context(TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0)))
        environ = {
            **ISSUERS,
            "MONGO_URL": shared_mongo(tmp_path.name),
            "REDIS_URL": redis.url,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SESSION_SECRET": "32-characters-of-the-test-are-enough",
        }
        one, two = [
            await stack.enter_async_context(joining(sim, tmp_path / name, **environ)) for name in ("a", "b")
        ]
        ann = await stack.enter_async_context(coming(one, f"?token={token('ann')}"))
        settings = {"isPublic": True, "waiting": "off"}
        room = (await ann.ask("party:create", userName="Ann", settings=settings))["data"]["roomId"]
        async with two.http.post("/api/v1/party/tickets", json={"roomId": room}) as answer:
            ticket = (await answer.json())["ticket"]
        ben = await stack.enter_async_context(coming(two, f"?ticket={ticket}"))
        joined = await ben.ask("party:join", roomId=room, userName="Ben")
        assert joined["type"] == "party:join", joined
        assert (await ann.ask("party:chat", message="hello"))["type"] == "party:ok"
        assert (await ben.message("party:chat"))["message"] == "hello"
        assert (await ben.ask("party:chat", message="hi"))["type"] == "party:ok"
        told = [(await ann.message("party:chat"))["message"] for _ in range(2)]
        assert told == ["hello", "hi"]
        twice = await stack.enter_async_context(coming(one))
        assert (await twice.ask("party:hello", ticket=ticket))["data"]["code"] == "unauthorized"

        worker = await stack.enter_async_context(
            joining(sim, tmp_path / "c", **environ, ROLES="worker,eventsub")
        )
        for path in ("/ws/connect", "/api/v1/party/rooms"):
            async with worker.http.get(path) as answer:
                assert answer.status == 404


async def test_the_page_of_this_server_comes_in_by_its_cookie(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(running(tmp_path, CUELIGHT_DEMO="1"))
        channel_id, _ = await run.enrol()
        await run.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
        cookie = "; ".join(f"{one.key}={one.value}" for one in run.http.cookie_jar)
        own = {"additional_headers": {"Cookie": cookie}, "origin": f"http://127.0.0.1:{run.daemon.port}"}
        me = await stack.enter_async_context(coming(run, **own))
        welcome = await me.ask("party:create", userName="Me", channel=channel_id, settings={"vipOnly": True})
        assert welcome["type"] == "party:create", welcome
        other = await stack.enter_async_context(coming(run, additional_headers={"Cookie": cookie}))
        refused = await other.ask("party:create", userName="Me")
        assert refused["data"]["code"] == "unauthorized", "a cookie counts from our own pages alone"


async def test_where_it_is_switched_off_there_is_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, PRODUCTS="vip") as run:
        for path in ("/api/v1/party/rooms", "/ws/connect"):
            async with run.http.get(path) as answer:
                assert answer.status == 404
