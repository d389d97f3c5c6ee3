"""The admin commands of the command line, against a socket that notes what it is asked."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.admin_socket import AdminSocket
from daemon.cli import main
from daemon.cli_admin import duration_seconds, duration_text, read_tokens
from daemon.metrics import PrometheusMetrics
from domain.errors import NotFound, Rejected

ANSWERS: dict[str, Any] = {
    "status": {"version": "0.1.0", "inbox": {"open": 2}},
    "keys.rotate": {"rotated": 3},
    "inbox.list": {
        "rows": [{"id": "twitch:1", "state": "dead", "kind": "redemption", "attempts": 5, "received_at": 1}],
        "counts": {"dead": 1, "done": 7},
        "more": True,
    },
    "inbox.show": {"_id": "twitch:1", "raw": "{}"},
    "inbox.redrive": {"rows": ["twitch:1"], "redriven": 1, "dry_run": False},
    "inbox.purge": {"purged": 4, "dry_run": True},
    "channels.list": {
        "channels": [
            {
                "id": "100",
                "login": "ann",
                "name": "Ann",
                "connection": {"state": "live", "since": 1, "detail": ""},
                "state": "paused",
                "vips": 3,
                "login_state": "needed",
                "login_detail": "These permissions are missing: x.",
                "rewards": [{"id": "r", "title": "VIP", "cost": 500, "vip_seconds": 604_800}],
            }
        ]
    },
    "channels.add": {"id": "100", "login": "ann"},
    "channels.remove": {"removed": "100"},
    "channels.restart": {"restarted": "100"},
    "channels.pause": {"id": "100", "paused": True},
    "channels.resume": {"id": "100", "paused": False},
    "channels.reconcile": {"id": "100", "row": "gap:100:x", "state": "done", "result": "nothing"},
}

Asked = list[tuple[str, dict[str, Any]]]
Run = Callable[..., tuple[int, Asked]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command line in a thread, beside a daemon that answers from `ANSWERS`."""

    def go(*words: str, error: Exception | None = None) -> tuple[int, Asked]:
        asked: Asked = []

        def command(name: str) -> Any:
            async def answer(**args: Any) -> Any:
                asked.append((name, args))
                if error is not None:
                    raise error
                return ANSWERS[name]

            return answer

        async def both() -> int:
            commands = {name: command(name) for name in ANSWERS}
            server = AdminSocket(tmp_path, commands=commands, metrics=PrometheusMetrics())
            await server.start()
            try:
                return await asyncio.to_thread(main, [*words, "--data-dir", str(tmp_path)])
            finally:
                await server.stop()

        with capture_logs():  # the daemon's lines are not the command's
            return asyncio.run(both()), asked

    return go


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("status", ("status", {})),
        ("keys rotate", ("keys.rotate", {})),
        ("inbox list", ("inbox.list", {"limit": 50})),
        (
            "inbox list --state dead --lane vip:1:2 --source twitch --limit 5",
            ("inbox.list", {"state": "dead", "lane": "vip:1:2", "source": "twitch", "limit": 5}),
        ),
        ("inbox show twitch:1", ("inbox.show", {"id": "twitch:1"})),
        ("inbox redrive twitch:1", ("inbox.redrive", {"id": "twitch:1", "dry_run": False})),
        ("inbox redrive --all-dead --dry-run", ("inbox.redrive", {"all_dead": True, "dry_run": True})),
        ("inbox purge", ("inbox.purge", {"older_than_days": 30, "dry_run": False})),
        (
            "inbox purge --older-than-days 90 --dry-run",
            ("inbox.purge", {"older_than_days": 90, "dry_run": True}),
        ),
        ("channels list", ("channels.list", {})),
        ("channels remove 100", ("channels.remove", {"id": "100"})),
        ("channels restart 100", ("channels.restart", {"id": "100"})),
    ],
)
def test_each_command_asks_for_its_own(run: Run, words: str, asked: tuple[str, dict[str, Any]]) -> None:
    assert run(*words.split()) == (0, [asked])
    assert run(*words.split(), "--json") == (0, [asked])


@pytest.mark.parametrize("verb", ["pause", "resume", "reconcile"])
def test_channels_are_named_by_id_or_login(run: Run, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [("channels.list", {}), (f"channels.{verb}", {"id": "100"})]
    for which in ("100", "Ann", "--all"):
        assert run("channels", verb, which, "--json") == (0, asked)
        assert json.loads(capsys.readouterr().out)[0]["login"] == "ann"
    assert run("channels", verb, "nobody") == (1, asked[:1])
    assert "There is no channel nobody" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["remove", "restart"])
def test_one_channel_is_named_by_id_or_login_too(
    run: Run, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("channels", verb, "Ann") == (0, [("channels.list", {}), (f"channels.{verb}", {"id": "100"})])
    assert run("channels", verb, "nobody") == (1, [("channels.list", {})])
    assert "`cuelight channels list` shows which there are" in capsys.readouterr().err


def test_results_are_on_stdout_stories_on_stderr(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("inbox", "list")
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == ["twitch:1", "dead", "redemption", "5", "1970-01-01", "00:00:00Z"]
    assert err == "In all: 1 dead, 7 done. There are more rows: see --limit.\n"
    run("channels", "list")
    assert capsys.readouterr().out.splitlines() == [
        "ID   LOGIN  STATE   VIPS  LOGIN STATE  REWARDS               DETAIL",
        "100  ann    paused     3  needed       VIP (500 points, 7d)  These permissions are missing: x.",
    ]


@pytest.mark.parametrize("words", ["inbox list", "channels list", "status", "inbox show x"])
def test_json_is_the_whole_answer(run: Run, capsys: pytest.CaptureFixture[str], words: str) -> None:
    run(*words.split(), "--json")
    out, err = capsys.readouterr()
    answer = ANSWERS[".".join(words.split()[:2])]
    assert json.loads(out) == (answer["channels"] if words == "channels list" else answer)
    assert err == ""


def test_refusals_are_told_in_a_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    missing = NotFound("There is no row x.", advice="See cuelight inbox list.")
    code, _ = run("inbox", "show", "x", error=missing)
    assert code == 1
    assert capsys.readouterr() == ("", "cuelight: There is no row x. See cuelight inbox list.\n")


def test_tokens_come_by_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"access_token": "aaa", "refresh_token": "rrr"}'))
    code, asked = run(
        "channels", "add", "ann", "--reward-title", "Gold", "--reward-cost", "70", "--vip", "90s"
    )
    assert code == 0
    assert asked == [
        (
            "channels.add",
            {
                "login": "ann",
                "access_token": "aaa",
                "refresh_token": "rrr",
                "reward_title": "Gold",
                "reward_cost": 70,
                "vip_seconds": 90,
            },
        )
    ]


@pytest.mark.parametrize(
    "text", ["aaa\nrrr\n", ' {"access_token":"aaa","refresh_token":"rrr"}', "aaa\r\nrrr"]
)
def test_tokens_on_two_lines_or_as_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert read_tokens({}) == {"access_token": "aaa", "refresh_token": "rrr"}


def test_tokens_from_the_environment() -> None:
    environ = {"CUELIGHT_ACCESS_TOKEN": "aaa", "CUELIGHT_REFRESH_TOKEN": "rrr"}
    assert read_tokens(environ) == {"access_token": "aaa", "refresh_token": "rrr"}


@pytest.mark.parametrize("text", ["", "only-one", "{", "{}", '{"access_token": "a"}'])
def test_missing_tokens_are_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with pytest.raises(Rejected) as caught:
        read_tokens({})
    assert caught.value.code == "cli.tokens"


def test_tokens_are_no_option(run: Run) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["channels", "add", "ann", "--access-token", "aaa"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12H", 43_200), (" 7d ", 604_800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds
    assert duration_seconds(duration_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "0s", "-1d", "1.5h", "99999d", "١d", "7 days"])
def test_no_durations(text: str) -> None:
    with pytest.raises(Rejected):
        duration_seconds(text)
