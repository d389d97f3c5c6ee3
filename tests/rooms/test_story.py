"""The room as a machine: whatever is sent in whatever order by whomever, on however many replicas that lag behind each
other, the invariants of a watch party hold (`CONTRIBUTING.md` names the science)."""

from __future__ import annotations

import json
import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.errors import CuelightError
from gateways.topics.contracts import GuardFailed
from rooms import snapshot
from rooms.apply import apply
from rooms.due import due
from rooms.people import Member, Role
from rooms.state import Room
from tests.rooms.world import EPOCH, SECOND, World

FILMS = st.sampled_from([{"url": f"https://films.example/{n}.mp4", "duration": 60.0 * n} for n in (1, 2, 3)])
NOTHING: st.SearchStrategy[dict[str, object]] = st.just({})
TARGETS = st.fixed_dictionaries({"memberId": st.sampled_from(["ann", "bea", "cid", "dot"])})
FILM = st.one_of(
    st.tuples(st.just("party:play"), st.fixed_dictionaries({}, optional={"currentTime": st.floats(0, 200)})),
    st.tuples(st.just("party:pause"), NOTHING),
    st.tuples(st.just("party:seek"), st.fixed_dictionaries({"currentTime": st.floats(0, 200)})),
    st.tuples(st.just("party:rate"), st.fixed_dictionaries({"rate": st.sampled_from([0.5, 1.0, 1.5])})),
    st.tuples(st.just("party:media"), st.fixed_dictionaries({"item": FILMS})),
    st.tuples(st.just("party:queue:add"), st.fixed_dictionaries({"item": FILMS})),
    st.tuples(st.sampled_from(["party:queue:next", "party:queue:skip"]), NOTHING),
)
PLAYERS = st.tuples(st.sampled_from(["party:ready", "party:buffering"]), NOTHING)
TALK = st.tuples(
    st.just("party:chat"), st.fixed_dictionaries({"message": st.sampled_from(["hi", "spoiler", "oh"])})
)
CREW = st.one_of(
    st.tuples(st.just("party:host:take"), NOTHING),
    st.tuples(st.sampled_from(["party:mute", "party:unmute", "party:kick", "party:host"]), TARGETS),
    st.tuples(
        st.just("party:role"),
        st.fixed_dictionaries(
            {"memberId": st.sampled_from(["bea", "cid"]), "role": st.sampled_from(["cohost", "guest"])}
        ),
    ),
    st.tuples(
        st.just("party:settings"),
        st.fixed_dictionaries(
            {
                "settings": st.fixed_dictionaries(
                    {},
                    optional={
                        "control": st.sampled_from(["host", "member"]),
                        "slowSeconds": st.sampled_from([0, 5]),
                        "waiting": st.sampled_from(["auto", "all", "off"]),
                        "words": st.just(["spoiler"]),
                        "hostReturns": st.booleans(),
                    },
                )
            }
        ),
    ),
)


class Party(RuleBasedStateMachine):
    """Two replicas that catch up when the rules let them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("p1", "p2", control="member")
        self.world.film()
        self.members: dict[str, Member] = {"ann": self.world.ann}
        for name, role in (("bea", Role.MEMBER), ("cid", Role.MEMBER), ("dot", Role.GUEST)):
            self.members[name] = self.world.join(name, role)
        self.seen: dict[int, tuple[int, str]] = {}

    def ask(
        self, data: st.DataObject, where: int, command: tuple[str, dict[str, object]], name: str = ""
    ) -> None:
        sender = self.members[data.draw(st.sampled_from(sorted(self.members)))]
        before = len(self.world.log.entries)
        try:
            self.world.replicas[where].tell(sender, command[0], id=name, **command[1])
        except CuelightError:
            assert len(self.world.log.entries) == before, "a refused command wrote something"

    @rule(role=st.sampled_from([Role.GUEST, Role.MEMBER]))
    @precondition(lambda self: len(self.members) < 6)
    def somebody_comes(self, role: Role) -> None:
        name = f"m{len(self.world.people)}"
        self.members[name] = self.world.join(name, role)

    @rule(data=st.data())
    @precondition(lambda self: self.members)
    def somebody_goes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.members)))
        how = data.draw(st.sampled_from(["leave", "away", "back"]))
        member = self.members[name]
        if how == "leave":
            self.world.leave(self.members.pop(name))
        else:
            getattr(self.world, how)(member)

    @rule(data=st.data(), where=st.sampled_from([0, 1]), command=FILM)
    @precondition(lambda self: self.members)
    def about_the_film(self, data: st.DataObject, where: int, command: tuple[str, dict[str, object]]) -> None:
        self.ask(data, where, command)

    @rule(data=st.data(), where=st.sampled_from([0, 1]), command=PLAYERS)
    @precondition(lambda self: self.members)
    def about_a_player(self, data: st.DataObject, where: int, command: tuple[str, dict[str, object]]) -> None:
        self.ask(data, where, command)

    @rule(data=st.data(), where=st.sampled_from([0, 1]), command=TALK)
    @precondition(lambda self: self.members)
    def a_message(self, data: st.DataObject, where: int, command: tuple[str, dict[str, object]]) -> None:
        self.ask(data, where, command)

    @rule(data=st.data(), where=st.sampled_from([0, 1]), command=CREW)
    @precondition(lambda self: self.members)
    def about_people(self, data: st.DataObject, where: int, command: tuple[str, dict[str, object]]) -> None:
        self.ask(data, where, command)

    @rule(data=st.data(), command=st.one_of(FILM, TALK))
    @precondition(lambda self: self.members)
    def twice_the_same(self, data: st.DataObject, command: tuple[str, dict[str, object]]) -> None:
        sender = self.members[data.draw(st.sampled_from(sorted(self.members)))]
        name = self.world.new_id()
        written = []
        for replica in self.world.replicas:  # the second time elsewhere, after a lost connection
            try:
                written.append(replica.tell(sender, command[0], id=name, **command[1]))
            except CuelightError:
                written.append([])
        assert not (written[0] and written[1]), "one id had two effects"

    @rule(where=st.sampled_from([0, 1]), most=st.integers(1, 3))
    def a_replica_catches_up_a_little(self, where: int, most: int) -> None:
        self.world.replicas[where].catch_up(most)

    @rule(where=st.sampled_from([0, 1]))
    def a_stale_replica_acts(self, where: int) -> None:
        replica = self.world.replicas[where]
        for draft in due(replica.moment):
            try:
                replica.write(draft)
            except GuardFailed:
                replica.catch_up()

    @rule(seconds=st.sampled_from([0.1, 0.6, 4.0, 9.0, 25.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += round(seconds * SECOND)

    @invariant()
    def every_replica_agrees_where_it_stands(self) -> None:
        for replica in self.world.replicas:
            room = replica.room
            told = json.dumps(snapshot.body_of(room, now=0, wall_ms=0), sort_keys=True)
            known = self.seen.setdefault(room.seq, (room.rev, told))
            assert known == (room.rev, told), "two replicas at the same place are two rooms"

    @invariant()
    def the_film_is_somewhere(self) -> None:
        for replica in self.world.replicas:
            vector = replica.room.vector
            assert 0.0 <= vector.at(self.world.now) <= (vector.duration or math.inf)
            assert not (vector.playing and replica.room.barrier), "a room that waits does not play"

    @invariant()
    def a_host_is_in_the_room(self) -> None:
        for replica in self.world.replicas:
            assert replica.room.host not in replica.room.removed or not replica.room.host

    def teardown(self) -> None:
        world = self.world
        world.pass_seconds(30)  # longer than a host is waited for, after which players may be
        world.pass_seconds(30)
        one, other = world.replicas
        assert one.room == other.room, "once it is quiet, everybody has the same room"
        assert one.room.barrier is None, "a wait has an end"
        assert one.look() == 0
        here = [one for one in world.one.roster.here if one.id not in world.room.removed]
        if here and not world.room.closed_at:
            host = world.one.roster.get(world.room.host)
            assert host is not None, "a room with people in it has a host"
            assert host.is_here, "who is away for longer than the grace is host no more"
        self.a_snapshot_and_the_rest_are_the_whole()

    def a_snapshot_and_the_rest_are_the_whole(self) -> None:
        entries = self.world.log.entries
        place = len(entries) // 2
        replica = Room("r", epoch=EPOCH)
        for one in entries[:place]:
            replica = apply(replica, one).room
        body = json.loads(json.dumps(snapshot.body_of(replica, now=0, wall_ms=0)))
        again = snapshot.room_of(body)
        assert again == replica
        for one in entries[place:]:
            again = apply(again, one).room
        assert again == self.world.room


Party.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestParty = Party.TestCase
