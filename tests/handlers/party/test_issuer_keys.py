from __future__ import annotations

import base64

import pytest

from handlers.party.issuer_keys import parse, secret_of

SECRET = "0123456789abcdef0123456789abcdef"


def test_rows_are_read() -> None:
    raw = bytes(range(32))
    rows = parse(
        f"https://a.example RS256 https://a.example/jwks.json, b HS256 secret:{SECRET},"
        f" b HS256 base64:{base64.b64encode(raw).decode()}, c ES256 file:/etc/c.pem,"
    )
    assert [(row.issuer, row.alg) for row in rows] == [
        ("https://a.example", "RS256"),
        ("b", "HS256"),
        ("b", "HS256"),
        ("c", "ES256"),
    ]
    assert secret_of(rows[1].source) == SECRET.encode()
    assert secret_of(rows[2].source) == raw
    assert parse("") == ()
    assert SECRET not in repr(rows)


@pytest.mark.parametrize(
    "text",
    [
        "a HS256",
        f"a HS256 secret:{SECRET} more",
        f"a none secret:{SECRET}",
        f"a hs256 secret:{SECRET}",
        "a HS256 secret:short",
        f"a HS512 secret:{SECRET}",
        "a HS256 base64:AAAA",
        "a HS256 base64:not base64",
        "a HS256 file:/etc/key",
        f"a RS256 secret:{SECRET}",
        "a RS256 http://a.example/jwks.json",
        "a RS256 /etc/key.pem",
        f"cuelight HS256 secret:{SECRET}",
    ],
)
def test_rows_that_are_not_good(text: str) -> None:
    with pytest.raises(ValueError, match="row 1") as caught:
        parse(text)
    assert SECRET not in str(caught.value)
