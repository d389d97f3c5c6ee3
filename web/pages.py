"""The page and its files. They are read once, at the start: a request never touches the file system."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from domain.errors import NotFound

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
}
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    content_type: str
    etag: str


class Pages:
    """Serves `index.html` at `/` and every other file of a directory under `/static/`.

    Only names that were found at the start exist, so that no path can lead elsewhere. Hidden files and links that
    point out of the directory are left out. Browsers ask again each time (`no-cache`) and mostly hear 304.
    """

    def __init__(self, *, directory: Path = STATIC) -> None:
        self._files = _load(directory)

    @property
    def names(self) -> list[str]:
        """What can be had under `/static/`."""
        return sorted(self._files)

    async def index(self, request: web.Request) -> web.Response:
        """GET `/`."""
        return self._answer(request, "index.html")

    async def static(self, request: web.Request) -> web.Response:
        """GET `/static/{path}`."""
        return self._answer(request, request.match_info["path"])

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
        return web.Response(body=file.body, content_type=file.content_type, charset=charset, headers=headers)


def _load(directory: Path) -> dict[str, File]:
    files: dict[str, File] = {}
    root = directory.resolve()
    total = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        hidden = any(part.startswith((".", "_")) for part in name.parts)
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
