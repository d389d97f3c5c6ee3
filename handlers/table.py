"""Which handler serves which kind of row: the whole program on one page."""

from __future__ import annotations

from domain.retry import MUST_HAPPEN, NOTICE, REDEMPTION
from handlers.vip.announce import ChatWriter
from handlers.vip.by_hand import ByHand
from handlers.vip.commands import Commands
from handlers.vip.contributions import Contributions
from handlers.vip.discord_writer import DiscordWriter
from handlers.vip.endings import Endings
from handlers.vip.late import LateShow
from handlers.vip.let_go import LettingGo
from handlers.vip.oldest_out import OldestOut
from handlers.vip.pausing import Pausing
from handlers.vip.people import People
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.remind import Reminders
from handlers.vip.retiring import Retiring
from handlers.vip.stream import OnAir
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
    letting_go: LettingGo,
    oldest_out: OldestOut,
    pausing: Pausing,
    undo: Undo,
    endings: Endings,
    reconciliation: Reconciliation,
    retiring: Retiring,
    chat: ChatWriter,
    last_resort: LastResort,
    zombies: Zombies,
    late: LateShow,
    by_hand: ByHand,
    contributions: Contributions,
    people: People,
    on_air: OnAir,
    commands: Commands,
    reminders: Reminders,
    discord: DiscordWriter,
) -> dict[str, Handler]:
    """Kind of row to its handler, how often it is tried, what happens when it is given up, and what when its lane was
    taken over after it had called out."""
    check = zombies.queue
    return {
        "redemption.add": Handler(redeeming.redeemed, REDEMPTION, last_resort.refund, check),
        "redemption.refund": Handler(redeeming.redeemed, MUST_HAPPEN, last_resort.alarm, check),
        "redemption.admitted": Handler(redeeming.redeemed, REDEMPTION, last_resort.refund, check),
        "redemption.let_go": Handler(letting_go.let_go, MUST_HAPPEN, last_resort.alarm, check),
        "redemption.updated": Handler(undo.updated, MUST_HAPPEN, overtaken=check),
        "vip.added": Handler(zombies.vip_added, MUST_HAPPEN, overtaken=check),
        "vip.removed": Handler(endings.role_changed, MUST_HAPPEN, overtaken=check),
        "vip.expire": Handler(endings.expire, MUST_HAPPEN, overtaken=check),
        "vip.make_room": Handler(oldest_out.make_room, MUST_HAPPEN, overtaken=check),
        "vip.remind": Handler(reminders.remind, MUST_HAPPEN),
        "vip.check": Handler(zombies.check, MUST_HAPPEN, overtaken=check),
        "moderator.added": Handler(endings.role_changed, MUST_HAPPEN, overtaken=check),
        "moderator.removed": Handler(people.demoted, MUST_HAPPEN, zombies.given_up, check),
        "viewer.banned": Handler(people.banned, MUST_HAPPEN, overtaken=check),
        "viewer.unbanned": Handler(ignored, NOTICE),
        "viewer.seen": Handler(people.seen, NOTICE),
        "vip.grant": Handler(by_hand.grant, REDEMPTION, zombies.given_up, check),
        "vip.extend": Handler(by_hand.extend, REDEMPTION, overtaken=check),
        "vip.revoke": Handler(by_hand.revoke, REDEMPTION, overtaken=check),
        "vip.protect": Handler(by_hand.protect, REDEMPTION, overtaken=check),
        "viewer.list": Handler(by_hand.list_viewer, REDEMPTION, overtaken=check),
        "vip.contributed": Handler(contributions.contributed, MUST_HAPPEN, zombies.given_up, check),
        "vip.stream_over": Handler(endings.stream_over, MUST_HAPPEN, overtaken=check),
        "channel.live": Handler(on_air.live, MUST_HAPPEN),
        "channel.offline": Handler(on_air.offline, MUST_HAPPEN),
        "channel.over": Handler(on_air.over, MUST_HAPPEN),
        "chat.message": Handler(commands.heard, NOTICE),
        "reward.delete": Handler(retiring.delete, MUST_HAPPEN),
        "reward.pause": Handler(pausing.pause, MUST_HAPPEN),
        "channel.reconcile": Handler(reconciliation.reconcile, MUST_HAPPEN),
        "chat.say": Handler(chat.say, NOTICE),
        "discord.say": Handler(discord.say, NOTICE),
        "live.show": Handler(late.show, MUST_HAPPEN),
    }
