"""The worker: claims lanes, handles their rows one by one and in order, and never lets one go unfinished.

What a handler may raise, and what becomes of the row:

    returns a word      done
    `Waiting`           a limit: due again later, not counted as an attempt
    `LoginNeeded`       parked in its lane until somebody logs in (looked at every five minutes)
    `Unavailable`       tried again by the kind's retry policy, then given up
    any other `Exception` that is not ours   the same, and reported once
    `Rejected`, `Broken`                     given up at once, with the reason
    `Fenced`            the lane was taken over: leave everything as it is, but for what `overtaken` queues

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
from handlers.elsewhere import Elsewhere
from handlers.fair import FairQueue
from handlers.keeper import Keeper
from handlers.work import GiveUp, Handler, Overtaken, Work
from storage.inbox import Inbox
from storage.lanes import Lanes, Lease

log = structlog.get_logger(__name__)

HANDLING_SECONDS = 20.0  # the lease is renewed meanwhile
ROWS_PER_CLAIM = 20
SWEEP_SECONDS = 15.0
POLL_SECONDS = 1.0
LANE_FAILED_SECONDS = 30.0
HAND_BACK_SECONDS = 1.0
OVERTAKEN_TRIES = 5


class Worker:
    """Runs `size` handlers side by side. `poke(lane)` is how the intake of this process tells of new rows.

    `elsewhere` leads to the other processes of a fleet: they get what is more than our hands can take, and what is
    left when we stop. Alone there is none, and everything waits for a free hand here.
    """

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
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._inbox, self._lanes, self._table = inbox, lanes, table
        self._clock, self._metrics, self._checkpoint, self._random = clock, metrics, checkpoint, random
        self._size, self._elsewhere = size, elsewhere
        self._keeper = Keeper(lanes=lanes, clock=clock, metrics=metrics)
        self._pokes = FairQueue()
        self._poked: set[str] = set()
        self._held: dict[str, bool] = {}  # lanes in our hands; true: rows came since theirs were read
        self._claimed: deque[Lease] = deque()
        self._timers: list[tuple[int, str]] = []
        self._work = asyncio.Semaphore(0)
        self._timer_set = asyncio.Event()
        self._stopping = False
        self._more_due = False  # lanes are due in the store that no hand was free for
        self.busy = 0
        self.ended = asyncio.Event()

    def poke(self, lane: str) -> None:
        """A lane has a new row. Pokes that nobody has taken yet are joined; a hand that holds the lane looks again
        before it lets go, so that the arrival needs no write."""
        if lane in self._held:
            self._held[lane] = True
        elif lane not in self._poked:
            if self._elsewhere is not None and self.backlog >= self._size:
                self._more_due = True
                self._elsewhere.poke(lane)
                return
            self._poked.add(lane)
            self._pokes.append(lane)
            self._work.release()

    def look(self) -> None:
        """Something may be due that another process has stored: look at once. Never waits."""
        self._timer_set.set()

    @property
    def backlog(self) -> int:
        """Lanes that wait for a free hand."""
        return len(self._pokes) + len(self._claimed)

    def stop(self) -> None:
        """Take no more lanes and give back those that were not begun; `run` returns when the hands are empty."""
        self._stopping = True
        self._timer_set.set()
        for _ in range(self._size):
            self._work.release()

    async def run(self) -> None:
        """Work until `stop`. A crash of the loop itself leaves here and stops the daemon."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._find_due(), name="worker.due")
                group.create_task(self._keeper.run(), name="worker.keeper")
                async with asyncio.TaskGroup() as hands:
                    for number in range(self._size):
                        hands.create_task(self._hand(), name=f"worker.{number}")
                self._keeper.close()
            await self._hand_back()  # what the last hands left
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
                if self._more_due and not self.backlog:
                    self.look()

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
        self._keeper.keep(lease)
        try:
            due = await self._drain_safely(lease)
        finally:
            self._keeper.let_go(lease)
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
            # If nobody has taken the lane yet, the next one need not wait for the end of the lease.
            await self._lanes.release(lease, due_at=self._clock.now() + round(POLL_SECONDS * 1000))
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
                if not await self._keeper.freshen(lease):
                    raise Fenced(f"Lane {lease.lane} was taken over.")
                again = await self._one(row, lease)
                if again is not None:
                    return await self._lanes.release(lease, due_at=again)
            handled += len(rows)
            more = len(rows) == ROWS_PER_CLAIM or self._held.get(lease.lane, False)
        return await self._lanes.release(lease, due_at=self._clock.now() if more else None)

    async def _one(self, row: InboxRow, lease: Lease) -> int | None:
        """Handle one row. Returns when to come back (UTC ms) if it is not finished."""
        fence = lease.fence
        row = await self._inbox.change(row.id, lambda held: transitions.attempted(held, fence=fence))
        self._checkpoint("worker.claimed")
        work = Work(row, lease=lease, inbox=self._inbox, clock=self._clock)
        handler = self._table.get(row.kind)
        try:
            return await self._handle(work, handler)
        except Fenced:
            if handler is not None and handler.overtaken is not None and work.called_out:
                await self._overtaken(handler.overtaken, work)
            raise

    async def _handle(self, work: Work, handler: Handler | None) -> int | None:
        row, fence = work.row, work.fence
        started = self._clock.monotonic()
        try:
            if handler is None:
                raise Broken(f"Nothing handles rows of kind {row.kind}.", code="inbox.no_handler")
            async with asyncio.timeout(HANDLING_SECONDS):
                result = await handler.handle(work)
        except Fenced:
            raise
        except (Waiting, LoginNeeded) as error:
            return await self._wait(work, error)
        except Exception as error:
            return await self._failed(work, handler, error)
        finally:
            self._metrics.observe("inbox_handling_seconds", self._clock.monotonic() - started, kind=row.kind)
        now = self._clock.now()
        await self._inbox.change(
            row.id, lambda held: transitions.finished(held, fence=fence, result=result, now=now)
        )
        self._metrics.count("inbox_handled_total", kind=row.kind, result="done")
        return None

    async def _overtaken(self, overtaken: Overtaken, work: Work) -> None:
        """Whoever took over could not know of our last call. What looks after it must be stored, so a store that does
        not answer is asked again; if that is in vain, the notice of Twitch sets it off."""
        for attempt in range(1, OVERTAKEN_TRIES + 1):
            try:
                await overtaken(work)
            except Unavailable as error:
                log.warning("worker.overtaken", row=work.row.id, code=error.code, attempt=attempt)
                await self._clock.sleep(1.0)
            else:
                return

    async def _wait(self, work: Work, error: Waiting | LoginNeeded) -> int:
        fence = work.fence
        until = self._clock.now() + max(1, round(error.retry_after_seconds * 1000))
        why = "login" if isinstance(error, LoginNeeded) else error.code
        await self._inbox.change(
            work.row.id, lambda held: transitions.waited(held, fence=fence, until=until, why=why)
        )
        self._metrics.count("inbox_handled_total", kind=work.row.kind, result="waiting")
        return until

    async def _failed(self, work: Work, handler: Handler | None, error: Exception) -> int | None:
        row, fence, now = work.row, work.fence, self._clock.now()
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
            # Refused by the fence for who was overtaken: what he failed at, another may have done.
            await work.note("given_up", {"code": failure.code})
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
        await self._hand_back()

    async def _hand_back(self) -> None:
        """Leases that nobody has begun are released, pokes leave their lanes due: others need not wait for a sweep."""
        leases, pokes = list(self._claimed), list(self._pokes)
        self._claimed.clear()
        self._pokes.clear()
        self._poked.clear()
        if not leases and not pokes:
            return
        now = self._clock.now()
        releases = [self._lanes.release(lease, due_at=now) for lease in leases]
        marks = [self._lanes.mark_due(lane) for lane in pokes]
        try:
            async with asyncio.timeout(HAND_BACK_SECONDS):
                done = await asyncio.gather(*releases, *marks, return_exceptions=True)
            failed = [error for error in done if isinstance(error, Exception)]
        except TimeoutError as error:
            failed = [error]
        if failed:
            log.warning("worker.hand_back_failed", lanes=len(leases) + len(pokes), error=repr(failed[0]))
        if self._elsewhere is not None:
            self._elsewhere.tell()

    async def _claim_due(self) -> None:
        now = self._clock.now()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)
        # No more than there are free hands: a lease that waits for one would run out, or keep others from helping.
        while self.busy + self.backlog < self._size and not self._stopping:
            lease = await self._lanes.claim_due()
            if lease is None:
                self._more_due = False
                return
            self._claimed.append(lease)
            self._work.release()
        self._more_due = True

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
