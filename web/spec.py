"""What a row of the table of routes says about itself. `web/openapi.py` makes the description of the API from it.

The models are the ones that the handler reads with and answers with (`web/models/base.py`), so that the description
cannot say anything else than what happens. What follows from the row itself (session, CSRF token, `channel`, the
answers for who may not) is not repeated in a spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import BaseModel

Answer: TypeAlias = type[BaseModel] | str | tuple[str, ...] | None
"""A model: JSON of it. A text: a media type, or one of several. `None`: no body."""

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the request or of the answer."""

    what: str
    required: bool = False
    longest: int = 0  # characters; 0: not said


@dataclass(frozen=True, slots=True)
class Spec:
    """One operation for the description. `tag` is one of `web/openapi.py`'s `TAGS`; `summary` ends without a full stop.

    `path`, `query`, `body`: the models that read these. `body` may be a media type for what is not read by a model.
    `answers`: status to what is answered then. `problems`: status to when, for problem answers that do not follow from
    the row. `headers`: what the request may carry; `sends`: what the good answers carry. `idempotent`: it takes
    `Idempotency-Key`.
    """

    tag: str
    summary: str
    description: str = ""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | str | None = None
    answers: Mapping[int, Answer] = field(default_factory=lambda: {200: None})
    problems: Mapping[int, str] = field(default_factory=dict)
    path: type[BaseModel] | None = None
    headers: Mapping[str, Header] = field(default_factory=dict)
    sends: Mapping[str, Header] = field(default_factory=dict)
    idempotent: bool = False

    @property
    def models(self) -> tuple[tuple[type[BaseModel], bool], ...]:
        """Every model that takes part, with whether it is an answer."""
        asked = [one for one in (self.path, self.query, self.body) if isinstance(one, type)]
        told = [one for one in self.answers.values() if isinstance(one, type)]
        return (*((one, False) for one in asked), *((one, True) for one in told))
