"""A browser that logs in at a running daemon: it follows redirects to the simulated Twitch and agrees there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from tests.daemon.running import Running

MOST_REDIRECTS = 8


@dataclass
class Browser:
    """One cookie jar. Every request goes to the daemon, but for what redirects to Twitch."""

    run: Running
    http: aiohttp.ClientSession

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.run.daemon.port}"

    async def get(self, path: str, **params: str) -> tuple[int, Any]:
        async with self.http.get(self.origin + path, params=params, allow_redirects=False) as answer:
            return answer.status, await answer.json(content_type=None)

    async def leads_to(self, path: str, **params: str) -> str:
        """Where a redirect leads, without going there."""
        async with self.http.get(self.url(path), params=params, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    def url(self, place: str) -> URL:
        return URL(place if place.startswith("http") else self.origin + place, encoded=True)

    async def write(
        self, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        """A change, as our page makes it."""
        status, told = await self.get("/api/auth/csrf")
        token = told["token"] if status == 200 else ""
        given = {"X-CSRF-Token": token, "Origin": self.origin, **headers}
        data = {} if body is None else {"json": dict(body)}
        async with self.http.request(method, self.origin + path, headers=given, **data) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ask(self, path: str = "/api/auth/sign-in", **params: str) -> str:
        """Begin a login: where Twitch is asked."""
        return await self.leads_to(path, **params)

    async def agree(self, consent_url: str, who: str) -> str:
        """At Twitch: log in as `who` and agree (`deny`: do not). Where Twitch leads back to."""
        url = URL(consent_url, encoded=True)
        async with self.http.get(url.update_query(sim_user=who), allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    async def log_in(self, who: str, path: str = "/api/auth/sign-in", **params: str) -> str:
        """The whole way, as often as we are sent to Twitch; the path where it ends."""
        place = await self.ask(path, **params)
        for _ in range(MOST_REDIRECTS):
            if not place.startswith(self.run.sim.id_url):
                return place
            place = await self.leads_to(await self.agree(place, who))
        raise AssertionError("too many redirects")

    async def session(self) -> Any:
        return (await self.get("/api/auth/session"))[1]

    def plant(self, **cookies: str) -> None:
        """What an attacker may have put there."""
        self.http.cookie_jar.update_cookies(cookies, URL(self.origin))

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.http.cookie_jar}


@asynccontextmanager
async def browser(run: Running) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(run, http)


async def streamer(run: Running, login: str = "lantern") -> str:
    """A channel on Twitch that we know nothing of; its id."""
    channel = await run.order("channels", {"login": login, "name": login.title()})
    # The simulator gives tokens with it: what a consent to us would be, so it is taken back.
    await run.order("tokens/revoke", {"user_id": channel["id"]})
    return str(channel["id"])


def query_of(url: str) -> dict[str, str]:
    return dict(URL(url, encoded=True).query)
