"""`POST /api/webhooks/eventsub`: verify, then remember, then answer.

Rules: https://dev.twitch.tv/docs/eventsub/handling-webhook-events/. Twitch wants a 2xx within a few seconds, so that
all that happens before the answer is one durable insert; a duplicate is answered 2xx too, else Twitch counts a failure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import structlog
from aiohttp import web

from domain.errors import CuelightError, Rejected
from domain.events import Arrival
from domain.ports import Checkpoint, Clock, Metrics
from domain.signatures import Verified, verify_eventsub
from web.keys import BODY
from web.ports import EventSubSink

MAX_BODY = 1 << 20
MAX_CHALLENGE = 1024

log = structlog.get_logger("web.webhooks")


class EventSubWebhook:
    """`secrets` are pairs of key id and secret; several while one is being rolled over."""

    def __init__(
        self,
        *,
        sink: EventSubSink,
        clock: Clock,
        metrics: Metrics,
        checkpoint: Checkpoint,
        secrets: Sequence[tuple[str, bytes]],
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._checkpoint = checkpoint
        self._secrets = tuple(secrets)

    async def receive(self, request: web.Request) -> web.Response:
        """204 for what was kept, 200 with the challenge, 4xx for what is not Twitch's, 503 when full."""
        body = request[BODY]
        self._checkpoint("webhook.accepted")
        try:
            verified = verify_eventsub(
                headers=request.headers, body=body, secrets=self._secrets, now_ms=self._clock.now()
            )
            self._checkpoint("webhook.verified")
            return await self._take(request, verified, body)
        except CuelightError as error:
            self._metrics.count("webhook_rejected_total", reason=error.code)
            raise

    async def _take(self, request: web.Request, verified: Verified, body: bytes) -> web.Response:
        payload = parse(body)
        if verified.message_type == "webhook_callback_verification":
            challenge = payload.get("challenge")
            if not isinstance(challenge, str) or not 0 < len(challenge) <= MAX_CHALLENGE:
                _bad("The challenge is missing.")
            return web.Response(text=challenge, content_type="text/plain")
        if verified.message_type == "notification":
            taken = await self._sink.notification(
                Arrival(
                    message_id=verified.message_id,
                    type=verified.subscription_type,
                    version=verified.version,
                    payload=payload,
                    raw=body,
                    headers=_kept(request),
                    key_id=verified.key_id,
                    transport="webhook",
                )
            )
            if taken == "conflict":
                log.error("the same message id came with another body", message_id=verified.message_id)
        elif verified.message_type == "revocation":
            subscription = payload.get("subscription")
            if not isinstance(subscription, dict):
                _bad("The subscription is missing.")
            await self._sink.revocation(
                message_id=verified.message_id, subscription=subscription, transport="webhook"
            )
        else:
            # Authentic, but of a kind that Twitch did not document when this was written: refusing it would only
            # make Twitch switch the subscription off.
            self._metrics.count("webhook_rejected_total", reason="webhook.unknown_kind")
            log.error(
                "a message of an unknown kind", kind=verified.message_type, message_id=verified.message_id
            )
        self._checkpoint("inbox.answered")
        return web.Response(status=204)


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; raises `Rejected` for anything else, however broken, deep or huge."""
    try:
        payload = json.loads(body, parse_constant=_no_constant)
        # JSON can spell half a surrogate pair, UTF-8 (and with it any store) cannot hold one.
        if b"\\ud" in body.lower():
            json.dumps(payload, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        _bad("The body is not JSON.")
    if not isinstance(payload, dict):
        _bad("The body is no JSON object.")
    return payload


def _kept(request: web.Request) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower().startswith("twitch-eventsub-")
    }


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bad(sentence: str) -> NoReturn:
    raise Rejected(sentence, code="webhook.bad_json")
