"""Orders that cannot be carried out. `status` is the HTTP status of the control surface's answer."""

from __future__ import annotations


class Refused(Exception):
    """The order itself is wrong; the text says how."""

    status = 400


class Unknown(Refused):
    """What it names is not there."""

    status = 404


class Taken(Refused):
    """What it names is there already."""

    status = 409
