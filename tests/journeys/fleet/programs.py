"""The faulty network as a program, and its control surface."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from daemon.programs import START_SECONDS, end


class NetworkProgram:
    """`python -m simulators.network` with a route for each pair of programs. `ports`: ours, by name of the route."""

    def __init__(self, process: asyncio.subprocess.Process, told: Mapping[str, Any]) -> None:
        self.process = process
        self.ports: dict[str, int] = told["ports"]
        self._control = told["control_url"]
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))

    async def order(self, path: str, *routes: str, **body: Any) -> list[Any]:
        """POST to the control surface, once for each route; without any, once for all of them."""
        answers = []
        for route in routes or ("",):
            url = f"{self._control}/{path}"
            async with self._http.post(url, json={"route": route, **body}) as answer:
                told = await answer.json()
                assert answer.status == 200, told
                answers.append(told)
        return answers

    async def sprung(self, route: str) -> int:
        """How often the traps of a route have sprung."""
        async with self._http.get(f"{self._control}/state") as answer:
            state = await answer.json()
        return sum(trap["sprung"] for trap in state["routes"][route]["traps"])

    async def close(self) -> None:
        await self._http.close()
        await end(self.process)


@asynccontextmanager
async def network(routes: Mapping[str, str]) -> AsyncIterator[NetworkProgram]:
    """A network with these routes (name → host:port of the server behind)."""
    words = [word for name, upstream in routes.items() for word in ("--route", f"{name}={upstream}")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.network", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    assert line, "the network did not start"
    made = NetworkProgram(process, json.loads(line))
    try:
        yield made
    finally:
        await made.close()
