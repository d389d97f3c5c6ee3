"""The audit log: what the API reads and answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from web.models.base import Asked, Told
from web.spec import Header, Spec

_WORD = r"^[a-z_]{1,32}(\.[a-z_]{1,32}){0,3}$"
LATEST = 1 << 53
"""The largest number that every JSON reader keeps exact; as a time far in the future."""


class AuditFilters(Asked):
    viewer: str = Field(
        "", pattern=r"^(@?[A-Za-z0-9_]{1,25})?$", description="About this viewer: an id or a login."
    )
    action: str = Field("", pattern=rf"^$|{_WORD}", description="Only this.", examples=["vip.granted"])
    cause: str = Field("", pattern=r"^[a-z_]{0,32}$", description="Set off by this.", examples=["redemption"])
    actor: str = Field(
        "",
        pattern=r"^([a-z_]{1,32}|[0-9]{1,20})?$",
        description="Done by this kind (viewer, streamer, moderator, api, system) or by somebody with this id.",
    )
    since: int | None = Field(None, alias="from", ge=0, le=LATEST, description="Not before (UTC ms).")
    until: int | None = Field(None, alias="to", ge=0, le=LATEST, description="Before (UTC ms).")


class AuditAsked(AuditFilters):
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=512, description="From the page before.")


class ExportAsked(AuditFilters):
    format: Literal["csv", "json"] = "csv"


class ActorTold(Told):
    """Who did it."""

    kind: str
    id: str
    name: str


class ViewerTold(Told):
    """A viewer."""

    id: str
    login: str
    name: str


class AuditEntry(Told):
    """One line of the audit log."""

    id: str
    at: int
    action: str
    actor: ActorTold
    viewer: ViewerTold | None
    cause: str
    reason: str
    detail: dict[str, Any] = Field(description="Metadata of the redemption, figures; see docs/live.md.")


class AuditPage(Told):
    """One page, newest first."""

    entries: list[AuditEntry] = Field(
        description="With a filter for the actor there may be fewer than asked."
    )
    cursor: str | None = Field(description="For the next page; null after the last.")


_NAME = "The name of the file."

LIST = Spec(
    "audit",
    "Who did what, when and why",
    "Newest first. Records are added, never changed.",
    query=AuditAsked,
    answers={200: AuditPage},
)
EXPORT = Spec(
    "audit",
    "The audit log as a file",
    "CSV with a byte-order mark for spreadsheets, or a JSON array of the entries. It comes as it is read, and has no"
    " length in advance.",
    query=ExportAsked,
    answers={200: ("text/csv", "application/json")},
    sends={"Content-Disposition": Header(_NAME)},
)
