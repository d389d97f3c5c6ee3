"""`cuelight demo`: the whole thing before your eyes, with a simulated Twitch and a story that plays on it.

Simulator, daemon and the viewers of a watch party are programs of their own; this one only directs them, starts the
daemon again if somebody kills it (try `kill -9`), and has the simulator's oracle judge the end. What came before, a
week of it, is made up (`demo_history.py`) and not judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.demo_cast import Part, cast
from daemon.demo_party import DemoParty
from daemon.demo_stage import Staged, set_stage, touched_by_hand
from daemon.logs import configure_logs
from daemon.programs import DaemonProgram, Simulator, free_port
from domain.errors import CuelightError

LONGEST_WAIT_MS = 45_000
LONGEST_WAIT_UNSEEN_MS = 8_000  # nobody looks, and at the end everybody is to be served or refunded

OPEN_SECONDS = 20.0
REDEMPTIONS_PER_SECOND = 2.0
SLACK_MS = 5000
SETTLE_SECONDS = 30.0
SETTLE_SEEN_SECONDS = 2.0  # somebody has pressed Ctrl-C
FAULTS = ("lost", "doubled", "unrefunded", "late", "early", "refunded_and_vip")
TOLD = ("redemptions", "granted", "extended", "refunded", "removed", *FAULTS, "pending", "kills", "party")


def main(options: argparse.Namespace) -> int:
    """Run the demo; exit code 1 if the oracle found a fault."""
    configure_logs(clock=SystemClock(), level="warning")
    return asyncio.run(Demo(options).run())


class Demo:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._clock = SystemClock()
        self._over = asyncio.Event()
        self._staged = Staged()
        self._kills = 0

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        with tempfile.TemporaryDirectory(prefix="cuelight-demo-") as folder:
            simulator = await Simulator.start("--vip-slots", "12", "--seed", "7")
            data_dir = Path(folder) / "data"
            daemon = DaemonProgram(
                data_dir=data_dir,
                twitch=simulator.addresses,
                clock=self._clock,
                port=self._options.port or free_port(),
                environ={
                    "CUELIGHT_DEMO": "1",
                    "LOG_LEVEL": "warning",
                    "PUBLIC_URL": "",
                    "PRODUCTS": "vip,party",
                },
                log=sys.stderr,
            )
            try:
                self._staged = await set_stage(simulator, self._parts(), data_dir=data_dir, clock=self._clock)
                await daemon.start()
                party = DemoParty(self._staged.guests, folder=Path(folder), clock=self._clock)
                await party.start(daemon.port)
                async with asyncio.TaskGroup() as group:
                    group.create_task(party.follow())
                    return await self._show(simulator, daemon, party)
            except CuelightError as error:
                return self._failed(error)
            finally:
                await daemon.stop()
                await simulator.stop()

    async def _show(self, simulator: Simulator, daemon: DaemonProgram, party: DemoParty) -> int:
        try:
            await self._play(simulator, daemon, party)
            return await self._judge(simulator, daemon, party)
        except CuelightError as error:
            return self._failed(error)
        finally:
            await party.stop()

    def _failed(self, error: CuelightError) -> int:
        print(f"{error.message} {error.advice}".strip(), file=sys.stderr)
        return 1

    def _parts(self) -> tuple[Part, ...]:
        unseen = self._options.headless
        return cast(longest_wait_ms=LONGEST_WAIT_UNSEEN_MS if unseen else LONGEST_WAIT_MS)

    async def _play(self, simulator: Simulator, daemon: DaemonProgram, party: DemoParty) -> None:
        seconds: float | None = self._options.seconds
        await simulator.order(
            "story/start", {"rate_per_second": REDEMPTIONS_PER_SECOND, "rewards": self._staged.plays}
        )
        if not self._options.headless:
            await self._clock.wait(party.opened, OPEN_SECONDS)
            self._tell(daemon, party)
        began = self._clock.monotonic()
        while not self._over.is_set() and (seconds is None or self._clock.monotonic() - began < seconds):
            if daemon.process is not None and daemon.process.returncode is not None:
                self._kills += 1
                print(
                    f"The daemon was killed ({daemon.process.returncode}). Starting it again.",
                    file=sys.stderr,
                )
                await daemon.start()
            await self._clock.wait(self._over, 0.2)
        await simulator.order("story/stop")

    def _tell(self, daemon: DaemonProgram, party: DemoParty) -> None:
        assert daemon.process is not None
        star = self._parts()[0]
        entrance = f"{daemon.url}/api/auth/dev?login={star.login}"
        room = (
            f"  Watch clips with twelve others: {daemon.url}/party/{party.room_id}\n"
            "  (yours to pause once you are logged in; in any other browser you are a guest)\n\n"
        )
        print(
            f"\n  Watch redemptions become VIPs:  {entrance}\n"
            f"  (you are {star.name}, the streamer, and already logged in)\n\n"
            f"{room if party.room_id else ''}"
            f"  Kill it if you like:            kill -9 {daemon.process.pid}\n"
            "  Stop the demo:                  Ctrl-C\n",
            file=sys.stderr,
        )
        if sys.stderr.isatty() and has_desktop(os.environ, sys.platform):
            webbrowser.open(entrance)

    async def _judge(self, simulator: Simulator, daemon: DaemonProgram, party: DemoParty) -> int:
        """Let what is under way come to its end, then ask the oracle."""
        seen = not self._options.headless
        deadline = self._clock.monotonic() + (SETTLE_SEEN_SECONDS if seen else SETTLE_SECONDS)
        while True:
            verdict: dict[str, Any] = await simulator.order(
                "verdict",
                {
                    "durations_ms": self._staged.durations_ms,
                    "until_stream": self._staged.until_stream,
                    "waits_ms": self._staged.waits_ms,
                    "slack_ms": SLACK_MS,
                },
            )
            state = await simulator.look("state")
            waiting = sum(len(channel["unfulfilled"]) for channel in state["channels"])
            over = not waiting and not verdict["pending"] and (seen or party.is_whole)
            if over or self._clock.monotonic() > deadline:
                break
            await self._clock.sleep(0.2)
        if seen:  # whoever still waits does so rightly, and what was done by hand the oracle has not seen
            waiting = 0
            await self._excuse(verdict, simulator, daemon)
        verdict["kills"] = self._kills
        await party.stop()
        verdict["party"], wrong = party.verdict(kills=self._kills, seen=seen)
        faults = sum(verdict[name] for name in FAULTS) + waiting + len(wrong)
        for detail in (*verdict["details"], *wrong):
            print(f"fault: {detail}", file=sys.stderr)
        result = {name: verdict[name] for name in TOLD}
        if self._options.json:
            print(json.dumps(result))
        else:
            room = {f"party {name}": number for name, number in result.pop("party").items()}
            print("\n".join(f"{name:>17}  {count}" for name, count in {**result, **room}.items()))
        return 1 if faults else 0

    async def _excuse(self, verdict: dict[str, Any], simulator: Simulator, daemon: DaemonProgram) -> None:
        """Leave out what somebody at the dashboard may be the cause of."""
        if not verdict["details"]:
            return
        await daemon.stop()
        touched = await touched_by_hand(
            daemon.data_dir, simulator.addresses, self._clock, since=self._staged.at
        )
        excused = [
            detail
            for detail in verdict["details"]
            if {(detail["channel_id"], detail["user_id"]), (detail["channel_id"], "")} & touched
        ]
        verdict["details"] = [detail for detail in verdict["details"] if detail not in excused]
        for detail in excused:
            verdict[detail["kind"]] -= 1


def has_desktop(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would open in a window of its own, rather than in this very terminal."""
    if environ.get("SSH_CONNECTION") or environ.get("CI"):
        return False
    return platform in {"darwin", "win32"} or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
