"""One daemon or many: which settings go together, and what is said where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.settings import Settings, load_settings
from daemon.settings_fleet import fleet_rules, redis_address
from daemon.settings_words import SettingsInvalid

MONGO = "mongodb://user:pass-word@db.example.org/cuelight"
KEYS = {
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "SESSION_SECRET": "32-or-more-characters-of-your-own",
}
TWITCH = {"TWITCH_CLIENT_ID": "abc", "TWITCH_CLIENT_SECRET": "def"}


def load(**environ: str) -> Settings:
    return load_settings({**TWITCH, **environ})


def variables(**given: Any) -> list[str]:
    return [problem.variable for problem in fleet_rules(given)]


def test_a_fleet() -> None:
    settings = load(MONGO_URL=MONGO, REDIS_URL="rediss://cache.example.org", ROLES="web", **KEYS)
    assert settings.roles == ("web",)
    assert settings.redis_address == "rediss://cache.example.org"
    assert settings.mongo_url is not None
    assert settings.mongo_url.get_secret_value() == MONGO
    assert "pass-word" not in f"{settings!r} {settings.model_dump()}"


def test_one_daemon_on_mongodb_needs_no_redis() -> None:
    assert load(MONGO_URL=MONGO, **KEYS).redis_address is None


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"redis_url": "redis://x"}, ["REDIS_URL"]),
        ({"redis_host": "x"}, ["REDIS_HOST"]),
        ({"redis_password": "x"}, ["REDIS_PASSWORD"]),
        ({"mongo_url": MONGO}, ["ENCRYPTION_KEYS", "SESSION_SECRET"]),
        ({"roles": "web"}, ["ROLES"]),
        ({"roles": "web,eventsub,worker,web"}, ["ROLES"]),
        ({"roles": "web,cooking"}, ["ROLES"]),
        ({"roles": ""}, ["ROLES"]),
        ({"k_service": "x", "encryption_keys": "x", "session_secret": "x"}, ["MONGO_URL"]),
        (
            {"k_service": "x", "encryption_keys": "x", "session_secret": "x", "mongo_url": MONGO},
            ["REDIS_URL"],
        ),
        ({"mongo_url": MONGO, "encryption_keys": "x", "session_secret": "x", "roles": "web"}, ["ROLES"]),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], wrong: list[str]) -> None:
    assert variables(**given) == wrong


def test_each_refusal_says_why() -> None:
    (sqlite,) = fleet_rules({"redis_url": "redis://x"})
    assert "several daemons cannot share a SQLite file" in str(sqlite)
    (roles,) = fleet_rules({"roles": "web"})
    assert "that nobody else can run" in str(roles)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGO_URL", "postgres://user:hidden-one@db/x"),
        ("MONGO_URL", "hidden-one"),
        ("MONGO_URL", "mongodb://"),
        ("MONGO_URL", "mongodb://[hidden-one"),
        ("REDIS_URL", "redis://:hidden-one@cache:port"),
        ("REDIS_URL", "http://:hidden-one@cache"),
    ],
)
def test_a_url_that_cannot_be_one_is_refused_without_being_shown(variable: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(**{"MONGO_URL": MONGO, **KEYS, variable: value})
    assert [problem.variable for problem in caught.value.problems] == [variable]
    assert "hidden-one" not in str(caught.value)


def test_several_hosts_are_one_mongodb() -> None:
    url = "mongodb://a.example.org:27017,b.example.org:27018/cuelight?replicaSet=rs0"
    settings = load(MONGO_URL=url, **KEYS)
    assert settings.mongo_url is not None
    assert settings.mongo_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ((None, None, 6379, None), None),
        (("redis://a", "b", 6379, "c"), "redis://a"),
        ((None, "cache", 6380, None), "redis://cache:6380"),
        ((None, "cache", 6379, "p@ss/word"), "redis://:p%40ss%2Fword@cache:6379"),
        ((None, "::1", 6379, None), "redis://[::1]:6379"),
    ],
)
def test_the_url_of_redis_wins_over_its_parts(parts: Any, url: str | None) -> None:
    assert redis_address(*parts) == url


def test_a_worker_pool_of_cloud_run_is_cloud_run() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(CLOUD_RUN_WORKER_POOL="cuelight-workers", **KEYS)
    assert [problem.variable for problem in caught.value.problems] == ["MONGO_URL"]
    settings = load(
        CLOUD_RUN_WORKER_POOL="cuelight-workers",
        MONGO_URL=MONGO,
        REDIS_URL="redis://x",
        ROLES="worker",
        **KEYS,
    )
    assert (settings.k_service, settings.host) == ("cuelight-workers", "0.0.0.0")
