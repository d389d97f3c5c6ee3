"""A `.env` is changed in its variables and in nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from daemon.settings_help import env_example
from daemon.setup_env import MOST_BYTES, changed, read, values_of, write
from domain.errors import Rejected, Unavailable

BEFORE = """\
# mine
PORT=9090   # the other one is taken
export TWITCH_CLIENT_ID="old"
#PUBLIC_URL=https://vip.example.org
ODD line that nobody knows
TWITCH_CLIENT_ID=newer
"""
NAMES = ("TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET", "PUBLIC_URL")
VALUES = st.text(
    st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"], exclude_characters="'\\"), max_size=30
)


def test_what_is_there_is_read() -> None:
    assert values_of(BEFORE) == {"PORT": "9090", "TWITCH_CLIENT_ID": "newer"}


def test_everything_else_stays() -> None:
    after = changed(BEFORE, {"TWITCH_CLIENT_ID": "abc", "PUBLIC_URL": "http://localhost:8080"})
    assert after.splitlines() == [
        "# mine",
        "PORT=9090   # the other one is taken",
        "#PUBLIC_URL=https://vip.example.org",
        "PUBLIC_URL=http://localhost:8080",
        "ODD line that nobody knows",
        "TWITCH_CLIENT_ID=abc",
    ]
    assert changed(after, {"TWITCH_CLIENT_ID": "abc"}) == after


def test_an_empty_file_and_the_example() -> None:
    assert changed("", {"PORT": "1"}) == "PORT=1\n"
    after = changed(env_example(), {"TWITCH_CLIENT_ID": "abc", "PUBLIC_URL": "https://a.example"})
    assert values_of(after)["TWITCH_CLIENT_ID"] == "abc"
    assert after.count("\nPUBLIC_URL=") == 1
    assert len(after.splitlines()) == len(env_example().splitlines()) + 1


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1), st.text(max_size=100))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str], text: str
) -> None:
    text = (
        "".join(letter for letter in text if letter.isprintable() or letter == "\n")
        .replace("'", "")
        .replace('"', "")
    )
    after = changed(text, values)
    assert {name: value for name, value in values_of(after).items() if name in values} == values
    path = tmp_path_factory.mktemp("env") / ".env"
    write(path, changed("", values))
    assert {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()} == values


@pytest.mark.parametrize("value", ["a\nb", "it's", "a\\b", "\x1b[31m"])
def test_what_no_line_holds_is_refused(value: str) -> None:
    with pytest.raises(Rejected):
        changed("", {"PORT": value})


def test_the_file_is_private_and_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=1\n")
    path.chmod(0o644)
    write(path, "PORT=2\n")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("PORT=2\n", 0o600)
    link = tmp_path / "link"
    link.symlink_to(path)
    write(link, "PORT=3\n")
    assert link.is_symlink()
    assert read(link) == "PORT=3\n"
    assert read(tmp_path / "none") == ""


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Rejected, match="UTF-8"):
        read(path)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(Rejected, match="too large"):
        read(path)
    with pytest.raises(Unavailable, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(Unavailable, match="cannot be written"):
        write(tmp_path / "none" / ".env", "")
