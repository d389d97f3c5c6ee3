"""Watch parties: what is asked for and answered over HTTP, and the specs. docs/protocol.md describes the socket."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web.models.base import Asked, Told
from web.spec import Header, Spec

ROOM_ID = r"^[A-Za-z0-9_-]{1,64}$"


class PartyTicketAsked(Asked):
    """Who is signed in needs to say nothing; a guest names the public room."""

    roomId: str = Field(  # noqa: N815 - the name that the socket has for it
        "",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="The public room, for who is not signed in.",
        examples=["mint-owl-42"],
    )
    kind: Literal["ticket", "token"] = Field(
        "ticket",
        description="A token is a JSON Web Token, good for ten minutes as often as one likes; for who is signed in.",
    )


class PartyTicketTold(Told):
    """A credential for the socket."""

    ticket: str = Field(description="Good once; empty where a token was asked for.")
    token: str = Field(description="Empty where a ticket was asked for.")
    expiresAt: int = Field(description="UTC seconds.")  # noqa: N815


class PartySocketQuery(Asked):
    """Who comes, for clients that can say it in no better way. What is not named is ignored."""

    ticket: str = Field("", description="From `/api/v1/party/tickets`.")
    token: str = Field("", description="A JSON Web Token. Addresses end up in logs.")
    invite: str = Field("", description="With `roomId`.")
    roomId: str = Field("", description="The room that an invite is for.")  # noqa: N815


class PublicPartiesQuery(Asked):
    """Which page."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, min_length=1, max_length=1000)


class PublicParty(Told):
    """A public room."""

    roomId: str  # noqa: N815
    title: str
    film: str = Field(description="The title of what is on.")
    channel: str = Field(description="Id of the channel whose room it is, or empty.")
    members: int
    here: int = Field(description="How many of them have a connection.")
    vipOnly: bool  # noqa: N815
    hasPassword: bool  # noqa: N815
    openedAt: int = Field(description="UTC milliseconds.")  # noqa: N815


class PublicParties(Told):
    """A page of the public rooms, those with most people first."""

    rooms: list[PublicParty]
    cursor: str | None


class PartyPath(Asked):
    """Which room."""

    roomId: str = Field(pattern=ROOM_ID, examples=["mint-owl-42"])  # noqa: N815


class PartyInvitesVoid(Told):
    """The invites are void."""

    void: bool = True


TICKET = Spec(
    "parties",
    "A credential for the socket of watch parties",
    "Tokens in addresses end up in logs: a ticket is good once, for a minute. Who is signed in sends `X-CSRF-Token`;"
    " who is not gets a ticket as a guest of one public room.",
    body=PartyTicketAsked,
    answers={200: PartyTicketTold},
    problems={
        401: "A token was asked for, or no room named, by who is not signed in.",
        403: "The CSRF token is missing or wrong.",
        404: "There is no such public room.",
    },
    headers={"X-CSRF-Token": Header("For who is signed in: see `/api/auth/csrf`.")},
)
CONNECT = Spec(
    "parties",
    "The socket of watch parties",
    "A WebSocket; what is said on it is described in docs/protocol.md.",
    query=PartySocketQuery,
    answers={101: None},
    problems={400: "It is no WebSocket request.", 503: "Too many come at once."},
)
ROOMS = Spec(
    "parties",
    "The public rooms",
    query=PublicPartiesQuery,
    answers={200: PublicParties},
    problems={400: "The cursor is not one of this list."},
)
QUALITY = Spec(
    "parties",
    "Server-sent events: how well the players of a room keep together",
    "For its host, signed in, and for the streamer and the team of its channel. `reset` at the beginning, or when the"
    ' position is unknown, then `quality`, at most one each five seconds; both are the whole picture: `{"players",'
    ' "p50", "p95", "buckets", "stalls", "clockErrMs", "at"}` as in `party:stats` of docs/protocol.md, `at` in UTC'
    " milliseconds. `auth`: one may not see it any more. The id of an event is a position `epoch-seq`.",
    path=PartyPath,
    answers={200: "text/event-stream"},
    headers={"Last-Event-ID": Header("Position after which to go on; or the query's `last_event_id`.")},
    problems={400: "That is no id of a room.", 404: "There is no such room of yours."},
)
VOID = Spec(
    "parties",
    "Make all invites of a room void",
    "For who opened it, signed in.",
    path=PartyPath,
    answers={200: PartyInvitesVoid},
    problems={400: "That is no id of a room.", 404: "There is no such room of yours."},
)
