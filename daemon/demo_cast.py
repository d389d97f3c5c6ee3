"""Who plays in `cuelight demo`: the channels, what they sell, how they are set up, and who watches them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.channel import Causes, ChannelSettings, Lasting, Viewer, VipTime
from domain.rules import NO_RULES, Rules
from domain.slots import Limits, WhenFull

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

NO_SETTINGS = ChannelSettings()


@dataclass(frozen=True, slots=True)
class Sale:
    """A reward of the demo. `weight`: how often it is chosen in the week before; `plays`: whether it is redeemed while
    the demo runs (one that lasts a day would only fill the slots)."""

    title: str
    cost: int
    time: VipTime
    colour: str
    weight: int = 1
    plays: bool = False
    rules: Rules | None = None
    prompt: str = ""

    @property
    def buys_ms(self) -> int:
        """Milliseconds of VIP for one redemption."""
        return self.time.ms_for(self.cost)


@dataclass(frozen=True, slots=True)
class Part:
    """A channel of the demo. `a_day`: VIPs on an ordinary day; `most_open`: how many of the week before are still VIP;
    `on_air`: whether a stream is on, which the waiting list and time "until the stream ends" go by."""

    login: str
    name: str
    sales: tuple[Sale, ...]
    settings: ChannelSettings = NO_SETTINGS
    language: str = "en"
    vip_slots: int = 12
    a_day: int = 8
    most_open: int = 0
    by_hand: int = 0
    on_air: bool = True
    other_causes: Mapping[str, int] = field(default_factory=dict)


def cast(*, longest_wait_ms: int) -> tuple[Part, ...]:
    """The channels, the one whose streamer is logged in first. `longest_wait_ms`: on its waiting list."""
    return (
        Part(
            login="lanternlight",
            name="LanternLight",
            sales=(
                Sale(
                    "VIP for 30 seconds",
                    500,
                    VipTime(30 * SECOND),
                    "#2E7D52",
                    weight=3,
                    plays=True,
                    prompt="A taste of it. Watch the countdown in the dashboard.",
                ),
                Sale(
                    "VIP by the point",
                    900,
                    VipTime(SECOND, Lasting.PER_UNIT, per=20),
                    "#8A6D1D",
                    weight=3,
                    plays=True,
                    prompt="A second for each 20 points.",
                ),
                Sale(
                    "VIP until the stream ends",
                    4000,
                    VipTime(12 * HOUR, Lasting.STREAM),
                    "#3B5B8C",
                    weight=7,
                ),
                Sale(
                    "VIP for a day",
                    8000,
                    VipTime(DAY),
                    "#8C3B5E",
                    weight=6,
                    rules=Rules(min_follow_ms=7 * DAY, most_ms=3 * DAY),
                ),
            ),
            settings=ChannelSettings(
                default_vip_ms=DAY,
                limits=Limits(cap=16, when_full=WhenFull.WAIT, longest_wait_ms=longest_wait_ms),
                causes=Causes(
                    subscription=VipTime(DAY, Lasting.PER_UNIT), bits=VipTime(HOUR, Lasting.PER_UNIT, per=100)
                ),
                rules=NO_RULES,
                wizard_done=True,
            ),
            vip_slots=24,
            a_day=32,
            most_open=8,
            by_hand=3,
            other_causes={"subscription": 8, "bits": 7, "dashboard": 4},
        ),
        Part(
            login="northpier",
            name="NorthPier",
            sales=(Sale("VIP for 25 seconds", 500, VipTime(25 * SECOND), "#3B5B8C", plays=True),),
            settings=ChannelSettings(wizard_done=True),
            language="de",
        ),
        Part(
            login="thelongevening_withfriends",
            name="TheLongEvening_WithFriends",
            sales=(Sale("VIP for 40 seconds", 500, VipTime(40 * SECOND), "#8C3B5E", plays=True),),
            settings=ChannelSettings(wizard_done=True),
            on_air=False,
        ),
    )


_FIRST = (
    "quiet", "amber", "pixel", "velvet", "copper", "misty", "lucky", "sunny", "tiny", "brave", "frosty", "mellow",
    "cosmic", "paper", "silver", "honey", "stormy", "gentle", "wobbly", "salty",
)  # fmt: skip
_SECOND = (
    "harbor", "lantern", "sparrow", "comet", "biscuit", "meadow", "teapot", "rocket", "willow", "badger", "pebble",
    "violin", "walnut", "glacier", "ferret", "acorn", "puffin", "marble", "thistle", "cactus",
)  # fmt: skip
_SPECIAL = (
    ("layla-noor", "ليلى نور"),
    ("hanami-chan", "花見ちゃん"),
    ("thequietestviewerintheroom", "TheQuietestViewerInTheRoom"),
)


def audience(source: random.Random, count: int) -> list[tuple[str, str]]:
    """So many viewers (login, name), none of whom the simulator's own story knows. Whoever comes first comes often."""
    names = [(login.replace("-", "")[:25], name[:25]) for login, name in _SPECIAL]
    taken = {login for login, _ in names}
    while len(names) < count:
        first, second = source.choice(_FIRST), source.choice(_SECOND)
        number = source.choice(("", "", "", str(source.randrange(2, 99))))
        login = f"{first}{second}{number}"
        if login not in taken:
            taken.add(login)
            names.append((login, f"{first.title()}{second.title()}{number}"))
    source.shuffle(names)
    return names


def viewer(told: Mapping[str, str]) -> Viewer:
    """A viewer as the simulator tells of him."""
    return Viewer(told["id"], told["login"], told["name"])
