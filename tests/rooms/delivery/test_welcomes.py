"""What somebody gets who comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from rooms.delivery import shown
from rooms.delivery.welcomes import Welcomes
from rooms.people import Member, Role, Roster
from tests.rooms.lines import payloads
from tests.rooms.test_snapshot import FULL

ANN = Member("ann", "Ann % {0}", "twitch:1", Role.MEMBER, 0)
BEA = Member("bea", "Bea", "twitch:7", Role.MEMBER, 0)
ROSTER = Roster([ANN, BEA])


def made(welcomes: Welcomes, member: Member, **given: Any) -> dict[str, Any]:
    wanted = {
        "type": "party:join", "re": "c-2", "clock_id": "k3", "now": 12, "resume_token": "r1.x", "lives": 2410,
        "why": "", "kept": FULL.kept,
    }  # fmt: skip
    room = given.pop("room", FULL)
    (payload,) = payloads(welcomes.make(room, ROSTER, member, **{**wanted, **given}))
    found = json.loads(payload)
    assert isinstance(found, dict)
    return found


def test_the_fields_of_the_protocol() -> None:
    found = made(Welcomes(), BEA)
    assert (found["type"], found["re"]) == ("party:join", "c-2")
    data = found["data"]
    assert set(data) == {
        "roomId", "self", "role", "isMuted", "epoch", "kept", "clockId", "resumeToken", "lives", "members",
        "here", "roster", "settings", "state", "queue", "skips", "history", "isHost",
    }  # fmt: skip
    assert (data["self"], data["role"], data["isMuted"], data["isHost"]) == ("bea", "cohost", True, False)
    assert data["state"] == shown.state_of(FULL)
    assert data["skips"] == {"votes": 1, "needed": 1, "mine": True}
    assert (len(data["queue"]), len(data["history"]), len(data["roster"])) == (1, 1, 2)
    assert "words" not in data["settings"]


def test_each_has_their_own_of_the_same_room() -> None:
    welcomes = Welcomes()
    made(welcomes, BEA)
    found = made(welcomes, ANN, re="", kept=5)
    assert "re" not in found
    data = found["data"]
    assert (data["self"], data["role"], data["isHost"], data["kept"]) == ("ann", "host", True, 5)
    assert data["settings"]["words"] == ["x"]
    assert data["roster"][0]["userName"] == "Ann % {0}"


def test_a_shorter_one_and_a_reset() -> None:
    welcomes = Welcomes()
    resumed = made(welcomes, BEA, type="party:resume")["data"]
    assert {"queue", "history", "gap"} & set(resumed) == set()
    assert resumed["state"] == shown.state_of(FULL)
    reset = made(welcomes, BEA, type="party:sync", why="data_lost")["data"]
    assert (reset["gap"], reset["why"], len(reset["history"])) == (True, "data_lost", 1)


def test_another_room_is_not_the_one_before() -> None:
    welcomes = Welcomes()
    made(welcomes, BEA)
    later = replace(FULL, rev=10, chat=())
    data = made(welcomes, BEA, room=later)["data"]
    assert (data["state"]["rev"], data["history"]) == (10, [])
