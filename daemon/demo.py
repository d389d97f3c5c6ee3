"""`cuelight demo`: the whole thing before your eyes, with a simulated Twitch and a story that plays on it.

Simulator and daemon are programs of their own; this one only directs them, starts the daemon again if somebody kills
it (try `kill -9`), and has the simulator's oracle judge the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator, free_port
from domain.errors import CuelightError

CAST = (
    ("lanternlight", "LanternLight", "VIP for 15 seconds", 15),
    ("northpier", "NorthPier", "VIP for 25 seconds", 25),
    ("thelongevening_withfriends", "TheLongEvening_WithFriends", "VIP for 40 seconds", 40),
)
"""login, name, title of the reward, seconds of VIP"""

REDEMPTIONS_PER_SECOND = 2.0
SLACK_MS = 5000
SETTLE_SECONDS = 20.0
FAULTS = ("lost", "doubled", "unrefunded", "late", "early", "refunded_and_vip")
TOLD = ("redemptions", "granted", "extended", "refunded", "removed", *FAULTS, "pending", "kills")


def main(options: argparse.Namespace) -> int:
    """Run the demo; exit code 1 if the oracle found a fault."""
    return asyncio.run(Demo(options).run())


class Demo:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._clock = SystemClock()
        self._over = asyncio.Event()
        self._durations: dict[str, int] = {}
        self._kills = 0

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        with tempfile.TemporaryDirectory(prefix="cuelight-demo-") as folder:
            simulator = await Simulator.start("--vip-slots", "12", "--seed", "7")
            daemon = DaemonProgram(
                data_dir=Path(folder) / "data",
                twitch=simulator.addresses,
                clock=self._clock,
                port=self._options.port or free_port(),
                environ={"CUELIGHT_DEMO": "1", "LOG_LEVEL": "warning", "PUBLIC_URL": ""},
                log=sys.stderr,
            )
            try:
                await daemon.start()
                await self._enrol(simulator, daemon)
                await self._play(simulator, daemon)
                return await self._judge(simulator)
            except CuelightError as error:
                print(f"{error.message} {error.advice}".strip(), file=sys.stderr)
                return 1
            finally:
                await daemon.stop()
                await simulator.stop()

    async def _enrol(self, simulator: Simulator, daemon: DaemonProgram) -> None:
        for login, name, title, seconds in CAST:
            channel = await simulator.order("channels", {"login": login, "name": name})
            added = await daemon.admin(
                "channels.add",
                {
                    "access_token": channel["access_token"],
                    "refresh_token": channel["refresh_token"],
                    "reward_title": title,
                    "reward_cost": 500,
                    "vip_seconds": seconds,
                },
            )
            self._durations[added["rewards"][0]["id"]] = seconds * 1000

    async def _play(self, simulator: Simulator, daemon: DaemonProgram) -> None:
        seconds: float | None = self._options.seconds
        await simulator.order("story/start", {"rate_per_second": REDEMPTIONS_PER_SECOND})
        if not self._options.headless:
            self._tell(daemon)
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

    def _tell(self, daemon: DaemonProgram) -> None:
        assert daemon.process is not None
        print(
            f"\n  Watch redemptions become VIPs:  {daemon.url}\n"
            '  (choose "Enter the demo": nobody has to log in here)\n\n'
            f"  Kill it if you like:            kill -9 {daemon.process.pid}\n"
            "  Stop the demo:                  Ctrl-C\n",
            file=sys.stderr,
        )

    async def _judge(self, simulator: Simulator) -> int:
        """Let what is under way come to its end, then ask the oracle."""
        deadline = self._clock.monotonic() + SETTLE_SECONDS
        while True:
            verdict: dict[str, Any] = await simulator.order(
                "verdict", {"durations_ms": self._durations, "slack_ms": SLACK_MS}
            )
            state = await simulator.look("state")
            waiting = sum(len(channel["unfulfilled"]) for channel in state["channels"])
            if (not waiting and not verdict["pending"]) or self._clock.monotonic() > deadline:
                break
            await self._clock.sleep(0.2)
        verdict["kills"] = self._kills
        faults = sum(verdict[name] for name in FAULTS) + waiting
        for detail in verdict["details"]:
            print(f"fault: {detail}", file=sys.stderr)
        result = {name: verdict[name] for name in TOLD}
        if self._options.json:
            print(json.dumps(result))
        else:
            print("\n".join(f"{name:>17}  {count}" for name, count in result.items()))
        return 1 if faults else 0
