"""What Cuelight says in chat: one line, the viewer mentioned once, what happened and what comes next."""

from __future__ import annotations

from collections.abc import Mapping

CHAT_LIMIT = 500  # characters in one message (Send Chat Message, Twitch API reference)

CHAT: dict[str, str] = {
    "granted": "@{viewer} is VIP now, for {duration}. Enjoy!",
    "extended": "@{viewer} stays VIP: {duration} more, {left} in all.",
    "ended": "@{viewer}'s VIP time is over. Thank you!",
    "refund.slots_full": "@{viewer}, all VIP slots are taken. You have your points back.",
    "refund.moderator": "@{viewer}, moderators cannot be VIP. You have your points back.",
    "refund.blocked": "@{viewer}, you cannot be VIP in this channel. You have your points back.",
    "refund.not_unlocked": "@{viewer}, this channel has not unlocked VIPs yet. You have your points back.",
    "refund.vip_by_hand": "@{viewer}, you are VIP already. You have your points back.",
    "refund.broadcaster": "@{viewer}, it is your own channel. You have your points back.",
    "refund.viewer_gone": "@{viewer}, Twitch does not know this account any more. The points went back.",
    "refund.broken": "@{viewer}, that did not work. You have your points back.",
    "cancelled": "@{viewer}, a moderator gave your points back, so this VIP time is taken back too.",
}

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


def duration(milliseconds: int) -> str:
    """The two largest units that are not zero: `2 d 4 h`, `20 s`; rounded up to whole seconds."""
    rest = -(-max(0, milliseconds) // 1000) * 1000
    parts: list[str] = []
    for unit, size in _UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def say(template: str, values: Mapping[str, str]) -> str:
    """The sentence of a template, cut to what chat takes. Raises `KeyError` for an unknown template."""
    line = " ".join(CHAT[template].format_map(values).split())
    return line if len(line) <= CHAT_LIMIT else line[: CHAT_LIMIT - 1] + "…"
