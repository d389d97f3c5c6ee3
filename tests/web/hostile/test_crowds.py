"""Many at once: from one address, and again and again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.web.hostile.stand import standing

pytestmark = pytest.mark.server


async def test_two_hundred_joins_from_one_address(tmp_path: Path) -> None:
    """A limit of 150: the others are told when, tickets and who comes back are not counted, nor are other addresses."""
    async with standing(tmp_path, PARTY_JOINS_PER_ADDRESS="150") as stand:
        _, room = await stand.room(isPublic=True)
        address = stand.address()
        school = [await stand.come(f"u{number}", address=address) for number in range(200)]
        answers = await asyncio.gather(*(one.ask("party:join", roomId=room) for one in school))
        refused = [one["data"] for one in answers if one["type"] == "party:error"]
        assert 40 <= len(refused) <= 50, "what fills again meanwhile is let in"
        assert {one["code"] for one in refused} == {"rate_limited"}
        assert all(one["retryable"] and 0 < one["retryAfterMs"] <= 1000 for one in refused)

        welcome = next(one["data"] for one in answers if one["type"] == "party:join")
        back = await stand.dial(address=address)
        resumed = await back.ask("party:resume", resumeToken=welcome["resumeToken"])
        assert resumed["data"]["self"] == welcome["self"]
        async with stand.run.http.post("/api/v1/party/tickets", json={"roomId": room}) as answer:
            ticket = (await answer.json())["ticket"]
        pupil = await stand.dial(f"?ticket={ticket}", address=address)
        assert (await pupil.ask("party:join", roomId=room))["type"] == "party:join"
        await stand.join("elsewhere", room)
        # And whoever waited as long as he was told to comes in.
        stand.clock.leap(refused[-1]["retryAfterMs"] / 1000 + 0.4)
        late = next(guest for guest, one in zip(school, answers, strict=True) if one["type"] == "party:error")
        assert (await late.ask("party:join", roomId=room))["type"] == "party:join"
        assert len(stand.desk.gates) < 10


async def test_tickets_are_handed_out_to_an_address_as_often_as_it_may_join(tmp_path: Path) -> None:
    async with standing(tmp_path, PARTY_JOINS_PER_ADDRESS="5") as stand:
        _, room = await stand.room(isPublic=True)
        statuses = []
        for number in range(7):
            forged = {"X-Forwarded-For": f"203.0.113.{number}"}
            asked = {"json": {"roomId": room}, "headers": forged}
            async with stand.run.http.post("/api/v1/party/tickets", **asked) as answer:
                statuses.append(answer.status)
    assert statuses == [200] * 5 + [429] * 2


async def test_a_thousand_reconnects_in_a_second(tmp_path: Path) -> None:
    """Some are let in, evenly; who is not is told so later, and when to come; in the end everybody was in, and who was
    there before was answered all the time."""
    rate, crowd = 400, 1000
    async with standing(tmp_path, PARTY_ACCEPTS_PER_SECOND=str(rate)) as stand:
        ann, _ = await stand.room()
        waiting, rounds = crowd, []
        while waiting:
            began = stand.clock.monotonic()
            raws = await asyncio.gather(*(stand.wire() for _ in range(waiting)))
            seconds = stand.clock.monotonic() - began
            let_in = sum(line.talk is not None for line in stand.parties._lines) - 1
            rounds.append((waiting, let_in, seconds))
            # At once those of a second, and then evenly.
            assert min(waiting, rate) <= let_in <= rate * (1.0 + seconds) + 2, rounds
            ends = [asyncio.ensure_future(raw.ended()) for raw in raws]
            assert not any(end.done() for end in ends), "who is refused at once comes back at once"
            while sum(end.done() for end in ends) < waiting - let_in:
                assert await ann.is_well()
                stand.clock.leap(0.5)
            for raw, end in zip(raws, ends, strict=True):
                if end.done():
                    assert end.result() == 4013
                raw.transport.abort()
            await asyncio.gather(*ends)
            await stand.until(lambda: stand.parties.count == 1)
            waiting -= let_in
        assert len(rounds) <= 4
        assert stand.run.daemon._metrics.value("party_refused_total", reason="too many")
