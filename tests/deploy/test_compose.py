"""The small fleet of compose.yaml: its schema, the settings of its daemons, and what of its servers can be run here."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
import yaml
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, OutOfMemoryError

from daemon.lifecycle import STOP_SECONDS
from daemon.programs import end, free_port
from daemon.settings import load_settings
from tests.deploy.proxies import listening
from tests.deploy.tools import need

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
DAEMONS = ("cuelight-a", "cuelight-b")
GIVEN = {
    "CUELIGHT_SITE": "vip.example.org",
    "MONGO_PASSWORD": "aa11",
    "MONGO_ROOT_PASSWORD": "bb22",
    "REDIS_PASSWORD": "cc33",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
    "TWITCH_CLIENT_ID": "abc",
    "TWITCH_CLIENT_SECRET": "hush-hush",
}
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:\?|:-)([^}]*))?\}")


def interpolated(value: Any) -> Any:
    """As Compose does it: `${NAME:?why}`, `${NAME:-default}`, and `$$` for a dollar sign."""
    if isinstance(value, dict):
        return {name: interpolated(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner) for inner in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        name, sign, text = found.groups()
        return "$" if name is None else GIVEN[name] if sign != ":-" else GIVEN.get(name, text)

    return _VARIABLE.sub(one, value)


FILE: dict[str, Any] = interpolated(yaml.safe_load(COMPOSE.read_text("utf-8")))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]


def test_compose_knows_every_field() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_must_be_given_is_demanded_and_said_at_the_top() -> None:
    text = COMPOSE.read_text("utf-8")
    demanded = set(re.findall(r"\$\{(\w+):\?", text))
    assert demanded == set(GIVEN) - {"TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"}
    head = text[: text.index("\nname:")]
    assert all(name in head for name in GIVEN)


@pytest.mark.parametrize("name", DAEMONS)
def test_cuelight_accepts_the_settings_of_each_daemon(name: str) -> None:
    settings = load_settings({**GIVEN, **SERVICES[name]["environment"]})
    assert set(settings.roles) == {"web", "eventsub", "worker"}
    assert settings.redis_address == "redis://:cc33@redis:6379/0"
    assert settings.base_url == "https://vip.example.org"
    assert str(settings.data_dir) == "/data"


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_has_no_rights_and_nothing_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == [f"{name}:/data"], "each its own: keys and socket"
    assert "ports" not in service, "the proxy is the only way in"
    # `env_file` would hand it all of .env.
    assert service["environment"]["MONGO_ROOT_PASSWORD"] == ""
    assert float(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS + 2


def test_the_one_proxy_that_is_believed_is_caddy() -> None:
    (trusted,) = load_settings({**GIVEN, **SERVICES["cuelight-a"]["environment"]}).trusted_proxies
    assert str(trusted.network_address) == SERVICES["caddy"]["networks"]["front"]["ipv4_address"]
    assert trusted.num_addresses == 1
    (pool,) = FILE["networks"]["front"]["ipam"]["config"]
    others = ipaddress.ip_network(pool["ip_range"])
    assert trusted.subnet_of(ipaddress.ip_network(pool["subnet"]))
    assert not trusted.subnet_of(others), "another container could get the proxy's address"


def test_stores_are_reached_by_daemons_alone() -> None:
    assert FILE["networks"]["back"]["internal"] is True
    for name in ("redis", "mongo"):
        assert SERVICES[name]["networks"] == ["back"]
        assert "ports" not in SERVICES[name]
        assert "healthcheck" in SERVICES[name]
        assert SERVICES["cuelight-a"]["depends_on"][name] == {"condition": "service_healthy"}


def test_caddy_asks_both_daemons() -> None:
    environ = SERVICES["caddy"]["environment"]
    assert environ["CUELIGHT_UPSTREAMS"].split() == [f"{name}:8080" for name in DAEMONS]
    used = set(re.findall(r"\{\$(\w+)", (ROOT / "deploy" / "Caddyfile").read_text("utf-8")))
    assert set(environ) == used


@pytest.mark.server
async def test_redis_starts_as_told_and_keeps_what_it_has(tmp_path: Path) -> None:
    program, *words = SERVICES["redis"]["command"]
    words[words.index("--maxmemory") + 1] = "3mb"
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as said:
        command = [str(need(program)), *words, "--port", str(port), "--dir", str(tmp_path)]
        process = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said)
    password = SERVICES["redis"]["environment"]["REDISCLI_AUTH"]
    client = redis.asyncio.Redis(port=port, password=password)
    stranger = redis.asyncio.Redis(port=port, retry=Retry(NoBackoff(), 0))
    try:
        await listening(process, port, log)
        with pytest.raises(AuthenticationError):
            await stranger.ping()
        with pytest.raises(OutOfMemoryError):
            await _fill(client)
        assert await client.get("key:0") is not None, "what was there was thrown away"
        assert list(tmp_path.glob("appendonlydir/*.aof"))
    finally:
        await client.aclose()
        await stranger.aclose()
        await end(process)


async def _fill(client: redis.asyncio.Redis) -> None:
    for number in range(4096):
        await client.set(f"key:{number}", b"x" * 4096)


def test_mongo_makes_the_key_of_its_replica_set_once(tmp_path: Path) -> None:
    """The script before MongoDB's own entry point, with stand-ins for what only its image has."""
    service = SERVICES["mongo"]
    (script,) = service["command"]
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, does in (("chown", "true"), ("docker-entrypoint.sh", f'echo "$*" >> {tmp_path}/started')):
        (tools / name).write_text(f"#!/bin/sh\n{does}\n", "utf-8")
        (tools / name).chmod(0o755)
    key = tmp_path / "replica.key"
    keys = []
    for _ in range(2):
        subprocess.run(
            [*service["entrypoint"], script.replace("/data/configdb", str(tmp_path))],
            env={"PATH": f"{tools}:{os.environ['PATH']}"},
            timeout=10,
            check=True,
        )
        keys.append(key.read_text("utf-8"))
    assert keys[0] == keys[1]
    assert re.fullmatch(r"[A-Za-z0-9+/=]{1000,1024}", keys[0]), "MongoDB takes 6 to 1024 characters of base64"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "started").read_text("utf-8").splitlines() == [
        f"mongod --replSet rs0 --keyFile {key} --bind_ip_all"
    ] * 2


def test_the_replica_set_and_the_user_are_those_of_the_url() -> None:
    url = SERVICES["cuelight-a"]["environment"]["MONGO_URL"]
    health = " ".join(SERVICES["mongo"]["healthcheck"]["test"])
    user = (ROOT / "deploy" / "mongo" / "user.js").read_text("utf-8")
    assert url == "mongodb://cuelight:aa11@mongo:27017/cuelight?replicaSet=rs0"
    assert '_id: "rs0"' in health
    assert 'host: "mongo:27017"' in health
    assert 'getSiblingDB("cuelight")' in user
    assert 'role: "readWrite", db: "cuelight"' in user
    assert "./deploy/mongo/user.js:/docker-entrypoint-initdb.d/user.js:ro" in SERVICES["mongo"]["volumes"]
