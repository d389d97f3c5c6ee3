"""Entries of topics as Server-Sent Events."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from typing import Any

from gateways.topics.contracts import Entry, Position

_KIND = re.compile(r"[^\x21-\x7e]")


class Frames:
    """Encodes each entry once for all its readers; remembers the newest `max_bytes` of frames."""

    def __init__(self, *, max_bytes: int = 4 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._frames: OrderedDict[tuple[str, Position], bytes] = OrderedDict()
        self.encoded = 0

    def of(self, topic: str, entry: Entry) -> bytes:
        key = (topic, entry.position)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = encode(entry.kind, entry.body, entry.position)
            self.encoded += 1
            self._bytes += len(frame)
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._frames.popitem(last=False)[1])
        return frame


def encode(kind: str, body: dict[str, Any], position: Position) -> bytes:
    """One event. JSON has no raw line breaks, so that `data` is always one line."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    name = _KIND.sub("_", kind)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(position).encode("ascii"), name.encode("ascii"), data)
