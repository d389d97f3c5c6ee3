"""What every journey does and looks at: enrolled channels, viewers who pay, webhooks as Twitch sends them, the ledger
of the simulator and the verdict of its oracle. How the daemons live is the part of who inherits: `rig.py` for one,
`fleet/` for many.

A journey never waits for a time to pass but for a condition, with a limit; a failure shows the oracle's details and
the end of the daemon's log.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import aiohttp

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator
from domain.errors import CuelightError
from tests.journeys.deliveries import REDEMPTION_ADD, redemption_body, signed

FAULTS = ("lost", "doubled", "unrefunded", "late", "early", "refunded_and_vip")
POLL_SECONDS = 0.03
LIMIT_SECONDS = 20.0
LOG_LINES = 60


@dataclass(frozen=True)
class Stage:
    """An enrolled channel with one reward of ours."""

    id: str
    reward_id: str
    vip_seconds: int


class Stand:
    """A simulator and what is done with it. `daemon` answers questions and takes webhooks."""

    daemon: DaemonProgram
    slack_ms: int
    """What the oracle allows."""
    dead_ms: int = 0
    """How much of it is time in which nothing ran."""

    def __init__(self, simulator: Simulator, *log_paths: Path) -> None:
        self.simulator = simulator
        self.log_paths = log_paths
        self.clock = SystemClock()
        self.stages: list[Stage] = []
        self.acknowledged: set[str] = set()
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    # -- acting --------------------------------------------------------------------------------------------------

    async def enrol(self, *, vip_seconds: int, name: str = "stage") -> Stage:
        """A channel of the simulator, looked after by the daemon: its EventSub session is live and what that starts
        (the first reconciliation) is done."""
        login = f"{name}{len(self.stages)}"
        channel = await self.simulator.order("channels", {"login": login, "name": login.title()})
        added = await self.login(channel, vip_seconds)
        stage = Stage(channel["id"], added["rewards"][0]["id"], vip_seconds)
        self.stages.append(stage)
        await self.live(stage)

        async def reconciled() -> bool:
            return bool(await self.rows(lane=f"channel:{stage.id}", state="done"))

        await self.until(reconciled, "the first reconciliation is done")
        return stage

    async def login(self, tokens: Mapping[str, Any], vip_seconds: int) -> Any:
        """Hand a broadcaster's tokens to the daemon (`channels.add`)."""
        return await self.daemon.admin(
            "channels.add",
            {
                "access_token": tokens["access_token"],
                "refresh_token": tokens["refresh_token"],
                "reward_title": f"VIP for {vip_seconds} s",
                "reward_cost": 100,
                "vip_seconds": vip_seconds,
            },
        )

    async def live(self, *stages: Stage) -> None:
        """Wait until the EventSub sessions are live."""

        async def all_live() -> bool:
            channels = (await self.daemon.admin("status"))["channels"]
            return all(channels.get(stage.id, {}).get("state") == "live" for stage in stages)

        await self.until(all_live, "all sessions are live")

    async def viewer(self, login: str = "viewer") -> str:
        """A new viewer; returns his id."""
        made = await self.simulator.order("viewers", {"login": f"{login}{uuid.uuid4().hex[:8]}"})
        return str(made["id"])

    async def redeem(self, stage: Stage, viewer_id: str, *, user_input: str = "") -> dict[str, Any]:
        """A viewer pays, and perhaps writes something; returns the redemption as Helix shows it."""
        body = {"channel_id": stage.id, "reward_id": stage.reward_id, "viewer_id": viewer_id}
        body |= {"user_input": user_input} if user_input else {}
        made: dict[str, Any] = await self.simulator.order("redeem", body)
        return made

    async def hide_next(self, stage: Stage) -> None:
        """The next redemption does not come over the WebSocket: it has to come another way."""
        await self.simulator.order(
            "eventsub/drop", {"times": 1, "type": REDEMPTION_ADD, "broadcaster_id": stage.id}
        )

    # -- webhooks, as Twitch sends them --------------------------------------------------------------------------

    async def deliver(self, redemption: Mapping[str, Any], *, message_id: str = "") -> str:
        """Send a redemption as a signed webhook, again and again until a 2xx, as Twitch does; returns its id."""
        message_id = message_id or str(uuid.uuid4())

        async def taken() -> bool:
            return await self.try_to_deliver(redemption, message_id=message_id)

        await self.until(taken, f"the webhook {message_id} is answered 2xx", every=0.1)
        return message_id

    async def try_to_deliver(self, redemption: Mapping[str, Any], *, message_id: str) -> bool:
        """Send a redemption as a signed webhook once; whether it was answered 2xx."""
        try:
            status, _, _ = await self.post(redemption_body(redemption), message_id=message_id)
        except (aiohttp.ClientError, TimeoutError):
            return False
        return 200 <= status < 300

    async def post(
        self, body: bytes, *, message_id: str, type: str = REDEMPTION_ADD
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one signed notification once; a 2xx is noted as acknowledged. Returns status, headers, body."""
        headers = signed(body, message_id=message_id, type=type, now=self.clock.now())
        url = f"{self.daemon.url}/api/webhooks/eventsub"
        async with self.http.post(url, data=body, headers=headers) as answer:
            told = await answer.read()
            if 200 <= answer.status < 300:
                self.acknowledged.add(message_id)
            return answer.status, answer.headers, told

    async def check_acknowledged(self) -> None:
        """Each webhook that was answered 2xx is a row of the inbox."""
        for message_id in self.acknowledged:
            try:
                row = await self.daemon.admin("inbox.show", {"id": f"twitch:{message_id}"})
            except CuelightError as error:
                self.fail(f"The webhook {message_id} was answered 2xx and is not stored: {error.message}")
            assert row["message_id"] == message_id

    # -- looking -------------------------------------------------------------------------------------------------

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        *,
        seconds: float = LIMIT_SECONDS,
        every: float = POLL_SECONDS,
    ) -> None:
        """Wait until a condition holds, for `seconds` at most."""
        deadline = time.monotonic() + seconds
        while not await condition():
            if time.monotonic() > deadline:
                self.fail(f"After {seconds:g} s it is still not so that {what}.", await self.verdict())
            await asyncio.sleep(every)

    async def ledger(self, *, viewer_id: str = "") -> list[dict[str, Any]]:
        """The simulator's book, of one viewer or whole."""
        entries: list[dict[str, Any]] = (await self.simulator.look("ledger"))["entries"]
        return [entry for entry in entries if not viewer_id or entry["user_id"] == viewer_id]

    async def story_of(self, viewer_id: str) -> list[str]:
        """What happened to a viewer, in words: `redeemed`, `vip_added` …, in order."""
        kinds = ("redeemed", "fulfilled", "refunded", "vip_added", "vip_removed")
        return [entry["kind"] for entry in await self.ledger(viewer_id=viewer_id) if entry["kind"] in kinds]

    async def happened(self, viewer_id: str, *story: str) -> None:
        """Wait for the whole story of a viewer; anything else, or another order, is a failure at once."""

        async def told() -> bool:
            seen = await self.story_of(viewer_id)
            if seen != list(story[: len(seen)]):
                self.fail(f"The viewer's story is {seen}, not {list(story)}.", await self.verdict())
            return len(seen) == len(story)

        await self.until(told, f"the viewer's story is {story}")

    async def rows(self, **where: Any) -> list[dict[str, Any]]:
        """Rows of the inbox in short, newest first: by state, lane, source."""
        listed = await self.daemon.admin("inbox.list", {"limit": 1000, **where})
        rows: list[dict[str, Any]] = listed["rows"]
        return rows

    async def settle(self, *, seconds: float = 30.0, vips_gone: bool = True) -> None:
        """Wait until nothing is under way any more: at Twitch, in the inbox, and (`vips_gone`) no VIP of ours left."""

        async def calm() -> bool:
            state = await self.simulator.look("state")
            ours = await self._held_by_us() if vips_gone else set()
            if ours or any(channel["unfulfilled"] for channel in state["channels"]):
                return False
            if (await self.verdict())["pending"]:
                return False
            # Chat lines have a pace of their own and hold up nobody.
            return all(row["kind"] == "chat.say" for row in await self.rows(state="open"))

        await self.until(calm, "everything is settled", seconds=seconds, every=0.1)

    async def _held_by_us(self) -> set[tuple[str, str]]:
        held: set[tuple[str, str]] = set()
        for entry in await self.ledger():
            pair = (entry["channel_id"], entry["user_id"])
            if entry["kind"] == "vip_added" and entry["by"] == "app":
                held.add(pair)
            elif entry["kind"] == "vip_removed":
                held.discard(pair)
        return held

    async def verdict(self) -> dict[str, Any]:
        """What the oracle says at this moment."""
        durations = {stage.reward_id: stage.vip_seconds * 1000 for stage in self.stages}
        told: dict[str, Any] = await self.simulator.order(
            "verdict", {"durations_ms": durations, "slack_ms": self.slack_ms, "dead_ms": self.dead_ms}
        )
        return told

    async def judge(self) -> dict[str, Any]:
        """The verdict, which must be without fault; nothing was given up, and no traceback is in the log."""
        verdict = await self.verdict()
        if any(verdict[fault] for fault in FAULTS):
            self.fail("The oracle found faults.", verdict)
        if dead := await self.rows(state="dead"):
            self.fail(f"Rows were given up: {dead}", verdict)
        await self.check_acknowledged()
        self.check_log(verdict)
        return verdict

    def check_log(self, verdict: Mapping[str, Any] | None = None) -> None:
        """No traceback is in the log."""
        found = [line for line in self.log_text().splitlines() if "Traceback" in line]
        if found:
            shown = "\n".join(line.replace("\\n", "\n") for line in found[:3])
            self.fail(f"There are {len(found)} tracebacks in the log, first:\n{shown}", verdict)

    def log_text(self) -> str:
        """What the daemons wrote so far, in all their lives."""
        return "".join(path.read_text(errors="replace") for path in self.log_paths)

    def log_events(self) -> list[dict[str, Any]]:
        """The same, line by line."""
        found = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue  # the last line of a life that was cut off
        return found

    def fail(self, why: str, verdict: Mapping[str, Any] | None = None) -> NoReturn:
        """Fail with all that helps to understand it."""
        tail = "\n".join(
            line
            for path in self.log_paths
            for line in path.read_text(errors="replace").splitlines()[-LOG_LINES:]
        )
        judged = ""
        if verdict is not None:
            counts = {name: value for name, value in verdict.items() if name != "details"}
            details = "\n".join(json.dumps(detail) for detail in verdict["details"])
            judged = f"\nverdict (slack {self.slack_ms} ms): {json.dumps(counts)}\n{details}"
        raise AssertionError(f"{why}{judged}\n--- end of the daemon's log ---\n{tail}")


def measured(text: str) -> None:
    """Tell a number to whoever looks at the output (`pytest -rP`); benchmarks judge it, journeys do not."""
    sys.stdout.write(f"{text}\n")
