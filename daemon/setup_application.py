"""The Twitch application that was named in the set-up page: kept in the data directory, its secret sealed.

The environment and `.env` win: this file is read only where both say nothing. It belongs to one daemon alone; a fleet
and Cloud Run are given theirs.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from daemon.settings_words import listed
from domain.errors import Broken, CuelightError, Unavailable

if TYPE_CHECKING:
    from storage.sealing import Rotated, Sealer

FILE = "twitch_application.json"
PLACE = "twitch_application:client_secret"
MOST_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Application:
    """`public_url`: how browsers come, "" where HOST and PORT say it."""

    client_id: str
    client_secret: str = field(repr=False)
    public_url: str = ""


def save_application(data_dir: Path, application: Application, keys: tuple[str, ...]) -> Path:
    """Write the file (mode 0600) in one go; `keys` seal the secret. Blocks for an fsync. Raises `Unavailable`."""
    from storage.sealing import Sealer  # noqa: PLC0415 - settings are read by commands that need no cipher

    sealed = Sealer(keys).seal(application.client_secret, bound_to=PLACE)
    body = {
        "v": 1,
        "client_id": application.client_id,
        "client_secret": sealed,
        "public_url": application.public_url,
    }
    path = data_dir / FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(body, indent=2) + "\n")
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.",
            code="setup.unwritable",
            advice="Let DATA_DIR name a directory that this user may write.",
        ) from error
    return path


def read_application(data_dir: Path, keys: tuple[str, ...] = ()) -> Application | None:
    """What was saved, `None` where nothing was. `keys`: of ENCRYPTION_KEYS; else those of the data directory.

    Raises `Broken` for a file that cannot be read or opened.
    """
    path = data_dir / FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from None
    from storage.sealing import Sealer  # noqa: PLC0415 - only where there is something to open

    try:
        held = _checked(json.loads(raw))
        sealer = Sealer(keys or tuple((data_dir / "encryption-keys").read_text("ascii").split()))
        return Application(
            held["client_id"], sealer.open(held["client_secret"], bound_to=PLACE), held["public_url"]
        )
    except CuelightError as error:
        raise _unusable(path, error.message) from None
    except (ValueError, OSError, RecursionError):
        raise _unusable(path, "it is damaged, or its key is gone") from None


def with_application(given: dict[str, Any]) -> dict[str, Any]:
    """Raw settings with the application that was saved, where neither its id nor its secret is given. A fleet is given
    both: each of its daemons would have a file of its own. Raises `Broken`."""
    if given.get("twitch_client_id") or given.get("twitch_client_secret"):
        return given
    if given.get("k_service") or given.get("mongo_url"):
        return given
    keys = listed(given.get("encryption_keys", ()))
    data_dir = Path(str(given.get("data_dir", "data")))
    held = read_application(data_dir, keys if isinstance(keys, tuple) else ())
    if held is None:
        return given
    named = {"twitch_client_id": held.client_id, "twitch_client_secret": SecretStr(held.client_secret)}
    return {**({"public_url": held.public_url} if held.public_url else {}), **given, **named}


def seal_again(data_dir: Path) -> Callable[[Sealer], Awaitable[Rotated]]:
    """For `cuelight keys rotate`: seals the secret with the newest key, so that the older ones may go."""

    async def again(sealer: Sealer) -> Rotated:
        return await asyncio.to_thread(_seal_again, data_dir, sealer)

    return again


def _seal_again(data_dir: Path, sealer: Sealer) -> Rotated:
    from storage.sealing import Rotated  # noqa: PLC0415 - as above

    path = data_dir / FILE
    if not path.exists():
        return Rotated(0, 0, ())
    try:
        held = _checked(json.loads(path.read_bytes()[:MOST_BYTES]))
        fresh = sealer.rotate(held["client_secret"], bound_to=PLACE)
    except (CuelightError, ValueError, OSError):
        return Rotated(1, 0, (FILE,))
    if fresh == held["client_secret"]:
        return Rotated(1, 0, ())
    write_private(path, json.dumps({**held, "client_secret": fresh}, indent=2) + "\n")
    return Rotated(1, 1, ())


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone. Raises `OSError`."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _checked(held: Any) -> Mapping[str, str]:
    if not isinstance(held, dict) or held.get("v") != 1:
        raise ValueError("shape")
    names = ("client_id", "client_secret", "public_url")
    if not all(isinstance(held.get(name), str) for name in names):
        raise ValueError("fields")
    return held


def _unusable(path: Path, why: str) -> Broken:
    return Broken(
        f"{path} cannot be used: {why}",
        code="setup.application",
        advice="Remove it and start again: the set-up page then asks for the application once more.",
    )
