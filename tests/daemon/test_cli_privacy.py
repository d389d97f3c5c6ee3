"""`cuelight audit`, `export` and `erase` as a person meets them: beside a daemon, and on a stopped store."""

from __future__ import annotations

import asyncio
import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.clock import SystemClock
from storage.audit import AUDIT
from storage.audit_chain import CHAIN, AuditChain
from storage.open import open_store, sqlite_url
from tests.daemon.running import SECONDS, Running, joining, running


@pytest.fixture(autouse=True)
def _quick_linker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.audit_chain.ROUND_SECONDS", 0.1)


async def cuelight(*words: str | Path) -> int:
    return await asyncio.to_thread(main, [str(word) for word in words])


async def told(capsys: pytest.CaptureFixture[str], code: int, *words: str | Path) -> Any:
    """The JSON of a command that ends with this code."""
    capsys.readouterr()
    assert await cuelight(*words, "--json") == code
    # The daemon in this process writes its log there, too.
    printed = capsys.readouterr().out.splitlines()
    return json.loads(
        "\n".join(line for line in printed if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2} ", line))
    )


async def granted(run: Running, login: str = "zebrina") -> tuple[str, str]:
    """A channel in which a viewer has become VIP; both ids."""
    channel_id, reward_id = await run.enrol()
    redeemed = await run.redeem(channel_id, reward_id, login)
    await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
    return channel_id, redeemed["user_id"]


async def linked(run: Running) -> None:
    """Wait until all records are in a block."""
    async with asyncio.timeout(SECONDS):
        while True:
            state = await run.admin("audit.state")
            if state["channels"] and not state["waiting"]:
                return
            await asyncio.sleep(0.05)


async def test_beside_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path) as run:
        channel, viewer = await granted(run)
        await linked(run)
        there = ("--data-dir", run.data_dir)
        whole = await told(capsys, 0, "audit", "verify", *there)
        assert whole["whole"]
        [head] = await told(capsys, 0, "audit", "head", *there)
        assert (head["channel"], head["hash"]) == (channel, whole["channels"][0]["head"])
        assert await cuelight("audit", "verify", "--channel", channel, *there) == 0
        assert "Every chain is whole." in capsys.readouterr().err
        assert await cuelight("export", "--viewer", "999", "--out", tmp_path / "none", *there) == 0
        assert "Nothing is held there" in capsys.readouterr().err
        assert await cuelight("audit", "head", *there) == 0
        assert (await told(capsys, 1, "audit", "verify", "--channel", "1", *there))["error"][
            "code"
        ] == "audit.no_chain"

        file = tmp_path / "export"
        exported = await told(capsys, 0, "export", "--viewer", viewer, "--out", file, *there)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert exported["lines"] == len(lines) - 2
        assert exported["sha256"] == lines[-1]["sha256"]
        assert await cuelight("export", "--channel", channel, "--out", file, "--force", *there) == 0
        assert "refresh_token" not in file.read_text()

        planned = await told(capsys, 0, "erase", "--viewer", viewer, "--dry-run", *there)
        assert planned["documents"] > 3
        assert await cuelight("erase", "--viewer", viewer, *there) == 1
        assert "nobody to ask" in capsys.readouterr().err
        erased = await told(capsys, 0, "erase", "--viewer", viewer, "--yes", *there)
        assert (erased["channels"], erased["unfinished"]) == ([channel], [])
        assert erased["counts"]["vip_sessions"] == 1
        assert viewer not in run.sim.world.channels[channel].vips
        nothing = await told(capsys, 0, "erase", "--viewer", viewer, "--channel", channel, "--yes", *there)
        assert nothing["documents"] == 0
        await linked(run)
        again = await told(capsys, 0, "audit", "verify", *there)
        assert again["channels"][0]["erased"] == erased["counts"]["audit"]

        gone = await told(capsys, 0, "erase", "--channel", channel, "--yes", *there)
        assert (gone["channels"], gone["unfinished"]) == ([channel], [])
        assert (await run.admin("channels.list"))["channels"] == []
        assert await told(capsys, 0, "erase", "--channel", "999", "--yes", *there) == {
            "dry_run": False, "documents": 0, "counts": {}, "channels": [], "unfinished": [],
        }  # fmt: skip


async def test_on_a_stopped_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path) as run:
        channel, viewer = await granted(run)
        await linked(run)
        sim, data = run.sim, run.data_dir
        run.daemon.lifecycle.request_stop("the next commands find it stopped")
        await run.ended
        there = ("--data-dir", data)
        assert (await told(capsys, 0, "audit", "verify", *there))["whole"]
        exported = await told(capsys, 0, "export", "--viewer", viewer, "--out", tmp_path / "out", *there)
        assert exported["counts"]["vip_sessions"] == 1
        refused = await told(capsys, 1, "erase", "--viewer", viewer, "--yes", *there)
        assert refused["error"]["code"] == "privacy.open_vip"
        refused = await told(capsys, 1, "erase", "--channel", channel, "--yes", *there)
        assert refused["error"]["code"] == "privacy.watched"

        store = await open_store(sqlite_url(data), clock=SystemClock())
        records = await store.collection(AUDIT)
        chain = AuditChain(records=records, blocks=await store.collection(CHAIN))
        [altered, *_] = [document async for document in chain.every_marked(channel)]
        await records.change(altered["_id"], lambda held: {**held, "reason": "another"})
        await store.close()
        found = await told(capsys, 1, "audit", "verify", *there)
        assert [each["record_id"] for each in found["channels"][0]["findings"]] == [altered["_id"]]
        assert await cuelight("audit", "verify", *there) == 1
        said = capsys.readouterr().err
        assert f"altered {altered['_id']}" in said
        assert "1 faults" in said

        async with joining(sim, data) as again:
            await again.admin("channels.remove", {"id": channel})
        gone = await told(capsys, 0, "erase", "--channel", channel, "--yes", *there)
        assert gone["counts"]["vip_sessions"] == gone["counts"]["tokens"] == 1
        assert (await told(capsys, 0, "erase", "--channel", channel, "--yes", *there))["documents"] == 0


async def test_who_is_meant_has_to_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = ("--data-dir", tmp_path)
    for words, code in (
        (("erase", "--yes"), "privacy.who"),
        (("export", "--out", tmp_path / "x"), "privacy.who"),
        (("audit", "head"), "data.nothing"),
    ):
        assert (await told(capsys, 1, *words, *there))["error"]["code"] == code
    store = await open_store(sqlite_url(tmp_path), clock=SystemClock())
    await store.close()
    for words in (
        ("erase", "--viewer", "ann", "--yes"),
        ("export", "--channel", "a b", "--out", tmp_path / "y"),
    ):
        assert (await told(capsys, 1, *words, *there))["error"]["code"] == "privacy.id"
    assert not (tmp_path / "y").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("written", "code"), [("77\n", 0), ("78\n", 1), ("", 1)])
async def test_it_is_confirmed_by_writing_the_id(
    tmp_path: Path,
    written: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = await open_store(sqlite_url(tmp_path), clock=SystemClock())
    await store.close()
    monkeypatch.setattr("sys.stdin", Terminal(written))
    assert await cuelight("erase", "--viewer", "77", "--data-dir", tmp_path) == code
    assert "viewer 77" in capsys.readouterr().err
