"""From our errors to HTTP: one table of codes, one shape of answer (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from aiohttp import web

from domain.errors import Broken, Conflict, CuelightError, Denied, NotFound, Rejected, Unavailable

# By code where the family does not say enough; a key that ends in a dot holds for all codes that begin with it.
STATUS: dict[str, int] = {
    "auth.signed_out": 401,
    "cron.denied": 401,
    "metrics.denied": 401,
    "auth.forbidden": 403,
    "csrf.": 403,
    "http.method_not_allowed": 405,
    "http.body_too_large": 413,
    "http.body_too_slow": 408,
    "http.rate_limited": 429,
    "signature.missing": 400,
    "signature.malformed": 400,
    "signature.not_ascii": 400,
    "signature.": 403,
}

_FAMILIES: tuple[tuple[type[CuelightError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Denied, 403),
    (Rejected, 400),
    (Unavailable, 503),
    (Broken, 500),
)


# What to do next, where the error itself does not say it: by code, else by status. No answer goes without.
_NEXT: dict[str, str] = {
    "web.channel": "Add ?channel=ID; /api/auth/session lists yours.",
    "web.no_channel": "Load the page again: the channel may have left.",
    "http.not_found": "See /api/docs for what there is.",
    "http.method_not_allowed": "The header Allow names those that it answers to.",
    "http.body_too_slow": "Send it again.",
    "http.bad_body": "Send it again.",
}
_NEXT_BY_STATUS: dict[int, str] = {
    401: "Sign in, then try again.",
    403: "Sign in as somebody who may do this.",
    404: "Load the page again: it may be gone.",
    409: "Load the page again, then decide anew.",
    429: "Ask less often.",
    503: "Try again in a moment.",
}
_CORRECT = "Correct what was sent, then try again."


def status_of(error: CuelightError) -> int:
    """The HTTP status of an error: its code, else the beginning of its code, else its family."""
    if error.code in STATUS:
        return STATUS[error.code]
    group = error.code.partition(".")[0] + "."
    if group in STATUS:
        return STATUS[group]
    return next((status for family, status in _FAMILIES if isinstance(error, family)), 500)


def from_http(error: web.HTTPException) -> CuelightError:
    """What aiohttp raises by itself (no route, wrong method, bad request) as one of ours."""
    if error.status == 404:
        return NotFound("There is nothing at this address.", code="http.not_found")
    if error.status == 405:
        return Rejected("This address does not answer to this method.", code="http.method_not_allowed")
    if error.status == 413:
        return too_large()
    return Rejected("The request cannot be understood.", code="http.bad_request")


def too_large(limit: int | None = None) -> Rejected:
    """The body is over the limit of its route."""
    bound = f" than {limit} bytes" if limit is not None else ""
    return Rejected(f"The body is larger{bound}.", code="http.body_too_large", advice="Send less.")


def advice_of(error: CuelightError, status: int) -> str:
    """What to do next: the error's own words, else the usual ones."""
    return error.advice or _NEXT.get(error.code) or _NEXT_BY_STATUS.get(status, _CORRECT)


def problem(error: CuelightError, *, request_id: str) -> web.Response:
    """The answer to a request that failed. What is unknown or ours stays vague; the log has the rest."""
    status = status_of(error)
    ours = status == 500
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": "Something went wrong on our side." if ours else error.message,
        "advice": f"Tell the operator the request id {request_id}." if ours else advice_of(error, status),
        "request_id": request_id,
    }
    response = web.Response(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        content_type="application/problem+json",
    )
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="cuelight"'
    return response
