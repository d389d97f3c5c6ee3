"""What is erased is gone from every document of the store, what is left keeps things from happening twice, and the
trail verifies as before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.channel import Channel, Viewer
from domain.inbox import Delivery, RowState
from domain.redemption import RedemptionStatus
from domain.viewer import Kept, Listed
from domain.vip import Ended, ended
from gateways.topics.contracts import PositionLost
from handlers.audit_chain import Linker
from handlers.audit_verify import Report, Verifier
from handlers.erasure import Eraser
from handlers.vip.live import topic_of
from storage.analytics import ANALYTICS
from storage.audit import AUDIT
from storage.contracts import StorageUnavailable
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.logins import LOGINS
from storage.parties import PARTIES, PARTY_STATES, Parties, Party, PartyStates
from storage.personal import BY_CHANNEL, OF_CHANNEL
from storage.team import TEAM, Bot, Member, Team, member_id
from tests.support.desk import open_scene
from tests.support.scene import Scene, grant_of


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, accounts=True, scheduler=False) as scene:
        yield scene


def eraser(scene: Scene) -> Eraser:
    assert scene.accounts is not None
    return scene.accounts.privacy.eraser


async def linked(scene: Scene, channel: Channel) -> Report:
    """Put everything into blocks, and verify them."""
    assert scene.accounts is not None
    while await scene.accounts.privacy.linker.round():
        pass
    return await Verifier(chain=scene.accounts.privacy.chain).verify(channel.id, now=scene.clock.now())


async def traces(scene: Scene, *texts: str) -> list[tuple[str, str]]:
    """Every document in which one of these texts stands: its collection and its id."""
    found = []
    async with aclosing(scene.store.export()) as documents:
        async for name, document in documents:
            if any(text.lower() in str(document).lower() for text in texts):
                found.append((name, document["_id"]))
    return sorted(found)


async def lived(scene: Scene, channel: Channel, login: str = "zebrina") -> Viewer:
    """A viewer who left something in every collection that can hold something of a viewer. He is VIP no more."""
    viewer = await scene.viewer(login)
    redemption_id = await scene.redeem(channel, viewer, user_input=f"{login} says hello")
    await scene.settled(redemption_id)
    session = await scene.session(channel, viewer)
    assert session is not None
    now = scene.clock.now()
    await scene.repositories.sessions.change(
        session.id, lambda held: ended(held, because=Ended.REVOKED, now=now)
    )
    await scene.repositories.viewers.change(
        channel.id, viewer, lambda held: replace(held, listed=Listed.BLOCK, kept=Kept(5, now), seen_at=now)
    )
    team = Team(await scene.store.collection(TEAM))
    await team.put(
        Member(member_id(channel.id, viewer.id), channel.id, viewer.id, login, login, now, channel.id)
    )
    for record_id, actor, about in (
        (f"kept-{channel.id}-{viewer.id}-5:granted", SYSTEM, viewer),
        ("r-2", Actor("moderator", viewer.id, viewer.name), Viewer("999999", "other", "Other")),
    ):
        record = AuditRecord(record_id, channel.id, now, Action.GRANTED, actor, "twitch", about)
        await scene.repositories.audit.add(record)
    team_news = AuditRecord(
        "r-3",
        channel.id,
        now,
        Action.SETTINGS_CHANGED,
        SYSTEM,
        "dashboard",
        detail={"team": {"user": viewer.id}},
    )
    await scene.repositories.audit.add(team_news)
    for name, lane, why in (
        ("parked", "eventsub.parked", "unknown"),
        (f"run:vip.added:{viewer.id}", f"vip:{channel.id}:{viewer.id}", "old"),
    ):
        raw = f'{{"event": {{"user_id": "{viewer.id}", "user_login": "{login}"}}}}'.encode()
        delivery = Delivery("reconcile", name, "x", lane, raw, channel_id=channel.id, parked_because=why)
        await scene.repositories.inbox.insert(delivery)
    days = await scene.store.collection(ANALYTICS)
    row = {"id": viewer.id, "login": login, "name": login, "vips": 1, "seconds": 60, "points": 500}
    day: dict[str, Any] = {
        "_id": f"{channel.id}:UTC:d",
        "channel_id": channel.id,
        "timezone": "UTC",
        "day": "d",
    }
    times = {"starts_at": 1, "ends_at": 2, "figures": {"counts": {"points": 500}, "viewers": [row]}}
    await days.change(day["_id"], lambda held: {**held, **day, **times}, initial=day)
    return viewer


async def test_nothing_of_a_viewer_is_left(scene: Scene) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    other = await scene.viewer("other")
    await scene.settled(await scene.redeem(channel, other))
    assert not (await linked(scene, channel)).faults
    before = await traces(scene, "zebrina", zoe.id)
    kinds = {name for name, _ in before}
    assert kinds >= {"audit", "inbox", "redemptions", "vip_sessions", "viewers", "team", "analytics_days"}
    head = await scene.topics.head(topic_of(channel.id))

    planned = await eraser(scene).count_viewer(channel.id, zoe.id)
    done = await eraser(scene).viewer(channel.id, zoe.id)
    assert done == planned
    assert await traces(scene, "zebrina", zoe.id) == []
    assert await eraser(scene).viewer(channel.id, zoe.id) == {}
    assert await scene.session(channel, other) is not None

    report = await linked(scene, channel)
    assert (report.faults, report.erased) == (0, done["audit"])
    notes = [record for record in await scene.trail(channel) if record.action is Action.ERASURE]
    assert [note.detail for note in notes] == [{"scope": "viewer", "documents": planned}]
    assert scene.counted("data_erased_total", collection="inbox") == done["inbox"]
    with pytest.raises(PositionLost):  # open pages take a fresh picture
        await scene.topics.read(topic_of(channel.id), head.position)


async def held_a_party(scene: Scene, channel_id: str, room_id: str, viewer_id: str) -> None:
    """A room that a viewer opened, is host of, and was sent out of."""
    subject = f"twitch:{viewer_id}"
    await Parties(await scene.store.collection(PARTIES)).add(Party(room_id, channel_id, subject, 1, 1))
    room = {"epoch": "e", "seq": 1, "wall": 1, "host": ["m1", subject, 1, 1], "former": [subject, 5]}
    body = {"room": {**room, "banned": {subject: 9, "twitch:5": 9}, "muted": {subject: 9}}, "known": []}
    await PartyStates(await scene.store.collection(PARTY_STATES)).put(room_id, body)


async def test_watch_parties_forget_a_viewer(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    for place, room_id in ((channel.id, "room-1"), ("", "room-2"), ("777", "room-3")):
        await held_a_party(scene, place, room_id, zoe.id)
    assert {"", "777", channel.id} <= set(await eraser(scene).data.channels_of(zoe.id))
    for place in (channel.id, "", "777"):
        assert await eraser(scene).viewer(place, zoe.id) == {"parties": 1, "party_states": 1}
    assert await traces(scene, zoe.id) == []
    kept = await PartyStates(await scene.store.collection(PARTY_STATES)).get("room-1")
    assert kept is not None
    assert kept["room"]["banned"] == {"twitch:5": 9}, "others stay sent out"


async def test_a_channels_parties_go_with_it(scene: Scene) -> None:
    channel = await scene.channel()
    await held_a_party(scene, channel.id, "room-1", "4242")
    await held_a_party(scene, "", "room-2", "4242")
    done = await eraser(scene).whole_channel(channel.id)
    assert (done["parties"], done["party_states"]) == (1, 1)
    assert {place for _, place in await traces(scene, "4242")} == {"room-2"}


async def test_the_sums_stay_and_others_are_spared(scene: Scene) -> None:
    channel, elsewhere = await scene.channel(), await scene.channel("elsewhere")
    zoe = await lived(scene, channel)
    await scene.settled(await scene.redeem(elsewhere, zoe))
    await eraser(scene).viewer(channel.id, zoe.id)
    [day] = (await (await scene.store.collection(ANALYTICS)).find({})).documents
    assert day["figures"] == {"counts": {"points": 500}, "viewers": []}
    assert await scene.session(elsewhere, zoe) is not None
    assert await eraser(scene).data.channels_of(zoe.id) == sorted({channel.id, elsewhere.id})


async def test_what_comes_again_is_not_applied_again(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    event = await scene.pay(channel, zoe)
    await scene.deliver(event, message_id="m-1")
    await scene.settled(event["id"])
    await eraser(scene).viewer(channel.id, zoe.id)
    await scene.deliver(event, message_id="m-1")
    assert scene.last == "duplicate"
    await scene.deliver(event, message_id="m-2")  # the same, told by another subscription
    await scene.finish()
    assert await scene.repositories.sessions.active(channel.id) == []
    kept = await scene.repositories.redemptions.get(event["id"])
    assert kept is not None
    assert (kept.status, kept.viewer_id, kept.user_input) == (RedemptionStatus.FULFILLED, "", "")


async def test_what_is_still_to_be_done_is_left_alone(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    lane = f"vip:{channel.id}:{zoe.id}"
    open_row = Delivery("twitch", "open", "redemption.add", lane, b"{}", channel_id=channel.id)
    said = Delivery(
        "chat",
        "line",
        "chat.say",
        f"chat:{channel.id}",
        b'{"text": "Zebrina is VIP!"}',
        channel_id=channel.id,
    )
    await scene.repositories.viewers.change(channel.id, zoe, lambda held: replace(held, seen_at=1))
    for delivery in (open_row, said):
        await scene.repositories.inbox.insert(delivery)
    await eraser(scene).viewer(channel.id, zoe.id)
    assert (await scene.row("twitch:open")).state is RowState.OPEN
    line = await scene.row("chat:line")
    assert (line.state, line.raw, line.result) == (RowState.DONE, "{}", "erased")


@pytest.mark.parametrize("collection", ["audit", "inbox", "redemptions", "vip_sessions", "viewers", "team"])
@pytest.mark.parametrize("after_effect", [False, True])
async def test_cut_off_anywhere_a_second_run_completes_it(
    scene: Scene, collection: str, after_effect: bool
) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    for method in ("change", "delete", "insert"):
        scene.store.orders.fail(collection, method, after_effect=after_effect)
        with suppress(StorageUnavailable):
            await eraser(scene).viewer(channel.id, zoe.id)
    scene.store.orders.heal()
    await eraser(scene).viewer(channel.id, zoe.id)
    assert await traces(scene, "zebrina", zoe.id) == []
    assert not (await linked(scene, channel)).faults


@pytest.mark.parametrize("place", ["erasure.noted", "erasure.some", "erasure.renamed"])
async def test_killed_at_a_checkpoint_a_second_run_completes_it(scene: Scene, place: str) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    assert scene.accounts is not None

    class Killed(Exception):
        pass

    def die(name: str) -> None:
        if name == place:
            raise Killed

    linker = Linker(chain=scene.accounts.privacy.chain, clock=scene.clock, metrics=scene.metrics)
    mortal = Eraser(store=scene.store, linker=linker, clock=scene.clock, checkpoint=die)
    with pytest.raises(Killed):
        await mortal.viewer(channel.id, zoe.id)
    assert not (await linked(scene, channel)).faults
    await eraser(scene).viewer(channel.id, zoe.id)
    assert await traces(scene, "zebrina", zoe.id) == []
    assert not (await linked(scene, channel)).faults


async def test_nothing_of_a_channel_is_left_but_its_chain(scene: Scene) -> None:
    channel, elsewhere = await scene.channel(), await scene.channel("elsewhere")
    zoe = await lived(scene, channel)
    await scene.settled(await scene.redeem(elsewhere, zoe))
    await linked(scene, channel)
    assert scene.accounts is not None
    await scene.accounts.parts.logins.open(subject=channel.id, login="streamer", name="S")
    planned = await eraser(scene).count_channel(channel.id)
    assert {"tokens", "channels", "logins"} <= set(planned)
    await eraser(scene).channel(channel.id)
    assert await eraser(scene).whole_channel(channel.id) == {}
    left = {name for name, _ in await traces(scene, channel.id)}
    assert left <= {"audit", "audit_chain", "inbox", "lanes"}
    assert {name for name, _ in await traces(scene, "zebrina")} <= {
        "inbox",
        "redemptions",
        "vip_sessions",
        "audit",
    }
    rows = (await (await scene.store.collection(INBOX)).find({"channel_id": channel.id})).documents
    assert {(row["raw"], row["lane"], row["state"]) for row in rows} == {("{}", "erased", "done")}
    report = await linked(scene, channel)
    assert (report.faults, report.erased) == (0, planned["audit"])
    [note] = await scene.trail(channel)
    assert note.detail["scope"] == "channel"
    assert await scene.session(elsewhere, zoe) is not None


async def test_the_grant_of_who_speaks_elsewhere_stays(scene: Scene) -> None:
    channel, elsewhere = await scene.channel(), await scene.channel("elsewhere")
    assert scene.accounts is not None
    bot = await scene.act("channels", login="bot", name="Bot")
    await scene.tokens.put(channel.id, "streamer", grant_of(bot))
    await scene.accounts.parts.bots.put(Bot(elsewhere.id, channel.id, "bot", "Bot", 1))
    assert "tokens" not in await eraser(scene).count_channel(channel.id)


async def test_somebody_is_signed_out(scene: Scene) -> None:
    assert scene.accounts is not None
    logins = scene.accounts.parts.logins
    await logins.open(subject="77", login="ann", name="Ann")
    await logins.open(subject="88", login="ben", name="Ben")
    assert await eraser(scene).count_account("77") == {"logins": 1}
    assert await eraser(scene).account("77") == {"logins": 1}
    assert await eraser(scene).account("77") == {}
    assert len((await (await scene.store.collection(LOGINS)).find({})).documents) == 1


async def test_a_lane_in_use_is_left(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    lane = f"vip:{channel.id}:{zoe.id}"
    lease = await scene.repositories.lanes.claim(lane)
    assert lease is not None
    await eraser(scene).viewer(channel.id, zoe.id)
    lanes = await scene.store.collection(LANES)
    assert await lanes.get(lane) is not None
    await scene.repositories.lanes.release(lease, due_at=None)
    await eraser(scene).viewer(channel.id, zoe.id)
    assert await lanes.get(lane) is None


async def test_what_is_shown_late_is_not_what_was_erased(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    rid = await scene.redeem(channel, zoe)
    await scene.settled(rid)
    await eraser(scene).viewer(channel.id, zoe.id)
    body = json.dumps({"activity": f"{rid}:fulfilled", "key": "late"}).encode()
    late = Delivery("live", "late", "live.show", f"live:{channel.id}", body, channel_id=channel.id)
    await scene.desk.intake.accept(late)
    await scene.finish()
    assert (await scene.row(late.row_id)).result == "gone"


async def test_a_streamer_in_his_own_channel_is_the_channel(scene: Scene) -> None:
    channel = await scene.channel()
    await lived(scene, channel)
    assert await eraser(scene).viewer(channel.id, channel.id) == {}
    assert await scene.trail(channel)


def test_the_names_are_found_until_the_end() -> None:
    """What says nothing but a name goes before what tells the names."""
    names = [schema.name for schema in OF_CHANNEL]
    assert names.index(INBOX.name) < names.index(AUDIT.name) < names.index("viewers")
    assert not {schema.name for schema in OF_CHANNEL} & {schema.name for schema in BY_CHANNEL}
