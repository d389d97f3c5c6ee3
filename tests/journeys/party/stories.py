"""What happens in a house of two processes. Each story takes a house and leaves it calm."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, product
from pathlib import Path

from tests.journeys.fleet.faults import FAULTS
from tests.journeys.fleet.rig import Fleet, fleet
from tests.journeys.party.house import ENVIRON, House, house, middle
from tests.journeys.party.watching import Viewer
from tests.journeys.stand import measured

LONG = "\N{FILM PROJECTOR}" * 440
"""Two kilobytes: what nobody reads piles up soon."""

PILE = 400
"""So many of them are more than the buffers of a socket and what the server lets wait for one viewer."""

SLOW_SECONDS = 2.0
"""By then half of all messages are with everybody who reads; who is not waited for is sent away after 5 s."""

KEPT_SECONDS = 7.0
"""Two rounds of who writes rooms into the database; what is said later than that may be lost with everything else."""

OFF_SECONDS = 3.0
"""Between what the film shows and what is compared with it, on a machine that is busy."""

AWAY_SECONDS = 12.0
"""Until those who were with a dead process count as away: four beats of 3 s."""


@asynccontextmanager
async def two(folder: Path, *, names: tuple[str, ...] = ("a", "b")) -> AsyncIterator[tuple[Fleet, House]]:
    """Two daemons, or more, with one Redis and one database, and a house that is still empty."""
    async with fleet(folder, "--unthrottled", names=names, environ=ENVIRON) as stand:
        await stand.start()
        async with house({name: member.program.url for name, member in stand.members.items()}) as party:
            yield stand, party
        stand.check_log()


@asynccontextmanager
async def talking(
    party: House, speakers: Sequence[Viewer], *, each_seconds: float, padding: str = ""
) -> AsyncIterator[None]:
    """These talk, one after the other and without end, until the block ends."""

    async def talk(speaker: Viewer) -> None:
        while True:
            await speaker.say(padding)
            await asyncio.sleep(each_seconds)

    async with asyncio.TaskGroup() as group:
        going = [group.create_task(talk(one)) for one in speakers]
        try:
            yield
        finally:
            for task in going:
                task.cancel()


def said(party: House) -> int:
    """How many messages were acknowledged so far."""
    return sum(len(one.record.acknowledged) for one in party.here.values())


async def last_words(speakers: Sequence[Viewer]) -> None:
    """All talk at once, and nobody waits for the answers: some of it is in the log, some is not yet, when what comes
    next comes. Those who come back say it again, under the same ids."""
    for speaker in speakers:
        await speaker.say("last words")
    await asyncio.sleep(random.uniform(0.0, 0.01))


async def flood(party: House, *, senders: int = 30, stalled: int = 15, seeks: int = 8) -> None:
    """All talk as fast as they may, a third of the room does not read, and the host seeks."""
    host = await party.open("a")
    places, healthy, slow = list(party.urls), [host], []
    for number, at in enumerate(places):
        names = [f"v{one}" for one in range(number, senders, len(places))]
        healthy += await party.enter(at, *names)
        names = [f"s{one}" for one in range(number, stalled, len(places))]
        slow += await party.enter(at, *names, is_small=True)
    quiet = [await party.seek(host, 100.0 + number, healthy + slow) for number in range(3)]
    for one in slow:
        one.reads.clear()
    under: list[float] = []
    async with talking(party, healthy, each_seconds=0.35, padding=LONG):
        for number in range(seeks):
            enough = said(party) + PILE // seeks
            under.append(await party.seek(host, 200.0 + number, healthy))
            await party.until(
                lambda enough=enough: said(party) >= enough,  # type: ignore[misc]
                f"they talk beside the seek to {200 + number}",
            )
        await party.until(lambda: said(party) >= PILE, f"{PILE} messages are acknowledged", seconds=90.0)
        under.append(await party.seek(host, 300.0, healthy))
    assert host.record.refused.keys() <= {"rate_limited"}, host.record.refused
    await party.heard_by(healthy)
    lags = party.lags(healthy)
    assert not any(one.closes for one in healthy), party.told()
    assert not any(one.record.types["party:bye"] for one in slow), "those who stall have read"
    for one in slow:
        one.reads.set()
    await party.until(
        lambda: all(4008 in one.record.byes or one.record.resets for one in slow), "all were too slow"
    )
    await party.judge()
    measured(
        f"{said(party)} messages; seek and seen by all {len(healthy)}: quiet {middle(quiet):.3f} s, under the flood"
        f" {middle(under):.3f} s, at most {max(under):.3f} s; message to the last who reads: median"
        f" {middle(lags):.3f} s, at most {lags[-1]:.3f} s; {party.told()}"
    )
    assert middle(lags) < SLOW_SECONDS, "who reads waits for who does not"


async def elsewhere(party: House, viewer: Viewer) -> None:
    """Somebody loses the connection, and resumes at the next process."""
    resumes = viewer.record.resumes
    viewer.move()
    await viewer.cut()
    await party.until(lambda: viewer.talk.is_in and viewer.record.resumes > resumes, f"{viewer.name} is back")


async def wander(party: House, *, wanderers: int = 10, times: int = 4) -> None:
    """While all talk, some lose their connection again and again, and come back at another process each time."""
    everybody = list(party.here.values())
    restless = [one for one in everybody if one.name.startswith("v")][:wanderers]
    had = {one.name: len(one.record.resets) for one in everybody}
    dice = random.Random(7)

    async def stray(viewer: Viewer) -> None:
        for _ in range(times):
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            await viewer.say("on the way out")
            await elsewhere(party, viewer)

    async with talking(party, everybody, each_seconds=0.7), asyncio.TaskGroup() as group:
        for one in restless:
            group.create_task(stray(one))
    await party.judge()
    assert {one.name: len(one.record.resets) for one in everybody} == had, party.told()
    measured(f"{times * len(restless)} times came back at another process; {party.told()}")


async def rights(party: House) -> None:
    """What one process decided holds at the other: a mute, a token that was used, who came in later."""
    host = party.here["host"]
    (loud,) = await party.enter("b", "loud")
    await party.done(loud, "party:ready")
    await party.done(host, "party:mute", memberId=loud.talk.member_id)
    await party.refused(loud, "muted")
    await elsewhere(party, loud)
    await party.refused(loud, "muted")
    await party.go(loud)
    (again,) = await party.enter("b", "loud")  # anew, as another member
    await party.refused(again, "muted")
    await party.done(host, "party:unmute", memberId=again.talk.member_id)
    await again.say("at last")
    await party.until(lambda: bool(again.record.acknowledged), "he may talk again")

    (twin,) = await party.enter("a", "twin")
    token = dict(twin.token())
    lost = await party.stranger("b", name="twin")
    welcome = await lost.ask("party:resume", **token)
    assert (welcome["type"], welcome["data"]["self"]) == ("party:resume", twin.talk.member_id), welcome
    await party.until(lambda: twin.closes[4509] == 1, "the older socket of the two is closed")
    assert twin.record.byes == [4509]
    other = await party.stranger("a", name="twin")  # he may not have got that welcome: once more
    answer = await other.ask("party:resume", **token)
    assert (answer["type"], answer["data"]["self"]) == ("party:resume", twin.talk.member_id), answer
    assert (await lost.until("party:bye"))["data"]["code"] == 4509
    await lost.close()
    await other.until("party:ping")
    await other.send("party:pong")  # he has got this one
    assert (await other.ask("party:chat", message="twin: still here"))["type"] == "party:ok"
    for at, used in product(party.urls, (token["resumeToken"], welcome["data"]["resumeToken"])):
        thief = await party.stranger(at)
        answer = await thief.ask("party:resume", **{**token, "resumeToken": used})
        assert (answer["type"], answer["data"].get("code")) == ("party:error", "resume_invalid"), answer
        await thief.close()
    await other.ask("party:leave")
    await other.close()
    party.here.pop("twin")


async def one_dies(stand: Fleet, party: House, *, each: int = 5) -> None:
    """`kill -9` of the process with the host, while both sides talk."""
    host = await party.open("a")
    at_a = await party.enter("a", *(f"a{number}" for number in range(each)))
    at_b = await party.enter("b", *(f"b{number}" for number in range(each)))
    gone = await party.enter("a", "gone0", "gone1")
    everybody = len(party.here)
    await party.until(lambda: at_b[0].record.people.get("here") == everybody, "all are seen to be here")
    dead = stand.members["a"]
    ids = {one.name: one.talk.member_id for one in at_a}
    async with talking(party, at_a + at_b, each_seconds=0.6):
        await party.until(lambda: said(party) >= 3 * each, "they talk")
        await party.go(host, *gone)  # they die with their process, and do not come back
        await last_words(at_a)
        killed = time.monotonic()
        await dead.kill()
        lost = len(gone) + 1

        def are_away() -> bool:
            people = at_b[0].record.people
            return bool(people["here"] == everybody - lost <= people["members"])

        back = await party.until(lambda: all(one.talk.is_in for one in at_a), "who was there is here")
        assert {one.name: one.talk.member_id for one in at_a} == ids, "they came back as others"
        assert all(one.record.resumes for one in at_a), party.told()
        await party.until(are_away, "who died with it is away")
        away = time.monotonic() - killed
        everyone = at_a + at_b
        await party.until(
            lambda: all(one.record.types["party:host"] for one in everyone), "there is another host"
        )
        handed = time.monotonic() - killed
        (new,) = [one for one in everyone if one.talk.member_id == at_b[0].record.state["host"]]
        await party.until(lambda: new.talk.is_host, "the new host knows")
        await party.seek(new, 400.0, everyone)
        await stand.restart(dead)
        (late,) = await party.enter("a", "late")
        await party.seek(new, 500.0, [*everyone, late])
        assert not any(one.record.resets or one.closes for one in at_b), party.told()
        told = {one.name: len(one.record.resets) for one in party.here.values()}
        stopping = time.monotonic()
        await stand.members["b"].program.stop()  # as in a rolling restart
        everybody_else = list(party.here.values())
        await party.until(
            lambda: all(one.talk.is_in for one in everybody_else), "all are at the one that is left"
        )
        moved = time.monotonic() - stopping
        await party.seek(new, 600.0, everybody_else)
    await party.judge("a")
    assert {one.name: len(one.record.resets) for one in party.here.values()} == told, (
        "who was told to come back lost something"
    )
    measured(
        f"one dies: back after {back:.1f} s, away after {away:.1f} s, another host after {handed:.1f} s; one stops:"
        f" all at the other after {moved:.1f} s; {party.told()}"
    )
    assert away < 2 * AWAY_SECONDS
    assert handed - away > 0.5, "nobody waits for a host"


async def flush_behind(stand: Fleet) -> None:
    """Redis is emptied while `b` is behind, and `a`, who knows more, finds out last: `b` begins the new log."""
    await stand.network.order("conditions", "redis-b", down={"delay_ms": 3000})
    await asyncio.sleep(1.5)  # what is said now at a, is acknowledged there, and is on its way to b
    await stand.network.order("conditions", "redis-a", up={"black_hole": True}, down={"black_hole": True})
    await stand.redis.command("FLUSHALL")
    await stand.network.order("cut", "redis-b")
    await stand.network.order("calm", "redis-b")
    await asyncio.sleep(3.0)
    await stand.network.order("calm", "redis-a")


STRIKES: Mapping[str, Callable[[Fleet], Awaitable[None]]] = {
    **{name: fault.strike for name, fault in FAULTS.items()},
    "redis.flushed.behind": flush_behind,
}


LOSSES = ("redis.subscribers", "redis.flushed.behind", "redis.flushed", "redis.restarted")


async def faults(stand: Fleet, party: House, *names: str, each: int = 4) -> None:
    """These faults one after the other, while both sides talk. What was decided before holds after."""
    host = await party.open("a")
    speakers = [
        *await party.enter("a", *(f"a{number}" for number in range(each))),
        *await party.enter("b", *(f"b{number}" for number in range(each))),
    ]
    (muted,) = await party.enter("b", "muted")
    (banned,) = await party.enter("b", "banned")
    await party.done(host, "party:mute", memberId=muted.talk.member_id)
    await party.done(host, "party:ban", memberId=banned.talk.member_id)
    await party.until(lambda: banned.closes[4511] == 1, "the banned one is out")
    await party.go(banned)
    everybody = [host, *speakers, muted]
    places = cycle(range(1000, 9000, 7))
    for name in names:
        async with talking(party, speakers, each_seconds=0.8):
            before = said(party)
            await party.until(lambda before=before: said(party) >= before + 2 * each, "they talk")  # type: ignore[misc]
            await last_words(speakers)
            await STRIKES[name](stand)
            took = await party.alive_again(but=[muted])
            await until_sought(party, host, float(next(places)), everybody)
            await party.until(
                lambda: all(one.record.people.get("here") == len(everybody) for one in everybody),
                f"{len(everybody)} are seen to be here",
            )
        await party.judge()  # each time: later the room would have forgotten what was said before
        measured(f"{name}: all go on after {took:.1f} s; {party.told()}")
    for at in party.urls:
        outside = await party.stranger(at, name="banned")
        answer = await outside.ask("party:join", roomId=party.room_id)
        assert answer["data"].get("code") == "banned", answer
        await outside.close()
    await party.refused(muted, "muted")
    if not any("flushed" in name or "restarted" in name for name in names):
        assert not any(one.record.resets for one in everybody), party.told()


async def all_die(stand: Fleet, party: House, *, each: int = 3) -> None:
    """Everything dies at once, and Redis had no disk: what is left is in the database."""
    host = await party.open("a", graceSeconds=60)
    speakers = [
        *await party.enter("a", *(f"a{number}" for number in range(each))),
        *await party.enter("b", *(f"b{number}" for number in range(each))),
    ]
    (muted,) = await party.enter("b", "muted")
    everybody = [host, *speakers, muted]
    await party.done(host, "party:mute", memberId=muted.talk.member_id)
    await party.seek(host, 1000.0, everybody)
    sought = time.time()
    async with talking(party, speakers, each_seconds=0.6):
        await party.until(lambda: said(party) >= 6 * each, "they talk")
    await party.judge()
    await asyncio.sleep(KEPT_SECONDS)
    await asyncio.gather(*(member.kill() for member in stand.members.values()))
    await stand.redis.restart()
    for member in stand.members.values():
        await stand.restart(member)
    back = await party.until(
        lambda: all(one.talk.is_in and one.record.resets for one in everybody), "all are back", seconds=60.0
    )
    off = await party.film_place("b", host.record.state) - 1000.0 - (time.time() - sought)
    assert abs(off) < OFF_SECONDS, f"the film is {off:.1f} s off"
    assert host.talk.is_host
    await party.refused(muted, "muted")
    await party.alive_again(but=[muted])
    await until_sought(party, host, 2000.0, everybody)
    await party.judge()
    measured(f"all die: back after {back:.1f} s; {party.told()}")


async def until_sought(party: House, host: Viewer, place: float, by: Sequence[Viewer]) -> None:
    """The host goes somewhere, asking again where he is told that it will pass."""
    async with asyncio.timeout(30.0):
        while True:
            name = await host.ask("party:seek", currentTime=place)
            await party.until(lambda name=name: name in host.answers, "the seek is answered")  # type: ignore[misc]
            answer = host.answers[name]
            if answer.type == "party:ok":
                break
            assert answer.data["retryable"], answer.data
            await asyncio.sleep(0.2)
    await party.until(
        lambda: all(one.record.state["pos"] == place for one in by), f"all see the seek to {place}"
    )
