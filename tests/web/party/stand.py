"""Where the library stands in its tests: its real files on a blank page, in Chromium, and a server to talk to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from playwright.async_api import Page

from web.middleware import CONTENT_SECURITY_POLICY
from web.pages import Pages

# The policy of our pages, but the talk is with a server of the test at another port, and clips may be made in the page.
POLICY = (
    CONTENT_SECURITY_POLICY.replace("connect-src 'self'", "connect-src 'self' ws://127.0.0.1:*")
    + "; media-src 'self' blob:; frame-src http://127.0.0.1:*"
)
BLANK = "<!doctype html><meta charset=utf-8><title>party</title><link rel=icon href=data:,><video></video>"


@asynccontextmanager
async def library(extra: dict[str, str] | None = None) -> AsyncIterator[str]:
    """The origin of a blank page at `/` with the files of the pages at `/static/`, and pages of the test's own."""
    pages = Pages()

    async def blank(request: web.Request) -> web.Response:
        return web.Response(text=BLANK, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def own(request: web.Request) -> web.Response:
        return web.Response(text=(extra or {})[request.path], content_type="text/html")

    app = web.Application()
    app.router.add_get("/", blank)
    app.router.add_get("/static/{path:.+}", pages.static)
    for path in extra or {}:
        app.router.add_get(path, own)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def until(page: Page, expression: str, *, seconds: float = 30.0) -> None:
    """Wait until an expression is true in the page. `wait_for_function` would need `eval`, which the policy refuses."""
    async with asyncio.timeout(seconds):
        await page.evaluate(
            "() => new Promise((done) => {"
            f"  const look = () => (({expression}) ? done() : setTimeout(look, 20));"
            "  look();"
            "})"
        )
