"""Answers of the server for the scripted tests, written by the models that the server answers with, so that they cannot
drift."""

from __future__ import annotations

from typing import Any

from domain import messages
from web.models.accounts import AccountTold, ScopesTold, TeamTold
from web.models.analytics import Figures
from web.models.rewards import RewardList
from web.models.settings import MessageCatalogue, PreviewTold, Settings
from web.models.viewers import ListPage

DAY = 86_400
NO_RULES = {
    "subscribers_only": False,
    "min_follow_seconds": 0,
    "allow_only": False,
    "cooldown_seconds": 0,
    "most_seconds": 0,
}
_USUAL_REWARD: dict[str, Any] = {
    "id": "r-1",
    "title": "VIP for a week",
    "cost": 50_000,
    "prompt": "",
    "color": "#9147FF",
    "enabled": True,
    "paused": False,
    "paused_by_us": False,
    "pauses_when_full": False,
    "cooldown_seconds": 0,
    "max_per_stream": 0,
    "max_per_viewer_per_stream": 0,
    "user_input": False,
    "action": "vip",
    "time": {"lasting": "fixed", "seconds": 7 * DAY, "per": 1},
    "rules": None,
    "in_stock": True,
    "redeemed_now": 0,
    "pending": 0,
    "missing_on_twitch": False,
    "advice": "",
}


def reward(id: str = "r-1", **changes: Any) -> dict[str, Any]:
    return _USUAL_REWARD | {"id": id} | changes


def rewards(*given: dict[str, Any], others: tuple[dict[str, Any], ...] = (), why_not: str = "") -> Any:
    limits = {
        "rewards": 50,
        "used": len(given) + len(others),
        "title_characters": 45,
        "prompt_characters": 200,
    }
    whole = {"rewards": list(given), "others": [{"adoptable": not one["why"], **one} for one in others]}
    told = whole | {"limits": limits, "can_create": not why_not, "why_not": why_not}
    return RewardList.model_validate(told).model_dump(mode="json")


def settings(**changes: Any) -> Any:
    usual: dict[str, Any] = {
        "language": "en",
        "chat": True,
        "default_seconds": 7 * DAY,
        "removes": True,
        "paused": False,
        "timezone": "Europe/Berlin",
        "wizard_done": True,
        "rules": NO_RULES,
        "limits": {"cap": 0, "when_full": "refund", "longest_wait_seconds": 3600},
        "causes": {"subscription": None, "bits": None, "power_up": None},
        "messages": {
            "texts": {},
            "off": [],
            "ends_soon_seconds": 0,
            "says_online": False,
            "answers_vip": True,
            "faults": {},
        },
        "discord": {"configured": False, "shown": "", "events": [], "fault": ""},
        "languages": [{"code": "en", "name": "English"}, {"code": "de", "name": "Deutsch"}],
    }
    return Settings.model_validate(usual | changes).model_dump(mode="json")


def catalogue() -> Any:
    """The real one, by the real table."""
    events = [
        {
            "event": one.event,
            "what": one.what,
            "placeholders": [
                {
                    "name": name,
                    "what": messages.PLACEHOLDERS[name].what,
                    "example": messages.example_of(name, "en", one.event),
                }
                for name in one.names
            ],
            "default": messages.default_of(one.event),
        }
        for one in messages.EVENTS.values()
    ]
    return MessageCatalogue.model_validate({"events": events}).model_dump(mode="json")


def preview(line: str, *faults: str) -> Any:
    return PreviewTold(line=line, characters=len(line), faults=list(faults)).model_dump(mode="json")


def scopes(*missing: str) -> Any:
    needed = [
        {
            "feature": name,
            "scopes": [f"scope:{name}"],
            "why": f"For {name}.",
            "on": True,
            "missing": [f"scope:{name}"] if name in missing else [],
        }
        for name in ("rewards", "vips", "chat_as_self")
    ]
    told = {
        "granted": [],
        "needed": needed,
        "missing": [f"scope:{name}" for name in missing],
        "consent_url": "/api/auth/sign-in?return_to=%2Faccount&features=rewards",
        "checked_at": 1_790_000_000_000,
    }
    return ScopesTold.model_validate(told).model_dump(mode="json")


def account(name: str = "lumen_live", **changes: Any) -> Any:
    usual: dict[str, Any] = {
        "channel": {
            "id": "1",
            "login": "lumen_live",
            "name": name,
            "broadcaster_type": "partner",
            "added_at": 1_780_000_000_000,
        },
        "login_state": "good",
        "login_detail": "",
        "speaks_as": {"id": "1", "login": "lumen_live", "name": name, "kind": "self"},
        "sessions": [
            {
                "id": "s-1",
                "current": True,
                "since": 1_789_000_000_000,
                "last_seen_at": 1_790_000_000_000,
                "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            }
        ],
        "role": "owner",
    }
    return AccountTold.model_validate(usual | changes).model_dump(mode="json")


def team(*names: str) -> Any:
    members = [
        {
            "user_id": str(1000 + n),
            "login": f"login_{n}",
            "name": name,
            "role": "moderator",
            "since": 1_789_000_000_000,
            "last_seen_at": None,
            "is_moderator": True,
        }
        for n, name in enumerate(names)
    ]
    return TeamTold.model_validate({"members": members}).model_dump(mode="json")


def viewers(listed: str, *names: str) -> Any:
    entries = [
        {"id": f"{n}", "login": f"login_{n}", "name": name, "listed": listed, "seen_at": 0}
        for n, name in enumerate(names)
    ]
    return ListPage.model_validate({"entries": entries, "cursor": None}).model_dump(mode="json")


def figures(name: str = "ann", days: int = 30, *, granted: int = 3, title: str = "VIP for a week") -> Any:
    """`granted` a day, on the days of November 2026 before the last one, none on that."""
    rows = [
        {
            "day": f"2026-11-{n:02d}",
            "granted": granted if n < days else 0,
            "extended": 1 if granted else 0,
            "refunded": 0,
            "ended": 0,
            "points": granted * 1000,
            "bits": 0,
        }
        for n in range(1, days + 1)
    ]
    none = {"granted": 0, "extended": 0, "refunded": 0, "ended": 0, "points": 0, "bits": 0}
    total = {key: sum(row[key] for row in rows) for key in none} | {"viewers": 1 if granted else 0}
    viewer = {"viewer": {"id": "1", "login": "ann", "name": name}, "vips": 3, "seconds": 90_000, "points": 9}
    told = {
        "from": rows[0]["day"],
        "to": rows[-1]["day"],
        "now": 1_795_290_000_000,
        "timezone": "Europe/Berlin",
        "days": rows,
        "totals": total,
        "by_reward": [{"reward_id": "r", "title": title, "granted": 9, "extended": 1, "points": 10}],
        "by_cause": [{"cause": "redemption", "granted": 9, "extended": 1}],
        "refund_reasons": [{"reason": "slots_full", "count": 4}, {"reason": "brand_new", "count": 1}],
        "top_viewers": [viewer],
        "complete": True,
    }
    return Figures.model_validate(told).model_dump(mode="json", by_alias=True)
