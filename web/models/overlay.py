"""The overlay for streaming software: what is asked and answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from web.models.base import Asked
from web.spec import Spec


class OverlayAsked(Asked):
    """Which overlay."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=80)] = Field(
        description="The key in the address of the overlay."
    )


STREAM = Spec(
    "live",
    "Server-sent events of an overlay",
    'Names and times, nothing else. `view`: `{"now", "language", "latest": {"name", "since", "ends_at"} or null,'
    ' "next": {"name", "ends_at"} or null}`, whole each time; `gone`: the address is not in force any more.',
    query=OverlayAsked,
    answers={200: "text/event-stream"},
    problems={404: "The key opens nothing.", 503: "Too many overlays are open."},
)
