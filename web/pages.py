"""The pages and their files. They are read once, at the start: a request never touches the file system.

Every page is the same shell; which one it shows is read from the path by `static/lib/routes.js`. A browser that comes
to nothing, or that we cannot answer, gets a page that says so; programs get the problem document as it is.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from domain.errors import NotFound

SHELL = "index.html"
PATHS: Mapping[str, str] = dict.fromkeys(
    (
        "/",
        "/activity",
        "/analytics",
        "/watch-party",
        "/rewards",
        "/rules",
        "/settings",
        "/connection",
        "/account",
        "/welcome",
        "/sign-in",
    ),
    SHELL,
)
"""Path of a page to its file."""

PARTY_PATHS = ("/party", "/party/{room_id}")
"""The lobby of the watch parties, and a room of it. They have a shell of their own (`PARTY`)."""

PARTY = "watch/index.html"
OVERLAY = "overlay/index.html"
DOCS = "docs/index.html"
NOT_FOUND, FAILED = "not_found.html", "error.html"
# Where people come with the address bar or a link of Twitch's. Everything else under these is for programs.
_FOR_PROGRAMS = ("/api/", "/static/", "/metrics", "/livez", "/readyz")
_FOR_PEOPLE = ("/api/auth/", "/api/docs")

# Scripts and styles are ours alone, here too. Films, pictures and the parts of a stream may come from any https host;
# the one frame is YouTube's player, which is asked not to remember who looks.
PARTY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob: https:",
        "media-src 'self' blob: https:",
        "font-src 'self'",
        "connect-src 'self' https:",
        "frame-src https://www.youtube-nocookie.com",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

STATIC = Path(__file__).parent / "static"
MAX_TOTAL_BYTES = 32 << 20

# mimetypes asks the machine's own tables, which differ; what browsers are strict about is fixed here.
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".vtt": "text/vtt",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".ts": "video/mp2t",
    ".m3u8": "application/vnd.apple.mpegurl",
}
_RANGE = re.compile(r"bytes=(?=\d|-\d)(?P<first>\d{0,15})-(?P<last>\d{0,15})", re.ASCII)
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    content_type: str
    etag: str


class Pages:
    """Serves the shell at the paths of the pages and every file of a directory under `/static/`.

    Only names that were found at the start exist, so that no path can lead elsewhere. Hidden files, notes for
    developers (`.md`) and links that point out of the directory are left out. Browsers ask again each time
    (`no-cache`) and mostly hear 304.
    """

    def __init__(self, *, directory: Path = STATIC) -> None:
        self._files = _load(directory)

    @property
    def names(self) -> list[str]:
        """What can be had under `/static/`."""
        return sorted(self._files)

    async def page(self, request: web.Request) -> web.Response:
        """GET a path of `PATHS`."""
        return self._answer(request, PATHS[request.path])

    async def docs(self, request: web.Request) -> web.Response:
        """GET `/api/docs`: the description of the API as a page."""
        return self._answer(request, DOCS)

    async def overlay(self, request: web.Request) -> web.Response:
        """GET `/overlay`: what streaming software shows. A page of its own: no shell, nothing behind it."""
        return self._answer(request, OVERLAY)

    async def party(self, request: web.Request) -> web.Response:
        """GET a path of `PARTY_PATHS`. Films come from elsewhere, so that these pages have a policy of their own."""
        response = self._answer(request, PARTY)
        response.headers["Content-Security-Policy"] = PARTY_POLICY
        return response

    async def static(self, request: web.Request) -> web.Response:
        """GET `/static/{path}`."""
        return self._answer(request, request.match_info["path"])

    def file(self, request: web.Request, name: str) -> web.Response:
        """A file of the directory at a path of its own. Raises `NotFound`."""
        return self._answer(request, name)

    def friendly(self) -> Middleware:
        """The middleware that puts a page in place of a problem document, for people. It stands outside of `edge`."""

        @web.middleware
        async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            if response.status < 400 or response.content_type != "application/problem+json":
                return response
            file = self._files.get(NOT_FOUND if response.status in (404, 405) else FAILED)
            if file is None or not _is_for_people(request):
                return response
            kept = {
                name: response.headers[name] for name in ("Retry-After", "Allow") if name in response.headers
            }
            return web.Response(
                status=response.status,
                body=file.body,
                content_type="text/html",
                charset="utf-8",
                headers=kept,
            )

        return handle

    def _answer(self, request: web.Request, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise NotFound("There is no such file.", code="http.not_found")
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
        wanted = [
            tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")
        ]
        if file.etag in wanted or "*" in wanted:
            return web.Response(status=304, headers=headers)
        charset = "utf-8" if file.content_type.startswith(_TEXT) else None
        if file.content_type.startswith("video/"):
            headers["Accept-Ranges"] = "bytes"
            part = _RANGE.fullmatch(request.headers.get("Range", ""))
            backwards = part and part["first"] and part["last"] and int(part["last"]) < int(part["first"])
            if part and not backwards and request.headers.get("If-Range", file.etag) == file.etag:
                return _partial(file, part, headers)
        return web.Response(body=file.body, content_type=file.content_type, charset=charset, headers=headers)


def _partial(file: File, part: re.Match[str], headers: dict[str, str]) -> web.Response:
    """What a player asks for that jumps in a film (RFC 9110, 14.2): one range; of several the whole is the answer."""
    size = len(file.body)
    first, last = part["first"], part["last"]
    begin = int(first) if first else max(0, size - int(last or 0))
    end = min(int(last), size - 1) if first and last else size - 1
    if begin > end:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
    return web.Response(
        status=206, body=file.body[begin : end + 1], content_type=file.content_type, headers=headers
    )


def _is_for_people(request: web.Request) -> bool:
    """Whether a browser wants to show the answer as a page of its own."""
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("Accept", "").lower():
        return False
    return request.path.startswith(_FOR_PEOPLE) or not request.path.startswith(_FOR_PROGRAMS)


def _load(directory: Path) -> dict[str, File]:
    files: dict[str, File] = {}
    root = directory.resolve()
    total = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        hidden = path.suffix == ".md" or any(part.startswith((".", "_")) for part in name.parts)
        if hidden or not path.is_file() or not path.resolve().is_relative_to(root):
            continue
        total += path.stat().st_size
        if total > MAX_TOTAL_BYTES:
            raise ValueError(f"the files of {directory} are larger than {MAX_TOTAL_BYTES} bytes")
        body = path.read_bytes()
        kind = (
            _TYPES.get(path.suffix.lower())
            or mimetypes.guess_type(path.name)[0]
            or "application/octet-stream"
        )
        files[name.as_posix()] = File(body, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return files
