"""Allow, block and protected lists: what the API reads and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from web.models.base import Asked, Told
from web.models.vips import Who
from web.spec import Spec

Listed = Literal["allow", "block", "protected"]


class ListAsked(Asked):
    listed: Listed | None = Field(default=None, description="Only this list; any of them if it is left out.")
    search: Annotated[str, StringConstraints(max_length=25, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", description="How the login begins."
    )
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str = Field(
        default="", max_length=1024, pattern=r"^[\x21-\x7e]*$", description="From the page before."
    )


class ListedViewer(Told):
    """A viewer and the list that he is on."""

    id: str
    login: str
    name: str
    listed: Literal["allow", "block", "protected", ""]
    seen_at: int = Field(description="When we heard of him last; 0: never.")


class ListPage(Told):
    """One page of a list."""

    entries: list[ListedViewer]
    cursor: str | None = Field(description="For the next page; null after the last.")


class ListWanted(Asked):
    """Put a viewer on a list, or on none."""

    viewer: Who
    listed: Literal["allow", "block", "protected", ""] = Field(
        description="`allow`: may whatever the rules say. `block`: may not. `protected`: his badge is never touched."
    )


class FindAsked(Asked):
    login: Who


class FoundViewer(Told):
    """Somebody on Twitch."""

    id: str
    login: str
    name: str


class ListPending(Told):
    """It is carried out as soon as it is this viewer's turn."""

    result: str
    operation: str = Field(description="For /api/operations/{id}.")


_NOBODY = "Nobody on Twitch is called so."

LIST = Spec("viewers", "Who is on a list", query=ListAsked, answers={200: ListPage})
PUT = Spec(
    "viewers",
    "Put a viewer on a list",
    "A viewer is on one list at most. An empty `listed` takes him off.",
    body=ListWanted,
    answers={200: ListedViewer, 202: ListPending},
    problems={404: _NOBODY, 409: "It was refused: see the code."},
    idempotent=True,
)
FIND = Spec(
    "viewers",
    "Find somebody on Twitch",
    query=FindAsked,
    answers={200: FoundViewer},
    problems={404: _NOBODY},
)
