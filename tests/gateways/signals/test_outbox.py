"""What waits to be sent: each once, never too much, nothing forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateways.signals.outbox import BATCH_CHARACTERS, TEXT_CHARACTERS, TEXTS, Message, Outbox, decode

NAMES = st.sampled_from(["lanes", "channels", "login"])
PUTS = st.lists(st.tuples(NAMES, st.text(max_size=3)), max_size=60)


def drained(outbox: Outbox) -> list[tuple[str, str]]:
    taken = []
    while batch := outbox.take():
        taken += batch
    return taken


@given(PUTS)
def test_each_signal_waits_once_and_none_is_forgotten(puts: list[tuple[str, str]]) -> None:
    outbox = Outbox()
    for name, text in puts:
        outbox.put(name, text)
    assert len(outbox) <= len(set(puts))
    taken = drained(outbox)
    assert len(outbox) == 0
    assert len(taken) == len(set(taken))
    for name, text in puts:
        assert (name, text) in taken or (name, "") in taken


def test_the_first_put_in_is_the_first_taken() -> None:
    outbox = Outbox()
    for name, text in (("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")):
        outbox.put(name, text)
    assert outbox.take() == [("b", "2"), ("b", "1"), ("a", "1")]
    assert outbox.take() == []


def test_too_many_texts_become_a_look_at_everything() -> None:
    outbox = Outbox()
    outbox.put("channels", "1")
    for number in range(TEXTS + 1):
        outbox.put("lanes", str(number))
    outbox.put("lanes", "one more")
    assert drained(outbox) == [("channels", "1"), ("lanes", "")]


def test_a_text_that_is_too_long_does_too() -> None:
    outbox = Outbox()
    outbox.put("lanes", "a")
    outbox.put("lanes", "x" * (TEXT_CHARACTERS + 1))
    assert drained(outbox) == [("lanes", "")]


def test_a_batch_is_bounded() -> None:
    outbox = Outbox()
    for name in "abcdefgh":
        for number in range(TEXTS):
            outbox.put(name, f"{number:0{TEXT_CHARACTERS}}")
    sizes = []
    while batch := outbox.take():
        sizes.append(sum(len(name) + len(text) for name, text in batch))
        assert len(Message("owner", tuple(batch)).encode()) < 2 * BATCH_CHARACTERS
    assert max(sizes) <= BATCH_CHARACTERS
    assert sum(sizes) == 8 * TEXTS * (TEXT_CHARACTERS + 1)


def test_what_could_not_be_sent_waits_again() -> None:
    outbox = Outbox()
    outbox.put("lanes", "a")
    batch = outbox.take()
    outbox.put("lanes", "b")
    outbox.put_back(batch)
    assert set(drained(outbox)) == {("lanes", "a"), ("lanes", "b")}


@given(st.text(), st.lists(st.tuples(st.text(), st.text())).map(tuple))
def test_a_message_comes_back_as_it_was_sent(owner: str, signals: tuple[tuple[str, str], ...]) -> None:
    message = Message(owner, signals)
    assert decode(message.encode().encode()) == message


@given(
    st.binary(max_size=30)
    | st.sampled_from(
        [
            b"[]", b"null", b"7", b'"x"', b"{}", b'{"owner":"a"}', b'{"owner":1,"signals":[]}',
            b'{"owner":"a","signals":[["x"]]}', b'{"owner":"a","signals":[["x",1]]}', b'{"owner":"a","signals":7}',
            b'{"owner":"a","signals":[null]}', b"[" * 100_000,
        ]
    )
    | st.none()
    | st.integers()
)  # fmt: skip
def test_anything_else_is_no_message(data: object) -> None:
    assert decode(data) is None


def test_a_later_version_may_say_more() -> None:
    assert decode(b'{"owner":"a","signals":[["lanes","x"]],"new":1}') == Message("a", (("lanes", "x"),))
