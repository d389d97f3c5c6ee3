"""The program: who comes, what the host does, and what it prints."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from simulators.players.__main__ import changes, habits, parse, viewers
from simulators.players.habits import Feelings, Programme, Votes
from simulators.players.party import Truth
from tests.simulators.players.peer import open_room

ROOT = Path(__file__).parents[3]
URL = ("--url", "ws://127.0.0.1:9/ws/connect")


async def test_it_says_the_room_first_and_what_was_measured_last() -> None:
    async with open_room() as room:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.players", "--url", room.url, "--viewers", "2"),
            *("--apart", "0", "--room", "mint-owl-42", "--invite", "v1.x", "--tell-each", "0.05"),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            async with asyncio.timeout(40):
                first = json.loads(await process.stdout.readline())
                await room.until(lambda: len(room.lines) == 2)
                await room.chat("hello")
                while json.loads(await process.stdout.readline())["here"] < 2:
                    pass  # it tells on the way
                process.send_signal(signal.SIGTERM)
                rest = (await process.stdout.read()).decode().splitlines()
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert first == {"room_id": "mint-owl-42"}
    measured = json.loads(rest[-1])
    assert [measured[name] for name in ("viewers", "members", "here")] == [2, 2, 2]
    hellos = [said["data"] for _, said in room.said if said["type"] == "party:hello"]
    assert hellos == [{"invite": "v1.x", "roomId": "mint-owl-42"}] * 2


def test_the_first_one_is_the_host_of_an_evening() -> None:
    chosen = parse([*URL, "--film", "https://f.example/a.mp4", "--seconds", "100", "--evening"])
    assert [change.type for change in changes(chosen)] == [
        "party:media", "party:play", "party:pause", "party:play", "party:seek",
    ]  # fmt: skip
    assert changes(parse([*URL])) == []


def test_each_one_has_a_token_and_the_first_opens_the_room(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a\nb\n")
    chosen = parse([*URL, "--viewers", "2", "--tokens", str(tmp_path / "tokens")])
    first, second = viewers(chosen, Truth(chosen.url))
    assert json.loads(first.talk.opened()[0])["data"] == {"token": "a"}
    assert json.loads(second.talk.opened()[0])["data"] == {"token": "b"}
    with pytest.raises(SystemExit, match="2 tokens for 3 viewers"):
        viewers(parse([*URL, "--viewers", "3", "--tokens", str(tmp_path / "tokens")]), Truth(chosen.url))


def test_the_first_one_runs_the_programme_of_a_channel(tmp_path: Path) -> None:
    (tmp_path / "programme").write_text('[{"kind": "video", "url": "/a.mp4"}]')
    chosen = parse(
        [*URL, "--viewers", "2", "--names", "Ana,Ben", "--channel", "77", "--settings", '{"isPublic": true}',
         "--programme", str(tmp_path / "programme"), "--votes-each", "9", "--feels-each", "9", "--stalls-each", "5"]
    )  # fmt: skip
    found = [[type(one) for one in habits(chosen, number)] for number in range(2)]
    assert found == [[Programme, Votes, Feelings], [Votes, Feelings]]
    first, last = viewers(chosen, Truth(chosen.url))
    opening = json.loads(first.talk.opened()[0])
    assert opening["type"] == "party:create"
    assert opening["data"] == {"userName": "Ana", "settings": {"isPublic": True}, "channel": "77"}
    assert json.loads(last.talk.opened()[0])["data"]["userName"] == "Ben"
    assert (first.player.traits.stall_each > 5, last.player.traits.stall_each) == (True, 5)


@pytest.mark.parametrize(
    "words", [["--evening"], ["--networks", "pigeon"], ["--invite", "a", "--tokens", "b"]]
)
def test_what_cannot_be_is_said_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*URL, *words])
    assert "error:" in capsys.readouterr().err
