"""Many ask, one goes: concurrent callers for one key share one piece of work and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from domain.errors import CuelightError, Unavailable
from domain.ports import Tasks

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.answers: list[T] = []
        # Stands if the work ends by anything that is not ours: the callers may try again.
        self.error: CuelightError = Unavailable("The shared work was cut off.", code="twitch.cut_off")


class SingleFlight(Generic[T]):
    """The work runs in a task of its own: a caller who gives up does not cut it off for the others.

    That matters for token refreshes, where an answer that nobody reads may be a grant that is lost.
    """

    def __init__(self, *, tasks: Tasks, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._flights: dict[str, _Flight[T]] = {}

    async def run(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Join the work under way for `key`, or start it. Raises what the work raised, to every caller."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            self._tasks.spawn(self._fly(key, flight, work), name=f"{self._name}:{key}")
        await flight.done.wait()
        if flight.answers:
            return flight.answers[0]
        raise flight.error.with_traceback(None)

    async def _fly(self, key: str, flight: _Flight[T], work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        try:
            flight.answers.append(await work())
        except CuelightError as error:
            flight.error = error
        finally:
            del self._flights[key]
            flight.done.set()
