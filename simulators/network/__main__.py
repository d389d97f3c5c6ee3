"""`python -m simulators.network`: the faulty network as a program."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from simulators.network.control import Control
from simulators.network.errors import Refused
from simulators.network.network import Network, address

_DESCRIPTION = """\
A TCP proxy that makes a network as bad as it is told to: delay, jitter, rate, black hole, pause, connections that are
cut (now, after so many bytes, or after a request and before its answer), held, half closed or refused.
When it is ready it prints one line of JSON with its control URL and the port of each route, and then serves until
SIGTERM or SIGINT."""
_EXAMPLES = """\
examples:
  python -m simulators.network --upstream 127.0.0.1:6379 --port 7000 --control-port 7001
  python -m simulators.network --route redis=127.0.0.1:6379 --route mongo=127.0.0.1:27017@7017
  curl -d '{"route":"redis","down":{"delay_ms":200}}' http://127.0.0.1:7001/network/conditions
  curl -d '{"act":"cut_answer","containing":"insert"}' http://127.0.0.1:7001/network/traps"""


@dataclass(frozen=True)
class Order:
    """What the command line asks for: routes as (name, upstream, port of ours)."""

    host: str
    control_port: int
    seed: int
    routes: tuple[tuple[str, str, int], ...]


def parse(arguments: Sequence[str] | None = None) -> Order:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.network",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--upstream", metavar="HOST:PORT", help="server behind the route named main")
    parser.add_argument(
        "--port", type=int, default=0, help="port of that route; 0 takes any free one (default)"
    )
    parser.add_argument(
        "--route",
        action="append",
        default=[],
        metavar="NAME=HOST:PORT[@OURS]",
        help="a route, may be repeated",
    )
    parser.add_argument("--control-port", type=int, default=0, help="port of /network; 0 takes any free one")
    parser.add_argument("--seed", type=int, default=1, help="seed of the jitter (default 1)")
    chosen = parser.parse_args(arguments)
    routes = [("main", chosen.upstream, chosen.port)] if chosen.upstream else []
    for text in chosen.route:
        name, _, rest = text.partition("=")
        upstream, _, port = rest.partition("@")
        if port and not port.isdigit():
            parser.error(f"--route {text}: NAME=HOST:PORT[@OURS]")
        routes.append((name, upstream, int(port or 0)))
    for name, upstream, _ in routes:
        try:
            address(upstream)
        except Refused as error:
            parser.error(f"route {name}: {error}")
    return Order(chosen.host, chosen.control_port, chosen.seed, tuple(routes))


async def serve(order: Order) -> None:
    """Serve until a signal comes. Raises `OSError` for a port that cannot be had, `Refused` for a name twice."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Network(host=order.host, seed=order.seed) as network:
        for name, upstream, port in order.routes:
            await network.add(name, upstream, port=port)
        runner = web.AppRunner(Control(network).app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, order.host, order.control_port).start()
            host, port = runner.addresses[0][:2]
            control = f"http://{f'[{host}]' if ':' in host else host}:{port}/network"
            ports = {name: route.port for name, route in network.routes.items()}
            print(json.dumps({"control_url": control, "ports": ports}), flush=True)
            await stop.wait()
        finally:
            await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a signal, 1 when a port cannot be had or a route is given twice."""
    order = parse(arguments)
    try:
        asyncio.run(serve(order))
    except (OSError, Refused) as error:
        print(f"simulators.network: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
