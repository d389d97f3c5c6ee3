"""A house: processes that serve one room, its viewers on real sockets at all of them, and the verdict.

    async with fleet(...) as stand:
        async with house({"a": url, "b": url}) as party:
            host = await party.open("a")
            ana = await party.enter("b", "ana")
            ...
            await party.judge()

Nothing waits for a time to pass but for a condition, with a limit.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

import jwt

from tests.journeys.party.oracle import judge
from tests.journeys.party.watching import Bare, Viewer

SECRET = "a key of who signs in these viewers, 32 bytes"
ENVIRON = {
    "JWT_ISSUER_KEYS": f"tests HS256 base64:{base64.b64encode(SECRET.encode()).decode()}",
    "PARTY_JOINS_PER_ADDRESS": "10000",  # the verdict comes in to look, again and again
}
LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.02
FILM = {"kind": "video", "url": "https://films.example/long.mp4", "title": "Film", "duration": 7200.0}
ROOM = {"waiting": "off", "graceSeconds": 5}


class House:
    """Built by `house(...)`. `here`: who is to be judged at the end, by name."""

    def __init__(self, urls: Mapping[str, str], tasks: asyncio.TaskGroup) -> None:
        self.urls = {name: f"{url.replace('http', 'ws', 1)}/ws/connect" for name, url in urls.items()}
        self.here: dict[str, Viewer] = {}
        self.room_id = ""
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []
        self._strangers = 0

    def token(self, name: str) -> str:
        """What proves that somebody is who he says."""
        claims = {"iss": "tests", "sub": name, "name": name, "exp": int(time.time()) + 3600}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    async def open(self, at: str, **settings: Any) -> Viewer:
        """The host opens the room at one process, puts a film on, and plays it."""
        host = self._seat(at, "host", settings={**ROOM, **settings})
        await self.until(lambda: host.talk.is_in, "the room is open")
        self.room_id = host.talk.room_id
        await self.done(host, "party:media", item=FILM)
        await self.done(host, "party:play", currentTime=0.0)
        return host

    async def enter(self, at: str, *names: str, is_small: bool = False) -> list[Viewer]:
        """These come in, at one process; returns when they are in."""
        came = [self._seat(at, name, room_id=self.room_id, is_small=is_small) for name in names]
        await self.until(lambda: all(one.talk.is_in for one in came), f"{len(names)} are in at {at}")
        return came

    def _seat(self, at: str, name: str, **how: Any) -> Viewer:
        urls = [self.urls[at], *(url for other, url in self.urls.items() if other != at)]
        viewer = Viewer(name, urls, token=self.token(name), **how)
        self.here[name] = viewer
        self._running.append(self._tasks.create_task(viewer.run(), name=f"viewer:{name}"))
        return viewer

    async def go(self, *viewers: Viewer) -> None:
        """These lose their connection for good, and are judged no more."""
        for one in viewers:
            self.here.pop(one.name)
            await one.go()

    async def stranger(self, at: str, *, name: str = "") -> Bare:
        """A socket at a process, whose owner is known and in no room."""
        socket = await Bare.open(self.urls[at])
        self._strangers += 1
        said = await socket.ask("party:hello", token=self.token(name or f"stranger-{self._strangers}"))
        assert said["type"] == "party:hello", said
        return socket

    # -- waiting ------------------------------------------------------------------------------------------------

    async def until(self, check: Callable[[], bool], what: str, *, seconds: float = LIMIT_SECONDS) -> float:
        """Wait for it; returns the seconds that it took."""
        began = time.monotonic()
        while not check():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"Not within {seconds} s: {what}\n{self.told()}")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - began

    async def done(self, viewer: Viewer, type: str, **data: Any) -> None:
        """Ask, and wait until it is acknowledged. A refusal fails."""
        name = await viewer.ask(type, **data)
        await self.until(lambda: name in viewer.answers, f"{type} of {viewer.name} is answered")
        assert viewer.answers[name].type == "party:ok", (type, viewer.answers[name].data)

    async def refused(self, viewer: Viewer, code: str) -> None:
        """Say something until the answer is this refusal. Nothing may be taken."""

        async def once() -> str:
            name = await viewer.say("(not to be heard)")
            await self.until(lambda: name in viewer.answers, f"what {viewer.name} says is answered")
            answer = viewer.answers[name]
            assert answer.type == "party:error", f"{viewer.name} is heard"
            return str(answer.data["code"])

        async with asyncio.timeout(LIMIT_SECONDS):
            while (told := await once()) != code:
                assert told == "rate_limited", told
                await asyncio.sleep(0.5)

    async def seek(self, host: Viewer, place: float, by: Iterable[Viewer]) -> float:
        """The host goes somewhere; it is acknowledged, and all of `by` see it. Returns the seconds it took, without
        what he had to wait by his own limit."""
        began = time.monotonic()
        watching = list(by)
        while not await self._sought(host, place):
            began = time.monotonic()

        def all_see() -> bool:
            return all(one.record.state.get("pos") == place for one in watching)

        await self.until(all_see, f"all see the seek to {place}")
        return time.monotonic() - began

    async def _sought(self, host: Viewer, place: float) -> bool:
        """Whether a seek is acknowledged. False: the host has to wait, since he seeks too often himself."""
        name = await host.ask("party:seek", currentTime=place)
        await self.until(lambda: name in host.answers, f"the seek to {place} is answered")
        answer = host.answers[name]
        if answer.data.get("code") == "rate_limited":
            await asyncio.sleep(answer.data["retryAfterMs"] / 1000)
            return False
        assert answer.type == "party:ok", answer.data
        return True

    async def heard_by(self, listeners: Iterable[Viewer]) -> None:
        """Wait until these have all that was acknowledged to anybody."""
        wanted = {one.text for viewer in self.here.values() for one in viewer.record.acknowledged}
        ears = list(listeners)
        await self.until(
            lambda: all(wanted <= set(one.record.chat) or one.record.resets for one in ears),
            "all that was acknowledged is heard",
        )

    async def alive_again(self, *, but: Iterable[Viewer] = ()) -> float:
        """Wait until somebody at each process is acknowledged something new, and all see it. Returns the seconds."""
        began = time.monotonic()
        silent = set(but)
        ears = [one for one in self.here.values() if one not in silent]
        for speaker in ears[:1] + ears[-1:]:
            text = await self._acknowledged(speaker)
            await self.until(functools.partial(_all_see, ears, text), f"all see what {speaker.name} says")
        return time.monotonic() - began

    async def _acknowledged(self, speaker: Viewer) -> str:
        """Something new that somebody says, until it is acknowledged."""
        known = len(speaker.record.acknowledged)
        while len(speaker.record.acknowledged) == known:
            name = await speaker.say("again")
            await self.until(lambda name=name: name in speaker.answers, f"{speaker.name} is answered again")  # type: ignore[misc]
        return speaker.record.acknowledged[-1].text

    async def film_place(self, at: str, state: Mapping[str, Any]) -> float:
        """Where the film of this state is now (s), by the room's own clock."""
        socket = await self.stranger(at)
        try:
            now = (await socket.ask("clock:ping", t1=1))["data"]["t3"]
        finally:
            await socket.close()
        return float(state["pos"] + state["rate"] * max(0, now - state["ts"]) / 1e6)

    # -- the verdict --------------------------------------------------------------------------------------------

    async def history(self, at: str) -> list[str]:
        """The chat of the room, as it is told to somebody who comes in now."""
        socket = await self.stranger(at)
        try:
            welcome = await socket.ask("party:join", roomId=self.room_id)
            assert welcome["type"] == "party:join", welcome
            await socket.ask("party:leave")
            return [line["message"] for line in welcome["data"]["history"] if not line["isDeleted"]]
        finally:
            await socket.close()

    async def judge(self, *processes: str) -> None:
        """Everybody is in, and the oracle has nothing to say, as soon as all has come to rest."""
        everybody = list(self.here.values())
        await self.until(lambda: all(one.talk.is_in for one in everybody), "everybody is in")
        wrong = ["nothing was judged"]
        last = time.monotonic() + LIMIT_SECONDS
        while wrong:
            truths = [await self.history(at) for at in processes or self.urls]
            wrong = judge((one.record for one in everybody), truths)
            faults = [fault for one in everybody for fault in one.record.faults]
            if faults or (wrong and time.monotonic() > last):
                raise AssertionError("\n".join(wrong[:20]) + f"\n{self.told()}")
            await asyncio.sleep(10 * POLL_SECONDS)
        assert sum(len(one.record.acknowledged) for one in everybody) > 0, "nothing was said"
        assert all(not task.done() for task in self._running if task.get_name()[7:] in self.here)

    def lags(self, listeners: Iterable[Viewer]) -> list[float]:
        """Of each message that was acknowledged: how long after that the last one of these heard it (s)."""
        ears = list(listeners)
        found = []
        for viewer in self.here.values():
            for one in viewer.record.acknowledged:
                heard = [ear.record.heard_at.get(one.text) for ear in ears]
                found.append(max((at - one.at for at in heard if at is not None), default=0.0))
        return sorted(found)

    def told(self) -> str:
        """What everybody went through, in few words."""
        records = {name: viewer.record for name, viewer in self.here.items()}
        said = sum(len(one.acknowledged) for one in records.values())
        resets = [why for one in records.values() for why in one.resets]
        resumes = sum(one.resumes for one in records.values())
        refused = {name: dict(one.refused) for name, one in records.items() if one.refused}
        closes = {name: dict(viewer.closes) for name, viewer in self.here.items() if viewer.closes}
        out = [name for name, viewer in self.here.items() if not viewer.talk.is_in]
        return (
            f"{said} acknowledged, resets {_counts(resets)}, {resumes} resumes; out: {out}; "
            f"closes {closes}; refused {refused}"
        )

    async def close(self) -> None:
        for task in self._running:
            task.cancel()


def _all_see(ears: Iterable[Viewer], text: str) -> bool:
    return all(text in one.record.chat for one in ears)


def _counts(words: Iterable[str]) -> dict[str, int]:
    found = list(words)
    return {word: found.count(word) for word in sorted(set(found))}


def middle(seconds: Iterable[float]) -> float:
    """The median, 0 for none."""
    found = list(seconds)
    return median(found) if found else 0.0


@asynccontextmanager
async def house(urls: Mapping[str, str]) -> AsyncIterator[House]:
    """A house of these processes (name → http address)."""
    async with asyncio.TaskGroup() as group:
        made = House(urls, group)
        try:
            yield made
        finally:
            await made.close()
