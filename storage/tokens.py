"""The grants of users, sealed. What they mean is the business of `gateways/twitch/tokens.py`."""

from __future__ import annotations

from storage.contracts import Schema

TOKENS = Schema(name="tokens", fields={"login": str})

SEALED = ("access_token", "refresh_token")
"""Fields that hold sealed text, bound to `user id:field`; `cuelight keys rotate` goes through these."""
