"""Sets the stage of a demo before the daemon starts: people and rewards at the simulated Twitch, the week before in the
store. The daemon finds both as it would find them after a restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from daemon.demo_cast import DAY, Part, audience, viewer
from daemon.demo_history import DAYS, LIVE_FOR, Past, past_of
from daemon.demo_party import VIEWERS as GUESTS
from daemon.demo_party import Guests
from daemon.programs import Simulator
from daemon.settings import load_settings
from daemon.wiring_handlers import Repositories
from daemon.wiring_store import Kept, open_kept
from domain import slots as moves
from domain.channel import Channel, Lasting, Reward, Viewer
from domain.errors import Broken
from domain.ports import Clock, NullMetrics
from domain.slots import Slots
from domain.viewer import Listed, ViewerRecord
from domain.vip import VipStatus
from gateways.twitch.tokens import StoredToken
from storage.audit import AuditFilter
from storage.streams import StreamState
from storage.team import TEAM, Member, Team, member_id

VIEWERS = 60
AT_ONCE = 32  # writes that go into one commit
SEED = 7


@dataclass(slots=True)
class Staged:
    """What was set up, as the simulator's oracle and story want it: by id of the reward."""

    durations_ms: dict[str, int] = field(default_factory=dict)
    until_stream: list[str] = field(default_factory=list)
    waits_ms: dict[str, int] = field(default_factory=dict)
    at: int = 0
    plays: list[str] = field(default_factory=list)
    guests: Guests = field(default_factory=Guests)


@dataclass(frozen=True, slots=True)
class _Set:
    """A channel as it was set up at the simulator."""

    part: Part
    channel: Channel
    token: StoredToken
    past: Past
    by_hand: tuple[Viewer, ...]
    moderator: Viewer


async def set_stage(simulator: Simulator, parts: Iterable[Part], *, data_dir: Path, clock: Clock) -> Staged:
    """Everything that a demo begins with. Raises what the simulator and the store raise."""
    viewers = [
        viewer(await simulator.order("viewers", {"login": login, "name": name}))
        for login, name in audience(random.Random(SEED), VIEWERS)  # noqa: S311 - a play, no secret
    ]
    staged, sets = Staged(at=clock.now()), []
    for part in parts:
        made = await _build(simulator, part, viewers, now=clock.now())
        await _give_badges(simulator, made)
        sets.append(made)
        for sale, reward in zip(part.sales, made.channel.rewards, strict=True):
            staged.durations_ms[reward.id] = sale.buys_ms
            staged.waits_ms[reward.id] = part.settings.limits.longest_wait_ms
            if sale.time.lasting is Lasting.STREAM:
                staged.until_stream.append(reward.id)
            if sale.plays:
                staged.plays.append(reward.id)
    secret = await _write(sets, data_dir=data_dir, twitch=simulator.addresses, clock=clock)
    staged.guests = _guests(sets[0], viewers, secret=secret)
    return staged


def _guests(made: _Set, viewers: list[Viewer], *, secret: str) -> Guests:
    """Who comes to the watch party of a channel: of its team, some of its VIPs, and whoever comes often."""
    vips = [
        Viewer(one.viewer_id, one.viewer_login, one.viewer_name)
        for one in made.past.still_open[: GUESTS // 3]
    ]
    found = {one.id: one for one in (made.moderator, *vips, *viewers)}
    return Guests(made.channel.id, tuple(found.values())[:GUESTS], secret)


async def _build(simulator: Simulator, part: Part, viewers: list[Viewer], *, now: int) -> _Set:
    told = await simulator.order(
        "channels", {"login": part.login, "name": part.name, "vip_slots": part.vip_slots}
    )
    rewards = []
    for sale in part.sales:
        made = await simulator.order(
            "rewards",
            {
                "channel_id": told["id"],
                "client_id": simulator.addresses["client_id"],
                "title": sale.title,
                "cost": sale.cost,
                "prompt": sale.prompt,
                "background_color": sale.colour,
            },
        )
        time = sale.time
        rewards.append(
            Reward(made["id"], sale.title, sale.cost, time.ms, time.lasting, time.per, rules=sale.rules)
        )
    added_at = now - (DAYS + 2) * DAY
    channel = Channel(
        told["id"], told["login"], told["name"], tuple(rewards), part.language, added_at=added_at
    )
    channel = replace(channel, settings=part.settings)
    # The last of the audience come least often: they have other roles.
    moderator, *by_hand = list(reversed(viewers))[: part.by_hand + 1]
    await simulator.order("moderators", {"channel_id": channel.id, "user_id": moderator.id})
    for friend in by_hand:
        await simulator.order("vips", {"channel_id": channel.id, "user_id": friend.id})
    if part.on_air:
        await simulator.order("stream", {"channel_id": channel.id, "live": True, "since": now - LIVE_FOR})
    public = [one for one in viewers if one not in by_hand and one != moderator]
    past = past_of(part, channel, public, moderator=moderator, now=now, seed=SEED)
    token = StoredToken(
        user_id=channel.id,
        login=channel.login,
        access_token=told["access_token"],
        refresh_token=told["refresh_token"],
        scopes=tuple(told["scopes"]),
        expires_at=now + int(told["expires_in"]) * 1000,
    )
    return _Set(part, channel, token, past, tuple(by_hand), moderator)


async def _give_badges(simulator: Simulator, made: _Set) -> None:
    """Who is VIP still has his badge from us. The oracle is told that nobody paid for it before its eyes."""
    headers = {
        "Authorization": f"Bearer {made.token.access_token}",
        "Client-Id": simulator.addresses["client_id"],
    }
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as http:
        for session in made.past.still_open:
            who = {"channel_id": session.channel_id, "user_id": session.viewer_id}
            await simulator.order("arrange", who)
            url = f"{simulator.addresses['api_url']}/channels/vips"
            query = {"broadcaster_id": session.channel_id, "user_id": session.viewer_id}
            async with http.post(url, params=query) as answer:
                if answer.status != 204:
                    raise Broken(f"The simulator gave no VIP: {await answer.text()}", code="demo.simulator")


async def _write(sets: list[_Set], *, data_dir: Path, twitch: Mapping[str, str], clock: Clock) -> str:
    """Put everything into the store, which nobody else has open. The secret that was made with it."""
    kept = await _open(data_dir, twitch, clock)
    try:
        star = sets[0].channel
        team = Team(await kept.store.collection(TEAM))
        # The first streamer helps out in the second channel, and has help in her own.
        helpers = [(made.channel, _as_viewer(star)) for made in sets[1:2]]
        for channel, helper in [(star, sets[0].moderator), *helpers]:
            await team.put(
                Member(
                    id=member_id(channel.id, helper.id),
                    channel_id=channel.id,
                    user_id=helper.id,
                    login=helper.login,
                    name=helper.name,
                    since=clock.now() - DAYS * DAY,
                    added_by=channel.id,
                    moderator=True,
                )
            )
        for made in sets:
            await kept.grants.replace(made.token.user_id, 0, made.token)
            await _write_channel(kept.repositories, made, now=clock.now())
        return kept.session_secret
    finally:
        await kept.close()


def _as_viewer(channel: Channel) -> Viewer:
    return Viewer(channel.id, channel.login, channel.name)


async def touched_by_hand(
    data_dir: Path, twitch: Mapping[str, str], clock: Clock, *, since: int
) -> set[tuple[str, str]]:
    """Channel and viewer of all that was ordered at the dashboard since then (UTC ms); where the choices of a channel
    were changed, the channel with an empty viewer. For when the daemon has stopped."""
    found: set[tuple[str, str]] = set()
    kept = await _open(data_dir, twitch, clock)
    try:
        for channel in await kept.repositories.channels.all():
            only = AuditFilter(cause="dashboard", since=since)
            async for records in kept.repositories.audit.batches(channel.id, only):
                found.update((channel.id, one.viewer.id) for one in records)
    finally:
        await kept.close()
    return found


async def _open(data_dir: Path, twitch: Mapping[str, str], clock: Clock) -> Kept:
    settings = load_settings(
        {
            "DATA_DIR": str(data_dir),
            "TWITCH_CLIENT_ID": twitch["client_id"],
            "TWITCH_CLIENT_SECRET": twitch["client_secret"],
        }
    )
    return await open_kept(settings, owner="demo", clock=clock, metrics=NullMetrics())


async def _write_channel(r: Repositories, made: _Set, *, now: int) -> None:
    channel, past = made.channel, made.past
    await r.channels.put(channel, lambda held: channel)
    if made.part.on_air:
        on = StreamState(channel.id, live_since=now - LIVE_FOR, seen_at=now)
        await r.streams.change(channel.id, lambda held: on)
    await _all(r.sessions.create(session) for session in past.sessions.values())
    await _all(r.redemptions.begin(redemption) for redemption in past.redemptions)
    for record in past.records:  # one after the other: a trail has an order
        await r.audit.add(record)
    await _write_viewers(r, made, now=now)

    def taken(slots: Slots) -> Slots:
        for session in past.still_open:
            slots = moves.taken(
                slots, viewer_id=session.viewer_id, session_id=session.id, now=session.granted_at
            )
        return slots

    await r.slots.change(channel.id, taken)


async def _write_viewers(r: Repositories, made: _Set, *, now: int) -> None:
    ended = sorted(
        (one for one in made.past.sessions.values() if one.status is VipStatus.ENDED),
        key=lambda one: one.ended_at or 0,
    )
    last = {one.viewer_id: one for one in ended}
    await _all(
        r.viewers.change(
            made.channel.id,
            Viewer(one.viewer_id, one.viewer_login, one.viewer_name),
            _later(last_vip_ended_at=one.ended_at or 0, seen_at=one.ended_at or 0),
        )
        for one in last.values()
    )
    for place, friend in enumerate(made.by_hand):
        listed = Listed.PROTECTED if place == 0 else Listed.NONE
        since = now - (30 + 17 * place) * DAY
        change = _later(by_hand_since=since, listed=listed, seen_at=now)
        await r.viewers.change(made.channel.id, friend, change)


def _later(**changes: Any) -> Callable[[ViewerRecord], ViewerRecord]:
    return lambda held: replace(held, **changes)


async def _all(works: Iterable[Awaitable[Any]]) -> None:
    """Some at once: the store writes them in one go."""
    waiting = list(works)
    for start in range(0, len(waiting), AT_ONCE):
        await asyncio.gather(*waiting[start : start + AT_ONCE])
