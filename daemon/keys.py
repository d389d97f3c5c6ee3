"""The keys that a daemon cannot do without: given by the operator, or made once in the data directory."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.settings import Settings
from daemon.settings_checks import is_fernet_key
from domain.errors import Broken, Rejected, Unavailable

ENCRYPTION_FILE = "encryption-keys"
SESSION_FILE = "session-secret"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """`encryption` is newest first: the first one encrypts, all of them decrypt. `made` lists new files."""

    encryption: tuple[str, ...]
    session: str
    made: tuple[Path, ...] = ()


def load_keys(settings: Settings) -> Keys:
    """The keys of the settings, else those of the data directory, made with mode 0600 where they are missing.

    The caller tells the operator about `made`. Blocks for a few fsyncs; meant for the start. Raises
    `Unavailable` if the directory cannot be written and `Broken` if a key file is damaged.
    """
    made: list[Path] = []
    encryption = tuple(key.get_secret_value() for key in settings.encryption_keys)
    if not encryption:
        text = _read_or_make(settings.data_dir / ENCRYPTION_FILE, _new_fernet_key, made)
        encryption = _parse(text, settings.data_dir / ENCRYPTION_FILE)
    if settings.session_secret is not None:
        session = settings.session_secret.get_secret_value()
    else:
        session = _read_or_make(settings.data_dir / SESSION_FILE, lambda: secrets.token_urlsafe(48), made)
        if len(session) < 32:
            raise _damaged(settings.data_dir / SESSION_FILE)
    return Keys(encryption, session, tuple(made))


def add_encryption_key(settings: Settings) -> tuple[str, ...]:
    """Put a new key in front of those in the data directory and return all of them, newest first.

    What was encrypted before stays readable, and stays encrypted with an older key until it is written again.
    Raises `Rejected` where the operator gives the keys, because then only the operator can add one.
    """
    if settings.encryption_keys:
        raise Rejected(
            "The keys come from ENCRYPTION_KEYS, so only you can add one.",
            code="keys.given",
            advice="Put a new key in front of the others in ENCRYPTION_KEYS and restart; old tokens are"
            " re-encrypted by the next `cuelight keys rotate`.",
        )
    path = settings.data_dir / ENCRYPTION_FILE
    present = _parse(_read_or_make(path, _new_fernet_key, []), path)
    keys = (_new_fernet_key(), *present)
    _write(path, "\n".join(keys) + "\n")
    return keys


def keep_encryption_keys(settings: Settings, count: int) -> tuple[str, ...]:
    """Forget all but the `count` newest keys, once everything is encrypted with those."""
    path = settings.data_dir / ENCRYPTION_FILE
    keys = _parse(_read_or_make(path, _new_fernet_key, []), path)[: max(1, count)]
    _write(path, "\n".join(keys) + "\n")
    return keys


def _new_fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _parse(text: str, path: Path) -> tuple[str, ...]:
    keys = tuple(text.split())
    if not keys or not all(is_fernet_key(key) for key in keys):
        raise _damaged(path)
    return keys


def _damaged(path: Path) -> Broken:
    return Broken(
        f"{path} does not hold a usable key.",
        code="keys.damaged",
        advice="Restore it from a backup. Without it the stored tokens cannot be read: if there is no backup,"
        " remove the file and let every channel log in again.",
    )


def _read_or_make(path: Path, make: Callable[[], str], made: list[Path]) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            text = path.read_text("ascii").strip()
        except FileNotFoundError:
            text = make()
            _write(path, text + "\n")
            made.append(path)
        return text
    except UnicodeDecodeError:
        raise _damaged(path) from None
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be read or made: {error.strerror}.",
            code="keys.unavailable",
            advice="Let DATA_DIR name a directory that this user may write.",
        ) from error


def _write(path: Path, text: str) -> None:
    """Replace the file at once: a crash leaves the old keys or the new ones, never half of them."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
