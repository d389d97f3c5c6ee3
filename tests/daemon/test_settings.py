"""Settings: all mistakes at once, with examples and without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.settings import Settings, load_place, load_settings
from daemon.settings_words import SettingsInvalid

GOOD = {"TWITCH_CLIENT_ID": "abc123", "TWITCH_CLIENT_SECRET": "hush-hush"}
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def wrong(**variables: str) -> dict[str, str]:
    """Variable → what is said about it."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings({**GOOD, **variables})
    return {problem.variable: str(problem) for problem in caught.value.problems}


def test_defaults() -> None:
    settings = load_settings(GOOD)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 64)
    assert settings.data_dir == Path("data")
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.twitch_api_url == "https://api.twitch.tv/helix"
    assert settings.twitch_id_url == "https://id.twitch.tv/oauth2"
    assert settings.twitch_eventsub_url == "wss://eventsub.wss.twitch.tv/ws"
    assert settings.roles == ("web", "eventsub", "worker")
    assert settings.products == ("vip", "party")
    assert settings.development_login is False


def test_values_are_read() -> None:
    settings = load_settings(
        {
            **GOOD,
            "PORT": "0",
            "PUBLIC_URL": "https://vip.example.org/",
            "TWITCH_EVENTSUB_SECRET": "first-secret, second-secret",
            "ENCRYPTION_KEYS": f"{KEY},{KEY}",
            "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "STORAGE_MAX_BYTES": "2GiB",
            "LOG_LEVEL": "WARNING",
            "ROLES": "worker, web,eventsub",
        }
    )
    assert settings.port == 0
    assert settings.base_url == "https://vip.example.org"
    assert [one.get_secret_value() for one in settings.twitch_eventsub_secret] == [
        "first-secret",
        "second-secret",
    ]
    assert len(settings.encryption_keys) == 2
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.storage_max_bytes == 2 * 1024**3
    assert settings.log_level == "warning"


def test_all_mistakes_are_told_at_once_each_with_an_example() -> None:
    said = wrong(
        PORT="eighty",
        WORKERS="0",
        LOG_LEVEL="loud",
        PUBLIC_URL="ftp://x",
        TWITCH_EVENTSUB_SECRET="short",
        CRON_OIDC_EMAIL="a@b",
        ROLES="web",
        REDIS_URL="redis://x",
        TWITCH_CLIENT_ID="",
    )
    assert set(said) == {
        "PORT", "WORKERS", "LOG_LEVEL", "PUBLIC_URL", "TWITCH_EVENTSUB_SECRET", "CRON_OIDC_AUDIENCE", "ROLES",
        "REDIS_URL", "TWITCH_CLIENT_ID",
    }  # fmt: skip
    assert said["PORT"].endswith("Example: PORT=8080")
    assert said["TWITCH_CLIENT_ID"].startswith("TWITCH_CLIENT_ID is missing: `cuelight setup` asks")
    assert "cannot share a SQLite file" in said["REDIS_URL"]


def test_secrets_are_in_no_text() -> None:
    secret = "very-secret-value-0123456789"
    settings = load_settings(
        {
            **GOOD,
            "TWITCH_CLIENT_SECRET": secret,
            "TWITCH_EVENTSUB_SECRET": f"{secret}1,{secret}2",
            "SESSION_SECRET": secret * 2,
            "METRICS_TOKEN": secret,
        }
    )
    assert secret not in f"{settings!r} {settings} {settings.model_dump()}"


def test_secrets_are_in_no_error() -> None:
    secret = "very-secret\x07value"
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(
            {**GOOD, "TWITCH_EVENTSUB_SECRET": secret, "ENCRYPTION_KEYS": secret, "SESSION_SECRET": secret}
        )
    assert len(caught.value.problems) == 3
    assert secret not in f"{caught.value} {caught.value.problems!r}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PUBLIC_URL", "https://user:pw@example.org"),
        ("PUBLIC_URL", "https://example.org/path"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "http://[::1"),
        ("TWITCH_API_URL", "api.twitch.tv"),
        ("TWITCH_EVENTSUB_URL", "https://eventsub.wss.twitch.tv/ws"),
        ("TWITCH_EVENTSUB_SECRET", "x" * 101),
        ("TWITCH_EVENTSUB_SECRET", "geheimnis-mit-ü"),
        ("TWITCH_BOT_ID", "my_bot"),
        ("TWITCH_CLIENT_ID", "two words"),
        ("ENCRYPTION_KEYS", "abc"),
        ("SESSION_SECRET", "short"),
        ("CRON_SECRET", "short"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_PORT", "8080"),
        ("TRUSTED_PROXIES", "everybody"),
        ("STORAGE_MAX_BYTES", "12"),
        ("STORAGE_MAX_BYTES", "big"),
        ("LOG_FORMAT", "xml"),
        ("PRODUCTS", "party"),
        ("JWT_ISSUER_KEYS", "school HS256 secret:short"),
        ("PARTY_ORIGINS", "watch.example.org"),
        ("PARTY_BUFFER_BYTES", "12"),
        ("PRODUCTS", "vip,members"),
        ("ROLES", "web,worker"),
        ("REDIS_HOST", "cache"),
        ("REDIS_PORT", "0"),
        ("REDIS_PASSWORD", "secret"),
    ],
)
def test_bad_values(variable: str, value: str) -> None:
    said = wrong(**{variable: value})
    assert list(said) == [variable]


def test_cloud_run_is_refused_with_sqlite() -> None:
    said = wrong(K_SERVICE="cuelight", ENCRYPTION_KEYS=KEY, SESSION_SECRET="x" * 32)
    assert list(said) == ["MONGO_URL"]
    assert "the disk is lost" in said["MONGO_URL"]


def test_cloud_run_wants_keys_to_be_given() -> None:
    assert {"ENCRYPTION_KEYS", "SESSION_SECRET"} <= set(wrong(K_SERVICE="cuelight"))


def test_development_login_only_on_this_machine() -> None:
    assert load_settings({**GOOD, "CUELIGHT_DEMO": "1"}).development_login is True
    assert "CUELIGHT_DEMO" in wrong(CUELIGHT_DEMO="1", PUBLIC_URL="https://vip.example.org")
    assert "CUELIGHT_DEMO" in wrong(CUELIGHT_DEMO="1", K_SERVICE="x")
    assert "CUELIGHT_DEMO" in wrong(CUELIGHT_DEMO="1", HOST="0.0.0.0")
    assert load_settings({**GOOD, "CUELIGHT_DEMO": "1", "HOST": "localhost"}).development_login is True


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("TWITCH_CLIENT_ID=from-file\nTWITCH_CLIENT_SECRET=hush\nPORT=9000\nOTHER=1\nHOST=\n")
    monkeypatch.setenv("PORT", "9001")
    settings = load_settings(env_file=file)
    assert (settings.twitch_client_id, settings.port, settings.host) == ("from-file", 9001, "127.0.0.1")


def test_a_mapping_shuts_the_environment_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    assert load_settings(GOOD).port == 8080


def test_place_needs_nothing_else(tmp_path: Path) -> None:
    assert load_place({}).data_dir == Path("data")
    assert load_place({"DATA_DIR": str(tmp_path)}).data_dir == tmp_path


def test_ipv6_hosts_are_bracketed() -> None:
    assert load_settings({**GOOD, "HOST": "::1"}).base_url == "http://[::1]:8080"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError):
        load_settings(GOOD).port = 1  # type: ignore[misc]


def test_every_field_is_documented() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
