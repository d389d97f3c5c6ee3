"""The faults: each is a line of the table in `docs/faults.md`, and a function that commits it while viewers redeem."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.journeys.fleet.rig import LEASE_SECONDS, Fleet

Strike = Callable[[Fleet], Awaitable[None]]
TAKEOVER_SECONDS = LEASE_SECONDS + 6.0
"""Until a dead daemon's channels are heard again: the lease runs out, the next round (3 s), socket, reconciliation."""


@dataclass(frozen=True)
class Fault:
    """`strike` commits it and returns when it is over, or at once if it has no end. `bound_seconds`: how much later
    than on a quiet day a redemption or a removal may come. `from_end`: times are counted from the end of the fault.
    `within_seconds`: it strikes at a random moment within this time."""

    name: str
    how: str
    holds: str
    bound_seconds: float
    strike: Strike
    from_end: bool = False
    within_seconds: float = 0.0


async def kill_one(stand: Fleet) -> None:
    await stand.members["b"].kill()


async def kill_any(stand: Fleet) -> None:
    """Either of them."""
    await random.choice(list(stand.members.values())).kill()


async def stop_one(stand: Fleet) -> None:
    """Longer than every lease, then go on as if nothing had been."""
    stand.members["b"].pause()
    await asyncio.sleep(LEASE_SECONDS + 3.0)
    stand.members["b"].resume()


async def restart_redis(stand: Fleet) -> None:
    await stand.redis.restart()


async def flush_redis(stand: Fleet) -> None:
    await stand.redis.command("FLUSHALL")


async def kill_subscribers(stand: Fleet) -> None:
    await stand.redis.command("CLIENT", "KILL", "TYPE", "pubsub")


async def pause_redis(stand: Fleet) -> None:
    async with stand.redis.paused():
        await asyncio.sleep(10.0)


async def black_hole_redis(stand: Fleet) -> None:
    """The worst kind: everything stays open and nothing answers."""
    await stand.network.order("conditions", "redis-b", up={"black_hole": True}, down={"black_hole": True})
    await asyncio.sleep(10.0)
    await stand.network.order("calm", "redis-b")


async def cut_mongo(stand: Fleet) -> None:
    await stand.network.order("cut", "mongo-a", "mongo-b")


async def cut_mongo_in_a_frame(stand: Fleet) -> None:
    """Each daemon's connections break in the middle of a request and in the middle of an answer."""
    for direction in ("up", "down"):
        for route in ("mongo-a", "mongo-b"):
            await stand.network.order("traps", route, act="cut", direction=direction, after_bytes=37, times=2)
    await until_sprung(stand, times=4)


async def cut_mongo_after_writes(stand: Fleet) -> None:
    """The server has carried the write out, and its answer is lost: the outcome is unknown."""
    for route in ("mongo-a", "mongo-b"):
        for word in ("insert", "update", "findAndModify"):
            await stand.network.order("traps", route, act="cut_answer", containing=f"\x02{word}\0", times=2)
    await until_sprung(stand, times=2)


async def slow_mongo(stand: Fleet) -> None:
    await stand.network.order("conditions", "mongo-a", "mongo-b", down={"delay_ms": 200})
    await asyncio.sleep(8.0)
    await stand.network.order("calm", "mongo-a", "mongo-b")


async def pause_mongo(stand: Fleet) -> None:
    async with stand.mongo.paused():
        await asyncio.sleep(5.0)


async def part_one(stand: Fleet) -> None:
    """One daemon is cut off from everything: MongoDB, Redis and Twitch."""
    routes = [f"{what}-b" for what in ("mongo", "redis", "twitch")]
    await stand.network.order("conditions", *routes, up={"black_hole": True}, down={"black_hole": True})
    await asyncio.sleep(LEASE_SECONDS + 3.0)
    await stand.network.order("calm", *routes)


async def nothing(stand: Fleet) -> None:
    await asyncio.sleep(4.0)


async def until_sprung(stand: Fleet, *, times: int) -> None:
    """Wait until the traps on the way to MongoDB have sprung so often, on both sides together; then take them away."""

    async def sprung() -> bool:
        return sum([await stand.network.sprung(route) for route in ("mongo-a", "mongo-b")]) >= times

    await stand.until(sprung, f"{times} traps have sprung")
    await stand.network.order("release", "mongo-a", "mongo-b")


FAULTS: dict[str, Fault] = {
    "quiet": Fault(
        "none", "nothing happens, for comparison", "what is measured is the machine", 0.0, nothing
    ),
    "killed": Fault(
        "one of two dies",
        "`kill -9` under load",
        "the other takes its lanes and its channels over; what was redeemed meanwhile is found",
        TAKEOVER_SECONDS,
        kill_one,
    ),
    "killed.again": Fault(
        "one of two dies, again and again",
        "`kill -9` of either, at random moments; the dead one is started when all is served again",
        "as above",
        TAKEOVER_SECONDS,
        kill_any,
        within_seconds=3.0,
    ),
    "stopped": Fault(
        "one of two freezes",
        "SIGSTOP for 12 s (a lease lasts 9 s), then SIGCONT",
        "as if it had died; what it still wanted to write or call is refused",
        TAKEOVER_SECONDS,
        stop_one,
    ),
    "parted": Fault(
        "one of two is cut off",
        "no byte to or from MongoDB, Redis and Twitch for 12 s",
        "as if it had died; it comes back by itself",
        TAKEOVER_SECONDS + 5.0,
        part_one,
    ),
    "redis.restarted": Fault(
        "Redis is restarted", "without persistence: everything in it is gone",
        "grants and removals go on; pages get a reset", 3.0, restart_redis,
    ),
    "redis.flushed": Fault(
        "Redis is emptied", "`FLUSHALL` under load", "grants and removals go on; pages get a reset", 3.0, flush_redis,
    ),
    "redis.subscribers": Fault(
        "subscribers are thrown out", "`CLIENT KILL TYPE pubsub`", "no entry is missed, none is seen twice", 3.0,
        kill_subscribers,
    ),
    "redis.paused": Fault(
        "Redis freezes", "SIGSTOP for 10 s", "grants and removals go on; pages catch up", 10.0, pause_redis,
    ),
    "redis.black_hole": Fault(
        "one cannot reach Redis", "the network swallows everything for 10 s", "as above", 10.0, black_hole_redis,
    ),
    "mongo.cut": Fault(
        "MongoDB's connections are cut", "all of them at once, at rest", "no write is lost or doubled", 3.0, cut_mongo,
    ),
    "mongo.mid_frame": Fault(
        "... in the middle of a frame", "after 37 bytes of a request, and of an answer",
        "no write is lost or doubled", 5.0, cut_mongo_in_a_frame,
    ),
    "mongo.after_write": Fault(
        "... after a write was sent", "the server carried it out, the answer is lost",
        "its outcome is found out; no write is lost or doubled", 5.0, cut_mongo_after_writes,
    ),
    "mongo.slow": Fault(
        "MongoDB is slow", "every answer takes 200 ms more, for 8 s", "late by seconds, nothing else", 12.0, slow_mongo,
    ),
    "mongo.paused": Fault(
        "MongoDB freezes", "SIGSTOP for 5 s", "everything waits, then goes on", 10.0, pause_mongo, from_end=True,
    ),
}  # fmt: skip


async def strike(fault: Fault, stand: Fleet) -> int:
    """Commit a fault; returns the moment from which its times are counted, UTC milliseconds."""
    await asyncio.sleep(random.uniform(0.0, fault.within_seconds))
    began = time.time()
    await fault.strike(stand)
    return round(1000 * (time.time() if fault.from_end else began))
