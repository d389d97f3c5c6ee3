"""Whatever comes in is read into a model or refused with words; nothing that comes in breaks anything."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from domain.errors import Rejected
from web.keys import BODY
from web.models.base import MOST_FAULTS, Asked, Told, body_of, path_of, query_of, told


class Wanted(Asked):
    name: str = Field(max_length=5)
    many: int = 1


class Made(Told):
    since: int = Field(alias="from", default=5)


def request(query: str = "", body: bytes = b"", **parts: str) -> Any:
    made = make_mocked_request("GET", f"/x?{query}", match_info=parts)
    made[BODY] = body
    return made


def test_a_body_a_query_and_a_path_are_read() -> None:
    assert body_of(request(body=b'{"name": "ann", "many": 2}'), Wanted) == Wanted(name="ann", many=2)
    assert query_of(request("name=ann&many=2&channel=1"), Wanted) == Wanted(name="ann", many=2)
    assert query_of(request("name=ann&many="), Wanted).many == 1
    assert path_of(request(name="ann"), Wanted).name == "ann"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[" * 4000, b'{"name": "\\ud800"}', b"\xff", b'{"name": "x", "more": 1}']
)
def test_what_is_no_such_body_is_refused_with_words(body: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        body_of(request(body=body), Wanted)
    assert refused.value.code == "web.body"
    assert refused.value.message


def test_each_fault_is_named_and_nothing_is_echoed() -> None:
    with pytest.raises(Rejected) as refused:
        query_of(request("name=secretsecret&many=x&" + "&".join(f"x{n}=1" for n in range(9))), Wanted)
    assert refused.value.code == "web.parameter"
    assert "name: " in refused.value.message
    assert "secret" not in refused.value.message
    assert refused.value.message.count(": ") <= MOST_FAULTS


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    with suppress(Rejected):
        body_of(request(body=body), Wanted)


def test_an_answer_has_its_names_and_headers() -> None:
    response = told(Made(), status=202, headers={"Location": "/x"})
    assert (response.status, response.text, response.headers["Location"]) == (202, '{"from":5}', "/x")
