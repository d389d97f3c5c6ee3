"""EventSub over webhooks: challenge, signed delivery, retries, the end after too many failures."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulators.twitch.errors import ApiError
from simulators.twitch.ids import Ids
from simulators.twitch.moment import rfc3339_nanoseconds
from simulators.twitch.settings import SimulatorSettings


@dataclass(frozen=True)
class Parcel:
    """One POST: `type` is notification, webhook_callback_verification or revocation."""

    callback: str
    secret: str
    type: str
    message_id: str
    subscription_type: str
    subscription_version: str
    body: dict[str, Any]


def check_transport(transport: dict[str, Any], *, https: bool) -> tuple[str, str]:
    """The callback and the secret. Raises ApiError 400 for a bad URL or a secret not of 10 to 100 ASCII letters."""
    callback, secret = transport.get("callback"), transport.get("secret")
    parts = urlsplit(callback) if isinstance(callback, str) else None
    good_scheme = parts is not None and (parts.scheme == "https" or (parts.scheme == "http" and not https))
    if parts is None or not good_scheme or not parts.hostname or (https and parts.port not in (None, 443)):
        raise ApiError(400, "invalid callback: must be an https address on port 443")
    if not isinstance(secret, str) or not secret.isascii() or not 10 <= len(secret) <= 100:
        raise ApiError(400, "secret must be an ASCII string between 10 and 100 characters")
    return str(callback), secret


class WebhookCourier:
    """Carries parcels. Deliveries run side by side; their number is bounded."""

    def __init__(self, *, settings: SimulatorSettings, ids: Ids) -> None:
        self._settings = settings
        self._ids = ids
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(settings.webhook_concurrency)
        self._http: aiohttp.ClientSession | None = None
        self.trust: ssl.SSLContext | bool = True

    async def start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._settings.webhook_timeout_s)
        self._http = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def verify(self, parcel: Parcel, done: Callable[[bool], None]) -> None:
        """Send the challenge that the parcel's body lacks yet; tell `done` whether it came back."""
        challenge = self._ids.unique()

        async def work() -> None:
            answer = await self._post(parcel, {"challenge": challenge, **parcel.body}, 0)
            done(answer is not None and answer[0] == 200 and answer[1] == challenge)

        self._run(work())

    def deliver(self, parcel: Parcel, done: Callable[[bool], None]) -> None:
        """POST until a 2XX comes or the retries are used up; tell `done` how it ended."""

        async def work() -> None:
            delays = (0.0, *self._settings.webhook_retry_delays_s)
            for attempt, delay in enumerate(delays):
                await asyncio.sleep(delay)
                answer = await self._post(parcel, parcel.body, attempt)
                if answer is not None and 200 <= answer[0] < 300:
                    done(True)
                    return
            done(False)

        self._run(work())

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, parcel: Parcel, body: dict[str, Any], attempt: int) -> tuple[int, str] | None:
        """Status and text of the answer, or None when none came. Redirects are not followed."""
        assert self._http is not None
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        sent_at = rfc3339_nanoseconds()
        signed = parcel.message_id.encode() + sent_at.encode() + raw
        signature = hmac.new(parcel.secret.encode(), signed, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Twitch-Eventsub-Message-Id": parcel.message_id,
            "Twitch-Eventsub-Message-Retry": str(attempt),
            "Twitch-Eventsub-Message-Type": parcel.type,
            "Twitch-Eventsub-Message-Signature": f"sha256={signature}",
            "Twitch-Eventsub-Message-Timestamp": sent_at,
            "Twitch-Eventsub-Subscription-Type": parcel.subscription_type,
            "Twitch-Eventsub-Subscription-Version": parcel.subscription_version,
        }
        async with self._places:
            try:
                async with self._http.post(
                    parcel.callback, data=raw, headers=headers, allow_redirects=False, ssl=self.trust
                ) as answer:
                    return answer.status, (await answer.content.read(4096)).decode("utf-8", "replace")
            except (aiohttp.ClientError, TimeoutError, OSError):
                return None
