"""The protocol's client without I/O: how it comes in, what it keeps, when it comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulators.players.conversation import LONGEST_BACK_OFF_SECONDS, Conversation, Heard


def talk(*, chance: float = 1.0, **changed: Any) -> Conversation:
    wanted: dict[str, Any] = {
        "hello": {"invite": "v1.x", "roomId": "r"},
        "begin": "party:join",
        "with_data": {"roomId": "r", "userName": "Ann"},
    }
    return Conversation(**{**wanted, **changed}, chance=lambda: chance)


def told(one: Conversation, type: str, data: dict[str, Any] | None = None, **envelope: Any) -> Heard | None:
    return one.receive(json.dumps({"type": type, "data": data or {}, **envelope}))


def welcome(kept: int = 10, token: str = "r1.a", **data: Any) -> dict[str, Any]:
    return {
        "roomId": "r",
        "self": "m1",
        "epoch": "e",
        "kept": kept,
        "resumeToken": token,
        "isHost": False,
        **data,
    }


def entered(one: Conversation, **data: Any) -> Conversation:
    one.opened()
    told(one, "party:hello")
    told(one, "party:join", welcome(**data))
    one.said()
    return one


def sent(texts: list[str]) -> list[tuple[str, dict[str, Any]]]:
    return [(raw["type"], raw.get("data", {})) for raw in map(json.loads, texts)]


def test_the_credential_comes_first_and_then_the_room() -> None:
    one = talk()
    assert sent(one.opened()) == [("party:hello", {"invite": "v1.x", "roomId": "r"})]
    told(one, "party:hello", {"subject": "s"})
    assert sent(one.said()) == [("party:join", {"roomId": "r", "userName": "Ann"})]
    assert not one.is_in
    heard = told(one, "party:join", welcome())
    assert heard is not None
    assert heard.is_welcome
    assert (one.is_in, one.member_id, one.epoch) == (True, "m1", "e")


def test_without_a_credential_the_room_is_entered_at_once() -> None:
    assert sent(talk(hello=None).opened())[0][0] == "party:join"


def test_what_was_asked_before_waits_and_what_was_not_answered_is_asked_again_with_the_same_id() -> None:
    one = talk()
    first = one.command("party:chat", {"message": "a"})
    assert one.said() == []
    one.opened()
    told(one, "party:hello")
    one.said()
    told(one, "party:join", welcome())
    assert json.loads(one.said()[0])["id"] == first
    second = one.command("party:chat", {"message": "b"})
    one.said()
    told(one, "party:ok", re=first)
    one.closed(1006)
    one.opened()
    told(one, "party:resume", welcome(token="r1.b"))
    assert [json.loads(text)["id"] for text in one.said()] == [second]


def test_it_comes_back_by_the_token_of_the_last_answer() -> None:
    one = entered(talk())
    told(one, "party:chat", {"message": "a"}, seq=14, after=10)
    one.closed(1006)
    back = {"resumeToken": "r1.a", "epoch": "e", "lastSeq": 14}
    assert sent(one.opened()) == [("party:resume", back)]
    one.closed(1006)  # the answer was lost: until it is there, the same token is good once more
    assert sent(one.opened()) == [("party:resume", back)]
    told(one, "party:resume", welcome(token="r1.b"))
    one.closed(1006)
    assert sent(one.opened()) == [("party:resume", {**back, "resumeToken": "r1.b"})]


def test_a_way_back_that_is_closed_leads_to_the_door() -> None:
    one = entered(talk())
    one.closed(1006)
    (resume,) = one.opened()
    told(one, "party:error", {"code": "resume_invalid", "retryable": False}, re=json.loads(resume)["id"])
    assert sent(one.said())[0][0] == "party:hello"
    assert one.refused == ""
    told(one, "party:hello")
    told(one, "party:join", welcome(kept=99))
    told(one, "party:chat", {}, seq=100, after=99)
    assert one.tally.holes == 0


def test_who_is_refused_at_the_door_stays_away() -> None:
    one = talk()
    one.opened()
    told(one, "party:hello")
    (join,) = one.said()
    told(one, "party:error", {"code": "banned", "retryable": False}, re=json.loads(join)["id"])
    assert one.refused == "banned"
    assert one.is_lost
    assert one.closed(1000) is None


def test_a_door_that_is_busy_is_tried_again_when_it_says_so() -> None:
    one = talk()
    (hello,) = one.opened()
    busy = {"code": "busy", "retryable": True, "retryAfterMs": 700}
    told(one, "party:error", busy, re=json.loads(hello)["id"])
    assert one.is_lost
    assert one.closed(1000) == pytest.approx(0.7)


def test_kept_messages_are_a_chain() -> None:
    one = entered(talk())
    assert told(one, "party:chat", {}, seq=12, after=10)
    assert told(one, "party:play", {"state": {}}, seq=13)  # the latest wins: it may be left out
    assert told(one, "party:chat", {}, seq=14, after=12)
    assert told(one, "party:chat", {}, seq=14, after=12) is None
    assert (one.tally.kept, one.tally.doubles, one.is_lost) == (2, 1, False)
    assert told(one, "party:chat", {}, seq=19, after=17) is None
    assert one.is_lost
    assert one.tally.holes == 1
    assert one.closed(1000) == 0.0
    assert sent(one.opened())[0][1]["lastSeq"] == 14


def test_a_ping_is_answered_and_shows_a_lost_end() -> None:
    one = entered(talk())
    told(one, "party:ping", {"epoch": "e", "kept": 10, "rev": 1, "hash": "0"})
    assert sent(one.said()) == [("party:pong", {})]
    assert not one.is_lost
    told(one, "party:ping", {"epoch": "e", "kept": 11, "rev": 1, "hash": "0"})
    assert one.is_lost


def test_a_reset_begins_a_new_chain() -> None:
    one = entered(talk())
    told(one, "party:sync", welcome(kept=3, epoch="f", why="data_lost", gap=True))
    assert told(one, "party:chat", {}, seq=4, after=3)
    assert (one.epoch, one.tally.resets, one.tally.holes) == ("f", 1, 0)


def test_a_room_that_was_opened_is_joined_later_on() -> None:
    one = talk(begin="party:create", with_data={"userName": "Ann", "settings": {"title": "x"}})
    one.opened()
    told(one, "party:hello")
    assert sent(one.said())[0][0] == "party:create"
    told(one, "party:create", welcome())
    one.closed(1006)
    one.opened()
    one.closed(1006)
    one.opened()
    told(one, "party:hello")
    assert sent(one.said()) == [("party:join", {"userName": "Ann", "roomId": "r"})]


def test_the_wait_doubles_up_to_a_limit_and_a_welcome_ends_it() -> None:
    one = talk()
    waits = [one.closed(1006) for _ in range(8)]
    assert waits[:3] == [0.5, 1.0, 2.0]
    assert waits[-1] == LONGEST_BACK_OFF_SECONDS
    assert entered(one).closed(1006) == 0.5
    assert talk(chance=0.25).closed(1006) == 0.125


@pytest.mark.parametrize("code", [4501, 4503, 4504, 4509, 4510, 4511])
def test_codes_from_4500_on_mean_to_stay_away(code: int) -> None:
    assert entered(talk()).closed(code) is None


@pytest.mark.parametrize("code", [1001, 1006, 1012, 4000, 4002, 4008, 4013, 4029, 4040])
def test_others_mean_to_come_back(code: int) -> None:
    one = entered(talk())
    told(one, "party:bye", {"code": code, "reason": "x", "retryAfterMs": 1500})
    assert one.closed(code) == 1.5
    assert one.tally.closes == {code: 1}


def test_a_bye_for_good_counts_though_the_close_was_lost() -> None:
    one = entered(talk())
    told(one, "party:bye", {"code": 4510, "reason": "x", "retryAfterMs": 0})
    assert one.closed(1006) is None


def test_what_is_worth_nothing_later_is_said_inside_only() -> None:
    one = talk()
    one.tell("clock:ping", {"t1": 1.0})
    assert one.said() == []
    entered(one).tell("clock:ping", {"t1": 1.0})
    assert "id" not in json.loads(one.said()[0])
