"""`cuelight setup`: from a Twitch account to a Twitch application that Cuelight knows, in a newcomer's words.

It asks on a terminal and takes everything from options in scripts. Whatever it finds out it says on stderr; the result
goes to stdout. Doing it again changes nothing that is right already.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from daemon import setup_env
from daemon.cli_output import paint, print_record
from daemon.clock import SystemClock
from daemon.logs import configure_logs
from daemon.settings import Settings, load_settings, load_unfinished
from daemon.settings_words import SettingsInvalid
from daemon.setup_check import (
    CONSOLE,
    check_application,
    checked_credentials,
    checked_public_url,
    home_url,
    redirect_url,
)
from domain.errors import CuelightError, Rejected, Unavailable

MOST_SECRET_BYTES = 4096
STDIN = "-"
T = TypeVar("T")
ASKS = 3  # how often a wrong answer may be given again

WHAT = """Cuelight speaks to Twitch as an application of your own. It takes about five minutes, costs nothing, and you
can remove it at any time. You need a Twitch account with two-factor authentication switched on.

 1. Open  {console}
 2. Name: whatever you like; Twitch wants it to be unique.
 3. OAuth Redirect URLs: copy this line exactly, then press "Add":

      {redirect}

 4. Category: Chat Bot.  Client Type: Confidential.  Press "Create".
 5. Press "Manage" beside it. There is the Client ID; "New Secret" shows the Client Secret, once.
"""
PUBLIC = """How do you open Cuelight in the browser? If it runs on your own PC, just press Enter.
If it has an address of its own, write that, like https://vip.example.org"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be written, as far as it is known. Empty: to be asked for."""

    client_id: str
    client_secret: str
    public_url: str


def setup(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises `Rejected` for what Twitch refuses, `Unavailable` where it cannot be asked."""
    configure_logs(clock=SystemClock(), level="warning")
    if options.check:
        return _check(options)
    return _Setup(options, base_settings(options.env_file)).run()


def base_settings(env_file: str) -> Settings:
    """The other settings, whether or not an application is named."""
    return load_unfinished(env_file=Path(env_file))


def _check(options: argparse.Namespace) -> int:
    settings = load_settings(env_file=Path(options.env_file))
    asyncio.run(
        _ask_twitch(settings, settings.twitch_client_id, settings.twitch_client_secret.get_secret_value())
    )
    public = settings.public_url or home_url(settings.host, settings.port)
    told = {"ok": True, "client_id": settings.twitch_client_id, "redirect_url": redirect_url(public)}
    print_record(told, as_json=options.json)
    print("Twitch knows this application, and its secret is right.", file=sys.stderr)
    return 0


async def _ask_twitch(settings: Settings, client_id: str, client_secret: str) -> None:
    await check_application(client_id, client_secret, id_url=settings.twitch_id_url, clock=SystemClock())


class _Setup:
    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        self._options, self._settings = options, settings
        self._path = Path(options.env_file)
        self._before = setup_env.read(self._path)
        self._held = setup_env.values_of(self._before)
        self._asks = sys.stdin.isatty() and not options.json and options.client_secret_file != STDIN

    def run(self) -> int:
        public_url = self._public_url()
        redirect = redirect_url(public_url)
        if self._asks:
            _say(WHAT.format(console=CONSOLE, redirect=paint(redirect, "1", sys.stderr)))
        found = self._credentials(public_url)
        changes = {
            "TWITCH_CLIENT_ID": found.client_id,
            "TWITCH_CLIENT_SECRET": found.client_secret,
            "PUBLIC_URL": found.public_url,
        }
        wrote = self._write(changes)
        channel = self._log_in(found) if self._wants_login() else None
        told: dict[str, Any] = {
            "ok": True,
            "client_id": found.client_id,
            "public_url": found.public_url,
            "redirect_url": redirect,
            "env_file": str(self._path),
            "changed": wrote,
            **({} if channel is None else {"channel": channel}),
        }
        print_record(told, as_json=self._options.json)
        if channel is not None:
            _say(f"{channel['name']} is in.")
        if not self._runs():
            _say(f"Now start it:  cuelight run\nThen open:     {found.public_url}")
        elif wrote:
            _say("Cuelight runs with what it was told before: stop it and start it again.")
        return 0

    def _runs(self) -> bool:
        from daemon.admin_client import admin_call  # noqa: PLC0415 - not for `--check`

        try:
            admin_call(self._settings.data_dir, "status", timeout_seconds=5.0)
        except CuelightError:
            return False
        return True

    # What is known, and what is asked for

    def _public_url(self) -> str:
        if self._options.public_url is not None:
            return checked_public_url(self._options.public_url) if self._options.public_url else self._home()
        held = self._settings.public_url
        if not self._asks:
            return held or self._home()
        default = held or self._home()
        _say(PUBLIC)
        return self._until_right(lambda: checked_public_url(_asked(f"Address [{default}]: ") or default))

    def _home(self) -> str:
        return home_url(self._settings.host, self._settings.port)

    def _credentials(self, public_url: str) -> Found:
        """Checked by Twitch. On a terminal a wrong answer may be given again."""
        if not self._asks:
            return self._found(public_url)
        return self._until_right(lambda: self._found(public_url))

    def _found(self, public_url: str) -> Found:
        held_id = self._held.get("TWITCH_CLIENT_ID", "")
        given = self._options.client_id or ""
        if not given and self._asks:
            given = _asked(f"Client ID [{held_id}]: " if held_id else "Client ID: ")
        client_id = given or held_id
        if not client_id and not self._asks:
            raise Rejected(
                "The client ID is missing.",
                code="setup.missing",
                advice="Name it with --client-id ID, and a file with its secret with --client-secret-file FILE; or run"
                " this on a terminal, where it leads you through it.",
            )
        secret = self._secret(same=client_id == held_id)
        client_id, secret = checked_credentials(client_id, secret)
        asyncio.run(_ask_twitch(self._settings, client_id, secret))
        _say(paint("Twitch knows this application, and its secret is right.", "32", sys.stderr))
        return Found(client_id, secret, public_url)

    def _secret(self, *, same: bool) -> str:
        """`same`: for the application that is named already, so that its secret may stay."""
        held = self._held.get("TWITCH_CLIENT_SECRET", "") if same else ""
        if self._options.client_secret_file:
            return read_secret(self._options.client_secret_file)
        if self._asks:
            text = (
                "Client Secret (not shown; Enter keeps the one you have): "
                if held
                else "Client Secret (not shown): "
            )
            return getpass.getpass(text, stream=sys.stderr).strip() or held
        if not held:
            raise Rejected(
                "The client secret is missing.",
                code="setup.missing",
                advice="Name a file that holds it: --client-secret-file FILE, or - for stdin.",
            )
        return held

    def _until_right(self, ask: Callable[[], T]) -> T:
        for left in range(ASKS - 1, -1, -1):
            try:
                return ask()
            except Rejected as error:
                if not left:
                    raise
                _say(paint(f"{error.message} {error.advice}", "31", sys.stderr))
        raise AssertionError

    # What is done

    def _write(self, changes: dict[str, str]) -> bool:
        """Whether anything was to be written."""
        after = setup_env.changed(self._before, changes)
        if after == self._before:
            _say(f"{self._path} says so already.")
            return False
        others = [name for name, value in changes.items() if self._held.get(name, "") not in {"", value}]
        if others and not self._options.yes:
            names = ", ".join(others)
            if not self._asks:
                raise Rejected(
                    f"{self._path} has another value for {names}.",
                    code="setup.overwrite",
                    advice="Say --yes to replace it.",
                )
            if not _asked(f"Replace {names} in {self._path}? [y/N] ").lower().startswith("y"):
                raise Rejected(
                    "Nothing was changed.", code="setup.kept", advice="Run it again when you like."
                )
        setup_env.write(self._path, after)
        _say(f"Written to {self._path}. It holds a secret: nobody but you can read it.")
        return True

    def _wants_login(self) -> bool:
        if self._options.login or not self._asks:
            return bool(self._options.login)
        _say("You can log in now with a code, or later in the browser.")
        return _asked("Log in now with a code? [y/N] ").lower().startswith("y")

    def _log_in(self, found: Found) -> dict[str, Any]:
        from daemon.setup_device import log_in_by_code  # noqa: PLC0415 - half of Cuelight
        from gateways.twitch.oauth import DeviceCode  # noqa: PLC0415

        def show(device: DeviceCode) -> None:
            _say(
                f"\nOpen  {device.verification_uri}\nand type  {paint(device.user_code, '1', sys.stderr)}\n"
                "as the streamer. Waiting…"
            )

        try:
            settings = load_settings(env_file=self._path)
        except SettingsInvalid as error:
            raise Unavailable(error.message, code="setup.settings", advice=error.advice) from error
        if settings.twitch_client_id != found.client_id:
            raise Rejected(
                "The environment names another application than the one that was written.",
                code="setup.environment",
                advice="Remove TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET from the environment: it wins.",
            )
        return asyncio.run(log_in_by_code(settings, clock=SystemClock(), show=show))


def read_secret(name: str) -> str:
    """The secret in a file, or on stdin for `-`. Raises `Rejected`."""
    try:
        if name == STDIN:
            return sys.stdin.read(MOST_SECRET_BYTES).strip()
        with Path(name).open(encoding="utf-8") as file:
            return file.read(MOST_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Rejected(f"The secret in {name} cannot be read: {why}.", code="setup.secret_file") from None


def _asked(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise Rejected(
            "There was no answer.", code="setup.no_answer", advice="Run it on a terminal, or give options."
        )
    return line.strip()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
