"""Every data directory that a release left behind opens, reads and works with this one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.clock import SystemClock
from daemon.settings import load_settings
from daemon.wiring_handlers import open_repositories
from domain.audit import AuditRecord
from domain.channel import Channel
from domain.inbox import InboxRow, RowState
from domain.redemption import Redemption, RedemptionStatus
from domain.vip import VipSession
from handlers.vip.grants import Grants
from storage.catalog import SCHEMAS
from storage.codec import from_document
from storage.contracts import Store, every
from storage.open import open_store, sqlite_url
from storage.sealing import Sealer
from storage.tokens import TOKENS
from tests.daemon.running import running
from tests.fixtures import make

FIXTURES = sorted(make.HERE.glob("data-*"))
RECORDS: dict[str, type[Any]] = {
    "inbox": InboxRow,
    "vip_sessions": VipSession,
    "redemptions": Redemption,
    "audit": AuditRecord,
    "channels": Channel,
}


@pytest.fixture(params=FIXTURES, ids=lambda path: path.name)
def left(request: pytest.FixtureRequest) -> Path:
    """What the release left, as it is in the repository."""
    path: Path = request.param
    return path


@pytest.fixture
def data(left: Path, tmp_path: Path) -> Path:
    return make.unpack(left, tmp_path / "data")


@pytest.fixture
async def store(data: Path) -> AsyncIterator[Store]:
    opened = await open_store(sqlite_url(data), clock=SystemClock())
    yield opened
    await opened.close()


def test_this_release_has_one() -> None:
    assert FIXTURES
    for path in FIXTURES:
        assert sum(file.stat().st_size for file in path.iterdir()) < 200_000


async def test_nothing_is_missing(store: Store, left: Path) -> None:
    found = Counter([name async for name, _ in store.export()])
    assert dict(found) == json.loads((left / make.MANIFEST).read_text())


async def test_every_document_is_read(store: Store, left: Path) -> None:
    had = json.loads((left / make.MANIFEST).read_text())
    for name, schema in SCHEMAS.items():
        collection = await store.collection(schema)
        documents = [document async for document in every(collection, {})]
        assert len(documents) == had.get(name, 0), f"{name}: what came later is empty"
        for document in documents:
            if name in RECORDS:
                record = from_document(RECORDS[name], document)
                assert record.id == document["_id"]
    tally = await (await store.collection(SCHEMAS["inbox"])).tally("state", {})
    assert set(tally) == set(RowState)
    tally = await (await store.collection(SCHEMAS["redemptions"])).tally("status", {})
    assert set(tally) == set(RedemptionStatus) - {RedemptionStatus.WAITING}  # which is younger


async def test_the_repositories_find_what_they_are_asked_for(store: Store) -> None:
    repositories = await open_repositories(store, clock=SystemClock())
    assert (await repositories.inbox.get("fixture:5")).error is not None
    assert await repositories.inbox.waiting("vip:900:1", limit=10)
    session = await repositories.sessions.open_for("900", "1")
    assert session is not None
    assert session.has("c2")
    assert await repositories.sessions.recently_ended("900", limit=10)
    records, _ = await repositories.audit.page("900", limit=100)
    assert records
    assert await repositories.lanes.void_leases() == 1


async def test_sealed_tokens_open_with_the_keys_beside_them(store: Store, data: Path) -> None:
    keys = (data / "encryption-keys").read_text().split()
    grants = Grants(tokens=await store.collection(TOKENS), sealer=Sealer(keys))
    token = await grants.load("901")
    assert token is not None
    assert (token.access_token, token.refresh_token, token.dead) == ("access-901", "refresh-901", "")
    settings = load_settings({"DATA_DIR": str(data), "TWITCH_CLIENT_ID": "x", "TWITCH_CLIENT_SECRET": "y"})
    assert settings.data_dir == data


@pytest.mark.parametrize(
    "words",
    [lambda data: ["migrate"], lambda data: ["backup", str(data.parent / "backup")]],
    ids=["migrate", "backup"],
)
def test_the_commands_take_it(data: Path, words: Callable[[Path], list[str]]) -> None:
    assert main([*words(data), "--data-dir", str(data)]) == 0


@pytest.mark.server
async def test_a_daemon_works_on_it(data: Path, tmp_path: Path) -> None:
    """Twitch does not know the tokens of that day any more: the streamer logs in again, then all goes on."""
    async with running(tmp_path) as run:
        assert run.data_dir == data
        before = (await run.admin("status"))["inbox"]
        assert before["dead"] >= 1
        assert before["parked"] >= 1
        channel_id, _ = await run.enrol()
        # A new one: this Twitch does not know the one of that day.
        (reward_id,) = run.sim.world.channels[channel_id].rewards
        redeemed = await run.redeem(channel_id, reward_id, "newcomer")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        rows = (await run.admin("inbox.list", {"state": "dead"}))["rows"]
        assert "fixture:5" in [row["id"] for row in rows]
        assert (await run.admin("keys.rotate"))["unreadable"] == []
