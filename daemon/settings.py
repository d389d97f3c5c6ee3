"""What the operator may set, read once at start from the environment and from `.env`.

Every mistake is reported at the same time, each with the variable, what is wrong with it and a line that
would be right. Secrets are `SecretStr`: they appear in no representation, log line or error.

The descriptions and examples of the fields are the documentation: `daemon/settings_help.py` writes
`.env.example` from them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from daemon.settings_checks import across, allowance, dsn, eventsub_secrets, fernet_keys, lower, networks, url
from daemon.settings_fleet import redis_address, secret_url
from daemon.settings_party import PartySettings
from daemon.settings_words import OIDC_EXAMPLES, PRODUCTS, ROLES, Problem, SettingsInvalid, listed
from daemon.setup_application import with_application
from domain.errors import Broken

SMALLEST_STORE_BYTES = 1 << 20
UNNAMED = "not-named-yet"
APPLICATION = ("twitch_client_id", "twitch_client_secret")


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Allowance = Annotated[tuple[int, int], NoDecode, BeforeValidator(allowance)]
LongSecret = Annotated[SecretStr, Field(min_length=16)]


class Place(BaseSettings):
    """What a command needs that only talks to a running daemon."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Path = Field(
        Path("data"),
        description="Where everything is kept: the store, keys, lock and admin socket.",
        examples=["./data"],
    )


class Settings(PartySettings, Place):
    """All settings, checked. Field names are the variables in lower case; build it with `load_settings`."""

    host: str = Field("127.0.0.1", description="Address to listen on.", examples=["127.0.0.1"])
    port: int = Field(
        8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.", examples=["8080"]
    )
    public_url: Annotated[str, url("http", "https", origin_only=True)] | None = Field(
        None,
        description="How browsers and Twitch reach this daemon. Default: http://HOST:PORT.",
        examples=["https://vip.example.org"],
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks)] = Field(
        (),
        description="Proxies whose X-Forwarded-For counts. Default: none.",
        examples=["10.0.0.0/8,192.168.1.4"],
    )
    allowed_channels: Names = Field(
        (),
        description="Who may have a channel here: logins or ids; * for everybody who finds the page. Default: the first"
        " who signs in, who is the host.",
        examples=["first_streamer,second_streamer"],
    )
    rate_limit_auth: Allowance = Field(
        (20, 300),
        description="Logins per address: how many in how many seconds; off for no limit.",
        examples=["20/300"],
    )
    rate_limit_writes: Allowance = Field((120, 60), description="Changes per account.", examples=["120/60"])
    rate_limit_reads: Allowance = Field(
        (600, 60),
        description="Other requests per account, or per address where nobody is signed in.",
        examples=["600/60"],
    )
    rate_limit_webhooks: Allowance = Field(
        (30_000, 60), description="Deliveries of Twitch per address.", examples=["30000/60"]
    )
    products: Names = Field(
        PRODUCTS,
        description="Which products are switched on. This release has: vip, which is always there, and party.",
        examples=["vip,party"],
    )
    roles: Names = Field(
        ROLES,
        description="Parts that this daemon runs; leaving some to others needs MONGO_URL and REDIS_URL.",
        examples=["web,eventsub,worker"],
    )
    workers: int = Field(64, ge=1, le=1024, description="Lanes handled side by side.", examples=["64"])

    quota_channel_events_per_minute: int = Field(
        0,
        ge=0,
        le=60_000,
        description="What viewers may set off in one channel each minute; more waits its turn. Default: 0, no quota.",
        examples=["600"],
    )
    quota_channel_waiting: int = Field(
        1000,
        ge=1,
        description="Events of one channel that may wait for its quota; then points go back at once.",
        examples=["1000"],
    )
    quota_channel_viewers: int = Field(
        50_000,
        ge=100,
        description="Viewers that are remembered of one channel; beyond it who was VIP longest ago goes first.",
        examples=["50000"],
    )
    stream_grace_seconds: float = Field(
        300,
        ge=0,
        le=3600,
        description="How long a stream may be gone before it is over, and VIPs until its end with it.",
        examples=["300"],
    )
    storage_max_bytes: ByteSize | None = Field(
        None,
        ge=SMALLEST_STORE_BYTES,
        description="Largest size of the store. Default: the disk.",
        examples=["2GiB"],
    )
    storage_commit_ms: float = Field(
        0,
        ge=0,
        le=1000,
        description="Makes each commit longer by so many milliseconds, like a slow disk. For measurements.",
        examples=["0"],
    )
    retention_inbox_days: int = Field(
        30,
        ge=1,
        description="Days for which handled events are kept; a delivery that comes again is recognised by them.",
        examples=["30"],
    )
    retention_history_days: int = Field(
        400, ge=1, description="Days for which ended VIPs and settled redemptions are kept.", examples=["400"]
    )
    retention_audit_days: int = Field(
        400, ge=1, description="Days for which the audit trail is kept.", examples=["400"]
    )
    retention_max_documents: int = Field(
        2_000_000,
        ge=1000,
        description="Bound on the documents of each collection; beyond it the oldest finished go first.",
        examples=["2000000"],
    )
    mongo_url: Annotated[SecretStr, secret_url("mongodb", "mongodb+srv")] | None = Field(
        None,
        description="MongoDB in place of SQLite; with REDIS_URL, any number of daemons may share it.",
        examples=["mongodb://user:password@127.0.0.1:27017/cuelight"],
    )
    redis_url: Annotated[SecretStr, secret_url("redis", "rediss")] | None = Field(
        None,
        description="Redis, through which the daemons of a fleet agree. Needs MONGO_URL.",
        examples=["redis://:password@127.0.0.1:6379/0"],
    )
    redis_host: str | None = Field(
        None, description="Redis by its host instead of REDIS_URL, which wins.", examples=["10.0.0.3"]
    )
    redis_port: int = Field(6379, ge=1, le=65535, description="With REDIS_HOST.", examples=["6379"])
    redis_password: SecretStr | None = Field(None, description="With REDIS_HOST.", examples=["…"])

    twitch_client_id: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Client ID of your application (https://dev.twitch.tv/console).",
        examples=["abcdefghijklmnopqrstuvwxyz0123"],
    )
    twitch_client_secret: SecretStr = Field(
        min_length=1, description="Its client secret.", examples=["0123456789abcdefghijklmnopqrst"]
    )
    twitch_bot_id: str | None = Field(
        None,
        pattern=r"^[0-9]{1,20}$",
        description="User id of the account that speaks in chat. Default: the broadcaster.",
        examples=["123456789"],
    )
    twitch_eventsub_secret: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(eventsub_secrets)] = (
        Field(
            (),
            description="Secret of EventSub webhooks, 10 to 100 ASCII characters; commas between several.",
            examples=["a-long-secret-of-your-own"],
        )
    )
    twitch_api_url: Annotated[str, url("http", "https")] = Field(
        "https://api.twitch.tv/helix", description="Helix.", examples=["https://api.twitch.tv/helix"]
    )
    twitch_id_url: Annotated[str, url("http", "https")] = Field(
        "https://id.twitch.tv/oauth2",
        description="Twitch's OAuth server.",
        examples=["https://id.twitch.tv/oauth2"],
    )
    twitch_eventsub_url: Annotated[str, url("ws", "wss")] = Field(
        "wss://eventsub.wss.twitch.tv/ws",
        description="EventSub over WebSocket.",
        examples=["wss://eventsub.wss.twitch.tv/ws"],
    )

    discord_url: Annotated[str, url("http", "https", origin_only=True)] | None = Field(
        None,
        description="Called in place of Discord, by the webhooks of all channels. Default: Discord.",
        examples=["http://127.0.0.1:9000"],
    )

    eventsub_transport: Annotated[Literal["websocket", "conduit"], BeforeValidator(lower)] = Field(
        "websocket",
        description="How events come in: websocket (a connection per channel) or conduit (a few for all channels).",
        examples=["websocket"],
    )
    conduit_shards: int = Field(
        2,
        ge=1,
        le=1000,
        description="With EVENTSUB_TRANSPORT=conduit: its connections, shared out among the daemons. Two or more.",
        examples=["2"],
    )

    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(fernet_keys)] = Field(
        (),
        description="Keys for tokens at rest, newest first. Default: made in the data directory.",
        examples=["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
    )
    session_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None,
        description="Signs session cookies, 32 characters or more. Default: made in the data directory.",
        examples=["32-or-more-characters-of-your-own"],
    )
    cron_secret: LongSecret | None = Field(
        None, description="Opens /api/cron/* to who sends it.", examples=["16-or-more-characters"]
    )
    cron_oidc_audience: str | None = Field(
        None,
        description="Opens /api/cron/* to Google OIDC tokens for this audience (with CRON_OIDC_EMAIL).",
        examples=[OIDC_EXAMPLES["cron_oidc_audience"]],
    )
    cron_oidc_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = Field(
        None,
        description="The service account that may call (with CRON_OIDC_AUDIENCE).",
        examples=[OIDC_EXAMPLES["cron_oidc_email"]],
    )
    metrics_token: LongSecret | None = Field(
        None,
        description="Opens /metrics to who sends it as bearer token.",
        examples=["16-or-more-characters"],
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Serves /metrics on a port of its own, on HOST, without a token.",
        examples=["9090"],
    )

    sentry_dsn: Annotated[SecretStr, dsn()] | None = Field(
        None,
        description="Where errors are told, in Sentry's protocol (pip install 'cuelight[sentry]'). Default: nowhere.",
        examples=["https://key@sentry.example.org/1"],
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = Field(
        "info", description="debug, info, warning or error.", examples=["info"]
    )
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lower)] = Field(
        "auto", description="json, text, or auto: text on a terminal, else json.", examples=["auto"]
    )
    google_cloud_project: str | None = Field(
        None, description="Project that log lines name their traces in.", examples=["my-project"]
    )
    k_service: str | None = Field(None, description="Set by Cloud Run; leave it alone.")
    cloud_run_worker_pool: str | None = Field(
        None, description="Set by Cloud Run in worker pools, where it stands for K_SERVICE; leave it alone."
    )
    cuelight_demo: bool = Field(False, description="Set by `cuelight demo`; leave it alone.")

    def url_at(self, port: int) -> str:
        """The address of this machine with a port, for who has set no PUBLIC_URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"

    @property
    def development_login(self) -> bool:
        """Whether anybody on this machine may log in as any demo channel."""
        return self.cuelight_demo

    @property
    def redis_address(self) -> str | None:
        """The URL of Redis, with its password; `None` for a daemon that is alone."""
        url, password = self.redis_url, self.redis_password
        return redis_address(
            url.get_secret_value() if url else None,
            self.redis_host,
            self.redis_port,
            password.get_secret_value() if password else None,
        )

    @property
    def base_url(self) -> str:
        """How browsers reach the daemon, without a slash at the end."""
        return self.public_url or self.url_at(self.port)

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = dict(data)
        if given.get("cloud_run_worker_pool"):
            given.setdefault("k_service", given["cloud_run_worker_pool"])
        if given.get("k_service"):
            given.setdefault("host", "0.0.0.0")  # noqa: S104 - Cloud Run's front end is the only way in
        problems = across(given)
        try:
            given = with_application(given)
        except Broken as error:
            raise SettingsInvalid(
                [*problems, Problem("TWITCH_CLIENT_ID", f"is not set, and {error}")]
            ) from None
        try:
            settings = handler(given)
        except ValidationError as error:
            raise SettingsInvalid(_translated(error, cls) + problems) from None
        if problems:
            raise SettingsInvalid(problems)
        return settings


def _translated(error: ValidationError, model: type[BaseSettings]) -> list[Problem]:
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(detail["loc"][0])
        missing = "is missing: `cuelight setup` asks for it" if name in APPLICATION else "is missing"
        wrong = missing if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
        wrong = wrong.replace("Input should", "should").replace("String should", "should").rstrip(".")
        if detail["type"] == "string_pattern_mismatch":
            wrong = "has characters that cannot belong there"
        if not wrong.startswith(("is ", "must ", "should ", "has ")):
            wrong = f"cannot be used: {wrong[:1].lower()}{wrong[1:]}"
        examples = model.model_fields[name].examples or [""]
        problems.setdefault(name, Problem(name.upper(), wrong, str(examples[0])))
    return list(problems.values())


P = TypeVar("P", bound=Place)


def load_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Settings:
    """Read and check all settings; raises `SettingsInvalid` with everything that is wrong.

    The environment wins over `.env`. With `environ` given, only that mapping is read (and no `.env`).
    """
    return _load(Settings, environ, env_file)


def load_unfinished(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Settings:
    """The settings of a daemon that has not been told its Twitch application yet, with an empty one in its place; for
    the set-up page and `cuelight setup`. Raises `SettingsInvalid` for everything else that is wrong."""
    return _load(Settings, environ, env_file, twitch_client_id=UNNAMED, twitch_client_secret=UNNAMED)


def load_place(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Place:
    """Read only what a command needs to find the daemon."""
    return _load(Place, environ, env_file)


def _load(model: type[P], environ: Mapping[str, str] | None, env_file: Path | None, **fixed: str) -> P:
    if environ is None:
        return model(_env_file=env_file, **fixed)  # type: ignore[call-arg, arg-type]
    known = {name: environ[name.upper()] for name in model.model_fields if environ.get(name.upper())}
    # A prefix that no variable has shuts the real environment out.
    return model(_env_file=None, _env_prefix="NOT_READ__", **{**known, **fixed})  # type: ignore[call-arg, arg-type]
