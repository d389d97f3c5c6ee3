"""The record of how EventSub comes in."""

from __future__ import annotations

from pathlib import Path

from domain.transport import Way, aimed, with_conduit
from storage.open import open_store, sqlite_url
from storage.transports import TRANSPORTS, Transports
from tests.support.clock import ManualClock


async def test_it_begins_with_sockets_and_is_kept(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock())
    try:
        transports = Transports(await store.collection(TRANSPORTS))
        assert (await transports.get()).in_force is Way.WEBSOCKET
        after = await transports.change(lambda held: aimed(held, Way.CONDUIT, now=5))
        assert (after.target, after.target_at) == (Way.CONDUIT, 5)
        await transports.change(lambda held: with_conduit(held, "c1", 2))
        kept = await Transports(await store.collection(TRANSPORTS)).get()
        assert (kept.conduit_id, kept.shards, kept.target) == ("c1", 2, Way.CONDUIT)
        assert await transports.change(lambda held: held) == kept
        document = await (await store.collection(TRANSPORTS)).get("eventsub")
        assert document is not None
        assert document["rev"] == 2  # what changes nothing writes nothing
    finally:
        await store.close()
