"""Every error that Cuelight raises on purpose, in three families.

- `CuelightError`
    - `Rejected`      the caller's fault; the same call will fail again
        - `NotFound`, `Conflict`, `Denied`
    - `Unavailable`   nobody's fault now; try again after `retry_after_seconds`
    - `Broken`        ours; raises an alarm

Each carries a stable `code` (dotted, lower case), a sentence that says what is wrong, and `advice`: what to do
next. HTTP and sockets translate codes, never class names. Foreign exceptions become one of these at the border.
"""

from __future__ import annotations


class CuelightError(Exception):
    """The root. `str(error)` is the sentence; `error.advice` is the way out."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.advice = advice


class Rejected(CuelightError):
    """The caller's fault: repeating the call changes nothing."""

    code = "rejected"


class NotFound(Rejected):
    """There is no such thing."""

    code = "not_found"


class Conflict(Rejected):
    """The thing exists already, or changed in between."""

    code = "conflict"


class Denied(Rejected):
    """Not signed in, or not allowed."""

    code = "denied"


class Unavailable(CuelightError):
    """Try again after `retry_after_seconds` (a hint, at least 0)."""

    code = "unavailable"

    def __init__(
        self, message: str, *, code: str | None = None, advice: str = "", retry_after_seconds: float = 1.0
    ) -> None:
        super().__init__(message, code=code, advice=advice)
        self.retry_after_seconds = max(0.0, retry_after_seconds)


class Broken(CuelightError):
    """Our own fault, or an answer that no contract foresees. Somebody has to look."""

    code = "broken"
