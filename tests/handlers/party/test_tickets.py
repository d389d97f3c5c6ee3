"""Tickets are good once, for a minute, at whichever process."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import Denied
from gateways.leases.memory import MemoryLeases
from handlers.party.tickets import (
    LONGEST_TICKET,
    TICKET_SECONDS,
    TOKEN_SECONDS,
    Bearer,
    Tickets,
    derived,
    is_own,
)
from rooms.people import Role
from tests.handlers.party.house import SECRET
from tests.support.clock import ManualClock

ANN = Bearer("twitch:1", "Änn 🎬")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def desk(clock: ManualClock, leases: MemoryLeases | None = None, secret: str = SECRET) -> Tickets:
    return Tickets(secret=secret, leases=leases or MemoryLeases(clock=clock), clock=clock)


async def test_a_ticket_is_good_once(clock: ManualClock) -> None:
    leases = MemoryLeases(clock=clock)
    one, two = desk(clock, leases), desk(clock, leases)
    ticket, ends = one.ticket(ANN)
    assert ends == clock.now() // 1000 + TICKET_SECONDS
    done = await asyncio.gather(*(each.take(ticket) for each in (one, two) * 5), return_exceptions=True)
    assert [found for found in done if isinstance(found, Bearer)] == [ANN]
    assert {found.code for found in done if isinstance(found, Denied)} == {"party.unauthorized"}
    await clock.advance(TICKET_SECONDS - 1)
    with pytest.raises(Denied):
        await two.take(ticket)


async def test_it_says_whom_it_lets_in(clock: ManualClock) -> None:
    guest = Bearer("guest:x", "Guest", Role.GUEST, "mint-owl-42")
    tickets = desk(clock)
    assert await tickets.take(tickets.ticket(guest)[0]) == guest


async def test_tickets_that_are_none(clock: ManualClock) -> None:
    tickets = desk(clock)
    ticket, _ = tickets.ticket(ANN)
    strange, _ = desk(clock, secret="another secret of 32 bytes or more").ticket(ANN)
    head, _, mac = ticket.rpartition(".")
    for bad in ("", "t1.", "t1.x.y", strange, head, f"{head}.", ticket[:-1], f"{head}x.{mac}", "ä" + ticket):
        with pytest.raises(Denied):
            await tickets.take(bad)
    with pytest.raises(Denied):
        await tickets.take("t1." + "A" * LONGEST_TICKET)
    await clock.advance(TICKET_SECONDS)
    with pytest.raises(Denied):
        await tickets.take(ticket)


async def test_tokens_of_ours(clock: ManualClock) -> None:
    tickets = desk(clock)
    token, ends = tickets.token(ANN)
    assert ends == clock.now() // 1000 + TOKEN_SECONDS
    for _ in range(2):
        found = await tickets.read_token(token)
        assert (found.subject, found.name) == (ANN.subject, ANN.name)
    assert is_own(token)
    assert not any(is_own(text) for text in ("", "a.b.c", "é", token * 100))
    with pytest.raises(Denied):
        await desk(clock, secret="another secret of 32 bytes or more").read_token(token)
    await clock.advance(TOKEN_SECONDS + 60)
    with pytest.raises(Denied):
        await tickets.read_token(token)


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {derived(SECRET, purpose) for purpose in ("ticket", "token", "resume", "invite:a:1:1")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
