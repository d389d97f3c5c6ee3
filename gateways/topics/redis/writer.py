"""All calls to the topics of this process: one connection, one pipeline at a time.

What comes in during a turn of the loop, or while a pipeline is under way, makes up the next one: one script call for
all appends to a topic. So a single append waits for nothing, and a thousand share their cost.

Reads and probes take the same way, so that a server that nobody writes to any more (a demoted one) tells us nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from domain.errors import CuelightError, Unavailable
from domain.ports import Clock, Metrics, Tasks
from gateways.redis.link import Argument, RedisBroken, RedisDown, RedisLink, Script
from gateways.topics.contracts import Head, Position
from gateways.topics.redis.breaker import Breaker
from gateways.topics.redis.scripts import (
    APPEND,
    READ,
    RESEED,
    SNAPSHOT,
    Bounds,
    Keys,
    Opening,
    Page,
    append_args,
)
from gateways.topics.redis.wire import Forgotten, Wire
from gateways.topics.rules import closed, guard_failed

MOST_OPERATIONS = 512  # of one pipeline
MOST_BYTES = 512 << 10
MOST_QUEUED_BYTES = 16 << 20
OPERATION_BYTES = 200
READ_BYTES = 64 << 10  # what a read counts for, beforehand
MOST_SEEN = 10_000  # topics whose newest place is remembered
CLOSE_SECONDS = 2.0

log = structlog.get_logger("topics")


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a topic stands: its head, and the seq before the oldest entry that is kept."""

    head: Head
    base: int


_Command = tuple[Script | None, list[Argument]]


@dataclass(slots=True)
class _Operation:
    """`words`: what an append hands to the script; without them, the stand of the topic is asked for. `call`: a command
    of its own, made when it is sent, and `parse` its reply. `guard`: to say what failed."""

    topic: str
    size: int
    answer: asyncio.Future[Any]
    words: tuple[Argument, ...] = ()
    guard: int | None = None
    call: Callable[[], _Command] | None = None
    parse: Callable[[Any], Any] = bool


class Writer:
    """`run` is the id of the server process that the connection reached, if it tells (`follow_runs`)."""

    def __init__(
        self,
        *,
        link: RedisLink,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
        breaker: Breaker,
        bounds: Bounds,
        new_epoch: Callable[[], str],
        follow_runs: bool,
    ) -> None:
        self._link, self._clock, self._metrics, self._tasks = link, clock, metrics, tasks
        self._breaker, self._bounds, self._new_epoch = breaker, bounds, new_epoch
        self._follow_runs = follow_runs
        self._wire: Wire | None = None
        self._run_id = ""
        self._queue: deque[_Operation] = deque()
        self._queued_bytes = 0
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen: OrderedDict[str, Position] = OrderedDict()
        self._closed = False

    async def append(
        self, topic: str, payload: bytes, *, options: bytes | None, guard: int | None
    ) -> Position:
        """Raises `GuardFailed`, `RedisBroken`, `RedisDown` (within about 2 s, at once while it is known to be down)."""
        words = (payload,) if options is None else (options, payload)
        position: Position = await self._put(topic, len(payload), words=words, guard=guard)
        return position

    async def stand(self, topic: str) -> Stand:
        """Where the topic stands now; it is begun if there is none. Raises like `append`."""
        stand: Stand = await self._put(topic, 0)
        return stand

    async def read(self, topic: str, after_seq: int, limit: int) -> Page:
        """What the log holds after `after_seq`, whatever its epoch. Raises like `append`."""
        keys = Keys.of(self._link, topic)
        page: Page = await self._put(
            topic, READ_BYTES, call=lambda: (READ, [2, *keys[:2], after_seq, limit]), parse=Page.parse
        )
        return page

    async def reseed(self, topic: str, snapshot: str, old_epoch: str) -> Position:
        """See the contract. Raises like `append`."""

        def call() -> _Command:
            keys = Keys.of(self._link, topic)
            return RESEED, [4, *keys[:4], *self._opening(topic).args(keys), old_epoch, snapshot.encode()]

        def parse(reply: Any) -> Position:
            return Position(reply[0].decode(), reply[1])

        position: Position = await self._put(topic, len(snapshot), call=call, parse=parse)
        self.saw(topic, position)
        return position

    async def snapshot(self, topic: str) -> tuple[str, bytes] | None:
        """The present epoch and the snapshot that it began from, if there is one. Raises like `append`."""

        def parse(reply: Any) -> tuple[str, bytes] | None:
            epoch, text = reply
            begun, _, snapshot = (text or b"").partition(b"\n")
            return (epoch.decode(), snapshot) if epoch and begun == epoch else None

        keys = Keys.of(self._link, topic)
        found: tuple[str, bytes] | None = await self._put(
            topic, READ_BYTES, call=lambda: (SNAPSHOT, [2, keys.meta, keys.base]), parse=parse
        )
        return found

    async def publish(self, channel: str, text: str) -> None:
        """A message that is in no log. Raises like `append`."""
        await self._put(channel, len(text), call=lambda: (None, ["PUBLISH", channel, text]))

    def saw(self, topic: str, position: Position) -> None:
        """A place of this topic is known: should the log stand before it in the same epoch, it has lost something."""
        known = self._seen.get(topic)
        if known is None or known.epoch != position.epoch or known.seq < position.seq:
            self._seen[topic] = position
        self._seen.move_to_end(topic)
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)

    async def close(self) -> None:
        """What is under way may end; what waits is told that the topics are closed."""
        self._closed = True
        self._fail_queued(closed)
        self._more.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)

    # -- the queue ----------------------------------------------------------------------------------------------

    def _put(
        self,
        topic: str,
        size: int,
        *,
        words: tuple[Argument, ...] = (),
        guard: int | None = None,
        call: Callable[[], _Command] | None = None,
        parse: Callable[[Any], Any] = bool,
    ) -> asyncio.Future[Any]:
        if self._closed:
            raise closed()
        size += OPERATION_BYTES
        if self._queued_bytes + size > MOST_QUEUED_BYTES:
            raise Unavailable("Too much waits to be written to Redis.", code="topic.busy")
        if not self._breaker.admits():
            raise _known_down()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Operation(topic, size, answer, words, guard, call, parse))
        self._queued_bytes += size
        self._more.set()
        if self._task is None or self._task.done():
            self._task = self._tasks.spawn(self._run(), name="topics:writer")
        return answer

    def _take(self) -> list[list[_Operation]]:
        """The operations of the next pipeline: those of one topic together, others by themselves."""
        groups: list[list[_Operation]] = []
        by_topic: dict[str, list[_Operation]] = {}
        count = size = 0
        while self._queue and count < MOST_OPERATIONS and size < MOST_BYTES:
            operation = self._queue.popleft()
            self._queued_bytes -= operation.size
            if operation.answer.done():  # its caller gave up
                continue
            if operation.call is not None:
                groups.append([operation])
            elif (group := by_topic.get(operation.topic)) is not None:
                group.append(operation)
            else:
                groups.append(by_topic.setdefault(operation.topic, [operation]))
            count += 1
            size += operation.size
        return groups

    def _fail_queued(self, error: Callable[[], CuelightError]) -> None:
        while self._queue:
            _fail(self._queue.popleft(), error())
        self._queued_bytes = 0

    # -- the pipeline -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while not self._closed:
                await self._more.wait()
                self._more.clear()
                while batch := self._take():
                    await self._flush(batch)
        finally:
            self._fail_queued(closed if self._closed else _known_down)
            await self._hang_up()

    async def _flush(self, batch: list[list[_Operation]]) -> None:
        try:
            replies = await self._exchange(batch)
        except (RedisDown, RedisBroken) as error:
            await self._hang_up()
            self._breaker.failed()
            self._metrics.count("topics_append_failures_total", sum(map(len, batch)))
            for operations in batch:
                for operation in operations:
                    _fail(operation, _again(error))
            self._fail_queued(_known_down)
            return
        except BaseException:  # we are being stopped: nobody may wait for ever
            for operations in batch:
                for operation in operations:
                    _fail(operation, _unknown())
            raise
        self._breaker.succeeded()
        for operations, reply in zip(batch, replies, strict=True):
            self._settle_safely(operations, reply)
        if any(isinstance(reply, RedisDown) for reply in replies):
            await self._hang_up()  # it may have become a replica: the next connection finds the new primary
        self._metrics.observe("topics_batch_operations", sum(map(len, batch)))

    async def _exchange(self, groups: list[list[_Operation]]) -> list[Any]:
        """Send, and once more with its text what Redis does not know by its digest: that had no effect."""
        wire = await self._connected()
        commands = [self._command(group) for group in groups]
        replies = await wire.exchange([_by_digest(command) for command in commands])
        forgotten = [n for n, reply in enumerate(replies) if isinstance(reply, Forgotten)]
        if forgotten:
            again = _with_texts([commands[n] for n in forgotten])
            for n, reply in zip(forgotten, await wire.exchange(again), strict=True):
                replies[n] = reply
        return replies

    def _opening(self, topic: str) -> Opening:
        return Opening(self._new_epoch(), self._run_id, self._seen.get(topic))

    def _command(self, group: list[_Operation]) -> _Command:
        first = group[0]
        if first.call is not None:
            return first.call()
        words = [word for operation in group for word in operation.words]
        keys = Keys.of(self._link, first.topic)
        return APPEND, append_args(keys, self._opening(first.topic), self._bounds, words)

    def _settle_safely(self, group: list[_Operation], reply: Any) -> None:
        try:
            self._settle(group, reply)
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
        ) as error:  # somebody else writes to our keys
            log.exception("topics.strange_reply")
            for operation in group:
                _fail(operation, RedisBroken(f"Redis holds what is no topic ({type(error).__name__})."))

    def _settle(self, group: list[_Operation], reply: Any) -> None:
        if isinstance(reply, RedisDown | RedisBroken):
            for operation in group:
                _fail(operation, _again(reply))
            return
        if (only := group[0]).call is not None:
            if not only.answer.done():
                only.answer.set_result(only.parse(reply))
            return
        epoch, seq, rev, base, *numbers = reply
        epoch = epoch.decode()
        self.saw(only.topic, Position(epoch, seq))
        results = iter(numbers)
        for operation in group:
            outcome: Any
            if not operation.words:
                outcome = Stand(Head(Position(epoch, seq), rev), base)
            elif (number := next(results)) < 0:
                _fail(operation, guard_failed(-1 - number, operation.guard or 0))
                continue
            else:
                outcome = Position(epoch, number)
            if not operation.answer.done():
                operation.answer.set_result(outcome)

    async def _connected(self) -> Wire:
        if self._wire is None:
            wire = Wire(self._link)
            try:
                await wire.open()
                self._run_id = await self._ask_run(wire) if self._follow_runs else ""
            except BaseException:
                await wire.close()
                raise
            self._wire = wire
        return self._wire

    async def _ask_run(self, wire: Wire) -> str:
        """The id of the server's process; "" where it may not be asked."""
        (reply,) = await wire.exchange([("INFO", "server")])
        if not isinstance(reply, bytes):
            return ""
        lines = (line.partition(b":") for line in reply.splitlines())
        return next((value.decode() for name, _, value in lines if name == b"run_id"), "")

    async def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()


def _by_digest(command: _Command) -> list[Argument]:
    script, args = command
    return ["EVALSHA", script.digest, *args] if script else args


def _with_texts(commands: list[_Command]) -> list[list[Argument]]:
    """The first use of each script brings its text, which is enough for those after it."""
    told: set[str] = set()
    lines = []
    for script, args in commands:
        if script is None or script.digest in told:
            lines.append(_by_digest((script, args)))
        else:
            told.add(script.digest)
            lines.append(["EVAL", script.text, *args])
    return lines


def _fail(operation: _Operation, error: CuelightError) -> None:
    if not operation.answer.done():
        operation.answer.set_exception(error)


def _again(error: RedisDown | RedisBroken) -> CuelightError:
    """The same error for one more waiter: an exception that is raised twice collects tracebacks."""
    return type(error)(error.message, code=error.code, advice=error.advice)


def _known_down() -> RedisDown:
    return RedisDown("Redis does not answer at the moment.", retry_after_seconds=1.0)


def _unknown() -> RedisDown:
    return RedisDown("The connection to Redis was given up.", retry_after_seconds=1.0)
