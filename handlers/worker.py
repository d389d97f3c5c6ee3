"""The worker: claims lanes, handles their rows one by one and in order, and never lets one go unfinished.

What a handler may raise, and what becomes of the row:

    returns a word      done
    `Waiting`           a limit: due again later, not counted as an attempt
    `LoginNeeded`       parked in its lane until somebody logs in (looked at every five minutes)
    `Unavailable`       tried again by the kind's retry policy, then given up
    any other `Exception` that is not ours   the same, and reported once
    `Rejected`, `Broken`                     given up at once, with the reason
    `Fenced`            the lane was taken over: leave everything as it is

Giving up calls the kind's `give_up` first (a redemption is refunded or raises an alarm), then keeps the row as dead.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Mapping
from random import Random

import structlog

from domain import inbox as transitions
from domain.errors import Broken, CuelightError, Rejected, Unavailable
from domain.inbox import Fenced, InboxRow, RowError
from domain.ports import Checkpoint, Clock, Metrics
from gateways.twitch.contracts import LoginNeeded, Waiting
from handlers.work import GiveUp, Handler, Work
from storage.inbox import Inbox
from storage.lanes import Lanes, Lease

log = structlog.get_logger(__name__)

HANDLING_SECONDS = 20.0  # below the lease, so that a lease never runs out under a working handler
ROWS_PER_CLAIM = 20
SWEEP_SECONDS = 15.0
POLL_SECONDS = 1.0
LANE_FAILED_SECONDS = 30.0


class Worker:
    """Runs `size` handlers side by side. `poke(lane)` is how the intake of this process tells of new rows."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        lanes: Lanes,
        table: Mapping[str, Handler],
        clock: Clock,
        metrics: Metrics,
        checkpoint: Checkpoint,
        random: Random,
        size: int = 64,
    ) -> None:
        self._inbox, self._lanes, self._table = inbox, lanes, table
        self._clock, self._metrics, self._checkpoint, self._random = clock, metrics, checkpoint, random
        self._size = size
        self._pokes: deque[str] = deque()
        self._poked: set[str] = set()
        self._held: dict[str, bool] = {}  # lanes in our hands; true: rows came since theirs were read
        self._claimed: deque[Lease] = deque()
        self._timers: list[tuple[int, str]] = []
        self._work = asyncio.Semaphore(0)
        self._timer_set = asyncio.Event()
        self._stopping = False
        self.busy = 0
        self.ended = asyncio.Event()

    def poke(self, lane: str) -> None:
        """A lane has a new row. Pokes that nobody has taken yet are joined; a hand that holds the lane looks again
        before it lets go, so that the arrival needs no write."""
        if lane in self._held:
            self._held[lane] = True
        elif lane not in self._poked:
            self._poked.add(lane)
            self._pokes.append(lane)
            self._work.release()

    @property
    def backlog(self) -> int:
        """Lanes that wait for a free hand."""
        return len(self._pokes) + len(self._claimed)

    def stop(self) -> None:
        """Take no more lanes; `run` returns when the hands are empty."""
        self._stopping = True
        self._timer_set.set()
        for _ in range(self._size):
            self._work.release()

    async def run(self) -> None:
        """Work until `stop`. A crash of the loop itself leaves here and stops the daemon."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._find_due(), name="worker.due")
                for number in range(self._size):
                    group.create_task(self._hand(), name=f"worker.{number}")
        finally:
            self.ended.set()

    async def _hand(self) -> None:
        while True:
            await self._work.acquire()
            if self._stopping:
                return
            self.busy += 1
            try:
                await self._serve()
            except Fenced:
                self._metrics.count("lane_leases_lost_total")
            except Unavailable as error:
                # The store did not answer. The row is safe; the sweep finds its lane.
                log.warning("worker.storage_unavailable", code=error.code, message=error.message)
                await self._clock.sleep(min(error.retry_after_seconds, 1.0))
            except Exception as error:
                # Nothing that one lane holds may take the hands away from all the others.
                log.error("worker.lane_failed", exc_info=error)
                self._metrics.count("errors_total", where="worker.lane")
            finally:
                self.busy -= 1

    async def _serve(self) -> None:
        lease: Lease | None
        if self._claimed:
            lease = self._claimed.popleft()
        else:
            lane = self._pokes.popleft()
            self._poked.discard(lane)
            lease = await self._lanes.arrive(lane)
        if lease is None:
            return  # its holder sees the arrival when it releases
        self._held[lease.lane] = False
        try:
            due = await self._drain_safely(lease)
        finally:
            if self._held.pop(lease.lane, False):
                self.poke(lease.lane)  # too late to be seen: an arrival like any other
        if due is not None:
            self._remind(due, lease.lane)

    async def _drain_safely(self, lease: Lease) -> int | None:
        try:
            return await self._drain(lease)
        except Unavailable as error:
            # The store failed in the middle: nothing is lost, only give the lane back early if that works.
            again = self._clock.now() + round(error.retry_after_seconds * 1000)
            await self._lanes.release(lease, due_at=again)
            raise
        except Fenced:
            raise
        except Exception:
            # A row that cannot be read, say: its lane is looked at now and then, until a person has put it right.
            again = self._clock.now() + round(LANE_FAILED_SECONDS * 1000)
            await self._lanes.release(lease, due_at=again)
            raise

    def _remind(self, due: int, lane: str) -> None:
        if due <= self._clock.now():
            self.poke(lane)
            return
        heapq.heappush(self._timers, (due, lane))
        if self._timers[0][1] == lane:
            self._timer_set.set()

    async def _drain(self, lease: Lease) -> int | None:
        """Handle what is due in a claimed lane, release it, and say when it is due again.

        Rows that arrive meanwhile are handled, too, if this process took them in; the others change the lane's
        `wake`, so the release leaves the lane due at once.
        """
        handled, more = 0, True
        while more and handled < ROWS_PER_CLAIM:
            self._held[lease.lane] = False
            rows = await self._inbox.waiting(lease.lane, limit=ROWS_PER_CLAIM)
            for row in rows:
                now = self._clock.now()
                if self._stopping or row.due_at > now:
                    # Strict: what comes after a waiting head waits with it.
                    return await self._lanes.release(lease, due_at=max(row.due_at, now))
                if self._is_old(lease):
                    renewed = await self._lanes.renew(lease)
                    if renewed is None:
                        raise Fenced(f"Lane {lease.lane} was taken over.")
                    lease = renewed
                again = await self._one(row, lease)
                if again is not None:
                    return await self._lanes.release(lease, due_at=again)
            handled += len(rows)
            more = len(rows) == ROWS_PER_CLAIM or self._held.get(lease.lane, False)
        return await self._lanes.release(lease, due_at=self._clock.now() if more else None)

    def _is_old(self, lease: Lease) -> bool:
        return lease.deadline - self._clock.monotonic() < HANDLING_SECONDS + 2.0

    async def _one(self, row: InboxRow, lease: Lease) -> int | None:
        """Handle one row. Returns when to come back (UTC ms) if it is not finished."""
        fence = lease.fence
        row = await self._inbox.change(row.id, lambda held: transitions.attempted(held, fence=fence))
        self._checkpoint("worker.claimed")
        work = Work(row, lease=lease, inbox=self._inbox, clock=self._clock)
        handler = self._table.get(row.kind)
        started = self._clock.monotonic()
        try:
            if handler is None:
                raise Broken(f"Nothing handles rows of kind {row.kind}.", code="inbox.no_handler")
            async with asyncio.timeout(HANDLING_SECONDS):
                result = await handler.handle(work)
        except Fenced:
            raise
        except (Waiting, LoginNeeded) as error:
            return await self._wait(work, fence, error)
        except Exception as error:
            return await self._failed(work, fence, handler, error)
        finally:
            self._metrics.observe("inbox_handling_seconds", self._clock.monotonic() - started, kind=row.kind)
        now = self._clock.now()
        await self._inbox.change(
            row.id, lambda held: transitions.finished(held, fence=fence, result=result, now=now)
        )
        self._metrics.count("inbox_handled_total", kind=row.kind, result="done")
        return None

    async def _wait(self, work: Work, fence: int, error: Waiting | LoginNeeded) -> int:
        until = self._clock.now() + max(1, round(error.retry_after_seconds * 1000))
        why = "login" if isinstance(error, LoginNeeded) else error.code
        await self._inbox.change(
            work.row.id, lambda held: transitions.waited(held, fence=fence, until=until, why=why)
        )
        self._metrics.count("inbox_handled_total", kind=work.row.kind, result="waiting")
        return until

    async def _failed(self, work: Work, fence: int, handler: Handler | None, error: Exception) -> int | None:
        row, now = work.row, self._clock.now()
        failure = _describe(error, now)
        final = handler is None or isinstance(error, Rejected | Broken)
        delay = None
        if handler is not None and not final:
            delay = handler.retry.next_delay_ms(row.attempts, self._random)
        if not isinstance(error, CuelightError | TimeoutError):
            log.error("worker.handler_crashed", row=row.id, kind=row.kind, exc_info=error)
            self._metrics.count("errors_total", where=f"handler.{row.kind}")
        if delay is not None:
            if isinstance(error, Unavailable):
                delay = max(delay, round(error.retry_after_seconds * 1000))
            until = now + delay
            log.info("worker.retry", row=row.id, kind=row.kind, attempt=row.attempts, code=failure.code)
            await self._inbox.change(
                row.id, lambda held: transitions.postponed(held, fence=fence, until=until, error=failure)
            )
            self._metrics.count("inbox_handled_total", kind=row.kind, result="retry")
            return until
        if handler is not None and handler.give_up is not None:
            await self._give_up(handler.give_up, work, error)
        log.error("worker.gave_up", row=row.id, kind=row.kind, code=failure.code, message=failure.message)
        await self._inbox.change(
            row.id, lambda held: transitions.died(held, fence=fence, error=failure, now=now)
        )
        self._metrics.count("inbox_handled_total", kind=row.kind, result="dead")
        return None

    async def _give_up(self, give_up: GiveUp, work: Work, error: Exception) -> None:
        """What is not available now is tried again with the row; a crash is reported, and the row dies all the same."""
        try:
            await give_up(work, error)
        except (Fenced, Unavailable):
            raise
        except Exception as second:
            log.error("worker.give_up_crashed", row=work.row.id, kind=work.row.kind, exc_info=second)
            self._metrics.count("errors_total", where=f"give_up.{work.row.kind}")

    async def _find_due(self) -> None:
        """Wake lanes whose time has come: retries by timer, left-overs by poll, lost wake-ups by sweep."""
        sweep_at: float | None = None
        while not self._stopping:
            try:
                if sweep_at is None or self._clock.monotonic() >= sweep_at:
                    # The first sweep takes all: whoever stored these rows is no more.
                    await self._sweep(min_age_ms=0 if sweep_at is None else 2000)
                    sweep_at = self._clock.monotonic() + SWEEP_SECONDS
                await self._claim_due()
            except Unavailable as error:
                log.warning("worker.poll_failed", code=error.code, message=error.message)
            now = self._clock.now()
            next_timer = (self._timers[0][0] - now) / 1000 if self._timers else POLL_SECONDS
            await self._clock.wait(self._timer_set, max(0.0, min(POLL_SECONDS, next_timer)))
            self._timer_set.clear()

    async def _claim_due(self) -> None:
        now = self._clock.now()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)
        while self.backlog < self._size and not self._stopping:
            lease = await self._lanes.claim_due()
            if lease is None:
                return
            self._claimed.append(lease)
            self._work.release()

    async def _sweep(self, *, min_age_ms: int) -> None:
        """Rows whose lane does not know of them: the process that stored them died before it could tell."""
        for lane in await self._inbox.open_lanes(received_before=self._clock.now() - min_age_ms + 1):
            if await self._lanes.is_idle(lane):
                self.poke(lane)


def _describe(error: Exception, now: int) -> RowError:
    if isinstance(error, CuelightError):
        return RowError(error.code, error.message[:500], now)
    if isinstance(error, TimeoutError):
        return RowError("worker.too_slow", f"It took longer than {HANDLING_SECONDS:g} s.", now)
    return RowError("worker.crashed", f"{type(error).__name__}: {error}"[:500], now)
