"""A viewer's data: what the API reads and answers."""

from __future__ import annotations

from pydantic import Field

from web.models.base import Asked
from web.models.operations import OperationTold
from web.spec import Header, Spec


class PersonPath(Asked):
    id: str = Field(pattern=r"^[0-9]{1,20}$", description="Twitch's id of the viewer.")


_STREAMER = "That is the streamer of this channel."

EXPORT = Spec(
    "privacy",
    "All that this channel holds of a viewer",
    "Lines of JSON; see docs/privacy.md. It comes as it is read: a file that ends with its check sum is whole.",
    path=PersonPath,
    answers={200: "application/x-ndjson"},
    problems={409: _STREAMER},
    sends={"Content-Disposition": Header("The name of the file.")},
)
ERASE = Spec(
    "privacy",
    "Erase what this channel holds of a viewer",
    "His VIP ends first, and if he waits for one he gets his points back. The audit trail keeps commitments only."
    " `result` is `erased`, `nothing`, or `erased_unfinished` where Twitch could not be told.",
    path=PersonPath,
    answers={200: OperationTold, 202: OperationTold},
    problems={409: _STREAMER},
    idempotent=True,
)
