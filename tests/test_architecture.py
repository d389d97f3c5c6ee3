"""The house rules that a reader relies on, read from the source itself. All violations come in one list.

Layers: daemon → web → handlers → rooms → gateways | storage → domain. A layer may be skipped, never turned back.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {"domain": 0, "storage": 1, "gateways": 1, "rooms": 2, "handlers": 3, "web": 4, "daemon": 5}
ROOMS = ("fleet", "delivery", "talk")
# Programs of their own: nobody imports them, they are layers of nothing.
BESIDE = ("simulators", "bench")
PURE = frozenset(
    {
        "__future__", "base64", "binascii", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal",
        "domain", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "ipaddress", "itertools", "json",
        "math", "operator", "random", "re", "string", "struct", "types", "typing", "unicodedata", "urllib.parse",
        "zoneinfo",
    }
)  # fmt: skip
CLOCK_CALLS = {"now", "utcnow", "today", "fromtimestamp"}
MOST_LINES = 400
# Modules whose tests stand elsewhere: module or folder → why that is enough.
COVERED_ELSEWHERE = {
    "storage/contracts.py": "tests/storage/test_collection_contract.py",
    "gateways/topics/contracts.py": "tests/gateways/topics/test_topics_contract.py",
    "gateways/twitch/contracts.py": "tests/gateways/twitch",
    "simulators/twitch": "tests/simulators/twitch",
    "storage/sqlite": "tests/storage",
    "storage/mongo": "tests/storage",
    "bench": "tests/bench",
    "web/keys.py": "tests/web/test_app.py",
    "gateways/twitch/session_words.py": "tests/gateways/twitch/test_session.py",
    "daemon/wiring_handlers.py": "tests/daemon/test_wiring.py",
    "daemon/wiring_outside.py": "tests/daemon/test_wiring.py",
    "daemon/wiring_eventsub.py": "tests/handlers/conduit",
    "daemon/wiring_slots.py": "tests/daemon/test_wiring.py",
    "daemon/wiring_web.py": "tests/daemon/test_wiring.py",
    "daemon/wiring_privacy.py": "tests/daemon/test_cli_privacy.py",
    "daemon/wiring_admin.py": "tests/daemon/test_commands.py",
    "daemon/wiring_api.py": "tests/web/test_api_contract.py",
    "handlers/vip/live_bodies.py": "tests/handlers/vip/test_live.py",
    "daemon/wiring_choices.py": "tests/daemon/test_wiring_choices.py",
    "daemon/wiring_repositories.py": "tests/daemon/test_wiring.py",
    "daemon/wiring_shared.py": "tests/daemon/test_wiring_fleet.py",
    "daemon/wiring_store.py": "tests/daemon/test_wiring_fleet.py",
    "daemon/report.py": "tests/daemon/test_wiring_fleet.py",
    "simulators/network/errors.py": "tests/simulators/network",
    "daemon/programs.py": "tests/journeys",
    "daemon/demo.py": "tests/journeys/test_demo.py",
    "storage/tokens.py": "tests/handlers/vip/test_grants.py",
    "rooms/talk/conversation.py": "tests/rooms/talk/test_connection.py",
    "rooms/talk/greeting.py": "tests/rooms/talk/test_connection_resume.py",
    "rooms/talk/requests.py": "tests/rooms/talk/test_connection.py",
    "web/party_lines.py": "tests/web/test_party_socket.py",
}


@functools.cache  # each rule reads the same trees, and changes none
def _parsed(text: str, path: str) -> ast.Module:
    return ast.parse(text, path)


@dataclass(frozen=True)
class Source:
    """One file of the program: its path below the root and its syntax tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text, self.path)

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything that is imported, wherever it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, f"{'.' * node.level}{node.module or ''}"

    def calls(self) -> Iterator[tuple[int, str]]:
        """Line and text of everything that is called."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)


Rule = Callable[[Source], Iterator[str]]


def layers(source: Source) -> Iterator[str]:
    """Arrows go down; gateways and storage do not know each other; imports are absolute."""
    for line, name in source.imports():
        top = name.partition(".")[0]
        if name.startswith("."):
            yield f"{source.path}:{line} imports {name} relatively"
        elif source.package in LAYERS and top in (*BESIDE, "tests"):
            yield f"{source.path}:{line} imports {name}, a program of its own"
        elif source.package == "simulators" and top in LAYERS and top != "domain":
            yield f"{source.path}:{line} imports {name}: a simulator that looks at its client proves nothing"
        elif top != source.package and LAYERS.get(top, -1) >= LAYERS.get(source.package, 99):
            yield f"{source.path}:{line} imports {name}: from {source.package} that is turning back"


def rooms_within(source: Source) -> Iterator[str]:
    """The machine of a room, in `rooms/` itself, awaits nothing and knows none of its shells; each of these knows those
    below it."""
    folders = source.path.split("/")[:-1]
    if folders[:1] != ["rooms"]:
        return
    own = ROOMS.index(folders[1]) if len(folders) > 1 else -1
    for line, name in source.imports():
        part = name.split(".")[1] if name.startswith("rooms.") else ""
        if part in ROOMS[own + 1 :]:
            yield f"{source.path}:{line} imports {name}: from there that is turning back"
    if own < 0:
        yield from _asynchronous(source)


def _asynchronous(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{source.path}:{node.lineno} is asynchronous"


def purity(source: Source) -> Iterator[str]:
    """The domain computes: no I/O, no await. `ports.py` names what others do, so it may say `async`."""
    if source.package != "domain":
        return
    allowed = PURE | {"asyncio"} if source.path == "domain/ports.py" else PURE
    for line, name in source.imports():
        if name not in allowed and name.partition(".")[0] not in allowed:
            yield f"{source.path}:{line} imports {name}, which is not on the list of pure modules"
    if source.path != "domain/ports.py":
        yield from _asynchronous(source)
    for line, call in source.calls():
        if call in ("open", "input", "Random", "random.random", "random.choice", "random.uniform"):
            yield f"{source.path}:{line} calls {call}: what comes from outside is handed in"


def one_clock(source: Source) -> Iterator[str]:
    """Only daemon/clock.py reads time and sleeps."""
    if source.path == "daemon/clock.py" or source.package in BESIDE:
        return
    for line, name in source.imports():
        if name == "time":
            yield f"{source.path}:{line} imports time: the Clock port is handed in"
    for line, call in source.calls():
        owner, _, method = call.rpartition(".")
        reads = method in CLOCK_CALLS and owner in ("datetime", "date", "datetime.datetime", "datetime.date")
        if (reads and method != "fromtimestamp") or call in ("asyncio.sleep", "uuid.uuid1", "uuid1"):
            yield f"{source.path}:{line} calls {call}: the Clock port is handed in"
        if method == "time" and "loop" in owner:
            yield f"{source.path}:{line} calls {call}: the Clock port is handed in"


def one_supervisor(source: Source) -> Iterator[str]:
    """Background tasks have a name and an owner; groups inside one function are fine."""
    if source.path == "daemon/supervisor.py" or source.package in BESIDE:
        return
    groups = {
        item.optional_vars.id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name) and ast.unparse(item.context_expr).endswith("TaskGroup()")
    }
    for line, call in source.calls():
        owner, _, method = call.rpartition(".")
        # A group that a class keeps is named so, and the file says what it is.
        kept = owner.endswith("_group") and "asyncio.TaskGroup" in source.text
        if method in ("create_task", "ensure_future") and owner not in groups and not kept:
            yield f"{source.path}:{line} calls {call}: use the Tasks port or a TaskGroup"


def short(source: Source) -> Iterator[str]:
    """A file that needs more is two."""
    lines = source.text.count("\n")
    if lines > MOST_LINES:
        yield f"{source.path} has {lines} lines; {MOST_LINES} is the most"


def silent(source: Source) -> Iterator[str]:
    """Only the command line and the programs beside print."""
    name = source.path.rpartition("/")[2]
    if source.package in BESIDE or (source.package == "daemon" and name.startswith(("cli", "demo"))):
        return
    for line, call in source.calls():
        if call == "print":
            yield f"{source.path}:{line} prints: log it, or return it"


def mirrored(source: Source) -> Iterator[str]:
    """Each module with code has tests/<same path>/test_<name>.py, or stands in the list above."""
    if not _does_something(source):
        return
    for place, suite in COVERED_ELSEWHERE.items():
        if source.path == place or source.path.startswith(f"{place}/"):
            if not (ROOT / suite).exists():
                yield f"{source.path} should be covered by {suite}, which is not there"
            return
    folder, _, name = source.path.rpartition("/")
    stem = folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")
    if not (ROOT / "tests" / folder / f"test_{stem}.py").exists():
        yield f"{source.path} has no tests/{folder}/test_{stem}.py"


def _does_something(source: Source) -> bool:
    """Tables, records and Protocols do nothing by themselves: a function with a body does."""
    functions = [
        node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return any(not isinstance(node, ast.Expr) for function in functions for node in function.body)


RULES: tuple[Rule, ...] = (layers, rooms_within, purity, one_clock, one_supervisor, short, silent, mirrored)


def program() -> list[Source]:
    """Every file of the program."""
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        for package in (*LAYERS, *BESIDE)
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def fail_with(problems: list[str]) -> None:
    """One list, nothing around it."""
    if problems:
        pytest.fail("\n  ".join([f"{len(problems)} violations:", *problems]), pytrace=False)


def test_every_rule_holds() -> None:
    sources = program()
    assert len(sources) > 30
    fail_with([f"{rule.__name__}: {wrong}" for rule in RULES for source in sources for wrong in rule(source)])


def test_test_files_are_short_too() -> None:
    tests = [
        Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        for path in (ROOT / "tests").rglob("*.py")
    ]
    fail_with([wrong for source in tests for wrong in short(source)])


def test_our_top_level_names_are_ours() -> None:
    """`storage` and `web` are common words: what is imported must be this repository's, not a package's."""
    for name in (*LAYERS, *BESIDE):
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert Path(spec.origin or "/").is_relative_to(ROOT), f"{name} is {spec.origin}"


@pytest.mark.timeout(180)
def test_each_module_imports_alone() -> None:
    """Each in a process of its own, a fork of one that knows foreign packages and the layers below: those know nothing
    of it, so what it forgot to import it does not find, and cycles are within a layer. Layer by layer, since most of
    the time goes to what all of them import."""
    layers: dict[int, list[str]] = {}
    for source in program():
        if not source.path.endswith("__main__.py"):
            name = source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            layers.setdefault(LAYERS.get(source.package, len(LAYERS)), []).append(name)
    script = """
import gc, importlib, os, sys
failed = []
for name in ("aiohttp.web", "structlog", "pydantic_settings", "cryptography.fernet", "prometheus_client",
             "websockets.asyncio.client", "jwt", "motor.motor_asyncio", "redis.asyncio"):
    importlib.import_module(name)
for layer in sys.stdin.read().splitlines():
    gc.freeze()
    for name in layer.split():
        child = os.fork()
        if child == 0:
            try:
                importlib.import_module(name)
            except BaseException as error:
                print(f"  {name}: {type(error).__name__}: {error}", flush=True)
                os._exit(1)
            os._exit(0)
        failed += [name] if os.waitpid(child, 0)[1] else []
    if failed:
        sys.exit(1)
    for name in layer.split():
        importlib.import_module(name)
"""
    child = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        input="\n".join(" ".join(names) for _, names in sorted(layers.items())),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert child.returncode == 0, f"cannot be imported alone:\n{child.stdout}{child.stderr}"


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (layers, "domain/x.py", "import storage.open"),
        (layers, "storage/x.py", "from gateways.http import HttpClient"),
        (layers, "gateways/x.py", "from storage import contracts"),
        (layers, "web/x.py", "from daemon.settings import Settings"),
        (layers, "handlers/x.py", "from . import y"),
        (layers, "daemon/x.py", "import simulators.twitch"),
        (layers, "simulators/x.py", "from gateways.twitch import frames"),
        (rooms_within, "rooms/x.py", "from rooms.fleet import clock"),
        (rooms_within, "rooms/x.py", "async def f(): ..."),
        (rooms_within, "rooms/fleet/x.py", "from rooms.delivery.hub import Hub"),
        (rooms_within, "rooms/delivery/x.py", "from rooms.talk.limits import Gates"),
        (purity, "domain/x.py", "import socket"),
        (purity, "domain/x.py", "import structlog"),
        (purity, "domain/x.py", "async def f(): ..."),
        (purity, "domain/x.py", "open('x')"),
        (one_clock, "web/x.py", "from time import monotonic"),
        (one_clock, "web/x.py", "x = datetime.now(UTC)"),
        (one_clock, "web/x.py", "async def f():\n    await asyncio.sleep(1)"),
        (one_clock, "web/x.py", "x = asyncio.get_running_loop().time()"),
        (one_supervisor, "web/x.py", "asyncio.create_task(f())"),
        (one_supervisor, "web/x.py", "asyncio.get_running_loop().create_task(f())"),
        (short, "web/x.py", "x = 1\n" * 401),
        (silent, "web/x.py", "print('x')"),
        (mirrored, "web/nothing_like_it.py", "def f(): return 1"),
    ],
)
def test_rules_have_teeth(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (layers, "daemon/x.py", "from domain.ports import Clock"),
        (rooms_within, "rooms/talk/x.py", "from rooms.delivery.hub import Hub\nfrom rooms.step import step"),
        (layers, "handlers/x.py", "from storage.inbox import Inbox\nfrom gateways.http import HttpClient"),
        (purity, "domain/ports.py", "import asyncio\nasync def f(): ..."),
        (one_clock, "daemon/clock.py", "import time"),
        (one_clock, "web/x.py", "datetime.fromtimestamp(1, UTC)"),
        (
            one_supervisor,
            "web/x.py",
            "async def f():\n    async with asyncio.TaskGroup() as g:\n        g.create_task(h())",
        ),
        (silent, "daemon/cli_output.py", "print('x')"),
        (mirrored, "domain/x.py", "CODES = (1, 2)\nclass Port(Protocol):\n    def f(self) -> None: ..."),
    ],
)
def test_rules_let_good_code_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))
