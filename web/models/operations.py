"""What became of a write: the answer of the API."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web.models.base import Asked, Told
from web.spec import Spec


class OperationId(Asked):
    id: str = Field(pattern="^[0-9a-f]{32}$", description="From the answer of the write.")


class OperationTold(Told):
    """How an operation stands."""

    id: str
    state: Literal["pending", "done", "failed"]
    result: str = Field(description="What came of it, in a word, e.g. granted; refused: `code` says why.")
    code: str = Field(description="Of a refusal, a failure, or of what it waits for. Else empty.")
    detail: str = Field(description="The same in a sentence.")
    advice: str
    at: int = Field(description="Since when it is so.")


SHOW = Spec("operations", "What became of a write", path=OperationId, answers={200: OperationTold})
