"""The stored application: sealed, private, second to the environment, and sealed again when the keys change."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from daemon.keys import add_encryption_key, keep_encryption_keys, load_keys
from daemon.settings import Settings, load_settings, load_unfinished
from daemon.settings_words import SettingsInvalid
from daemon.setup_application import (
    FILE,
    Application,
    read_application,
    save_application,
    seal_again,
    with_application,
)
from domain.errors import Broken, Unavailable
from storage.sealing import Sealer

GIVEN = Application("the-id", "the-secret-of-it", "https://vip.example.org")


def stored(tmp_path: Path) -> Path:
    keys = load_keys(load_unfinished({"DATA_DIR": str(tmp_path)}))
    return save_application(tmp_path, GIVEN, keys.encryption)


def test_it_is_private_and_the_secret_is_sealed(tmp_path: Path) -> None:
    path = stored(tmp_path)
    assert path == tmp_path / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert GIVEN.client_secret not in path.read_text()
    assert read_application(tmp_path) == GIVEN
    assert "the-secret" not in repr(GIVEN)


def test_nothing_stored_is_nothing(tmp_path: Path) -> None:
    assert read_application(tmp_path) is None
    assert with_application({"data_dir": str(tmp_path)}) == {"data_dir": str(tmp_path)}


def test_settings_take_it_where_they_say_nothing(tmp_path: Path) -> None:
    stored(tmp_path)
    settings = load_settings({"DATA_DIR": str(tmp_path)})
    assert settings.twitch_client_id == "the-id"
    assert settings.twitch_client_secret.get_secret_value() == "the-secret-of-it"
    assert settings.base_url == "https://vip.example.org"
    assert "the-secret" not in repr(settings)


def test_the_environment_wins(tmp_path: Path) -> None:
    stored(tmp_path)
    both = {"TWITCH_CLIENT_ID": "other", "TWITCH_CLIENT_SECRET": "another"}
    settings = load_settings({"DATA_DIR": str(tmp_path), **both})
    assert (settings.twitch_client_id, settings.public_url) == ("other", None)
    mine = load_settings({"DATA_DIR": str(tmp_path), "PUBLIC_URL": "https://mine.example.org"})
    assert (mine.twitch_client_id, mine.public_url) == ("the-id", "https://mine.example.org")
    with pytest.raises(SettingsInvalid, match="TWITCH_CLIENT_SECRET is missing"):
        load_settings({"DATA_DIR": str(tmp_path), "TWITCH_CLIENT_ID": "half"})


@pytest.mark.parametrize("fleet", [{"mongo_url": "mongodb://x/y"}, {"k_service": "cuelight"}])
def test_a_fleet_and_cloud_run_are_given_theirs(tmp_path: Path, fleet: dict[str, str]) -> None:
    stored(tmp_path)
    given: dict[str, Any] = {"data_dir": str(tmp_path), **fleet}
    assert with_application(given) == given


def test_given_keys_open_it(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    save_application(tmp_path, GIVEN, (key,))
    assert read_application(tmp_path, (key,)) == GIVEN
    settings = load_settings({"DATA_DIR": str(tmp_path), "ENCRYPTION_KEYS": key})
    assert settings.twitch_client_id == "the-id"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 2}', '{"v": 1, "client_id": 5}', "\x00\xff"])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    stored(tmp_path).write_text(text)
    with pytest.raises(Broken, match="cannot be used") as told:
        read_application(tmp_path)
    assert told.value.code == "setup.application"
    assert "Remove it" in told.value.advice
    with pytest.raises(SettingsInvalid, match="TWITCH_CLIENT_ID is not set, and"):
        load_settings({"DATA_DIR": str(tmp_path)})


def test_a_lost_key_and_a_foreign_place_are_told(tmp_path: Path) -> None:
    path = stored(tmp_path)
    (tmp_path / "encryption-keys").write_text(Fernet.generate_key().decode())
    with pytest.raises(Broken, match="cannot be used"):
        read_application(tmp_path)
    (tmp_path / "encryption-keys").unlink()
    with pytest.raises(Broken, match="its key is gone"):
        read_application(tmp_path)
    assert path.exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        save_application(tmp_path / "file", GIVEN, (Fernet.generate_key().decode(),))


def rotated_settings(tmp_path: Path) -> Settings:
    return load_settings({"DATA_DIR": str(tmp_path)})


async def test_rotation_seals_it_again_so_that_the_old_key_may_go(tmp_path: Path) -> None:
    path = stored(tmp_path)
    settings = rotated_settings(tmp_path)
    again = seal_again(tmp_path)
    sealer = Sealer(add_encryption_key(settings))
    first = await again(sealer)
    assert (first.documents, first.changed, first.unreadable) == (1, 1, ())
    assert (await again(sealer)).changed == 0
    keep_encryption_keys(settings, 1)
    assert read_application(tmp_path) == GIVEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_rotation_names_what_it_cannot_open(tmp_path: Path) -> None:
    path = stored(tmp_path)
    stranger = Sealer((Fernet.generate_key().decode(),))
    assert (await seal_again(tmp_path)(stranger)).unreadable == (FILE,)
    held = json.loads(path.read_text())
    assert held["client_id"] == "the-id"
    assert (await seal_again(tmp_path / "none")(stranger)).documents == 0
