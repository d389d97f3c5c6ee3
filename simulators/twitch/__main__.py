"""`python -m simulators.twitch`: the simulator as a program."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings

_DESCRIPTION = """\
A Twitch to develop, test and measure against: Helix (/helix), id.twitch.tv (/oauth2), EventSub over WebSocket
(/ws), webhooks and conduits, and a control surface (/sim, loopback only), all on one port.
When it is ready it prints one line of JSON with its addresses and the client id and secret, and then serves
until SIGTERM or SIGINT."""
_EXAMPLES = """\
examples:
  python -m simulators.twitch --port 9001
  python -m simulators.twitch --unthrottled --seed 7
  curl -d '{"login":"ann","vip_slots":3}' http://127.0.0.1:9001/sim/channels
  curl -d '{"rate_per_second":2,"seconds":30}' http://127.0.0.1:9001/sim/story/start"""


def parse(arguments: Sequence[str] | None = None) -> SimulatorSettings:
    """The settings from the command line."""
    defaults = SimulatorSettings()
    parser = argparse.ArgumentParser(
        prog="python -m simulators.twitch",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default=defaults.host, help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on; 0 takes any free one (default)"
    )
    parser.add_argument(
        "--seed", type=int, default=defaults.seed, help="seed of all ids and choices (default 1)"
    )
    parser.add_argument(
        "--points-per-minute",
        type=int,
        default=defaults.points_per_minute,
        help="Helix points per minute and token; 0 removes the bucket (default %(default)s, Twitch's own)",
    )
    parser.add_argument("--vip-changes", type=int, default=defaults.vip_changes,
                        help="VIP adds, and removals, per 10 s and channel; 0 lifts it (default 10)")  # fmt: skip
    parser.add_argument("--unthrottled", action="store_true",
                        help="no bucket, no VIP pace, no chat pace, no lag in accounting: for benchmarks")  # fmt: skip
    parser.add_argument("--keepalive-min-seconds", type=int, default=defaults.keepalive_min_seconds,
                        help="lowest keepalive a client may ask for (default 10, Twitch's own)")  # fmt: skip
    parser.add_argument("--user-token-seconds", type=float, default=defaults.user_token_s,
                        help="life of user access tokens (default 14400)")  # fmt: skip
    parser.add_argument("--vip-slots", type=int, default=defaults.vip_slots,
                        help="VIP slots of a channel that does not name its own (default 10)")  # fmt: skip
    parser.add_argument("--client-id", default=defaults.client_id, help="id of the registered application")
    parser.add_argument("--client-secret", default=defaults.client_secret, help="its secret")
    parser.add_argument("--redirect-uri", action="append", default=[],
                        help="registered redirect address, may be repeated; without any, all are taken")  # fmt: skip
    parser.add_argument("--tls", action="store_true", help="serve https and wss; needs --cert and --key")
    parser.add_argument("--cert", help="PEM file with the certificate chain")
    parser.add_argument("--key", help="PEM file with the private key")
    chosen = parser.parse_args(arguments)
    if chosen.tls and not (chosen.cert and chosen.key):
        parser.error("--tls needs --cert FILE and --key FILE")
    settings = SimulatorSettings(
        host=chosen.host,
        port=chosen.port,
        seed=chosen.seed,
        points_per_minute=chosen.points_per_minute,
        vip_changes=chosen.vip_changes,
        keepalive_min_seconds=chosen.keepalive_min_seconds,
        user_token_s=chosen.user_token_seconds,
        vip_slots=chosen.vip_slots,
        client_id=chosen.client_id,
        client_secret=chosen.client_secret,
        redirect_uris=tuple(chosen.redirect_uri),
        certificate=chosen.cert if chosen.tls else None,
        private_key=chosen.key if chosen.tls else None,
    )
    return settings.unthrottled() if chosen.unthrottled else settings


async def serve(settings: SimulatorSettings) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with TwitchSimulator(settings=settings) as simulator:
        print(json.dumps(simulator.addresses()), flush=True)
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a signal, 1 when the port cannot be had."""
    settings = parse(arguments)
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        print(
            f"simulators.twitch: cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
