"""What goes into the scripts and what comes out of them; what they do is told by the suites that use them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.redis.link import RedisLink
from gateways.topics.contracts import Position
from gateways.topics.redis.scripts import (
    APPEND,
    READ,
    RESEED,
    Bounds,
    Keys,
    News,
    Opening,
    Page,
    append_args,
    options,
    payload,
)
from gateways.topics.rules import encode

OPTIONS = re.compile(rb"([01])(\d*):(.*)", re.DOTALL)


@given(st.text(), st.booleans(), st.integers(1, 99), st.dictionaries(st.text(), st.text()))
def test_a_payload_is_what_the_reader_decodes_and_begins_with_a_quotation_mark(
    kind: str, state: bool, version: int, body: dict
) -> None:
    made = payload(kind, state, version, encode(body, most=1 << 20))
    assert made[:1] == b'"'
    message = b'["epoch",7,[[1234,' + made + b"]]"
    (entry,) = News.parse(message).entries
    assert (entry.position, entry.at) == (Position("epoch", 7), 1234)
    assert (entry.kind, entry.state, entry.version, entry.body) == (kind, state, version, body)


@given(st.booleans(), st.none() | st.integers(-5, 10**9), st.none() | st.text(min_size=1))
def test_options_are_told_from_a_payload_and_keep_the_key_whole(
    state: bool, guard: int | None, key: str | None
) -> None:
    made = options(state, guard, key)
    if made is None:
        assert (state, guard, key) == (False, None, None)
        return
    found = OPTIONS.fullmatch(made)
    assert found is not None
    assert found[1] == (b"1" if state else b"0")
    assert found[3].decode("utf-8", "surrogatepass") == (key or "")
    if guard is None:
        assert found[2] == b""
    else:
        assert int(found[2]) == guard or (guard < 0 and int(found[2]) > 10**12)


def test_keys_of_a_topic_share_a_slot_and_no_two_topics_share_a_key() -> None:
    link = RedisLink("redis://127.0.0.1:1")
    names = ["a", "a}:meta", "{a}", "a:b", "", "ä\ud800"]
    keys = [Keys.of(link, name) for name in names]
    assert keys[0].meta == b"cuelight:topic:{a}:meta"
    assert len({key for one in keys for key in one}) == 5 * len(names)
    for one in keys:
        assert len({re.search(rb"\{(.*?)\}", key, re.DOTALL)[0] for key in one[:4]}) == 1  # type: ignore[index]


def test_arguments_stand_where_the_scripts_look_for_them() -> None:
    keys = Keys.of(RedisLink("redis://127.0.0.1:1"), "a")
    opening = Opening("new", "run", Position("old", 7))
    args = append_args(keys, opening, Bounds(1, 2, 3), [b'"x"'])
    assert args[:5] == [4, *keys[:4]]
    arg = dict(enumerate(args[5:], 1))
    assert [arg[n] for n in (1, 2, 3, 4, 5)] == [keys.channel, "new", "run", "old", 7]
    assert ([arg[n] for n in (7, 8, 9)], arg[11]) == ([1, 2, 3], b'"x"')
    assert Opening("new", "", None).args(keys)[3:5] == ["", 0]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"?",
        b"null",
        b"[1,2]",
        b'["e",1,[[1,2]]]',
        b'["e","1",[]]',
        b'["e",1,7]',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_of_ours_is_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):
        News.parse(message)


def test_a_message_without_entries_tells_the_head() -> None:
    assert News.parse(b'["e",12,[]]') == News("e", 12, [], 11)


def test_a_page_tells_where_its_entries_stand() -> None:
    row = b"[5," + payload("k", True, 2, json.dumps({"a": 1}))
    page = Page.parse([b"e", 9, 3, 7, row, row])
    assert (page.epoch, page.seq, page.base, page.size) == ("e", 9, 3, 2 * len(row))
    assert [entry.position.seq for entry in page.entries] == [7, 8]
    assert (page.continues(6), page.continues(7)) == (True, False)
    assert not Page.parse([b"", 0, 0, 0]).continues(0)


def test_the_scripts_have_no_names_left_to_fill_in_and_differ() -> None:
    for script in (APPEND, RESEED, READ):
        assert not re.search(r"[A-Z]+_(MS|BYTES)", script.text)
    assert len({script.digest for script in (APPEND, RESEED, READ)}) == 3
