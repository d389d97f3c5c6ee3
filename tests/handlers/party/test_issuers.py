"""Tokens of other issuers: good ones, and those that somebody would like to be good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import Denied, Rejected, Unavailable
from handlers.party.issuer_keys import IssuerKey
from handlers.party.issuers import LONGEST_TOKEN, Issuers, subject_of
from tests.support.clock import ManualClock

SECRET = "0123456789abcdef0123456789abcdef"
ISSUER = "https://school.example.org"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def claims(clock: ManualClock, **more: Any) -> dict[str, Any]:
    now = clock.now() // 1000
    held = {"iss": ISSUER, "sub": "ann", "name": "Ann", "iat": now, "exp": now + 60, **more}
    return {name: value for name, value in held.items() if value is not None}


def signed(payload: dict[str, Any], key: Any = SECRET, alg: str = "HS256", **header: Any) -> str:
    return jwt.encode(payload, key, algorithm=alg, headers=header)


def by_hand(header: dict[str, Any], payload: dict[str, Any], key: bytes = b"") -> str:
    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = f"{text(json.dumps(header).encode())}.{text(json.dumps(payload).encode())}"
    mac = hmac.new(key, head.encode(), hashlib.sha256).digest() if key else b""
    return f"{head}.{text(mac)}"


def shared(clock: ManualClock, **more: Any) -> Issuers:
    return Issuers([IssuerKey(ISSUER, "HS256", f"secret:{SECRET}")], clock=clock, **more)


async def test_a_good_token_says_who_it_is(clock: ManualClock) -> None:
    found = await shared(clock).verify(signed(claims(clock)))
    assert (found.issuer, found.subject, found.name) == (ISSUER, "ann", "Ann")
    nameless = await shared(clock).verify(signed(claims(clock, name=None)))
    assert nameless.name == ""


@pytest.mark.parametrize(
    "more",
    [
        {"exp": None},
        {"sub": None},
        {"iss": None},
        {"iss": "https://other.example.org"},
        {"iss": ["https://school.example.org"]},
        {"sub": 7},
        {"sub": ""},
        {"sub": "a" * 129},
        {"sub": "a\nb"},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": 4_000_000_000},
        {"nbf": float("inf")},
        {"iat": 4_000_000_000},
    ],
)
async def test_claims_that_are_not_good(clock: ManualClock, more: dict[str, Any]) -> None:
    payload = claims(clock, **more)
    token = by_hand({"alg": "HS256", "typ": "JWT"}, payload, SECRET.encode())
    with pytest.raises(Denied) as caught:
        await shared(clock).verify(token)
    assert caught.value.code == "party.unauthorized"


async def test_time_is_the_clocks(clock: ManualClock) -> None:
    token = signed(claims(clock))
    await clock.advance(80)
    assert (await shared(clock).verify(token)).subject == "ann", "clocks differ by a little"
    await clock.advance(20)
    with pytest.raises(Denied):
        await shared(clock).verify(token)


async def test_signatures_that_are_none(clock: ManualClock) -> None:
    good = signed(claims(clock))
    head, body, mac = good.split(".")
    other = signed(claims(clock, sub="bob")).split(".")[1]
    bad = [
        by_hand({"alg": "none"}, claims(clock)),
        by_hand({"alg": "None"}, claims(clock)),
        by_hand({"alg": "HS512"}, claims(clock), SECRET.encode()),
        by_hand({"alg": ["HS256"]}, claims(clock), SECRET.encode()),
        by_hand({"alg": "HS256", "crit": ["b64"], "b64": False}, claims(clock), SECRET.encode()),
        by_hand({"typ": "JWT"}, claims(clock), SECRET.encode()),
        signed(claims(clock), "another secret of thirty-two bytes"),
        f"{head}.{other}.{mac}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{good}.{mac}",
        "",
        "..",
        "a.b.c",
        "é" + good,
        good + "A" * LONGEST_TOKEN,
    ]
    for token in bad:
        with pytest.raises(Denied) as caught:
            await shared(clock).verify(token)
        assert caught.value.code == "party.unauthorized", token[:60]
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()
    with pytest.raises(Denied):
        await shared(clock).verify(f"{head}.{deep}.{mac}")


async def test_a_public_key_is_never_a_secret(clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(PEM)
    issuers = Issuers([IssuerKey(ISSUER, "RS256", f"file:{file}")], clock=clock)
    assert (await issuers.verify(signed(claims(clock), RSA, "RS256"))).subject == "ann"
    confused = by_hand({"alg": "HS256", "typ": "JWT"}, claims(clock), PEM)
    for token in (confused, signed(claims(clock), OTHER_RSA, "RS256"), signed(claims(clock), RSA, "RS512")):
        with pytest.raises(Denied):
            await issuers.verify(token)


async def test_several_issuers_and_keys(clock: ManualClock) -> None:
    rows = [
        IssuerKey("a", "HS256", f"secret:{SECRET}"),
        IssuerKey("a", "HS256", f"secret:new{SECRET}"),
        IssuerKey("b", "HS256", f"secret:b{SECRET}"),
    ]
    issuers = Issuers(rows, clock=clock)
    for issuer, secret in (("a", SECRET), ("a", f"new{SECRET}"), ("b", f"b{SECRET}")):
        assert (await issuers.verify(signed(claims(clock, iss=issuer), secret))).issuer == issuer
    with pytest.raises(Denied):
        await issuers.verify(signed(claims(clock, iss="b"), SECRET))
    assert subject_of("a", "ann") != subject_of("b", "ann")


async def test_the_audience_counts_where_it_is_set(clock: ManualClock) -> None:
    strict = shared(clock, audience="cuelight")
    assert (await strict.verify(signed(claims(clock, aud="cuelight")))).subject == "ann"
    assert (await strict.verify(signed(claims(clock, aud=["x", "cuelight"])))).subject == "ann"
    for aud in (None, "x", ["x"]):
        with pytest.raises(Denied):
            await strict.verify(signed(claims(clock, aud=aud)))
    assert (await shared(clock).verify(signed(claims(clock, aud="x")))).subject == "ann"


class KeySet:
    """The address of a key set."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.is_away = False

    def add(self, kid: str, key: Any, **more: Any) -> None:
        algorithm = (
            jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        )
        row: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
        self.keys.append({**row, "kid": kid, **more})

    async def fetch(self, url: str) -> Any:
        assert url == "https://school.example.org/jwks.json"
        self.asked += 1
        if self.is_away:
            raise Unavailable("Away.", code="http.unreachable")
        return {"keys": list(self.keys)}


async def test_a_key_set_is_fetched_now_and_then(clock: ManualClock) -> None:
    held = KeySet()
    held.add("one", RSA)
    held.keys.append({"kty": "oct", "kid": "two", "k": "AAAA"})
    held.add("enc", OTHER_RSA, use="enc")
    row = IssuerKey(ISSUER, "RS256", "https://school.example.org/jwks.json")
    issuers = Issuers([row], clock=clock, fetch=held.fetch)
    for _ in range(3):
        await issuers.verify(signed(claims(clock), RSA, "RS256", kid="one"))
    assert held.asked == 1
    for kid in ("two", "enc", "three"):
        with pytest.raises(Denied):
            await issuers.verify(signed(claims(clock), OTHER_RSA, "RS256", kid=kid))
    assert held.asked == 1, "not more than once a minute, whatever is asked"
    held.add("three", OTHER_RSA)
    await clock.advance(61)
    token = signed(claims(clock), OTHER_RSA, "RS256", kid="three")
    assert (await issuers.verify(token)).subject == "ann"
    assert held.asked == 2
    held.is_away = True
    await clock.advance(3601)
    await issuers.verify(signed(claims(clock), RSA, "RS256", kid="one"))
    assert held.asked == 3, "what was known counts while the issuer is away"


async def test_while_no_key_is_known_nobody_can_say(clock: ManualClock) -> None:
    held = KeySet()
    held.is_away = True
    row = IssuerKey(ISSUER, "ES256", "https://school.example.org/jwks.json")
    issuers = Issuers([row], clock=clock, fetch=held.fetch)
    key = ec.generate_private_key(ec.SECP256R1())
    token = signed(claims(clock), key, "ES256")
    with pytest.raises(Unavailable):
        await issuers.verify(token)
    held.is_away = False
    held.add("", key)
    assert (await issuers.verify(token)).subject == "ann"


def test_files_that_are_no_keys(clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    bad: list[tuple[str, bytes | None]] = [
        ("RS256", None),
        ("RS256", b"no key"),
        ("ES256", PEM),
        ("RS256", weak.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    ]
    for alg, content in bad:
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(Rejected) as caught:
            Issuers([IssuerKey(ISSUER, alg, f"file:{file}")], clock=clock)
        assert caught.value.code == "party.issuer_key"
