from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.world import World, running
from web import pages
from web.keys import Rate
from web.limits import Allowance
from web.pages import Pages


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[World]:
    root = tmp_path / "static"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><p>Grüße")
    (root / "js" / "app.js").write_text("export {};")
    (root / "pixel.png").write_bytes(b"\x89PNG")
    (root / "icon.svg").write_text("<svg/>")
    (root / "README.md").write_text("secret")
    (root / "not_found.html").write_text("<!doctype html><p>Nothing lives here")
    (root / "error.html").write_text("<!doctype html><p>We failed")
    (root / ".hidden").write_text("secret")
    (root / "_draft").mkdir()
    (root / "_draft" / "x.js").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    async with running(static=root) as world:
        yield world


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", "<!doctype html><p>Grüße".encode()),
        ("/connection", "text/html; charset=utf-8", "<!doctype html><p>Grüße".encode()),
        ("/static/index.html", "text/html; charset=utf-8", "<!doctype html><p>Grüße".encode()),
        ("/static/js/app.js", "text/javascript; charset=utf-8", b"export {};"),
        ("/static/icon.svg", "image/svg+xml; charset=utf-8", b"<svg/>"),
        ("/static/pixel.png", "image/png", b"\x89PNG"),
    ],
)
async def test_files_are_served_with_their_type(site: World, path: str, kind: str, body: bytes) -> None:
    async with site.client.get(site.url(path)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == kind
        assert response.headers["Cache-Control"] == "no-cache"
        assert await response.read() == body


async def test_who_has_the_newest_version_hears_304(site: World) -> None:
    async with site.client.get(site.url("/")) as response:
        tag = response.headers["ETag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        async with site.client.get(site.url("/"), headers={"If-None-Match": given}) as response:
            assert response.status == 304
            assert response.headers["ETag"] == tag
            assert await response.read() == b""
    async with site.client.get(site.url("/"), headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


async def test_every_page_is_the_shell(site: World) -> None:
    for path in pages.PATHS:
        async with site.client.get(site.url(path)) as response:
            assert response.status == 200, path
            assert "Grüße" in await response.text()


CSP = "Content-Security-Policy"
PEOPLE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/nothing", "/rewards/", "/rewards/1", "/api/auth/nothing", "//", "/%00"])
async def test_people_who_come_to_nothing_get_a_page(site: World, path: str) -> None:
    async with site.client.get(site.url(path), headers={"Accept": PEOPLE}) as response:
        assert response.status == 404
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Request-Id"]
        assert "Nothing lives here" in await response.text()
    async with site.client.post(site.url(path), headers={"Accept": PEOPLE}) as response:
        assert response.content_type == "application/problem+json", "a page is for who asked for one"
    async with site.client.get(site.url(path), headers={"Accept": "application/json"}) as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/nothing", "/api/audit-log", "/static/none.js", "/metrics/x"])
async def test_programs_get_the_problem_whatever_they_accept(site: World, path: str) -> None:
    async with site.client.get(site.url(path), headers={"Accept": PEOPLE}) as response:
        assert response.status in {401, 404}
        assert response.content_type == "application/problem+json"


async def test_people_whom_we_fail_get_a_page_too(site: World) -> None:
    async with site.client.get(site.url("/api/auth/csrf"), headers={"Accept": PEOPLE}) as response:
        assert response.status == 401
        assert "We failed" in await response.text()
    async with site.client.delete(site.url("/rewards"), headers={"Accept": PEOPLE}) as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]


async def test_people_who_ask_too_often_get_a_page_with_the_headers() -> None:
    async with running(rate_limits={Rate.READS: Allowance(1, 60)}) as world:
        for status, words in ((200, "API"), (429, "Cuelight")):
            async with world.client.get(world.url("/api/docs"), headers={"Accept": PEOPLE}) as response:
                assert (response.status, response.content_type) == (status, "text/html")
                assert words in await response.text()
                assert response.headers["X-RateLimit-Limit"] == "1"
        assert response.headers["Retry-After"] == "60"


async def test_head_has_no_body(site: World) -> None:
    async with site.client.head(site.url("/")) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 10


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/..%2fsecret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/js/../../secret.txt",
        "/static/..%5csecret.txt",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/index.html%00.png",
        "/static/.hidden",
        "/static/README.md",
        "/static/_draft/x.js",
        "/static/link.txt",
        "/static/js",
        "/static/js/",
        "/static/",
        "/static/none.js",
    ],
)
async def test_nothing_else_can_be_had(site: World, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)  # a client would tidy the path up
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b" 404 " in answer.splitlines()[0]
    assert b"secret" not in answer


async def test_without_a_page_the_rest_works(tmp_path: Path) -> None:
    async with running(static=tmp_path / "none") as world:
        async with world.client.get(world.url("/")) as response:
            assert response.status == 404
        async with world.client.get(world.url("/livez")) as response:
            assert response.status == 200


def test_the_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_TOTAL_BYTES", 10)
    (tmp_path / "a.txt").write_text("x" * 11)
    with pytest.raises(ValueError, match="larger"):
        Pages(directory=tmp_path)


def test_names(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    assert Pages(directory=tmp_path).names == ["a.txt", "b.txt"]


async def test_the_watch_pages_have_a_shell_and_a_policy_of_their_own() -> None:
    """Films may come from any https host; scripts may not, and the one frame is YouTube's."""
    async with running() as world:
        for path in ("/party", "/party/mint-owl-42"):
            async with world.client.get(world.url(path)) as response:
                assert response.status == 200
                policy = dict(
                    part.strip().split(" ", 1) for part in response.headers.getall(CSP)[0].split(";")
                )
                assert len(response.headers.getall(CSP)) == 1
                assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
                assert policy["media-src"] == "'self' blob: https:"
                assert policy["connect-src"] == "'self' https:"
                assert policy["frame-src"] == "https://www.youtube-nocookie.com"
                assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                tag = response.headers["ETag"]
            async with world.client.get(world.url(path), headers={"If-None-Match": tag}) as response:
                assert response.status == 304
                assert "youtube" in response.headers[CSP], "what a browser kept gets the newest policy"
        async with world.client.get(world.url("/party/a/b"), headers={"Accept": PEOPLE}) as response:
            assert response.status == 404


@pytest.mark.parametrize(
    ("asked", "status", "part", "said"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
    ],
)
async def test_players_may_jump_in_a_film(
    tmp_path: Path, asked: str, status: int, part: bytes, said: str | None
) -> None:
    root = tmp_path / "films"
    root.mkdir()
    (root / "clip.mp4").write_bytes(b"0123456789")
    async with running(static=root) as world:
        url = world.url("/static/clip.mp4")
        async with world.client.get(url, headers={"Range": asked}) as response:
            assert (response.status, await response.read()) == (status, part)
            assert response.headers.get("Content-Range") == said
            assert response.headers["Accept-Ranges"] == "bytes"
        old = {"Range": asked, "If-Range": '"another"'}
        async with world.client.get(url, headers=old) as response:
            assert response.status == 200, "it was another film when the first part was fetched"
