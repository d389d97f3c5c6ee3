"""Which handler serves which kind of row: the whole program on one page."""

from __future__ import annotations

from domain.retry import MUST_HAPPEN, NOTICE, REDEMPTION
from handlers.vip.announce import ChatWriter
from handlers.vip.endings import Endings
from handlers.vip.late import LateShow
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.tell import LastResort
from handlers.vip.undo import Undo
from handlers.vip.zombies import Zombies
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
    zombies: Zombies,
    late: LateShow,
) -> dict[str, Handler]:
    """Kind of row to its handler, how often it is tried, what happens when it is given up, and what when its lane was
    taken over after it had called out."""
    check = zombies.queue
    return {
        "redemption.add": Handler(redeeming.redeemed, REDEMPTION, last_resort.refund, check),
        "redemption.refund": Handler(redeeming.redeemed, MUST_HAPPEN, last_resort.alarm, check),
        "redemption.updated": Handler(undo.updated, MUST_HAPPEN, overtaken=check),
        "vip.added": Handler(zombies.vip_added, MUST_HAPPEN, overtaken=check),
        "vip.removed": Handler(endings.role_changed, MUST_HAPPEN, overtaken=check),
        "vip.expire": Handler(endings.expire, MUST_HAPPEN, overtaken=check),
        "vip.check": Handler(zombies.check, MUST_HAPPEN, overtaken=check),
        "moderator.added": Handler(endings.role_changed, MUST_HAPPEN, overtaken=check),
        "moderator.removed": Handler(ignored, NOTICE),
        "channel.reconcile": Handler(reconciliation.reconcile, MUST_HAPPEN),
        "chat.say": Handler(chat.say, NOTICE),
        "live.show": Handler(late.show, MUST_HAPPEN),
    }
