"""Which conduit is ours. (Against the simulator: `test_keeper.py`.)"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.errors import Unavailable
from gateways.twitch.conduit_plan import RemoteConduit, RemoteShard, mark_of
from gateways.twitch.contracts import RemoteSubscription
from handlers.conduit.finding import TooManyConduits, our_conduit


class Twitch:
    def __init__(self) -> None:
        self.held: dict[str, list[RemoteShard]] = {}
        self.rows: list[RemoteSubscription] = []
        self.silent = 0  # so many answers to "make one" get lost

    def put(self, id: str, *, enabled: int = 0, mark: bool = False, others: int = 0) -> None:
        self.held[id] = [RemoteShard(str(number), "enabled") for number in range(enabled)] or [
            RemoteShard("0", "websocket_disconnected")
        ]
        if mark:
            wish = mark_of(id, "client")
            self._row(id, wish.type, dict(wish.condition))
        for number in range(others):
            self._row(id, "channel.vip.add", {"broadcaster_user_id": str(number)})

    def _row(self, id: str, type_: str, condition: dict[str, str]) -> None:
        name = f"{id}-{len(self.rows)}"
        self.rows.append(
            RemoteSubscription(
                name, type_, "1", "enabled", condition=condition, method="conduit", conduit_id=id
            )
        )

    async def conduits(self) -> list[RemoteConduit]:
        return [RemoteConduit(name, len(shards)) for name, shards in self.held.items()]

    async def create(self, shards: int) -> RemoteConduit:
        name = f"made-{len(self.held)}"
        self.held[name] = [RemoteShard(str(number), "websocket_disconnected") for number in range(shards)]
        if self.silent:
            self.silent -= 1
            raise Unavailable("The answer is lost.")
        return RemoteConduit(name, shards)

    async def resize(self, conduit_id: str, shards: int) -> RemoteConduit:
        raise AssertionError("nothing is resized here")

    async def delete(self, conduit_id: str) -> bool:
        raise AssertionError("nothing is deleted here")

    async def shards(self, conduit_id: str) -> list[RemoteShard]:
        return self.held[conduit_id]

    async def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]:
        yield self.rows


async def test_the_remembered_one() -> None:
    twitch = Twitch()
    twitch.put("ours", enabled=2, mark=True)
    twitch.put("other", mark=True)
    assert (await our_conduit(twitch, "ours", shards=2)).id == "ours"


async def test_one_whose_making_was_not_heard_of_is_not_made_twice() -> None:
    twitch = Twitch()
    twitch.silent = 1
    with pytest.raises(Unavailable):
        await our_conduit(twitch, "", shards=2)
    assert await our_conduit(twitch, "", shards=2) == RemoteConduit("made-0", 2)


async def test_by_its_mark_and_never_from_somebody() -> None:
    twitch = Twitch()
    twitch.put("served", enabled=1, mark=True, others=3)
    twitch.put("left", mark=True, others=3)
    twitch.put("another program's", others=1)
    assert (await our_conduit(twitch, "forgotten", shards=2)).id == "left"
    del twitch.held["left"]
    assert (await our_conduit(twitch, "forgotten", shards=2)).id.startswith("made")


async def test_five_are_the_most() -> None:
    twitch = Twitch()
    for number in range(5):
        twitch.put(str(number), enabled=1)
    with pytest.raises(TooManyConduits) as raised:
        await our_conduit(twitch, "", shards=2)
    assert "DELETE" in raised.value.advice
