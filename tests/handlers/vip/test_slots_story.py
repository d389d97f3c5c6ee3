"""Whole stories over the real handlers, in any order, with cuts: nobody pays without a VIP or a refund, protected VIPs
are never touched, at most the cap, first redeemed first served, no time is lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.channel import Channel, Viewer
from domain.redemption import Refusal
from domain.slots import Limits, WhenFull
from domain.viewer import Listed
from simulators.twitch.ledger import Entry
from tests.handlers.vip.slots_story import channel_with, put_on_list, removed_by_hand, slots_of, stored
from tests.support.desk import open_scene
from tests.support.scene import REDEMPTION_UPDATE, Scene

NAMES = ("ann", "ben", "cat", "dan")
POINTS = (
    "slots.reserved", "slots.waiting", "slots.freed", "vip.intended", "vip.granted", "vip.counted", "vip.recorded",
    "vip.fulfilled", "vip.refund_intended", "vip.refunded", "expiry.removed",
)  # fmt: skip
DEEDS = (
    "redeem",
    "redeem",
    "redeem",
    "again",
    "remove",
    "cancel",
    "leave",
    "pass",
    "protect",
    "cut",
    "reconcile",
)
Deed = tuple[str, int]


@dataclass
class Telling:
    """A story that is under way. `paid`: every redemption with who made it, in the order of the redemptions."""

    scene: Scene
    channel: Channel
    viewers: list[Viewer]
    paid: list[str] = field(default_factory=list)
    protected: dict[str, int] = field(default_factory=dict)  # since which entry of Twitch's ledger

    async def happens(self, deed: str, number: int) -> None:
        scene, channel = self.scene, self.channel
        viewer = self.viewers[number % len(self.viewers)]
        match deed:
            case "redeem":
                self.paid.append(await scene.redeem(channel, viewer))
            case "again" if self.paid:
                redemption_id = self.paid[number % len(self.paid)]
                await scene.desk.slotting.room.admit(channel.id, redemption_id, 1000 + number)
            case "remove" if scene.holds_vip(channel, viewer) and viewer.id not in self.protected:
                await removed_by_hand(scene, channel, viewer)
            case "cancel" if self.paid:
                redemption_id = self.paid[number % len(self.paid)]
                if scene.status(channel, redemption_id) == "UNFULFILLED":
                    update = await scene.resolve(channel, redemption_id, "CANCELED")
                    await scene.deliver(update, REDEMPTION_UPDATE)
            case "leave" if waiting := (await slots_of(scene, channel)).waiting:
                wait = waiting[number % len(waiting)]
                redemption = await stored(scene, wait.redemption_id)
                await scene.desk.slotting.waiting.let_go(redemption, Refusal.LEFT)
            case "pass":
                await scene.pass_ms(7000)
                await scene.desk.slotting.waiting.look()
            case "protect" if scene.holds_vip(channel, viewer):
                await put_on_list(scene, channel, viewer, Listed.PROTECTED)
                self.protected.setdefault(viewer.id, len(scene.sim.ledger))
            case "cut":
                scene.checkpoints.arm(POINTS[number % len(POINTS)])
            case "reconcile":
                await scene.reconcile(channel)
            case _:
                return

    async def settle(self) -> None:
        before = (await slots_of(self.scene, self.channel)).waiting
        await self.scene.quiet()
        slots = await slots_of(self.scene, self.channel)
        limits = self.channel.settings.limits
        assert not limits.cap or len(slots.held) <= limits.cap
        left = {wait.turn for wait in slots.waiting} & {wait.turn for wait in before}
        for wait in before:
            redemption = await stored(self.scene, wait.redemption_id)
            if redemption.outcome == "granted" and redemption.status != "cancelled":
                assert not left or wait.turn < min(left), "nobody overtakes"

    async def end(self) -> None:
        """In the end, all that waits is let go, and everything is judged."""
        scene, channel = self.scene, self.channel
        await scene.finish()
        for _ in range(4):
            await scene.reconcile(channel)
            await scene.finish()
            await scene.desk.slotting.waiting.look()
            await scene.finish()
        waiting = {wait.redemption_id for wait in (await slots_of(scene, channel)).waiting}
        for redemption_id in self.paid:
            redemption = await stored(scene, redemption_id)
            on_twitch = scene.status(channel, redemption_id)
            if redemption_id in waiting:
                assert (redemption.status, on_twitch) == ("waiting", "UNFULFILLED")
                continue
            assert redemption.settled, redemption
            if on_twitch == "CANCELED":
                assert redemption.status in ("refunded", "cancelled")
                continue
            assert (redemption.status, on_twitch) == ("fulfilled", "FULFILLED")
            session = await scene.repositories.sessions.get(redemption.session_id)
            assert session is not None, "who has paid has got his time"
            assert session.has(redemption_id)
        for session in await scene.repositories.sessions.active(channel.id):
            added = sum(grant.added_ms for grant in session.grants)
            assert session.expires_at >= session.granted_at + added
        assert await scene.desk.slotting.waiting.mend(channel, run="end") == 0, (
            "the slots are as they should be"
        )
        for entry in scene.sim.ledger.of("vip_removed"):
            spared = self.protected.get(entry.user_id)
            assert entry.by != "app" or spared is None or entry.seq <= spared
        self.at_most_the_cap()

    def at_most_the_cap(self) -> None:
        cap = self.channel.settings.limits.cap
        held: set[str] = set()
        for entry in scene_entries(self.scene):
            if entry.kind == "vip_added":
                held.add(entry.user_id)
                assert not cap or len(held - set(self.protected)) <= cap
            elif entry.kind == "vip_removed":
                held.discard(entry.user_id)


def scene_entries(scene: Scene) -> list[Entry]:
    return [entry for entry in scene.sim.ledger if entry.kind in ("vip_added", "vip_removed")]


async def told(limits: Limits, twitch: int, deeds: Sequence[Deed]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(Path(folder)) as scene:
            channel = await channel_with(scene, limits, vip_ms=20_000, vip_slots=twitch)
            viewers = [await scene.viewer(name) for name in NAMES]
            telling = Telling(scene, channel, viewers)
            # More viewers than there ever are slots, so that there is something to quarrel about.
            for deed, number in (*(("redeem", number) for number in range(len(NAMES))), *deeds):
                await telling.happens(deed, number)
                await telling.settle()
            await telling.end()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(Limits, st.integers(0, 2), st.sampled_from(WhenFull), st.just(120_000)),
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 30)), min_size=3, max_size=12),
)
def test_nobody_is_cheated(limits: Limits, twitch: int, deeds: list[Deed]) -> None:
    asyncio.run(told(limits, twitch, deeds), debug=True)
