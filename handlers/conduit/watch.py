"""What the enrolment and the pages ask of whoever listens, while two ways of listening may be under way at once."""

from __future__ import annotations

from collections.abc import Sequence

from domain.channel import Channel
from domain.transport import Way
from gateways.signals.contracts import Signals
from gateways.twitch.subscriptions import Wanted
from handlers.conduit.board import Board
from handlers.conduit.keeper import Keeper
from handlers.vip.channels import Watch
from handlers.vip.shares import Shares


class BothWays:
    """Implements `Watch` and `Listed`: the sessions of the channels (`Shares`) and the conduit (`Keeper`).

    Signals of other processes reach both; of what is asked here, `Shares` tells the other processes.
    """

    def __init__(self, *, board: Board, shares: Shares, keeper: Keeper, signals: Signals) -> None:
        self._board, self._shares, self._keeper = board, shares, keeper
        board.listen(lambda transport: shares.look())
        signals.listen("channels", keeper.channels_changed)
        signals.listen("login", keeper.wake)
        signals.listen("restart", keeper.recheck)

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        self._shares.add(channel_id, wanted)
        self._keeper.wanted(channel_id, wanted)

    async def remove(self, channel_id: str) -> None:
        await self._shares.remove(channel_id)
        self._keeper.channels_changed(channel_id)

    def restart(self, channel_id: str) -> None:
        """Begin a channel's session anew; of a conduit, look at the channel's subscriptions again."""
        self._shares.restart(channel_id)
        self._keeper.recheck(channel_id)

    def wake(self, channel_id: str) -> None:
        self._shares.wake(channel_id)
        self._keeper.wake(channel_id)

    async def all(self) -> list[Channel]:
        """Those that this process looks after, for what is done per channel by one process (`Rounds`)."""
        if self._board.now.in_force is Way.CONDUIT:
            return await self._keeper.all()
        return await self._shares.all()


_conforms: type[Watch] = BothWays
