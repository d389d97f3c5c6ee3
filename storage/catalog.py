"""Every collection of this release, for what goes through all of them: backup, restore, migration."""

from __future__ import annotations

from collections.abc import Mapping

from storage.analytics import ANALYTICS
from storage.audit import AUDIT
from storage.audit_chain import CHAIN
from storage.channels import CHANNELS
from storage.connections import CONNECTIONS
from storage.contracts import Schema
from storage.daemons import DAEMONS
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.left import LEFT
from storage.logins import CONSENTS, LOGINS
from storage.parties import PARTIES, PARTY_INVITES, PARTY_STATES
from storage.pulses import CHATS, PULSES
from storage.redemptions import REDEMPTIONS
from storage.sessions import SESSIONS
from storage.slots import SLOTS
from storage.streams import STREAMS
from storage.team import BOTS, HOSTS, TEAM
from storage.tokens import TOKENS
from storage.transports import TRANSPORTS
from storage.viewers import VIEWERS

_ACCOUNTS = (LOGINS, CONSENTS, TEAM, BOTS, HOSTS, LEFT)
_PARTIES = (PARTIES, PARTY_STATES, PARTY_INVITES)
_ALL = (
    *_ACCOUNTS,
    *_PARTIES,
    CHANNELS,
    TOKENS,
    REDEMPTIONS,
    SESSIONS,
    INBOX,
    LANES,
    AUDIT,
    CHAIN,
    CONNECTIONS,
    DAEMONS,
    VIEWERS,
    SLOTS,
    PULSES,
    CHATS,
    TRANSPORTS,
    STREAMS,
    ANALYTICS,
)
SCHEMAS: Mapping[str, Schema] = {schema.name: schema for schema in _ALL}

PASSING = frozenset(
    {PULSES.name, DAEMONS.name, CONNECTIONS.name, TRANSPORTS.name, LOGINS.name, CONSENTS.name}
)
"""Collections that say how things are at this moment: no backup holds them. (A session that was ended must not come
back with a backup.)"""
