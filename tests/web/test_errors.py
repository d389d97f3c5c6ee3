from __future__ import annotations

import json

import pytest
from aiohttp import web

from domain.errors import Broken, Conflict, CuelightError, Denied, NotFound, Rejected, Unavailable
from web.errors import STATUS, from_http, problem, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Rejected("x"), 400),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (Denied("x"), 403),
        (Unavailable("x"), 503),
        (Broken("x"), 500),
        (CuelightError("x"), 500),
        (Denied("x", code="auth.signed_out"), 401),
        (Denied("x", code="csrf.token"), 403),
        (Rejected("x", code="signature.wrong"), 403),
        (Rejected("x", code="signature.malformed"), 400),
        (Rejected("x", code="signatures"), 400),
        (Unavailable("x", code="storage.full"), 503),
    ],
)
def test_the_status_of_an_error(error: CuelightError, status: int) -> None:
    assert status_of(error) == status


def test_statuses_are_those_of_failures() -> None:
    assert all(400 <= status < 500 for status in STATUS.values())


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (1.0, "1"), (29.2, "30")])
def test_try_again_is_told_in_whole_seconds(seconds: float, header: str) -> None:
    assert (
        problem(Unavailable("x", retry_after_seconds=seconds), request_id="r").headers["Retry-After"]
        == header
    )


@pytest.mark.parametrize("family", [Rejected, NotFound, Conflict, Denied, Unavailable, Broken])
@pytest.mark.parametrize(
    "code", ["x", "web.channel", "auth.signed_out", "http.body_too_slow", "http.rate_limited"]
)
def test_every_answer_says_what_to_do_next(family: type[CuelightError], code: str) -> None:
    for advice in ("", "Do it thus."):
        answer = problem(family("It is wrong.", code=code, advice=advice), request_id="r")
        assert isinstance(answer.body, bytes)
        told = json.loads(answer.body)
        assert told["code"] == code
        if family is Broken and answer.status == 500:
            assert "r" in told["advice"]
        else:
            assert told["advice"] == advice or (told["advice"] and not advice)


def test_a_401_says_how_to_sign_in() -> None:
    answer = problem(Denied("x", code="cron.denied"), request_id="r")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_text_that_utf_8_cannot_hold_does_not_break_the_answer() -> None:
    answer = problem(Rejected("bad \ud800"), request_id="r")
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["detail"] == "bad ?"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (web.HTTPNotFound(), "http.not_found"),
        (web.HTTPMethodNotAllowed("GET", ["POST"]), "http.method_not_allowed"),
        (web.HTTPRequestEntityTooLarge(1, 2), "http.body_too_large"),
        (web.HTTPBadRequest(), "http.bad_request"),
    ],
)
def test_errors_of_the_library_become_ours(error: web.HTTPException, code: str) -> None:
    assert from_http(error).code == code
