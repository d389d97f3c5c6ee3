"""Every collection of this release, for what goes through all of them: backup, restore, migration."""

from __future__ import annotations

from collections.abc import Mapping

from storage.audit import AUDIT
from storage.channels import CHANNELS
from storage.connections import CONNECTIONS
from storage.contracts import Schema
from storage.daemons import DAEMONS
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.redemptions import REDEMPTIONS
from storage.sessions import SESSIONS
from storage.tokens import TOKENS

_ALL = (CHANNELS, TOKENS, REDEMPTIONS, SESSIONS, INBOX, LANES, AUDIT, CONNECTIONS, DAEMONS)
SCHEMAS: Mapping[str, Schema] = {schema.name: schema for schema in _ALL}

PASSING = frozenset({DAEMONS.name, CONNECTIONS.name})
"""Collections that say how things are at this moment: no backup holds them."""
