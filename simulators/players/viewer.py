"""One simulated viewer in a real room: a clock that is wrong, a network, a player, and our client between them.

True time is the machine's monotonic clock (s); the client is shown its own only. Player and correction are those of the
bench on virtual time, moved on to the present before they are asked anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from simulators.players.client import PartyClient
from simulators.players.conversation import Conversation, Heard
from simulators.players.habits import Habit
from simulators.players.media import Player, any_player
from simulators.players.network import DelayLine, Profile, any_clock
from simulators.players.socket import PartySocket
from simulators.players.wire import Answer, Ask, Message, State, Timeline

REPORT_SECONDS = 10.0
BUFFERING_SECONDS = 1.0
"""So long a stall is nobody's business but the viewer's own."""

SAID = (
    "hello :)", "what a shot", "no spoilers!", "ha", "who is that again?", "here it comes", "❤", "wow",
    "brb, tea", "back, what did I miss?", "the lamp is my favourite", "I have seen this one", "shh", "again?!",
    "can we have the long one next", "vote for the last one please", "everybody still in sync?", "that sound though",
    "I always cry here", "😂",
)  # fmt: skip


def timeline_of(state: Mapping[str, Any]) -> Timeline:
    """The film's timeline in a `state` of the protocol."""
    return Timeline(state["pos"], state["playing"], state["ts"], state["rate"])


class Viewer:
    """`seed` decides clock, player and what is said; `hello`, `begin` and `with_data` are those of `Conversation`.
    `chats_each` is the mean number of seconds between two chat messages (0: silent), `stalls_each` that between two
    stalls of the player (0: as many as players have); `habits` are what else it does."""

    look_seconds = PartyClient.look_seconds

    def __init__(
        self,
        *,
        url: str,
        hello: Mapping[str, Any] | None,
        begin: str,
        with_data: Mapping[str, Any],
        profile: Profile,
        seed: str,
        chats_each: float = 0.0,
        stalls_each: float = 0.0,
        habits: Sequence[Habit] = (),
        overhear: Callable[[str, float], None] = lambda text, now: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._dice = now, Random(seed)
        dice = self._dice
        self.clock = any_clock(dice)
        traits = any_player(dice)
        if stalls_each:
            traits = replace(traits, stall_each=stalls_each)
        self.player = Player(traits, Random(dice.random()), weather=Random(dice.random()), now=now())
        self.client = PartyClient(
            player=self.player,
            send=self._send,
            random=Random(dice.random()),
            resolution=self.clock.resolution,
        )
        name = f"{dice.randrange(1 << 32):08x}"
        self.talk = Conversation(hello=hello, begin=begin, with_data=with_data, chance=dice.random, name=name)
        self.socket = PartySocket(
            url=url,
            conversation=self.talk,
            hear=self.hear,
            up=DelayLine(profile.up, Random(dice.random())),
            down=DelayLine(profile.down, Random(dice.random())),
            overhear=overhear,
            now=now,
        )
        self.heard_chat = self.said = 0
        self.entered = asyncio.Event()
        self.timeline: Timeline | None = None
        self._rev = -1
        self._barrier = ""
        self._chats_each, self._habits = chats_each, tuple(habits)
        self._speak_at = now() + self._pause()
        self._report_at = now() + REPORT_SECONDS
        self._reported: tuple[int, int, float] = (0, 0, 0.0)
        self._stalled_since: float | None = None
        self._is_ready = True

    async def run(self) -> None:
        """Until the server says to stay away, or until cancelled."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look())
            await self.socket.run()
            self.entered.set()  # or turned away: nobody has to wait for it any more
            looking.cancel()

    def do(self, type: str, **data: Any) -> None:
        """Ask for something, as the person in front of the screen."""
        self.talk.command(type, data)
        self.socket.flush()

    def hear(self, heard: Heard, now: float) -> None:
        """A message of the server has come through the network, at a true instant."""
        data = heard.data
        for habit in self._habits:
            habit.heard(heard)
        if heard.type == "clock:pong":
            self._receive(Answer(data["t1"], data["t2"], data["t3"], data["clockId"]), now)
        elif heard.type == "party:chat":
            self.heard_chat += 1
        if isinstance(data.get("state"), dict):
            self._film(data["state"], now, anew=heard.is_welcome)
        if heard.is_welcome:
            self.entered.set()
            self._say_ready()

    # -- inside ------------------------------------------------------------------------------------------------

    def _film(self, state: Mapping[str, Any], now: float, *, anew: bool) -> None:
        if state["rev"] < self._rev and not anew:
            return
        self._rev = state["rev"]
        barrier = (state.get("barrier") or {}).get("barrierId", "")
        if barrier and barrier != self._barrier:
            self._is_ready = False
        self._barrier = barrier
        timeline = timeline_of(state)
        if timeline != self.timeline:
            self.timeline = timeline
            self._receive(State(timeline, joined=anew), now)

    def _receive(self, message: Message, now: float) -> None:
        self.player.advance(now)
        self.client.receive(message, self.clock.at(now))

    def _send(self, message: Message) -> None:
        if isinstance(message, Ask):
            self.talk.tell("clock:ping", {"t1": message.sent})

    async def _look(self) -> None:
        while True:
            now = self._now()
            self.player.advance(now)
            self.client.look(self.clock.at(now))
            if self.talk.is_in:
                self._watch(now)
                self._chat(now)
                for habit in self._habits:
                    for what, data in habit.due(now):
                        self.do(what, **data)
                self._report(now)
            self.socket.flush()
            await asyncio.sleep(self.look_seconds)

    def _watch(self, now: float) -> None:
        """Tell the room when it has to wait for us, and when no more."""
        if self.player.state == "stalled":
            self._stalled_since = self._stalled_since or now
            if self._is_ready and now - self._stalled_since >= BUFFERING_SECONDS:
                self._is_ready = False
                self.do("party:buffering", rev=self._rev)
            return
        self._stalled_since = None
        if not self._is_ready and self.player.state in ("paused", "playing"):
            self._say_ready()

    def _say_ready(self) -> None:
        self._is_ready = True
        self.do(
            "party:ready", rev=self._rev, startLatencyMs=round(self.client.correction.start.seconds * 1000)
        )

    def _pause(self) -> float:
        return self._dice.expovariate(1 / self._chats_each) if self._chats_each else float("inf")

    def _chat(self, now: float) -> None:
        if now >= self._speak_at:
            self._speak_at = now + self._pause()
            self.said += 1
            self.do("party:chat", message=self._dice.choice(SAID))

    def _report(self, now: float) -> None:
        local, clock, timeline = self.clock.at(now), self.client.clock, self.timeline
        if now < self._report_at or not clock.ready or timeline is None:
            return
        self._report_at = now + REPORT_SECONDS
        toll = self.player.toll
        stalls, seeks, off_rate = self._reported
        self._reported = (toll.stalls, toll.seeks, toll.off_rate)
        bound = clock.bound(local)
        self.talk.tell(
            "party:report",
            {
                "driftMs": round((self.player.reported() - timeline.at(clock.room(local))) * 1000, 1),
                "clockErrMs": round(bound * 1000, 1),
                "rttMs": round(bound * 2000, 1),
                "stalls": toll.stalls - stalls,
                "seeks": toll.seeks - seeks,
                "offRateMs": round((toll.off_rate - off_rate) * 1000),
                "oneWayMs": round(min(1.0, bound) * 1000, 1),
            },
        )
