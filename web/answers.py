"""Small helpers for answers."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


def json_answer(data: Any, *, status: int = 200) -> web.Response:
    """A JSON answer. Lone surrogates (which JSON may carry and UTF-8 may not) become question marks."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=status, body=text.encode("utf-8", "replace"), content_type="application/json")
