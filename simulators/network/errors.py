"""The one error of the network simulator."""

from __future__ import annotations


class Refused(Exception):
    """An order that cannot be carried out. `status` is the HTTP status of the control surface's answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status
