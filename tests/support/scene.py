"""A desk in the middle of a story: what happens at Twitch, what comes in, what comes of it. See `desk.open_scene`.

A story is told in three steps: something happens at Twitch (`redeem`, `act`), the event comes in (`deliver`), and
`settled` or `quiet` waits for the worker, moving time to each retry.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from daemon.metrics import PrometheusMetrics
from daemon.wiring_accounts import Accounts
from daemon.wiring_handlers import Desk, Repositories
from domain.audit import AuditRecord
from domain.channel import Channel, Reward, Viewer
from domain.events import Arrival
from domain.inbox import InboxRow, RowState
from domain.ports import Clock
from domain.redemption import Redemption
from domain.vip import VipSession
from gateways.http import HttpClient
from gateways.topics.contracts import Entry, Position
from gateways.topics.memory import MemoryTopics
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import Grant, TwitchOAuth
from gateways.twitch.tokens import TokenKeeper
from handlers.party.from_twitch import FromTwitch
from handlers.vip.channels import Enrolment
from handlers.vip.grants import Grants
from handlers.vip.live import topic_of
from handlers.vip.reconcile import reconciliation_of
from rooms.fleet.visit import Visits
from simulators.twitch import TwitchSimulator
from tests.support.story import Checkpoints, NoWatch, StoryClock
from tests.support.unreliable import UnreliableStore

REDEMPTION_ADD = "channel.channel_points_custom_reward_redemption.add"
REDEMPTION_UPDATE = "channel.channel_points_custom_reward_redemption.update"
SECONDS = 30.0  # no wait of a test takes longer
SCHEDULER = "expiries"
ROUNDS = 60  # of moving time to the next retry

VIPS_PATH = "/channels/vips"
QUEUE_PATH = "/custom_rewards/redemptions"
MODERATORS_PATH = "/moderation/moderators"
CHAT_PATH = "/chat/messages"


@dataclass
class Scene:
    """Everything by name. `helpers` first, what is joined after them."""

    clock: Clock
    metrics: PrometheusMetrics
    store: UnreliableStore
    repositories: Repositories
    topics: MemoryTopics
    sim: TwitchSimulator
    http: HttpClient
    oauth: TwitchOAuth
    tokens: TokenKeeper
    grants: Grants
    helix: TwitchHelix
    desk: Desk
    enrolment: Enrolment
    watch: NoWatch
    checkpoints: Checkpoints
    control: aiohttp.ClientSession
    revoked: list[tuple[str, str]] = field(default_factory=list)
    accounts: Accounts | None = None
    party: FromTwitch | None = None
    visits: Visits | None = None
    sleepers: tuple[str, ...] = ()
    nudges: int = 0
    last: str = ""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # What happens at Twitch

    async def act(self, path: str, method: str = "POST", **body: Any) -> Any:
        """One order to the simulator's control surface."""
        async with self.control.request(method, f"{self.sim.control_url}/{path}", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return told

    async def fault(self, method: str, path: str, *, times: int = 1, **how: Any) -> None:
        """Let the next matching calls fail: `status`, `drop`, `html`, `delay_ms`, `after_effect`."""
        query = how.pop("query", {})
        await self.act("faults", match={"method": method, "path": path, "query": query}, times=times, **how)

    async def heal(self) -> None:
        await self.act("faults", "DELETE")

    async def channel(
        self,
        login: str = "streamer",
        *,
        vip_ms: int = 60_000,
        chat: bool = True,
        reward_id: str = "",
        **more: Any,
    ) -> Channel:
        """A channel that we look after: it has logged in and has one reward of ours (or the one given)."""
        row = await self.act("channels", login=login, name=login.title(), **more)
        await self.tokens.put(row["id"], login, grant_of(row))
        if not reward_id:
            body = {"title": f"VIP of {login}", "cost": 500, "should_redemptions_skip_request_queue": False}
            reward_id = (await self.helix.create_reward(row["id"], body)).id
        reward = Reward(reward_id, f"VIP of {login}", 500, vip_ms)
        channel = Channel(row["id"], login, row["name"], (reward,), chat=chat, added_at=self.clock.now())
        return await self.repositories.channels.put(channel, lambda held: held)

    async def viewer(self, login: str = "ann") -> Viewer:
        row = await self.act("viewers", login=login, name=login.title())
        return Viewer(row["id"], login, row["name"])

    async def pay(self, channel: Channel, viewer: Viewer, **more: Any) -> dict[str, Any]:
        """A viewer redeems and nobody hears of it. The redemption in EventSub's form."""
        reward_id = more.pop("reward_id", channel.rewards[0].id)
        row = await self.act(
            "redeem", channel_id=channel.id, viewer_id=viewer.id, reward_id=reward_id, **more
        )
        return in_eventsub_form(row)

    async def resolve(self, channel: Channel, redemption_id: str, status: str) -> dict[str, Any]:
        """A moderator settles a redemption in Twitch's queue; the update in EventSub's form."""
        row = await self.act("resolve", channel_id=channel.id, redemption_id=redemption_id, status=status)
        return in_eventsub_form(row)

    def holds_vip(self, channel: Channel, viewer: Viewer) -> bool:
        return viewer.id in self.sim.world.channels[channel.id].vips

    def status(self, channel: Channel, redemption_id: str) -> str:
        """How a redemption stands at Twitch."""
        return self.sim.world.channels[channel.id].redemptions[redemption_id].status

    def deeds(self, kind: str, **equals: str) -> int:
        """How often something was done at Twitch, by the simulator's ledger."""
        return len(self.sim.ledger.of(kind, **equals))

    async def verdict(self, channel: Channel, *, slack_ms: int) -> dict[str, Any]:
        """The oracle's judgement (real time only)."""
        durations = {reward.id: reward.vip_ms for reward in channel.rewards}
        told: dict[str, Any] = await self.act("verdict", durations_ms=durations, slack_ms=slack_ms)
        return told

    # What comes in

    async def deliver(
        self,
        event: Any,
        type: str = REDEMPTION_ADD,
        *,
        version: str = "1",
        message_id: str = "",
        transport: str = "websocket",
    ) -> str:
        """One notification by either transport. Returns the id of its row."""
        message_id = message_id or f"message-{next(self.numbers)}"
        payload: dict[str, Any] = {"subscription": {"type": type, "version": version}, "event": event}
        frame = {"metadata": {"message_id": message_id, "message_type": "notification"}, "payload": payload}
        body = frame if transport == "websocket" else payload
        self.last = await self.desk.eventsub.notification(
            Arrival(
                message_id=message_id,
                type=type,
                version=version,
                payload=payload,
                raw=json.dumps(body).encode(),
                headers={},
                key_id="",
                transport=transport,
            )
        )
        return f"twitch:{message_id}"

    async def redeem(self, channel: Channel, viewer: Viewer, **more: Any) -> str:
        """A viewer redeems and the event comes in. The redemption's id."""
        event = await self.pay(channel, viewer, **more)
        await self.deliver(event)
        return str(event["id"])

    async def role(self, kind: str, channel: Channel, viewer: Viewer) -> str:
        """`vip.add`, `vip.remove`, `moderator.add` or `moderator.remove` comes in. The id of its row."""
        return await self.deliver(role_event(channel, viewer), f"channel.{kind}")

    async def reconcile(self, channel: Channel, run: str = "") -> str:
        """A gap was noticed. The id of its row."""
        delivery = reconciliation_of(channel.id, run=run or f"run-{next(self.numbers)}")
        await self.desk.intake.accept(delivery)
        return delivery.row_id

    # What comes of it

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for something that other tasks bring about."""
        async with asyncio.timeout(SECONDS):
            while not await condition():
                await asyncio.sleep(0.004)

    async def quiet(self) -> None:
        """Wait until the worker has nothing to do at this moment."""
        async with asyncio.timeout(SECONDS):
            while not await self._is_quiet():
                await asyncio.sleep(0.004)

    async def _is_quiet(self) -> bool:
        worker, clock = self.desk.worker, self.clock
        if isinstance(clock, StoryClock):
            if worker.busy == clock.hands_asleep > 0:
                await clock.advance(1.0)  # they met a store that does not answer
                return False
            if not all(clock.asleep[name] for name in self.sleepers):
                return False
        if not self._is_at_rest():
            return False
        is_due = any(row.due_at <= clock.now() for row in await self._heads())
        if is_due and isinstance(clock, StoryClock) and self._is_at_rest():
            # Due by the wall clock, and the worker's timer is a fraction of a millisecond later; or a lane that only
            # the sweep will find.
            self.nudges += 1
            await clock.advance(0.001 if self.nudges < 20 else 1.0)
        else:
            self.nudges = 0
        return not is_due and self._is_at_rest()

    def _is_at_rest(self) -> bool:
        return not self.desk.worker.busy and not self.desk.worker.backlog

    async def _heads(self) -> list[InboxRow]:
        """The open rows that are first in their lanes: what comes after a waiting head waits with it."""
        heads: dict[str, InboxRow] = {}
        for row in sorted(await self.rows(RowState.OPEN), key=lambda row: row.order):
            heads.setdefault(row.lane, row)
        return list(heads.values())

    async def finish(self) -> None:
        """Work everything off, moving time to each retry."""
        for _ in range(ROUNDS):
            await self.quiet()
            waiting = await self._heads()
            if not waiting:
                return
            await self.pass_ms(max(1, min(row.due_at for row in waiting) - self.clock.now()))
        raise AssertionError(f"still open: {[(row.id, row.attempts, row.error) for row in waiting]}")

    async def pass_ms(self, milliseconds: int) -> None:
        """Move time, and let the scheduler do its look wherever it would have woken on the way."""
        clock = self.clock
        assert isinstance(clock, StoryClock)
        end = clock.monotonic() + milliseconds / 1000
        while (left := end - clock.monotonic()) > 0:
            await self._scheduler_sleeps()
            wakes = clock.until.get(SCHEDULER, end) - clock.monotonic()
            await clock.advance(min(left, wakes) if wakes > 0 else left)
        await self._scheduler_sleeps()

    async def _scheduler_sleeps(self) -> None:
        clock = self.clock
        assert isinstance(clock, StoryClock)
        async with asyncio.timeout(SECONDS):
            while SCHEDULER in self.sleepers and not clock.asleep[SCHEDULER]:
                await asyncio.sleep(0.001)

    async def settled(self, redemption_id: str) -> Redemption:
        """What became of a redemption, once all work is done."""
        await self.finish()
        redemption = await self.repositories.redemptions.get(redemption_id)
        assert redemption is not None
        assert redemption.settled, redemption
        return redemption

    async def settled_now(self, redemption_id: str) -> Redemption:
        """The same without moving time."""
        await self.quiet()
        redemption = await self.repositories.redemptions.get(redemption_id)
        assert redemption is not None
        return redemption

    async def session(self, channel: Channel, viewer: Viewer) -> VipSession | None:
        return await self.repositories.sessions.open_for(channel.id, viewer.id)

    async def ended(self, session_id: str) -> VipSession:
        """Wait for the end of a session; time moves on to each retry, and in steps of a second."""
        for _ in range(ROUNDS):
            await self.finish()
            session = await self.repositories.sessions.get(session_id)
            if session is not None and session.ended_at is not None:
                await self.finish()
                return session
            await self.pass_ms(1000)
        raise AssertionError("the session did not end")

    async def row(self, row_id: str) -> InboxRow:
        return await self.repositories.inbox.get(row_id)

    async def rows(self, state: RowState) -> list[InboxRow]:
        return [
            await self.repositories.inbox.get(document["_id"])
            for document in await self.repositories.inbox.documents(state)
        ]

    async def trail(self, channel: Channel) -> list[AuditRecord]:
        """The audit trail, oldest first."""
        records, _ = await self.repositories.audit.page(channel.id, limit=500)
        return sorted(records, key=lambda record: (record.at, record.id))

    async def actions(self, channel: Channel) -> list[str]:
        return sorted(record.action.value for record in await self.trail(channel))

    async def entries(self, channel: Channel, after: Position | None = None) -> list[Entry]:
        """The live page's entries."""
        if after is None:
            after = Position((await self.topics.head(topic_of(channel.id))).position.epoch, 0)
        return await self.topics.read(topic_of(channel.id), after, limit=1000)

    def said(self, channel: Channel) -> list[str]:
        """The lines in chat."""
        return [entry.detail["text"] for entry in self.sim.ledger.of("chat", channel_id=channel.id)]

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.value(name, **labels) or 0.0


def grant_of(row: dict[str, Any]) -> Grant:
    """The grant in an answer of the simulator's control surface."""
    return Grant(
        access_token=row["access_token"],
        refresh_token=row["refresh_token"],
        scopes=tuple(row["scopes"]),
        expires_in=row["expires_in"],
    )


def in_eventsub_form(row: dict[str, Any]) -> dict[str, Any]:
    """A redemption as Helix shows it, as EventSub would tell it."""
    return {
        "id": row["id"],
        "broadcaster_user_id": row["broadcaster_id"],
        "broadcaster_user_login": row["broadcaster_login"],
        "broadcaster_user_name": row["broadcaster_name"],
        "user_id": row["user_id"],
        "user_login": row["user_login"],
        "user_name": row["user_name"],
        "user_input": row["user_input"],
        "status": row["status"].lower(),
        "reward": row["reward"],
        "redeemed_at": row["redeemed_at"],
    }


def role_event(channel: Channel, viewer: Viewer) -> dict[str, Any]:
    return {
        "broadcaster_user_id": channel.id,
        "broadcaster_user_login": channel.login,
        "broadcaster_user_name": channel.name,
        "user_id": viewer.id,
        "user_login": viewer.login,
        "user_name": viewer.name,
    }
