"""Where personal data lies. That nothing of it is left after an erasure is judged in tests/handlers/test_erasure.py."""

from __future__ import annotations

from typing import Any

import pytest

from domain.slots import Hold, Leaving, Slots, Wait
from storage.catalog import SCHEMAS
from storage.codec import from_document, to_document
from storage.personal import (
    BY_CHANNEL,
    OF_CHANNEL,
    Person,
    concerns,
    emptied_redemption,
    emptied_row,
    without_figures,
    without_viewer,
)

ELSEWHERE = {
    "logins", "consents",  # `of_account`: a person's, not a channel's
    "tokens",  # `grant_of`
    "hosts",  # whose installation this is
    "lanes",  # named after viewers, and gone after a week; the erasure removes them if it can
    "audit_chain",  # holds no text
    "daemons", "transports",  # of the program
    "party_states",  # with the room (`parties`) that each is of
    "party_invites",  # numbers of uses
}  # fmt: skip
ANN = Person("4242", frozenset({"ann", "änne"}))


def test_every_collection_is_thought_of() -> None:
    known = {schema.name for schema in (*OF_CHANNEL, *BY_CHANNEL)}
    assert known | ELSEWHERE == set(SCHEMAS)
    assert not known & ELSEWHERE
    for schema in OF_CHANNEL:
        assert "channel_id" in schema.fields


def row(**more: Any) -> dict[str, Any]:
    given = {"_id": "twitch:m", "source": "twitch", "lane": "vip:1:7", "raw": "{}", "steps": {}}
    return {**given, **more}


@pytest.mark.parametrize(
    ("given", "hers"),
    [
        ({}, False),
        ({"lane": "vip:1:4242"}, True),
        ({"lane": "vip:4242:7"}, True),  # she is the streamer
        ({"lane": "vip:1:14242"}, False),
        ({"_id": "reconcile:run:vip.added:4242"}, True),
        ({"raw": '{"event": {"user_id": "4242"}}'}, True),
        ({"raw": '{"event": {"cost": 4242}}'}, False),
        ({"raw": '{"note": "at 4242"}'}, False),
        ({"raw": '{"a": [{"user_id": "4242"}'}, True),  # cut off
        ({"steps": {"grant": {"viewer": "4242"}}}, True),
        ({"raw": '{"line": {"viewer": "Ann"}}'}, False),
        ({"source": "chat", "raw": '{"line": {"viewer": "Ann"}}'}, True),
        ({"source": "chat", "raw": '{"text": "ann, you are VIP"}'}, True),
        ({"source": "chat", "raw": '{"text": "annabel, you are VIP"}'}, False),
        ({"source": "discord", "steps": {"sending": {"text": "\\u00c4nne is VIP"}}}, False),
        ({"source": "discord", "raw": '{"text": "\\u00c4nne is VIP"}'}, True),
    ],
)
def test_which_rows_have_to_do_with_somebody(given: dict[str, Any], hers: bool) -> None:
    assert concerns(row(**given), ANN) is hers


def test_who_has_no_name_is_found_by_the_id_alone() -> None:
    assert not concerns(row(source="chat", raw='{"text": "hello"}'), Person("4242"))


def test_a_row_keeps_what_tells_a_delivery_that_comes_again() -> None:
    given = row(lane="vip:1:4242", raw="x", digest="d", headers={"a": "b"}, state="dead", error={"code": "c"})
    left = emptied_row({**given, "received_at": 5, "finished_at": None, "steps": {"a": {}}})
    assert (left["_id"], left["digest"], left["state"], left["finished_at"]) == ("twitch:m", "d", "done", 5)
    assert (left["raw"], left["headers"], left["steps"], left["error"]) == ("{}", {}, {}, None)
    assert "4242" not in str(left)


def test_a_redemption_keeps_its_end() -> None:
    left = emptied_redemption({"_id": "r", "viewer_id": "1", "viewer_login": "a", "status": "fulfilled"})
    assert left["status"] == "fulfilled"
    assert {left["viewer_id"], left["viewer_login"], left["viewer_name"], left["user_input"]} == {""}


def test_slots_and_figures_without_somebody() -> None:
    slots = Slots(
        "1",
        held=(Hold("4242", "s-1", 1), Hold("7", "s-2", 1)),
        waiting=(Wait("r-1", "4242", "ann", "Ann", "w", "VIP", 1, 1),),
        leaving=(Leaving("s-1", "r-9"), Leaving("s-2", "r-8")),
    )
    left = from_document(Slots, without_viewer(to_document(slots), "4242"))
    assert ([hold.viewer_id for hold in left.held], left.waiting) == (["7"], ())
    assert [each.session_id for each in left.leaving] == ["s-2"]
    day = {"_id": "d", "figures": {"counts": {"points": 5}, "viewers": [{"id": "4242"}, {"id": "7"}]}}
    assert without_figures(day, "4242")["figures"] == {"counts": {"points": 5}, "viewers": [{"id": "7"}]}
