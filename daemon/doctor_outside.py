"""What the doctor looks at outside: Redis, the clocks, Twitch, and the way from the world to us."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from daemon.doctor_clocks import Window, judged, second_in, seen_together, window_of_moment, window_of_second
from daemon.doctor_conduit import transport_of
from daemon.doctor_data import twitch_oauth
from daemon.doctor_findings import Finding, Patient
from domain.errors import Broken, Rejected, Unavailable
from domain.signatures import sign_eventsub
from domain.transport import Transport
from gateways.http import Answer
from gateways.leases.redis import RedisLeases
from handlers.conduit.shards import shard_lease
from handlers.vip.shares import socket_of
from storage.channels import CHANNELS, Channels

OLDEST_REDIS = (6, 2)
SAMPLES = 5
SAMPLE_SECONDS = 0.23  # five of them meet different parts of a second
WEBHOOK = "/api/webhooks/eventsub"
ALONE = "One daemon alone needs no Redis."


async def redis(patient: Patient) -> Sequence[Finding]:
    """Is it there, new enough, and set up so that it drops nothing?"""
    if patient.link is None:
        return [Finding("redis", "skipped", ALONE)]
    await patient.link.command("PING")
    info = _texts(await patient.link.command("INFO"))
    release = info.get("redis_version", "0")
    findings = [Finding("redis", "ok", f"Release {release} answers.")]
    if _numbers(release) < OLDEST_REDIS:
        findings = [
            Finding("redis", "failed", f"Release {release} is too old.", "Use Redis 6.2 or newer, or Valkey.")
        ]
    policy = info.get("maxmemory_policy", "")
    if policy and policy != "noeviction":
        findings.append(
            Finding(
                "redis",
                "failed",
                f"It drops keys when it is full (maxmemory-policy {policy}): leases and entries would vanish.",
                "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
            )
        )
    elif not policy:
        findings.append(
            Finding("redis", "skipped", "It does not tell its maxmemory-policy; noeviction is needed.")
        )
    if info.get("aof_enabled") == "0":
        findings.append(
            Finding(
                "redis",
                "warning",
                "It keeps no append-only file. Nothing is lost with it, but open pages begin anew when it restarts.",
                "CONFIG SET appendonly yes, and the same in redis.conf.",
            )
        )
    return findings


def _texts(answer: Any) -> dict[str, str]:
    """What Redis tells, whether the driver has taken it apart or not."""
    if isinstance(answer, Mapping):
        return {_text(key): _text(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return {_text(key): _text(value) for key, value in zip(answer[::2], answer[1::2], strict=False)}
    lines = (line.partition(":") for line in _text(answer).splitlines())
    return {name: value for name, colon, value in lines if colon}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2] if part.isdigit())


async def clock_of_redis(patient: Patient) -> Sequence[Finding]:
    """Are we within half a second of the time that the fleet goes by?"""
    if patient.link is None:
        return [Finding("clock (Redis)", "skipped", ALONE)]
    windows = []
    for _ in range(SAMPLES):
        sent = patient.clock.now()
        seconds, microseconds = await patient.link.command("TIME")
        moment = int(seconds) * 1000 + int(microseconds) / 1000
        # Our milliseconds are cut off, too: a moment later than they say.
        windows.append(window_of_moment(moment, sent_ms=sent, received_ms=patient.clock.now() + 1))
    return [judged("clock (Redis)", seen_together(windows), whose="Redis")]


async def clock_of_twitch(patient: Patient) -> Sequence[Finding]:
    """Are we within half a second of the world? Signatures and the ends of VIPs go by our clock."""
    windows: list[Window] = []
    for number in range(SAMPLES):
        if number:
            await patient.clock.sleep(SAMPLE_SECONDS)
        sent = patient.clock.now()
        answer = await patient.http.request("GET", f"{patient.settings.twitch_api_url}/users")
        received = patient.clock.now() + 1
        second = second_in(answer.headers.get("Date", ""))
        if second is not None:
            windows.append(window_of_second(second, sent_ms=sent, received_ms=received))
    if not windows:
        return [Finding("clock (Twitch)", "skipped", "The answers of Twitch carry no time.")]
    return [judged("clock (Twitch)", seen_together(windows), whose="Twitch")]


async def application(patient: Patient) -> Sequence[Finding]:
    """Does Twitch know our client id and secret?"""
    try:
        await twitch_oauth(patient).app_grant()
    except Broken as error:
        advice = "Compare TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET with https://dev.twitch.tv/console/apps."
        return [Finding("application", "failed", error.message, advice)]
    return [Finding("application", "ok", "Twitch gives it a token.")]


async def callback(patient: Patient) -> Sequence[Finding]:
    """Does what Twitch and browsers call reach us, and do both sides have the same secret?"""
    settings = patient.settings
    if settings.public_url is None:
        detail = "PUBLIC_URL is not set: pages on this machine only, events over WebSocket."
        return [Finding("callback", "skipped", detail)]
    findings = []
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        findings.append(
            Finding(
                "callback",
                "failed",
                f"{settings.public_url} is not https: Twitch calls no other, and logins would be readable.",
                "Put a proxy with a certificate in front (docs/deploy/proxy.md) and set PUBLIC_URL to it.",
            )
        )
    if not patient.running:
        return [*findings, Finding("callback", "skipped", "No daemon runs that could answer.")]
    try:
        answer = await patient.http.request("GET", f"{settings.public_url}/livez")
    except (Unavailable, Rejected) as error:
        advice = "Is the name in DNS, the port open, the certificate good, the proxy on its way to HOST:PORT?"
        return [*findings, Finding("callback", "failed", f"{settings.public_url}: {error.message}", advice)]
    if answer.status != 200:
        advice = f"The proxy must pass every path on to {settings.host}:{settings.port}, without a redirect."
        return [
            *findings,
            Finding("callback", "failed", f"{settings.public_url}/livez answered {answer.status}.", advice),
        ]
    return [*findings, await _challenge(patient)]


async def _challenge(patient: Patient) -> Finding:
    settings = patient.settings
    if not settings.twitch_eventsub_secret:
        return Finding(
            "callback", "ok", "The pages can be reached. TWITCH_EVENTSUB_SECRET is not set: no webhooks."
        )
    challenge = secrets.token_hex(16)
    body = json.dumps({"challenge": challenge, "subscription": {"type": "channel.update"}}).encode()
    stamp = datetime.fromtimestamp(patient.clock.now() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message_id = f"doctor-{secrets.token_hex(8)}"
    secret = settings.twitch_eventsub_secret[0].get_secret_value().encode()
    answer = await patient.http.request(
        "POST",
        settings.public_url + WEBHOOK if settings.public_url else "",
        headers={
            "Content-Type": "application/json",
            "Twitch-Eventsub-Message-Id": message_id,
            "Twitch-Eventsub-Message-Timestamp": stamp,
            "Twitch-Eventsub-Message-Type": "webhook_callback_verification",
            "Twitch-Eventsub-Message-Signature": sign_eventsub(
                message_id=message_id, timestamp=stamp, body=body, secret=secret
            ),
            "Twitch-Eventsub-Subscription-Type": "channel.update",
            "Twitch-Eventsub-Subscription-Version": "2",
        },
        body=body,
    )
    if answer.status == 200 and answer.body == challenge.encode():
        return Finding("callback", "ok", f"{settings.public_url} answers, and a signed challenge comes back.")
    return Finding(
        "callback",
        "failed",
        f"The EventSub webhook answered {answer.status} to a signed challenge{_code(answer)}.",
        "Restart the daemon if TWITCH_EVENTSUB_SECRET was changed; the proxy must pass bodies and headers on as they"
        " are.",
    )


def _code(answer: Answer) -> str:
    try:
        told = answer.json()
    except ValueError:
        return ""
    return f" ({str(told['code'])[:60]})" if isinstance(told, dict) and "code" in told else ""


async def leases(patient: Patient) -> Sequence[Finding]:
    """Is there somebody who listens to each channel?"""
    if patient.link is None or patient.store is None:
        return [Finding("leases", "skipped", ALONE)]
    if not patient.fleet:
        return [Finding("leases", "skipped", "No daemon works on this database.")]
    ids = [channel.id for channel in await Channels(await patient.store.collection(CHANNELS)).all()]
    transport = await transport_of(patient)
    held = RedisLeases(link=patient.link, clock=patient.clock)
    if not transport.sockets:
        return await _shards(held, transport)
    names = [socket_of(channel_id) for channel_id in ids]
    holders = await held.holders(names)
    alone = [channel_id for channel_id, name in zip(ids, names, strict=True) if name not in holders]
    if alone:
        return [
            Finding(
                "leases",
                "failed",
                f"Nobody listens to {len(alone)} of {len(ids)} channels: {', '.join(alone[:5])}.",
                "Is there a process with the role eventsub? A channel whose login is over has none.",
            )
        ]
    return [Finding("leases", "ok", f"{len(ids)} channels, {len(set(holders.values()))} processes listen.")]


async def _shards(held: RedisLeases, transport: Transport) -> Sequence[Finding]:
    names = [shard_lease(str(number)) for number in range(transport.shards)]
    holders = await held.holders(names)
    if len(holders) < len(names):
        return [
            Finding(
                "leases",
                "failed",
                f"Nobody holds {len(names) - len(holders)} of {len(names)} shards of the conduit.",
                "Is there a process with the role eventsub?",
            )
        ]
    return [Finding("leases", "ok", f"{len(names)} shards, {len(set(holders.values()))} processes listen.")]
