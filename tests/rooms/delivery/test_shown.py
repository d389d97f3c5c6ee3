"""A room as viewers see it."""

from __future__ import annotations

from dataclasses import replace

from rooms.delivery import shown
from rooms.people import MOST_SHOWN, Member, Role, Roster
from rooms.settings import Settings
from rooms.state import FOREVER
from tests.rooms.test_snapshot import FULL


def test_the_state_is_whole() -> None:
    state = shown.state_of(FULL)
    assert set(state) == {
        "mediaId", "pos", "rate", "playing", "ts", "dur", "rev", "host", "hostEpoch", "item", "barrier",
    }  # fmt: skip
    assert state["barrier"] == {"barrierId": "b1", "reason": "seek", "until": 14}
    assert set(state["item"]) == {"itemId", "kind", "url", "title", "duration", "by", "votes"}
    bare = shown.state_of(replace(FULL, item=None, barrier=None))
    assert (bare["item"], bare["barrier"]) == (None, None)


def test_the_hash_is_of_the_state_and_of_nothing_else() -> None:
    first = shown.state_hash(FULL)
    assert len(first) == 16
    assert int(first, 16) >= 0
    assert shown.state_hash(replace(FULL, chat=(), seq=99, kept=98)) == first
    assert shown.state_hash(replace(FULL, rev=FULL.rev + 1)) != first
    assert shown.state_hash(replace(FULL, vector=replace(FULL.vector, pos=1.0))) != first


def test_hashes_and_subjects_are_not_shown() -> None:
    settings = Settings(password="scrypt:secret", words=("x",))
    seen = shown.settings_of(settings, for_host=False)
    assert seen["hasPassword"] is True
    assert "words" not in seen
    assert shown.settings_of(settings, for_host=True)["words"] == ["x"]
    member = Member("bea", "Bea", "twitch:2", Role.MEMBER, 5, away_since=7, is_vip=True)
    assert shown.member_of(member, FULL) == {
        "memberId": "bea", "userName": "Bea", "role": "cohost", "isVip": True, "isHere": False,
    }  # fmt: skip
    assert "secret" not in str(seen) + str(shown.settings_of(settings, for_host=True))


def test_above_fifty_there_are_counts() -> None:
    members = [Member(f"m{n}", "M", f"s{n}", Role.MEMBER, n, away_since=n % 2) for n in range(MOST_SHOWN + 1)]
    assert shown.people_of(FULL, Roster(members)) == {"members": 51, "here": 26, "roster": None}
    few = shown.people_of(FULL, Roster(members[:-1]))
    assert (few["members"], few["here"], len(few["roster"])) == (50, 25, 50)
    assert shown.skips_of(FULL, Roster(members)) == {"votes": 1, "needed": 13}


def test_for_good_is_zero() -> None:
    assert shown.until_of(FOREVER) == 0
    assert shown.until_of(17) == 17


def test_a_line() -> None:
    assert shown.line_of(FULL.chat[0]) == {
        "chatId": "e7-1", "from": "ann", "userName": "Ann", "message": "hi", "sentAt": 3, "isDeleted": False,
    }  # fmt: skip
