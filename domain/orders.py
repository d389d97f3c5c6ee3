"""What people order from the dashboard or by the API, read strictly into records. The bodies are our own: the web layer
has checked them, so a wrong one is a fault that somebody has to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.audit import Actor
from domain.channel import LONGEST_VIP_MS, Viewer
from domain.events import Malformed, identifier, number, text
from domain.viewer import Listed

KINDS_OF_ACTORS = frozenset({"streamer", "moderator", "api"})
MOST_NOTE = 500


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """Make a viewer VIP, or give an end to a VIP by hand (`adopt`). `ms` milliseconds, `None` for as long as the
    channel has chosen; with `until_stream_end` the longest that it may last."""

    viewer: Viewer
    actor: Actor
    ms: int | None = None
    until_stream_end: bool = False
    adopt: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExtendOrder:
    viewer: Viewer
    actor: Actor
    ms: int


@dataclass(frozen=True, slots=True)
class RevokeOrder:
    viewer: Viewer
    actor: Actor
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListOrder:
    """Put a viewer on a list (`Listed.NONE`: on none)."""

    viewer: Viewer
    actor: Actor
    listed: Listed


def grant_order(body: Mapping[str, Any]) -> GrantOrder:
    """Raises `Malformed`, as all below."""
    return GrantOrder(
        _viewer(body),
        actor_of(body),
        None if body.get("seconds") is None else _ms(body),
        body.get("until_stream_end") is True,
        body.get("adopt") is True,
        _note(body),
    )


def extend_order(body: Mapping[str, Any]) -> ExtendOrder:
    return ExtendOrder(_viewer(body), actor_of(body), _ms(body))


def revoke_order(body: Mapping[str, Any]) -> RevokeOrder:
    return RevokeOrder(_viewer(body), actor_of(body), _note(body))


def protect_order(body: Mapping[str, Any]) -> ListOrder:
    listed = Listed.PROTECTED if body.get("protected") is True else Listed.NONE
    return ListOrder(_viewer(body), actor_of(body), listed)


def list_order(body: Mapping[str, Any]) -> ListOrder:
    try:
        listed = Listed(text(body, "listed", most=20, empty=True))
    except ValueError:
        raise Malformed("There is no such list.") from None
    return ListOrder(_viewer(body), actor_of(body), listed)


def actor_of(body: Mapping[str, Any]) -> Actor:
    """Who ordered it."""
    actor = _mapping(body, "actor")
    kind = text(actor, "kind", most=20)
    if kind not in KINDS_OF_ACTORS:
        raise Malformed("The actor is neither streamer nor moderator nor a program.")
    return Actor(kind, text(actor, "id", most=128, empty=True), text(actor, "name", most=200, empty=True))


def _viewer(body: Mapping[str, Any]) -> Viewer:
    viewer = _mapping(body, "viewer")
    login, name = text(viewer, "login", most=100, empty=True), text(viewer, "name", most=200, empty=True)
    return Viewer(identifier(viewer, "id"), login, name)


def _ms(body: Mapping[str, Any]) -> int:
    ms = number(body, "seconds", most=LONGEST_VIP_MS // 1000) * 1000
    if not ms:
        raise Malformed("A VIP lasts a second or longer.")
    return ms


def _note(body: Mapping[str, Any]) -> str:
    return text(body, "note", most=MOST_NOTE, empty=True) if "note" in body else ""


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    if not isinstance(value, dict):
        raise Malformed(f"The field {key} is missing or is not an object.")
    return value
