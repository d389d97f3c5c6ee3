"""Keys are made once, readable by nobody else, never half written, never silently replaced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from daemon.keys import ENCRYPTION_FILE, SESSION_FILE, add_encryption_key, keep_encryption_keys, load_keys
from daemon.settings import Settings, load_settings
from domain.errors import Broken, Rejected, Unavailable


def settings(data_dir: Path, **more: str) -> Settings:
    given = {"TWITCH_CLIENT_ID": "a", "TWITCH_CLIENT_SECRET": "b", "DATA_DIR": str(data_dir), **more}
    return load_settings(given)


def test_first_run_makes_them_and_says_so(tmp_path: Path) -> None:
    keys = load_keys(settings(tmp_path / "new" / "data"))
    assert {path.name for path in keys.made} == {ENCRYPTION_FILE, SESSION_FILE}
    for path in keys.made:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700
    Fernet(keys.encryption[0])
    assert len(keys.session) >= 32


def test_second_run_reads_them(tmp_path: Path) -> None:
    first = load_keys(settings(tmp_path))
    second = load_keys(settings(tmp_path))
    assert second.made == ()
    assert (second.encryption, second.session) == (first.encryption, first.session)


def test_given_keys_make_no_files(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    keys = load_keys(settings(tmp_path / "none", ENCRYPTION_KEYS=key, SESSION_SECRET="s" * 32))
    assert (keys.encryption, keys.session, keys.made) == ((key,), "s" * 32, ())
    assert not (tmp_path / "none").exists()


def test_keys_are_not_in_the_representation(tmp_path: Path) -> None:
    keys = load_keys(settings(tmp_path))
    assert keys.encryption[0] not in repr(keys)
    assert keys.session not in repr(keys)


def test_rotation_puts_a_new_key_in_front_and_forgets_old_ones_only_when_told(tmp_path: Path) -> None:
    (old,) = load_keys(settings(tmp_path)).encryption
    new, kept = add_encryption_key(settings(tmp_path))
    assert kept == old
    assert load_keys(settings(tmp_path)).encryption == (new, old)
    assert keep_encryption_keys(settings(tmp_path), 1) == (new,)
    assert load_keys(settings(tmp_path)).encryption == (new,)
    assert stat.S_IMODE((tmp_path / ENCRYPTION_FILE).stat().st_mode) == 0o600


def test_a_crash_while_writing_leaves_the_old_keys(tmp_path: Path) -> None:
    before = load_keys(settings(tmp_path)).encryption
    (tmp_path / f"{ENCRYPTION_FILE}.new").write_text("half")
    assert load_keys(settings(tmp_path)).encryption == before
    assert len(add_encryption_key(settings(tmp_path))) == 2


def test_given_keys_cannot_be_rotated_here(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        add_encryption_key(settings(tmp_path, ENCRYPTION_KEYS=Fernet.generate_key().decode()))
    assert caught.value.code == "keys.given"


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe", b"\n\n"])
@pytest.mark.parametrize("name", [ENCRYPTION_FILE, SESSION_FILE])
def test_a_damaged_file_is_not_replaced(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Broken) as caught:
        load_keys(settings(tmp_path))
    assert caught.value.code == "keys.damaged"
    assert (tmp_path / name).read_bytes() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unavailable) as caught:
        load_keys(settings(tmp_path / "file" / "data"))
    assert "DATA_DIR" in caught.value.advice
