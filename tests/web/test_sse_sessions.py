"""An event stream lasts no longer than the session and the role that it stands on."""

from __future__ import annotations

from aiohttp import ClientSession, CookieJar
from yarl import URL

from tests.web.world import World, running, stream, until
from web.sse import StreamLimits


async def test_a_session_that_is_ended_ends_its_streams_at_once() -> None:
    async with running(limits=StreamLimits(lifetime_seconds=(10**6, 10**6))) as world:
        await world.sign_in()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
            await world.sign_in(other)
            async with await stream(world) as ours, await stream(world, client=other) as theirs:
                await ours.event()
                await theirs.event()
                signed_in = await world.logins.read(cookie_of(world.client, world))
                assert signed_in is not None
                await world.logins.end(signed_in.id, signed_in.subject)
                assert [event.name for event in await ours.rest() if event.name] == ["auth"]
                # The other session of the same account is asked to come back at once, and may.
                assert [event.name for event in await theirs.rest() if event.name] == []
            async with await stream(world, client=other) as again:
                assert (await again.event()).name == "reset"
        await until(lambda: world.counted("sse_ended_total", reason="signed_out") == 1)
        assert world.counted("sse_ended_total", reason="rechecked") == 1


async def test_a_role_that_is_lost_ends_the_streams_of_that_channel() -> None:
    async with running(limits=StreamLimits(lifetime_seconds=(10**6, 10**6))) as world:
        world.logins.roles["mia"] = {"100": "moderator"}
        key, _ = await world.logins.open(subject="mia", login="mia", name="Mia", agent="", replaces="")
        world.client.cookie_jar.update_cookies({"cuelight": key}, URL(world.url("/")))
        async with await stream(world) as events:
            assert (await events.event()).data["me"] == {"role": "moderator"}
            world.logins.roles["mia"] = {}
            world.logins.tell("mia")
            assert [event.name for event in await events.rest() if event.name] == ["auth"]


async def test_nobody_takes_the_place_of_everybody_else() -> None:
    async with running(limits=StreamLimits(max_of_subject=2)) as world:
        worlds = [ClientSession(cookie_jar=CookieJar(unsafe=True)) for _ in range(2)]
        try:
            for client, subject in zip(worlds, ("mia", "ben"), strict=True):
                world.logins.roles[subject] = {"100": "moderator"}
                key, _ = await world.logins.open(subject=subject, login="", name="", agent="", replaces="")
                client.cookie_jar.update_cookies({"cuelight": key}, URL(world.url("/")))
            mia, ben = worlds
            async with await stream(world, client=mia) as first, await stream(world, client=mia) as second:
                await first.event()
                await second.event()
                async with await stream(world, client=mia) as third:
                    (only,) = await third.rest()
                    assert 5000 <= (only.retry or 0) <= 15000
                async with await stream(world, client=ben) as other:
                    assert (await other.event()).name == "reset"
        finally:
            for client in worlds:
                await client.close()
        assert world.counted("sse_ended_total", reason="full") == 1


async def test_where_changes_may_have_been_missed_streams_look_by_themselves() -> None:
    async with running(limits=StreamLimits(lifetime_seconds=(10**6, 10**6))) as world:
        await world.sign_in()
        async with await stream(world) as events:
            await events.event()
            world.logins.held.clear()
            world.logins.tell("")  # not ended all at once
            await world.happen(id="a-1")
            names = [event.name for event in await events.rest() if event.name]
            assert names in (["auth"], ["activity", "auth"])


async def test_a_busy_stream_looks_too(world: World) -> None:
    """Entries that come faster than heartbeats must not keep a stream alive whose session is over."""
    await world.sign_in()
    async with await stream(world) as events:
        await events.event()
        world.logins.held.clear()
        names: list[str] = []
        for number in range(20):
            await world.happen(id=f"a-{number}")
            await world.clock.advance(5)
            event = await events.event()
            names.append(event.name)
            if event.name == "auth":
                break
        assert names[-1] == "auth"


def cookie_of(client: ClientSession, world: World) -> str:
    return client.cookie_jar.filter_cookies(URL(world.url("/")))["cuelight"].value
