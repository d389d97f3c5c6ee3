"""All that is held of one viewer, or of a channel, as lines of JSON: for the person whose data it is.

    {"format": "cuelight-export", "version": 1, "program": "0.2.0", "created_at": 1772359200000, "of": {"viewer_id": …}}
    {"kind": "vip_sessions", "channel_id": "1234", "data": {…}}
    …
    {"counts": {"vip_sessions": 1, …}, "sha256": "…"}                of all lines before this one

The last line tells a whole file from one that was cut short. No token, no key and no session's secret is in it; what
the chain of the audit trail needs (salts) is left out as well. Memory is bounded, whatever the length.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.ports import Clock
from storage.analytics import ANALYTICS
from storage.audit import AUDIT
from storage.channels import CHANNELS
from storage.contracts import Document
from storage.inbox import INBOX
from storage.left import LEFT
from storage.logins import CONSENTS, LOGINS
from storage.parties import PARTY_STATES, subject_of
from storage.personal import Found, PersonalData
from storage.slots import SLOTS
from storage.tokens import TOKENS

FORMAT = "cuelight-export"
VERSION = 1
BLOCK_BYTES = 64 * 1024

_ROW = ("source", "kind", "state", "received_at", "finished_at", "result", "transport")
_LOGIN = ("subject", "login", "name", "created_at", "seen_at", "expires_at", "agent")
_CONSENT = ("purpose", "subject", "channel_id", "scopes", "expires_at")
_GRANT = ("login", "scopes", "expires_at", "dead")
_TRAIL = ("channel_id", "at", "action", "actor", "cause", "viewer", "reason", "detail")
_OWN = ("_id", "rev", "v")  # of the store


@dataclass(slots=True)
class Manifest:
    """What an export holds, once it came to its end."""

    counts: Counter[str] = field(default_factory=Counter)
    sha256: str = ""

    def told(self) -> dict[str, Any]:
        return {
            "lines": self.counts.total(),
            "counts": dict(sorted(self.counts.items())),
            "sha256": self.sha256,
        }


class Exporter:
    """`program`: the release that writes."""

    def __init__(self, *, data: PersonalData, program: str, clock: Clock) -> None:
        self._data, self._program, self._clock = data, program, clock

    async def channels_of(self, viewer_id: str) -> Sequence[str]:
        """Where a viewer may have left something; "" is what belongs to no channel."""
        return await self._data.channels_of(viewer_id)

    def viewer(self, viewer_id: str, channel_id: str | None, manifest: Manifest) -> AsyncIterator[bytes]:
        """What is held of a viewer in a channel; in all of them and beyond for `None`."""
        of = {"viewer_id": viewer_id, **({} if channel_id is None else {"channel_id": channel_id})}
        return self._pieces(of, self._of_viewer(viewer_id, channel_id), manifest, viewer_id)

    def channel(self, channel_id: str, manifest: Manifest) -> AsyncIterator[bytes]:
        """What is held of a channel: settings, rewards, sessions, redemptions, viewers, the trail."""
        return self._pieces({"channel_id": channel_id}, self._of_channel(channel_id), manifest, "")

    async def _of_viewer(self, viewer_id: str, channel_id: str | None) -> AsyncIterator[Found]:
        channels = [channel_id] if channel_id is not None else await self._data.channels_of(viewer_id)
        for each in channels:
            async for found in self._data.of_viewer(each, viewer_id):
                yield found
        if channel_id is None:
            async for found in self._data.of_account(viewer_id):
                yield found

    async def _of_channel(self, channel_id: str) -> AsyncIterator[Found]:
        for found in (
            self._data.of_channel(channel_id),
            self._data.of_account(channel_id),
            self._data.grant_of(channel_id),
        ):
            async for each in found:
                yield each

    async def _pieces(
        self, of: Mapping[str, str], found: AsyncIterator[Found], manifest: Manifest, viewer_id: str
    ) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        head = {"format": FORMAT, "version": VERSION, "program": self._program}
        lines = bytearray(_line({**head, "created_at": self._clock.now(), "of": dict(of)}))
        async for schema, document in found:
            data = _SHOWN.get(schema.name, _plain)(document, viewer_id)
            if data is None:
                continue
            line = {
                "kind": schema.name,
                "id": document["_id"],
                "channel_id": _channel(schema.name, document),
                "data": data,
            }
            if schema.name in _SECRET_IDS:
                del line["id"]
            lines += _line(line)
            manifest.counts[schema.name] += 1
            if len(lines) >= BLOCK_BYTES:
                digest.update(lines)
                yield bytes(lines)
                lines.clear()
        digest.update(lines)
        manifest.sha256 = digest.hexdigest()
        yield bytes(lines) + _line(
            {"counts": dict(sorted(manifest.counts.items())), "sha256": manifest.sha256}
        )


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


_Shown = Callable[[Document, str], dict[str, Any] | None]


def _only(*names: str) -> _Shown:
    return lambda document, _: {name: document[name] for name in names if name in document}


def _plain(document: Document, _: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OWN}


def _record(document: Document, _: str) -> dict[str, Any] | None:
    return None if document.get("erased") else _only(*_TRAIL)(document, "")


def _row(document: Document, _: str) -> dict[str, Any]:
    try:
        body: Any = json.loads(document["raw"])
    except (ValueError, RecursionError):
        body = document["raw"]
    return {**{name: document.get(name) for name in _ROW}, "body": body}


def _channel_settings(document: Document, _: str) -> dict[str, Any]:
    """Whoever has the address of a Discord webhook may write there: it is told that there is one."""
    shown = _plain(document, "")
    settings = dict(shown.get("settings") or {})
    messages = dict(settings.get("messages") or {})
    if messages:
        messages["discord_url"] = bool(messages.get("discord_url"))
        settings["messages"] = messages
    return {**shown, "settings": settings}


def _slots(document: Document, viewer_id: str) -> dict[str, Any]:
    """Of a viewer only his own."""
    shown = _plain(document, "")
    if not viewer_id:
        return shown
    return {
        part: [each for each in shown[part] if each["viewer_id"] == viewer_id] for part in ("held", "waiting")
    }


def _day(document: Document, viewer_id: str) -> dict[str, Any]:
    rows = (document.get("figures") or {}).get("viewers") or []
    if not viewer_id:
        return _plain(document, "")
    return {
        "day": document["day"],
        "timezone": document["timezone"],
        "viewer": next((row for row in rows if row["id"] == viewer_id), None),
    }


def _party_state(document: Document, viewer_id: str) -> dict[str, Any]:
    """Of a viewer what the room knows of him; of a channel all but the hash of the password."""
    room = document["body"]["room"]
    if not viewer_id:
        settings = {name: value for name, value in room["settings"].items() if name != "passwordHash"}
        return {**room, "settings": settings}
    subject = subject_of(viewer_id)
    return {
        "host": room["host"][1] == subject,
        "former_host": room["former"][0] == subject,
        "banned": subject in room["banned"],
        "muted": subject in room["muted"],
    }


def _channel(kind: str, document: Document) -> str:
    return str(document.get("channel_id") or ("" if kind in _PERSONS else document["_id"]))


_SHOWN: Mapping[str, _Shown] = {
    AUDIT.name: _record,
    INBOX.name: _row,
    CHANNELS.name: _channel_settings,
    LEFT.name: _channel_settings,
    SLOTS.name: _slots,
    ANALYTICS.name: _day,
    LOGINS.name: _only(*_LOGIN),
    CONSENTS.name: _only(*_CONSENT),
    TOKENS.name: _only(*_GRANT),
    PARTY_STATES.name: _party_state,
}
"""How documents are shown; all others as they are."""

_PERSONS = frozenset({LOGINS.name, CONSENTS.name, TOKENS.name, INBOX.name, PARTY_STATES.name})
"""Collections whose ids are not those of channels."""

_SECRET_IDS = frozenset({LOGINS.name, CONSENTS.name})
