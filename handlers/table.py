"""Which handler serves which kind of row: the whole program on one page."""

from __future__ import annotations

from domain.retry import MUST_HAPPEN, NOTICE, REDEMPTION
from handlers.vip.announce import ChatWriter
from handlers.vip.endings import Endings
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.tell import LastResort
from handlers.vip.undo import Undo
from handlers.work import Handler, Work


async def ignored(work: Work) -> str:
    """Stored, because it may explain something later; nothing to do."""
    return "ignored"


def build_table(
    *,
    redeeming: Redeeming,
    undo: Undo,
    endings: Endings,
    reconciliation: Reconciliation,
    chat: ChatWriter,
    last_resort: LastResort,
) -> dict[str, Handler]:
    """Kind of row to its handler, how often it is tried, and what happens when it is given up."""
    return {
        "redemption.add": Handler(redeeming.redeemed, REDEMPTION, last_resort.refund),
        "redemption.refund": Handler(redeeming.redeemed, MUST_HAPPEN, last_resort.alarm),
        "redemption.updated": Handler(undo.updated, MUST_HAPPEN),
        "vip.added": Handler(endings.vip_added, NOTICE),
        "vip.removed": Handler(endings.role_changed, MUST_HAPPEN),
        "vip.expire": Handler(endings.expire, MUST_HAPPEN),
        "moderator.added": Handler(endings.role_changed, MUST_HAPPEN),
        "moderator.removed": Handler(ignored, NOTICE),
        "channel.reconcile": Handler(reconciliation.reconcile, MUST_HAPPEN),
        "chat.say": Handler(chat.say, NOTICE),
    }
