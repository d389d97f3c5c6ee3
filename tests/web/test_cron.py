"""Who may trigger scheduled work: the shared secret, Google's signature, and nobody else."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from domain.errors import Denied, Unavailable
from tests.support.clock import ManualClock
from tests.web.world import World, running
from web.cron import KEYS_SECONDS, REFETCH_SECONDS, CronAuth, OidcRule

PATH = "/api/cron/remove-expired-vips"
AUDIENCE = "https://vip.example.org/api/cron/remove-expired-vips"
EMAIL = "scheduler@project.iam.gserviceaccount.com"
RULE = OidcRule(audience=AUDIENCE, email=EMAIL)
SECRET = "a cron secret"


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(name: str) -> dict[str, Any]:
    document = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key(name).public_key()))
    return document | {"kid": name, "use": "sig", "alg": "RS256"}


class Google:
    """Hands out keys, and counts how often it is asked."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked = 0
        self.down = False

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        if self.down:
            raise Unavailable("Google's keys cannot be fetched.", code="cron.keys")
        return {
            "keys": [public(name) for name in self.names]
            + [{"kty": "RSA", "kid": "broken"}, {"kty": "EC"}, "x"]
        }


def token(clock: ManualClock, *, by: str = "k1", kid: str | None = None, **changes: Any) -> str:
    now = clock.now() // 1000
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": EMAIL,
        "email_verified": True,
        "sub": "1",
        "iat": now,
        "exp": now + 3600,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key(by), algorithm="RS256", headers={"kid": kid or by})


async def call(world: World, method: str = "POST", **headers: str) -> tuple[int, Any]:
    async with world.client.request(method, world.url(PATH), headers=headers) as response:
        return response.status, await response.json(content_type=None)


# the shared secret


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {SECRET}"}, {"Authorization": f"bearer {SECRET}"}, {"X-Cron-Secret": SECRET}],
)
async def test_the_shared_secret_opens(method: str, headers: dict[str, str]) -> None:
    async with running(cron_secret=SECRET) as world:
        assert await call(world, method, **headers) == (200, {"due": 3})
        assert world.outside.removed == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer ü"},
        {"X-Cron-Secret": ""},
        {"X-Cron-Secret": SECRET + "x"},
        {"Authorization": "Bearer a.b.c"},
    ],
)
@pytest.mark.parametrize("secret", [SECRET, None])
async def test_everything_else_is_a_401(headers: dict[str, str], secret: str | None) -> None:
    async with running(cron_secret=secret) as world:
        status, body = await call(world, **headers)
        assert (status, body["code"]) == (401, "cron.denied")
        assert world.outside.removed == 0


async def test_an_empty_secret_opens_nothing() -> None:
    async with running(cron_secret="") as world:
        assert (await call(world, **{"X-Cron-Secret": ""}))[0] == 401
        assert (await call(world, Authorization="Bearer "))[0] == 401


async def test_a_session_does_not_open_it() -> None:
    async with running(cron_secret=SECRET) as world:
        await world.sign_in()
        assert (await call(world))[0] == 401


# Google's token


async def test_a_token_of_the_right_account_opens() -> None:
    google = Google("k1")
    async with running(cron_oidc=RULE, ports={"fetch_keys": google.fetch}) as world:
        good = token(world.clock)
        assert await call(world, Authorization=f"Bearer {good}") == (200, {"due": 3})
        assert await call(world, "GET", Authorization=f"Bearer {good}") == (200, {"due": 3})
        assert google.asked == 1


async def test_both_ways_may_be_open_at_once() -> None:
    google = Google("k1")
    async with running(cron_oidc=RULE, cron_secret=SECRET, ports={"fetch_keys": google.fetch}) as world:
        assert (await call(world, Authorization=f"Bearer {token(world.clock)}"))[0] == 200
        assert (await call(world, Authorization=f"Bearer {SECRET}"))[0] == 200


async def check(auth: CronAuth, bearer: str) -> None:
    await auth.check({"Authorization": f"Bearer {bearer}"})


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example.org"},
        {"aud": ...},
        {"iss": "https://evil.example"},
        {"iss": ...},
        {"email": "other@project.iam.gserviceaccount.com"},
        {"email": ...},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": ...},
        {"exp": 1_700_000_000},
        {"exp": ...},
        {"exp": "soon"},
        {"iat": 1_900_000_000, "exp": 1_900_003_600},
        {"iat": ...},
        {"iat": None},
        {"by": "k2", "kid": "k1"},
        {"by": "k2", "kid": "unknown"},
    ],
    ids=str,
)
async def test_a_token_that_is_wrong_in_one_thing_is_denied(changes: dict[str, Any]) -> None:
    clock = ManualClock()
    auth = CronAuth(clock=clock, oidc=RULE, fetch_keys=Google("k1").fetch)
    await check(auth, token(clock))
    with pytest.raises(Denied):
        await check(auth, token(clock, **changes))


async def test_only_rs256_counts() -> None:
    clock = ManualClock()
    auth = CronAuth(clock=clock, oidc=RULE, fetch_keys=Google("k1").fetch)
    claims = jwt.decode(token(clock), options={"verify_signature": False})
    shared = "x" * 64
    for other in (
        jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"}),
        jwt.encode(claims, shared, algorithm="HS256", headers={"kid": "k1"}),
        jwt.encode(claims, key("k1"), algorithm="RS512", headers={"kid": "k1"}),
    ):
        with pytest.raises(Denied):
            await check(auth, other)


@pytest.mark.parametrize("bearer", ["a.b.c", "..", "é.b.c", "x." * 2 + "y" * 9000])
async def test_rubbish_is_denied_without_asking_google(bearer: str) -> None:
    google = Google("k1")
    with pytest.raises(Denied):
        await check(CronAuth(clock=ManualClock(), oidc=RULE, fetch_keys=google.fetch), bearer)
    assert google.asked == 0


async def test_a_minute_of_leeway() -> None:
    clock = ManualClock()
    auth = CronAuth(clock=clock, oidc=RULE, fetch_keys=Google("k1").fetch)
    now = clock.now() // 1000
    await check(auth, token(clock, exp=now - 59))
    await check(auth, token(clock, iat=now + 59))
    with pytest.raises(Denied):
        await check(auth, token(clock, exp=now - 60))


async def test_keys_are_kept_for_an_hour() -> None:
    clock, google = ManualClock(), Google("k1")
    auth = CronAuth(clock=clock, oidc=RULE, fetch_keys=google.fetch)
    for seconds in (0, KEYS_SECONDS - 1, 2):
        await clock.advance(seconds)
        await check(auth, token(clock))
    assert google.asked == 2


async def test_an_unknown_key_makes_us_look_again_but_not_all_the_time() -> None:
    clock, google = ManualClock(), Google("k1")
    auth = CronAuth(clock=clock, oidc=RULE, fetch_keys=google.fetch)
    await check(auth, token(clock))
    google.names.append("k2")
    for _ in range(5):
        with pytest.raises(Denied):
            await check(auth, token(clock, by="k2"))
    assert google.asked == 1
    await clock.advance(REFETCH_SECONDS + 1)
    await check(auth, token(clock, by="k2"))
    assert google.asked == 2


async def test_when_google_is_down_the_answer_is_503() -> None:
    google = Google("k1")
    google.down = True
    async with running(cron_oidc=RULE, ports={"fetch_keys": google.fetch}) as world:
        status, body = await call(world, Authorization=f"Bearer {token(world.clock)}")
        assert (status, body["code"]) == (503, "cron.keys")
        google.down = False
        assert (await call(world, Authorization=f"Bearer {token(world.clock)}"))[0] == 200
