"""Who may have a channel here. An installation belongs to its host: strangers who find its address stay outside.

The first streamer who signs in is the host; where ALLOWED_CHANNELS names anybody, the first of those. Others have to be
named there (logins or ids; `*` is everybody), or their channel was added by the operator. Who belongs to a team may
sign in without having a channel.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.ports import Clock
from storage.channels import Channels
from storage.team import Hosts

EVERYBODY = "*"


class Admission:
    """`allowed` as the operator wrote it."""

    def __init__(self, *, channels: Channels, hosts: Hosts, allowed: Sequence[str], clock: Clock) -> None:
        self._channels, self._hosts, self._clock = channels, hosts, clock
        self._allowed = frozenset(one.strip().lower() for one in allowed)

    async def may_have_channel(self, user_id: str, login: str) -> bool:
        """Whether a streamer is let in; the first one becomes the host by asking."""
        if not self._allowed.isdisjoint({EVERYBODY, user_id, login.lower()}):
            await self._claim_first(user_id)
            return True
        if await self._channels.get(user_id) is not None:
            return True
        if self._allowed:  # whoever finds the page before those who are named is a stranger nevertheless
            host = await self._hosts.get()
            return host is not None and host.user_id == user_id
        return await self._claim_first(user_id)

    async def nobody_yet(self) -> bool:
        """Whether this installation waits for its host."""
        return await self._hosts.get() is None and not await self._channels.all()

    async def _claim_first(self, user_id: str) -> bool:
        """True for the host, also for who becomes it now."""
        host = await self._hosts.get()
        if host is not None:
            return host.user_id == user_id
        # Channels without a host were added by the operator: whoever comes now is not the first.
        if await self._channels.all():
            return False
        return await self._hosts.claim(user_id, now=self._clock.now())
