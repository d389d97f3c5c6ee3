"""A room that does what it is told: the pages, a socket that speaks docs/protocol.md, and one scripted room behind it.
What real rooms do is proved with them; here every face of a page can be called up."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from web.middleware import security_headers
from web.pages import PARTY_PATHS, Pages

ROOM = "mint-owl-42"
CLIP = {"kind": "video", "url": "/static/watch/clip.mp4", "title": "Big night", "duration": 20.0}
FILM = {"party:play": True, "party:pause": False}
NOT_KEPT = {
    *("party:play", "party:pause", "party:seek", "party:rate", "party:barrier", "party:react"),
    *("party:waiting", "party:presence", "party:stats", "party:chat:report"),
}


def member(
    id: str, name: str, role: str = "member", *, vip: bool = False, here: bool = True
) -> dict[str, Any]:
    return {"memberId": id, "userName": name, "role": role, "isVip": vip, "isHere": here}


def item(id: str, **more: Any) -> dict[str, Any]:
    return {"itemId": id, "by": "m1", "votes": 0, **CLIP, **more}


def line(n: int, who: str, name: str, words: str, *, deleted: bool = False) -> dict[str, Any]:
    said = {"chatId": f"k-{n}", "from": who, "userName": name, "message": "" if deleted else words}
    return said | {"sentAt": round(time.time() * 1e6), "isDeleted": deleted}


class Hall:
    """`refused`: type of a message → the error it is answered with. `rooms`: status and body of the list. `heard`: what
    was sent, in order; `news` is set at each. `open`: whether new connections are taken."""

    def __init__(self) -> None:
        self.origin = ""
        self.session: dict[str, Any] = {
            "signed_in": True,
            "name": "Ann",
            "user": {"id": "1", "login": "ann", "name": "Ann"},
            "channels": [{"id": "c1", "login": "ann", "name": "Ann", "role": "owner"}],
        }
        self.rooms: tuple[int, Any] = (200, {"rooms": []})
        self.ticket = ""
        self.refused: dict[str, dict[str, Any]] = {}
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.news = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.kept, self.seq, self.numbers = 10, 10, itertools.count(1)
        self.members = [member("m1", "Ann", "host")]
        self.role, self.is_muted = "host", False
        self.history: list[dict[str, Any]] = []
        self.queue: list[dict[str, Any]] = []
        self.crowd: list[dict[str, Any]] | None = None  # above 50
        self.settings: dict[str, Any] = {
            "title": "Friday film",
            "isPublic": True,
            "vipOnly": False,
            "control": "host",
            "queueing": "member",
            "guestsChat": True,
            "slowSeconds": 0,
            "waiting": "auto",
            "quorum": 0.8,
            "graceSeconds": 20,
            "hostReturns": False,
            "playsNext": True,
            "mostMembers": 12000,
            "hasPassword": False,
        }
        self.state: dict[str, Any] = {
            "mediaId": "",
            "pos": 0.0,
            "rate": 1.0,
            "playing": False,
            "ts": self.now,
            "dur": None,
            "rev": 1,
            "host": "m1",
            "hostEpoch": 1,
            "item": None,
            "barrier": None,
        }

    @property
    def now(self) -> int:
        return round(time.time() * 1e6)

    @property
    def is_host(self) -> bool:
        return self.role == "host"

    def put_on(self, film: Mapping[str, Any], *, playing: bool = False, pos: float = 0.0) -> None:
        self.state |= {"mediaId": film["itemId"], "item": dict(film), "dur": film.get("duration")}
        self.state |= {"playing": playing, "pos": pos, "ts": self.now}

    def welcome(self) -> dict[str, Any]:
        here = [one for one in self.members if one["isHere"]]
        return {
            "roomId": ROOM,
            "self": "m1",
            "role": self.role,
            "isMuted": self.is_muted,
            "epoch": "k3x9",
            "kept": self.kept,
            "clockId": "k3",
            "resumeToken": f"r1.{next(self.numbers)}",
            "lives": 2400,
            "members": len(self.crowd or self.members),
            "here": len(self.crowd or here),
            "roster": None if self.crowd else self.members,
            "settings": self.settings,
            "state": self.state,
            "queue": self.queue,
            "skips": {"votes": 1, "needed": 3, "mine": False},
            "history": self.history,
            "isHost": self.is_host,
        }

    async def say(self, type: str, data: Mapping[str, Any]) -> None:
        """Tell everybody, as the room's log would."""
        told: dict[str, Any] = {"type": type, "data": {**data, "isHost": self.is_host}}
        if type not in NOT_KEPT:
            self.seq += 1
            told |= {"seq": self.seq, "after": self.kept}
            self.kept = self.seq
        for socket in list(self.sockets):
            await socket.send_json(told)

    async def state_is(self, type: str, **change: Any) -> None:
        """The film is another."""
        self.state |= {"ts": self.now, **change, "rev": self.state["rev"] + 1}
        await self.say(
            type, {"currentTime": self.state["pos"], "at": self.now, "by": "m1", "state": self.state}
        )

    async def bye(self, code: int, retry_ms: int = 0) -> None:
        for socket in list(self.sockets):
            await socket.send_json(
                {"type": "party:bye", "data": {"code": code, "reason": "told", "retryAfterMs": retry_ms}}
            )
            await socket.close(code=code)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self.open.is_set():
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        try:
            async for told in socket:
                if told.type is WSMsgType.TEXT:
                    await self.hear(socket, json.loads(told.data))
        finally:
            self.sockets.remove(socket)
        return socket

    async def hear(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        kind, data, name = message["type"], message.get("data", {}), message.get("id")
        if kind == "clock:ping":
            answer = {"t1": data["t1"], "t2": self.now, "t3": self.now, "clockId": "k3"}
            await socket.send_json({"type": "clock:pong", "data": answer})
            return
        self.heard.append((kind, data))
        self.news.set()
        if kind in self.refused:
            error = {
                "detail": "No.",
                "advice": "",
                "retryable": False,
                "retryAfterMs": 0,
                **self.refused[kind],
            }
            await socket.send_json({"type": "party:error", "re": name, "data": error})
            return
        reply = await self.answer(kind, data)
        if name is not None:
            plain = {"type": "party:ok", "data": {"isHost": self.is_host}}
            told = plain if reply is None else {"type": kind, "data": reply}
            await socket.send_json({**told, "re": name})

    async def answer(self, type: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """Do what was asked, and what the asker is told besides."""
        if type == "party:hello":
            return {"subject": "twitch:1", "name": "Ann", "role": "member", "clockId": "k3", "isHost": False}
        if type in ("party:join", "party:create", "party:resume"):
            return self.welcome()
        if type == "party:roster":
            members = self.crowd or self.members
            start = next((n + 1 for n, one in enumerate(members) if one["memberId"] == data.get("after")), 0)
            page = members[start : start + data.get("limit", 50)]
            more = start + len(page) < len(members)
            return {"members": page, "next": page[-1]["memberId"] if more else None}
        if type == "party:invite":
            token = "v1.abc.def"
            return {
                "invite": token,
                "url": f"/party/{ROOM}?invite={token}",
                "expiresAt": round(time.time()) + data["seconds"],
            }
        await self.carry_out(type, data)
        return None

    async def carry_out(self, type: str, data: dict[str, Any]) -> None:
        number = next(self.numbers)
        if type in FILM:
            pos = self.state["pos"] if data.get("currentTime") is None else data["currentTime"]
            await self.state_is(type, playing=FILM[type], pos=pos)
        elif type == "party:seek":
            await self.state_is(type, pos=data["currentTime"])
        elif type == "party:rate":
            await self.state_is(type, rate=data["rate"])
        elif type == "party:media":
            film = item(f"i{number}", title="") | data["item"]
            await self.state_is(
                type, mediaId=film["itemId"], item=film, pos=0.0, playing=False, dur=film.get("duration")
            )
        elif type == "party:queue:add":
            await self.say(type, {"item": item(f"i{number}", title="") | data["item"], "by": "m1"})
        elif type == "party:queue:vote":
            await self.say(type, {"itemId": data["itemId"], "votes": 4, "place": 0, "by": "m1"})
        elif type == "party:chat":
            await self.say(type, line(number, "m1", "Ann", data["message"]))
        elif type == "party:react":
            await self.say(type, {"reactions": {data["emoji"]: 1}})
        elif type == "party:settings":
            await self.say(type, {"settings": data["settings"]})
        elif type in (
            "party:chat:delete",
            "party:mute",
            "party:unmute",
            "party:role",
            "party:queue:remove",
            "party:queue:move",
        ):
            await self.say(type, {"userName": "Ben", "until": 0, "by": "m1", **data})
        elif type == "party:close":
            await self.say("party:closed", {})
            await self.bye(4504)

    async def about(self, request: web.Request) -> web.Response:
        return web.json_response(self.session)

    async def tickets(self, request: web.Request) -> web.Response:
        if not self.ticket:
            return web.json_response(
                {"code": "auth.signed_out", "detail": "You are not signed in."}, status=403
            )
        return web.json_response({"ticket": self.ticket, "token": "", "expiresAt": 0})

    async def listed(self, request: web.Request) -> web.Response:
        status, body = self.rooms
        return web.json_response(body, status=status)


@asynccontextmanager
async def standing(port: int = 0) -> AsyncIterator[Hall]:
    """A running hall, with the real pages and the real headers."""
    hall, pages, app = Hall(), Pages(), web.Application()
    app.on_response_prepare.append(security_headers(https=False))
    for path in PARTY_PATHS:
        app.router.add_get(path, pages.party)
    app.router.add_get("/static/{path:.*}", pages.static)
    app.router.add_get("/api/auth/session", hall.about)
    app.router.add_get("/api/v1/party/rooms", hall.listed)
    app.router.add_post("/api/v1/party/tickets", hall.tickets)
    app.router.add_get("/ws/connect", hall.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    hall.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hall
    finally:
        for socket in list(hall.sockets):
            await socket.close()
        await runner.cleanup()
