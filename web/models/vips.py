"""VIPs and the waiting list: what the API reads and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from domain.channel import LONGEST_VIP_MS
from web.models.base import Asked, Told
from web.spec import Spec

LONGEST_SECONDS = LONGEST_VIP_MS // 1000

Who = Annotated[
    str,
    StringConstraints(pattern=r"^@?[A-Za-z0-9_]{1,25}$"),
    Field(description="Login or id of the viewer.", examples=["ann"]),
]
Seconds = Annotated[int, Field(ge=1, le=LONGEST_SECONDS, examples=[86_400])]
Note = Annotated[
    str,
    StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="Why; kept in the audit log."),
]


class VipsAsked(Asked):
    state: Literal["active", "ended", "all"] = Field("active", description="All: the active ones first.")
    by: Literal["ours", "hand", "all"] = Field(
        "all",
        description="`hand`: VIPs that were made on Twitch, not by us; ended ones of these are not kept.",
    )
    search: Annotated[str, StringConstraints(max_length=25, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="How the login or the name begins."
    )
    sort: Literal["ends", "granted", "name"] = Field(
        "ends", description="Who ends next (or ended last), who was granted last, or by login."
    )
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=2048, description="From the page before.")


class Vip(Told):
    """A VIP."""

    id: str = Field(description="Stable; `hand:<viewer>` for one that was made by hand.")
    viewer_id: str
    viewer_login: str
    viewer_name: str
    status: Literal["active", "ended"]
    granted_at: int = Field(description="By hand: since when we know of it.")
    expires_at: int | None = Field(description="Null: it has no end.")
    until_stream_end: bool = Field(
        description="It ends with the stream, or `after_stream_ms` later; at `expires_at` at the latest."
    )
    after_stream_ms: int = Field(0, description="By the clock, and stands still until the stream is over.")
    protected: bool = Field(description="We never touch it.")
    method: str = Field(
        description="redemption, dashboard, subscription, bits, power_up, adopted, kept or by_hand."
    )
    reward_id: str
    reward_title: str
    extensions: int
    ended_at: int | None
    ended_because: str
    left_seconds: int | None = Field(description="Null: it has no end.")


class VipPage(Told):
    """One page of VIPs."""

    entries: list[Vip]
    cursor: str | None = Field(description="For the next page; null after the last.")
    total_active: int = Field(description="All active VIPs of the channel, whatever the filters.")
    now: int


class VipWanted(Asked):
    """Make a viewer VIP."""

    viewer: Who
    seconds: Seconds | None = Field(None, description="How long; the channel's usual time if it is left out.")
    until_stream_end: bool = Field(False, description="Until the stream ends, `seconds` at most.")
    adopt: bool = Field(False, description="Give an end to a VIP that was made by hand.")
    note: Note = ""


class ExtensionWanted(Asked):
    """Give a VIP more time."""

    viewer: Who
    seconds: Seconds


class ProtectionWanted(Asked):
    """Keep a VIP for good, or not any more."""

    viewer: Who
    protected: bool


class RevocationWanted(Asked):
    viewer: Who
    note: Note = ""


class VipDone(Told):
    """What came of it."""

    result: str = Field(description="E.g. granted, extended, adopted, revoked, protected; or pending.")
    vip: Vip | None = Field(description="As it is now; null when there is none, or not yet.")
    operation: str = Field(description="For /api/operations/{id}.")


class WaitingEntry(Told):
    """A redemption that waits for a slot."""

    redemption_id: str
    viewer_id: str
    viewer_login: str
    viewer_name: str
    reward_id: str
    reward_title: str
    redeemed_at: int
    since: int
    until: int = Field(description="When it is given back at the latest.")
    position: int = Field(description="From 1.")


class WaitingList(Told):
    """Who waits for a slot, in the order in which they are let in."""

    channel: str
    cap: int = Field(description="At most so many VIPs of ours; 0: as many as Twitch lets us have.")
    held: int
    full: bool
    entries: list[WaitingEntry]


class RedemptionId(Asked):
    redemption_id: str = Field(pattern="^[A-Za-z0-9-]{1,64}$", description="From the waiting list.")


class LetGo(Told):
    """What came of it."""

    result: str = Field(
        description="refunded; alarmed: a moderator had fulfilled it, so Twitch gives nothing back; or pending."
    )
    operation: str


_TAKES_LONGER = "It is carried out in any case; `/api/operations/{id}` tells when."
_NO_VIEWER = "Nobody on Twitch is called so (`vip.no_viewer`)."
_NOT_VIP = "Nobody is called so (`vip.no_viewer`), or is no VIP (`vip.not_vip`)."
_NOT_NOW = {404: _NOT_VIP, 409: "It cannot be done now; `code` says why."}
_DONE = {200: VipDone, 202: VipDone}

LIST = Spec("vips", "List VIPs", query=VipsAsked, answers={200: VipPage})
GRANT = Spec(
    "vips",
    "Make a viewer VIP",
    f"Answered 201 when it is done, 202 when it takes more than ten seconds. {_TAKES_LONGER}",
    body=VipWanted,
    answers={201: VipDone, 202: VipDone},
    problems={
        404: _NO_VIEWER,
        409: "He is VIP already (`vip.already`, `vip.by_hand`), there is no slot (`vip.slots_full`), another reason"
        " (`vip.…`), or the key was used for another request (`idempotency.conflict`).",
    },
    idempotent=True,
)
REVOKE = Spec(
    "vips",
    "Take VIP away",
    query=RevocationWanted,
    answers=_DONE,
    problems=_NOT_NOW,
    idempotent=True,
)
EXTEND = Spec(
    "vips",
    "Give a VIP more time",
    body=ExtensionWanted,
    answers=_DONE,
    problems=_NOT_NOW,
    idempotent=True,
)
PROTECT = Spec(
    "vips",
    "Keep a VIP for good",
    "The badge stays, its time is given up. Without protection it is a VIP by hand again.",
    body=ProtectionWanted,
    answers=_DONE,
    problems=_NOT_NOW,
    idempotent=True,
)
WAITING = Spec("waiting list", "Who waits for a slot", answers={200: WaitingList})
LET_GO = Spec(
    "waiting list",
    "Take a viewer off the waiting list",
    "His points are given back.",
    path=RedemptionId,
    answers={200: LetGo, 202: LetGo},
    problems={404: "Nobody waits with this redemption.", 409: "It was his turn already."},
    idempotent=True,
)
