"""Writes that are rows in a lane: who asks, and how what came of it is answered."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from domain.audit import Actor
from domain.errors import Conflict, CuelightError, NotFound, Rejected, Unavailable
from handlers.vip.operations import Operation, Operations
from handlers.vip.vip_desk import Asker
from web.keys import CHANNEL, SESSION, Role
from web.models.base import path_of, told
from web.models.operations import OperationId, OperationTold

PENDING = "pending"
_KEY = re.compile(r"[ -~]{1,128}")
_FAMILIES: dict[str, type[Rejected]] = {
    "vip.not_vip": NotFound,
    "vip.no_viewer": NotFound,
    "vip.no_channel": NotFound,
    "waiting.unknown": NotFound,
}
"""What is not a 409 among the refusals, by code."""

WORDS: dict[str, tuple[str, str, str]] = {
    "already_vip": ("vip.already", "This viewer is VIP already.", "Extend that VIP."),
    "not_vip": ("vip.not_vip", "This viewer is no VIP.", "Load the list again."),
    "admitted": ("waiting.admitted", "It was this viewer's turn already.", "Remove the VIP instead."),
    "not_ours": ("waiting.unknown", "We know nothing of this redemption.", "Load the list again."),
}
"""Results that are refusals without more words: code, sentence, advice."""


def asker_of(request: web.Request) -> Asker:
    """Who asks for a change in a channel. Raises `Rejected` (`idempotency.key`)."""
    session, channel_id = request[SESSION], request[CHANNEL]
    key = request.headers.get("Idempotency-Key", "")
    if "Idempotency-Key" in request.headers and not _KEY.fullmatch(key):
        raise Rejected("The Idempotency-Key has 1 to 128 printable ASCII characters.", code="idempotency.key")
    kind = "streamer" if session.role_in(channel_id) is Role.OWNER else "moderator"
    return Asker(channel_id, session.subject, Actor(kind, session.subject, session.name), key)


def raise_if_refused(operation: Operation) -> None:
    """Raise the refusal of an operation (a 404 or 409), or its failure (a 503: it may be tried again)."""
    if operation.state == "failed":
        raise Unavailable(
            f"It could not be carried out: {operation.message}", code=operation.code, advice=operation.advice
        )
    code, message, advice = operation.code, operation.message, operation.advice
    if operation.result in WORDS:
        usual = WORDS[operation.result]
        code, message, advice = code or usual[0], message or usual[1], advice or usual[2]
    elif not operation.refused:
        return
    family: type[CuelightError] = _FAMILIES.get(code, Conflict)
    raise family(message or "It was refused.", code=code or "vip.refused", advice=advice)


def accepted(operation: Operation) -> dict[str, str]:
    """The headers of an answer that is not the last word."""
    return {"Location": f"/api/operations/{operation.id}"} if operation.state == PENDING else {}


class OperationsApi:
    """GET `/api/operations/{id}`."""

    def __init__(self, *, operations: Operations) -> None:
        self._operations = operations

    async def show(self, request: web.Request) -> web.Response:
        asked = path_of(request, OperationId)
        return told(operation_told(await self._operations.look(asked.id, channel_id=request[CHANNEL])))


def operation_told(operation: Operation) -> OperationTold:
    """An operation as the API tells it."""
    fields: dict[str, Any] = {
        "id": operation.id,
        "state": operation.state,
        "result": operation.result,
        "code": operation.code,
        "detail": operation.message,
        "advice": operation.advice,
        "at": operation.at,
    }
    return OperationTold(**fields)
