"""House rules for every test: no way out of this machine, no settings from outside, the same random examples."""

from __future__ import annotations

import asyncio.constants
import ipaddress
import linecache
import logging
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import structlog

from tests.support.spread import Spread, place

# A test says which variables it sets. Those of the person who runs the suite do not count, nor does a .env.
for _name in list(os.environ):
    if _name.startswith(("TWITCH_", "CUELIGHT_", "CRON_", "METRICS_", "LOG_")) and _name not in (
        "CUELIGHT_REQUIRE_SERVERS",
        "CUELIGHT_REFUSED",
    ):
        del os.environ[_name]
# But a MongoDB that is given is used instead of the one in memory, and may be reached wherever it is.
if os.environ.get("MONGO_URL"):
    os.environ.setdefault("MONGO_TEST_URL", os.environ["MONGO_URL"])
for _name in (
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "DATA_DIR",
    "K_SERVICE",
    "MONGO_URL",
    "REDIS_URL",
    "REDIS_HOST",
    "ROLES",
):
    os.environ.pop(_name, None)

# In its debug mode asyncio keeps ten frames of the stack with every handle: two say where one came from, and the
# suite loses a fifth of its time.
asyncio.constants.DEBUG_STACK_DEPTH = 2
# With every task and future it keeps the whole stack, and asks the disk each time whether a source has changed.
traceback.extract_stack.__defaults__ = (None, 3)
linecache.checkcache = lambda filename=None: None

# An exception that is logged: the box that rich draws around it, with the locals of each frame, holds up the event loop
# for a third of a second, and on a busy machine for longer than calls have time.
_plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])

hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def _given_hosts() -> frozenset[str]:
    """Names and addresses of the MongoDB that the person who runs the suite gave."""
    hosts = urlsplit(os.environ.get("MONGO_TEST_URL", "")).netloc.rpartition("@")[2].split(",")
    names = {host.rpartition(":")[0] or host for host in hosts if host}
    found = {str(info[4][0]) for name in names for info in socket.getaddrinfo(name, None)}
    return frozenset(names | found)


GIVEN_HOSTS = _given_hosts()


def _is_here(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost") or str(host) in GIVEN_HOSTS:
        return True
    try:
        address = ipaddress.ip_address(
            host.decode("ascii") if isinstance(host, bytes) else str(host).split("%")[0]
        )
    except (ValueError, UnicodeDecodeError):
        return False
    return address.is_loopback or address.is_unspecified


def _loopback_only(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: it also sees what C code does, and a test cannot take it out by mistake."""
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and not _is_here(address[0]):
            raise RuntimeError(f"A test tried to reach {address}: tests stay on this machine.")
    elif event == "socket.getaddrinfo" and not _resolvable(args[0]):
        raise RuntimeError(f"A test tried to resolve {args[0]!r}: tests stay on this machine.")


def _resolvable(host: object) -> bool:
    """Numbers are not looked up anywhere; names of the reserved top levels go nowhere, which some tests want."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if text in GIVEN_HOSTS:
        return True
    try:
        ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return _is_here(host)
    return True


sys.addaudithook(_loopback_only)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What a test says about logs (levels, handlers, processors) ends with it: the next ones look at logs, too."""
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config()
    yield
    if structlog.get_config() != configuration:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(False)
        structlog.configure(**configuration)
    structlog.contextvars.clear_contextvars()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    return Spread(config, log)
