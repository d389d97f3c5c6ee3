"""The command `cuelight`: `cuelight THING VERB`. Results go to stdout, everything that is told to stderr.

Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 69 nothing there to answer (no daemon, or it could not
start) · 70 a core task of the daemon died · 75 stopped, but something hung · 78 the settings cannot be used ·
130 interrupted.

This module imports almost nothing, so that `cuelight --help` is quick; each command imports what it needs.
"""

# ruff: noqa: PLC0415 - imports stand where they are used
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from domain.errors import CuelightError, Unavailable

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_SETTINGS = 78
EXIT_INTERRUPTED = 130

ABOUT = """Channel points become timed VIPs, and nothing is lost.

  cuelight demo     see it at work, with a simulated Twitch (nothing to set up)
  cuelight setup    tell Cuelight your Twitch application, step by step
  cuelight run      the real thing, with the settings of .env
  cuelight check    are the settings right?
  cuelight doctor   is all well, and what to do if not"""

CODES = """exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 no daemon answers or it could not start,
70 a core task died, 75 stopped but something hung, 78 the settings cannot be used, 130 interrupted"""

SIMULATORS = ("twitch", "network")
Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["simulate"] and words[1:2] and words[1] in SIMULATORS:
        return _simulate(words[1], words[2:])
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    elif words == ["--version"]:
        words = ["version"]
    parser = build_parser()
    if not words:
        parser.print_help()
        return 0
    options = parser.parse_args(words)
    try:
        return _run(options)
    except BrokenPipeError:
        # Who read our output has seen enough (`| head`): no story about it, not even from the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    handler: Handler = options.handler
    try:
        return handler(options)
    except CuelightError as error:
        from daemon.cli_output import tell_error

        tell_error(error, as_json=options.json)
        if error.code == "settings.invalid":
            return EXIT_SETTINGS
        return EXIT_UNAVAILABLE if isinstance(error, Unavailable) else EXIT_FAILED


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="cuelight", description=ABOUT, epilog=CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    things = parser.add_subparsers(title="commands", metavar="THING", dest="thing", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as JSON")

    plain = argparse.ArgumentParser(add_help=False)  # what runs until it is stopped has no result to print
    plain.set_defaults(json=False)

    run = _add(
        things, plain, "run", "run the daemon until it is told to stop (Ctrl-C or SIGTERM)", _run_daemon
    )
    run.add_argument(
        "--roles",
        metavar="ROLE,…",
        help="parts that this process runs: web, eventsub, worker (default: ROLES, or all)",
    )
    demo = _add(things, common, "demo", "show everything with a simulated Twitch", _demo)
    demo.add_argument(
        "--seconds", type=_positive, help="end after so many seconds (default: run until Ctrl-C)"
    )
    demo.add_argument("--headless", action="store_true", help="print no address and wait for no browser")
    demo.add_argument(
        "--port", type=_port, default=8080, help="port of the page (default 8080; 0 takes a free one)"
    )
    simulate = _add(
        things, plain, "simulate", "run a simulator alone: `cuelight simulate twitch --help`",
        lambda options: _simulate(options.what, []),
    )  # fmt: skip
    simulate.add_argument("what", choices=SIMULATORS)
    _add_setup(things, common)
    _add(things, common, "check", "say whether the settings can be used", _check)
    settings = _group(things, "settings", "what can be set")
    _add(settings, common, "example", "print a commented .env with every variable", _example)
    _add(things, common, "version", "print the version", _version)
    _add_admin(things, common)
    _add_data(things, common)
    _add_privacy(things, common)
    return parser


def _add_setup(
    things: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    setup = _add(things, common, "setup", "tell Cuelight your Twitch application, step by step", _setup)
    setup.add_argument("--client-id", metavar="ID", help="of your application; else it is asked for")
    setup.add_argument(
        "--client-secret-file",
        metavar="FILE",
        help="a file with its secret, - for stdin; else it is asked for",
    )
    setup.add_argument(
        "--public-url",
        metavar="URL",
        help="how browsers come, like https://vip.example.org; none: this machine only",
    )
    setup.add_argument("--env-file", metavar="FILE", default=".env", help="what is written (default .env)")
    setup.add_argument("--yes", action="store_true", help="replace what the file says now, without asking")
    setup.add_argument("--check", action="store_true", help="only check what is set; change nothing")
    setup.add_argument("--login", action="store_true", help="also log a streamer in by code")


def _add_admin(
    things: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    admin = argparse.ArgumentParser(add_help=False, parents=[common])
    admin.add_argument(
        "--data-dir", metavar="DIR", help="data directory of the daemon (default: DATA_DIR or ./data)"
    )

    _add(things, admin, "status", "how the running daemon is", _admin("status"))
    keys = _group(things, "keys", "keys of the encryption at rest")
    _add(keys, admin, "rotate", "make a new key and encrypt every token with it", _admin("keys_rotate"))

    inbox = _group(things, "inbox", "everything that arrived and has to be handled once")
    rows = _add(inbox, admin, "list", "list rows, the newest first", _admin("inbox_list"))
    rows.add_argument("--state", choices=["open", "done", "dead", "parked"], help="only rows in this state")
    rows.add_argument("--lane", help="only rows of this lane, for example vip:CHANNEL:VIEWER")
    rows.add_argument("--source", help="only rows of this source, for example twitch")
    rows.add_argument("--limit", type=_positive, default=50, help="at most so many (default 50)")
    show = _add(inbox, admin, "show", "show one row with its steps and its body", _admin("inbox_show"))
    show.add_argument("id")
    redrive = _add(
        inbox, admin, "redrive", "handle rows that were given up once more", _admin("inbox_redrive")
    )
    which = redrive.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="one row")
    which.add_argument("--all-dead", action="store_true", help="all rows that were given up")
    redrive.add_argument("--dry-run", action="store_true", help="only say what would be done")
    purge = _add(inbox, admin, "purge", "forget rows that are finished", _admin("inbox_purge"))
    purge.add_argument("--older-than-days", type=_positive, default=30, metavar="DAYS", help="(default 30)")
    purge.add_argument("--dry-run", action="store_true", help="only say what would be done")

    channels = _group(things, "channels", "the channels that are watched")
    _add(channels, admin, "list", "list the channels: state, VIPs, logins", _admin("channels_list"))
    for verb, what in (
        ("pause", "grant nothing for a while: points go back, VIPs still end"),
        ("resume", "grant again"),
        ("reconcile", "compare everything with Twitch now, and make up for what was missed"),
    ):
        each = _add(channels, admin, verb, what, _admin(f"channels_{verb}"))
        which = each.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", nargs="*", default=[], metavar="CHANNEL", help="id or login name")
        which.add_argument("--all", action="store_true", help="all channels")
    add = _add(channels, admin, "add", "watch a channel; its tokens are read from stdin or the environment",
               _admin("channels_add"))  # fmt: skip
    add.add_argument("login", help="the login name of the broadcaster")
    add.add_argument("--reward-title", default="VIP", help='title of the reward that is made (default "VIP")')
    add.add_argument("--reward-cost", type=_positive, default=1000, help="its cost in points (default 1000)")
    add.add_argument(
        "--vip", default="7d", metavar="DURATION", help="how long a VIP lasts, like 90s or 12h (default 7d)"
    )
    for verb, what in (
        ("remove", "watch a channel no more"),
        ("restart", "begin a channel's connection anew"),
    ):
        _add(channels, admin, verb, what, _admin(f"channels_{verb}")).add_argument(
            "id", metavar="CHANNEL", help="id or login name"
        )


def _add_data(
    things: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    data = argparse.ArgumentParser(add_help=False, parents=[common])
    data.add_argument("--data-dir", metavar="DIR", help="data directory (default: DATA_DIR or ./data)")
    backup = _add(
        things, data, "backup", "write all data into one file, also while the daemon runs", _data("backup")
    )
    backup.add_argument("file", metavar="FILE", help="the file to write; - for stdout")
    backup.add_argument("--force", action="store_true", help="replace FILE if it is there")
    restore = _add(things, data, "restore", "read a backup into an empty store", _data("restore"))
    restore.add_argument("file", metavar="FILE", help="what `cuelight backup` wrote")
    migrate = _add(
        things,
        data,
        "migrate",
        "bring indexes and documents of earlier releases up to date",
        _data("migrate"),
    )
    migrate.add_argument("--dry-run", action="store_true", help="only say what would be done")
    _add(things, data, "doctor", "look at everything that a daemon needs, and say what to do", _doctor)


def _add_privacy(
    things: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    data = argparse.ArgumentParser(add_help=False, parents=[common])
    data.add_argument("--data-dir", metavar="DIR", help="data directory (default: DATA_DIR or ./data)")
    audit = _group(things, "audit", "the audit trail as a chain")
    verify = _add(
        audit, data, "verify", "say whether somebody has altered the trail", _privacy("audit_verify")
    )
    verify.add_argument("--channel", metavar="ID", help="only the chain of this channel")
    _add(
        audit,
        data,
        "head",
        "print the newest hash of each chain, to note it elsewhere",
        _privacy("audit_head"),
    )
    export = _add(
        things, data, "export", "write all that is held of a viewer or a channel", _privacy("export")
    )
    erase = _add(things, data, "erase", "erase a viewer or a channel for good", _privacy("erase"))
    for command in (export, erase):
        command.add_argument(
            "--viewer", metavar="ID", help="a viewer, in all channels if --channel is not given"
        )
        command.add_argument("--channel", metavar="ID", help="a channel, or that of the viewer")
    export.add_argument("--out", metavar="FILE", required=True, help="the file to write")
    export.add_argument("--force", action="store_true", help="replace FILE if it is there")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.add_argument("--dry-run", action="store_true", help="only say what would go")


def _add(
    group: argparse._SubParsersAction[argparse.ArgumentParser],
    parent: argparse.ArgumentParser,
    name: str,
    about: str,
    handler: Handler,
) -> argparse.ArgumentParser:
    command = group.add_parser(
        name, parents=[parent], help=about, description=f"{about[:1].upper()}{about[1:]}."
    )
    command.set_defaults(handler=handler)
    return command


def _group(
    things: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    thing = things.add_parser(name, help=about, description=f"{about[:1].upper()}{about[1:]}.")
    thing.set_defaults(handler=lambda _: _without_verb(thing))
    return thing.add_subparsers(title="verbs", metavar="VERB", dest="verb")


def _without_verb(thing: argparse.ArgumentParser) -> int:
    thing.print_help(sys.stderr)
    return EXIT_USAGE


def _positive(text: str) -> int:
    return _whole(text, 1)


def _port(text: str) -> int:
    return _whole(text, 0, 65_535)


def _whole(text: str, least: int, most: int = 1 << 53) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        bound = f"from {least} to {most}" if most < 1 << 53 else f"of {least} or more"
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number {bound}")
    return int(text)


def _admin(name: str) -> Handler:
    def handle(options: argparse.Namespace) -> int:
        from daemon import cli_admin

        return cli_admin.COMMANDS[name](options)

    return handle


def _data(name: str) -> Handler:
    def handle(options: argparse.Namespace) -> int:
        from daemon import cli_data

        return cli_data.COMMANDS[name](options)

    return handle


def _privacy(name: str) -> Handler:
    def handle(options: argparse.Namespace) -> int:
        from daemon import cli_privacy

        return cli_privacy.COMMANDS[name](options)

    return handle


def _doctor(options: argparse.Namespace) -> int:
    from daemon import cli_doctor

    return cli_doctor.doctor(options)


def _run_daemon(options: argparse.Namespace) -> int:
    from daemon.settings import load_settings
    from daemon.setup_first_run import first_run

    if options.roles is not None:
        os.environ["ROLES"] = options.roles or ","  # an empty one is refused, not overlooked
    code = first_run()
    if code is not None:
        return code
    settings = load_settings()
    from daemon import wiring

    return int(wiring.main(settings))


def _setup(options: argparse.Namespace) -> int:
    from daemon import cli_setup

    return cli_setup.setup(options)


def _demo(options: argparse.Namespace) -> int:
    from daemon import demo

    return int(demo.main(options))


def _simulate(name: str, words: list[str]) -> int:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"simulators.{name}", *words])  # noqa: S606 - our own module


def _check(options: argparse.Namespace) -> int:
    from daemon.cli_output import print_record
    from daemon.settings import load_settings
    from daemon.settings_help import described

    settings = load_settings()
    print_record(described(settings), as_json=options.json)
    print("The settings can be used.", file=sys.stderr)
    return 0


def _example(options: argparse.Namespace) -> int:
    from daemon.cli_output import print_record
    from daemon.settings_help import env_example

    if options.json:
        print_record({"example": env_example()}, as_json=True)
    else:
        print(env_example(), end="")
    return 0


def _version(options: argparse.Namespace) -> int:
    from importlib.metadata import version

    from daemon.cli_output import print_record

    if options.json:
        print_record({"version": version("cuelight")}, as_json=True)
    else:
        print(f"cuelight {version('cuelight')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
