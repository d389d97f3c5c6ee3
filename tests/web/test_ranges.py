"""Parts of a film, as players ask for them when somebody jumps (RFC 9110, 14)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.world import World, running

FILM = bytes(range(200))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[World]:
    root = tmp_path / "static"
    root.mkdir()
    for name in ("film.mp4", "film.webm", "part.ts", "words.vtt", "list.m3u8", "page.html"):
        (root / name).write_bytes(FILM if name.startswith(("film", "part")) else b"WEBVTT\n")
    async with running(static=root) as world:
        yield world


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("film.mp4", "video/mp4"),
        ("film.webm", "video/webm"),
        ("part.ts", "video/mp2t"),
        ("words.vtt", "text/vtt; charset=utf-8"),
        ("list.m3u8", "application/vnd.apple.mpegurl"),
    ],
)
async def test_films_have_the_type_that_players_want(site: World, name: str, kind: str) -> None:
    async with site.client.get(site.url(f"/static/{name}")) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == kind
        assert response.headers.get("Accept-Ranges") == ("bytes" if kind.startswith("video/") else None)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, 199),
        ("bytes=50-", 50, 199),
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=190-999", 190, 199),
        ("bytes=199-199", 199, 199),
        ("bytes=-1", 199, 199),
        ("bytes=-20", 180, 199),
        ("bytes=-999", 0, 199),
    ],
)
@pytest.mark.parametrize("name", ["film.mp4", "film.webm", "part.ts"])
async def test_a_part_of_a_film(site: World, name: str, asked: str, first: int, last: int) -> None:
    async with site.client.get(site.url(f"/static/{name}"), headers={"Range": asked}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {first}-{last}/200"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["ETag"]
        assert await response.read() == FILM[first : last + 1]
        assert response.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=200-", "bytes=200-300", "bytes=-0", "bytes=99999999999999-"])
async def test_what_lies_behind_the_end_is_416(site: World, asked: str) -> None:
    async with site.client.get(site.url("/static/film.mp4"), headers={"Range": asked}) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == "bytes */200"
        assert await response.read() == b""


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=5-2",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=0-1,5-9",
        "pages=0-1",
        "0-1",
        "bytes=٠-١",
        "bytes=9999999999999999999-",
    ],
)
async def test_a_range_that_is_none_or_several_is_left_alone(site: World, asked: str) -> None:
    async with site.client.get(site.url("/static/film.mp4"), headers={"Range": asked}) as response:
        assert response.status == 200
        assert await response.read() == FILM


async def test_a_part_of_another_version_is_not_mixed_in(site: World) -> None:
    url = site.url("/static/film.mp4")
    async with site.client.get(url) as response:
        tag = response.headers["ETag"]
    for version, status in ((tag, 206), ('"other"', 200), ("Sat, 21 Nov 2026 20:00:00 GMT", 200)):
        async with site.client.get(url, headers={"Range": "bytes=1-2", "If-Range": version}) as response:
            assert response.status == status, version
    async with site.client.get(url, headers={"Range": "bytes=1-2", "If-None-Match": tag}) as response:
        assert response.status == 304


async def test_only_films_come_in_parts(site: World) -> None:
    async with site.client.get(site.url("/static/page.html"), headers={"Range": "bytes=0-1"}) as response:
        assert response.status == 200
        assert await response.read() == b"WEBVTT\n"
