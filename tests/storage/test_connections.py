from __future__ import annotations

from dataclasses import replace

import pytest

from storage.connections import CONNECTIONS, Connection, Connections
from storage.contracts import Collection, Store

LIVE = Connection("1", "live", 5, "", "first")


@pytest.fixture
async def documents(store: Store) -> Collection:
    return await store.collection(CONNECTIONS)


@pytest.fixture
def connections(documents: Collection) -> Connections:
    return Connections(documents)


async def test_a_channel_of_which_nobody_spoke_is_stopped(connections: Connections) -> None:
    assert await connections.get("1") == Connection("1", "stopped", 0, "", "")


async def test_a_change_is_written_and_the_same_again_is_not(
    connections: Connections, documents: Collection
) -> None:
    assert await connections.put(LIVE)
    before = await documents.get("1")
    assert not await connections.put(replace(LIVE, since=9))
    assert await documents.get("1") == before
    assert await connections.put(replace(LIVE, detail="why", since=9))
    assert await connections.get("1") == replace(LIVE, detail="why", since=9)


async def test_who_takes_a_connection_over_replaces_what_a_dead_holder_said(connections: Connections) -> None:
    await connections.put(LIVE)
    taken = Connection("1", "live", 9, "", "second")
    assert await connections.put(taken)
    assert await connections.get("1") == taken


async def test_who_lost_a_connection_cannot_call_it_stopped(connections: Connections) -> None:
    await connections.put(LIVE)
    taken = Connection("1", "connecting", 9, "", "second")
    await connections.put(taken)
    assert not await connections.put(Connection("1", "stopped", 10, "", "first"))
    assert await connections.get("1") == taken
    assert await connections.put(Connection("1", "stopped", 11, "", "second"))
