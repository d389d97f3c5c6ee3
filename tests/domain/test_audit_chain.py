from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit_chain import (
    FIRST,
    MOST_LINKS,
    Block,
    Fault,
    Finding,
    Link,
    block_faults,
    block_id,
    commitment,
    fits,
    hash_of,
    names_person,
    next_block,
)

SALT = bytes(range(16))
RECORD: dict[str, Any] = {
    "id": "r-1:granted",
    "channel_id": "1",
    "at": 5,
    "action": "vip.granted",
    "actor": {"kind": "viewer", "id": "2", "name": "Zoë"},
    "cause": "redemption",
    "viewer": {"id": "2", "login": "zoe", "name": "Zoë"},
    "reason": "",
    "detail": {"b": 2, "a": [1, None, True]},
}
LINKS = st.lists(
    st.builds(Link, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**50)),
    min_size=1,
    max_size=5,
)


def test_the_canonical_form_is_the_documented_one() -> None:
    text = json.dumps(RECORD, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert commitment(SALT, RECORD) == hashlib.sha256(SALT + b"cuelight-audit/1\n" + text).hexdigest()
    link = Link("ab" * 32, 7, "r-1")
    form = json.dumps(["1", 1, FIRST, [["ab" * 32, 7]]], separators=(",", ":")).encode()
    assert hash_of("1", 1, FIRST, [link]) == hashlib.sha256(b"cuelight-block/1\n" + form).hexdigest()


def test_a_commitment_covers_all_that_a_record_says_and_nothing_else() -> None:
    claimed = commitment(SALT, RECORD)
    assert fits(claimed, SALT, {**RECORD, "rev": 9, "linked": 3, "salt": "x"})
    assert fits(claimed, SALT, dict(reversed(RECORD.items())))
    for name in RECORD:
        assert not fits(claimed, SALT, {**RECORD, name: "other"})
        assert not fits(claimed, SALT, {key: value for key, value in RECORD.items() if key != name})
    assert not fits(claimed, SALT[::-1], RECORD)
    assert not fits("é", SALT, RECORD)


def test_blocks_follow_each_other() -> None:
    first = next_block("1", None, [Link("a", 1)], now=10)
    second = next_block("1", first, [Link("b", 2)], now=20)
    assert (first.n, first.prev, first.id) == (1, FIRST, block_id("1", 1))
    assert (second.n, second.prev) == (2, first.hash)
    assert block_faults(None, first) == block_faults(first, second) == []
    assert block_faults(None, second) == [Finding(Fault.BLOCK_MISSING, 1)]
    with pytest.raises(ValueError):
        next_block("1", None, [], now=10)
    with pytest.raises(ValueError):
        next_block("1", None, [Link("a", 1)] * (MOST_LINKS + 1), now=10)


@given(LINKS, LINKS, st.data())
def test_any_change_of_a_block_shows(one: list[Link], two: list[Link], data: st.DataObject) -> None:
    first = next_block("1", None, one, now=1)
    second = next_block("1", first, two, now=2)
    changes: list[Block] = [
        replace(second, links=second.links[1:]),
        replace(second, links=(*second.links, Link("ee" * 32, 1))),
        replace(second, n=3),
        replace(second, prev="0" * 63 + "1"),
        replace(second, hash="é" * 64),
        replace(second, channel_id="2"),
        replace(second, links=(replace(second.links[0], at=second.links[0].at + 1), *second.links[1:])),
    ]
    changed = data.draw(st.sampled_from(changes))
    assert block_faults(first, changed)
    # When it was made, and the names of its records, are not what it proves.
    hint = replace(second.links[0], record_id="other")
    assert not block_faults(first, replace(second, at=9, links=(hint, *second.links[1:])))


def test_whether_an_id_names_somebody() -> None:
    assert names_person("kept-1-4242-99:granted", "4242")
    assert names_person("reconcile:run:vip.added:4242:noticed", "", "4242")
    assert not names_person("14242-x", "4242")
    assert not names_person("a::b", "")
