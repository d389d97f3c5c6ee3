"""The one exception of the simulator: an answer that is not a success."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class ApiError(Exception):
    """An HTTP refusal. `status` is the HTTP code, `message` the sentence that Twitch would send.

    `extra` is merged into the JSON body (the newer 409 of EventSub carries the existing id there).
    """

    def __init__(self, status: int, message: str, *, extra: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.extra = extra or {}

    def helix_body(self) -> dict[str, Any]:
        """Helix: `{"error": phrase, "status": code, "message": sentence}`."""
        phrase = HTTPStatus(self.status).phrase
        return {"error": phrase, "status": self.status, "message": self.message, **self.extra}

    def identity_body(self) -> dict[str, Any]:
        """id.twitch.tv has no `error` key: `{"status": code, "message": sentence}`."""
        return {"status": self.status, "message": self.message}
