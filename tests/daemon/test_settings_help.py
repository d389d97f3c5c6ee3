"""What people read about the settings is what the program reads."""

from __future__ import annotations

from pathlib import Path

from daemon.settings import Settings, load_settings
from daemon.settings_help import CHAPTERS, described, env_example

ROOT = Path(__file__).parents[2]


def test_every_variable_has_its_place() -> None:
    told = [name for names in CHAPTERS.values() for name in names]
    assert sorted(told) == sorted(name.upper() for name in Settings.model_fields)


def test_the_file_in_the_repository_is_this_one() -> None:
    written = (ROOT / ".env.example").read_text("utf-8")
    assert written == env_example(), "write it anew: cuelight settings example > .env.example"


def test_its_examples_are_valid(tmp_path: Path) -> None:
    """Each commented line, taken in, is accepted (but for what only other releases and Cloud Run take)."""
    lines = {}
    for line in env_example().splitlines():
        name, equals, value = line.removeprefix("#").partition("=")
        if (
            equals
            and name.isupper()
            and " " not in name
            and value
            and name not in CHAPTERS["Not for this file"]
        ):
            lines[name] = value
    lines |= {"TWITCH_CLIENT_ID": "abc", "TWITCH_CLIENT_SECRET": "def"}
    assert len(lines) > 20
    load_settings(lines)


def test_it_loads_once_the_two_needed_are_filled_in(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    text = env_example().replace("TWITCH_CLIENT_ID=\n", "TWITCH_CLIENT_ID=abc\n")
    file.write_text(text.replace("TWITCH_CLIENT_SECRET=\n", "TWITCH_CLIENT_SECRET=def\n"))
    assert load_settings(env_file=file).twitch_client_id == "abc"


def test_described_hides_secrets() -> None:
    settings = load_settings({"TWITCH_CLIENT_ID": "abc", "TWITCH_CLIENT_SECRET": "hush-hush-hush"})
    told = described(settings)
    assert told["TWITCH_CLIENT_ID"] == "abc"
    assert told["TWITCH_CLIENT_SECRET"] == "(set)"
    assert told["CRON_SECRET"] == "(not set)"
    assert told["CUELIGHT_DEMO"] == "no"
    assert "hush" not in str(told)
