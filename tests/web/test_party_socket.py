"""Watch parties over real sockets: coming in, what breaks the protocol, too much of it, and the end."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from rooms.talk.limits import Gates, Limit
from tests.web.parties import OWN_ORIGIN, Parties, serving
from web.party_socket import SocketLimits


@pytest.fixture
async def parties():
    async with serving() as parties:
        yield parties


async def test_the_example_client_of_the_source_document(parties: Parties) -> None:
    """Verbatim: the token in the address, four messages, no ids, nothing loaded."""
    john = await parties.dial(f"{parties.address}?token=john")
    await john.send('{ "type": "party:create", "data": { "userName": "John" } }')
    created = json.loads(await john.recv())
    assert created["type"] == "party:create"
    assert created["data"]["isHost"] is True
    room_id = created["data"]["roomId"]
    sarah = await parties.dial(f"{parties.address}?token=sarah")
    await sarah.send(
        '{ "type": "party:join", "data": { "roomId": "party_123", "userName": "Sarah" } }'.replace(
            "party_123", room_id
        )
    )
    joined = await parties.told(sarah, "party:join")
    assert joined["data"]["isHost"] is False
    await john.send('{ "type": "party:play", "data": { "currentTime": 1800 } }')
    for socket, is_host in ((john, True), (sarah, False)):
        played = await parties.told(socket, "party:play")
        assert played["data"]["currentTime"] == 1800
        assert played["data"]["state"]["playing"] is True
        assert played["data"]["isHost"] is is_host
    await sarah.send('{ "type": "party:chat", "data": { "message": "Great scene!" } }')
    for socket in (john, sarah):
        said = await parties.told(socket, "party:chat")
        assert (said["data"]["message"], said["data"]["userName"]) == ("Great scene!", "Sarah")


async def test_a_wrong_token_is_told_and_closed_for_good(parties: Parties) -> None:
    socket = await parties.connect("bad")
    error = await parties.told(socket, "party:error")
    assert error["data"]["code"] == "unauthorized"
    code, bye = await parties.closed(socket)
    assert (code, bye["data"]["code"]) == (4501, 4501)


async def test_the_first_message_may_be_the_credential(parties: Parties) -> None:
    socket = await parties.connect("")
    assert await parties.refused(socket, "party:create", {"userName": "x"}) == "unauthorized"
    hello = await parties.ask(socket, "party:hello", {"token": "ann"})
    assert hello["data"] == {
        "subject": "twitch:ann", "name": "Ann", "role": "member", "clockId": "k1", "isHost": False,
    }  # fmt: skip
    assert (await parties.ask(socket, "party:create", {"userName": "x"}))["type"] == "party:create"


async def test_a_ticket_is_good_once(parties: Parties) -> None:
    first = await parties.dial(f"{parties.address}?ticket=t1")
    assert (await parties.ask(first, "party:hello"))["data"]["subject"] == "twitch:t1"
    code, _ = await parties.closed(await parties.dial(f"{parties.address}?ticket=t1"))
    assert code == 4501


async def test_the_cookie_counts_with_our_own_origin_only(parties: Parties) -> None:
    await parties.world.sign_in()
    cookie = "; ".join(f"{one.key}={one.value}" for one in parties.world.client.cookie_jar)
    ours = await parties.connect("", origin=OWN_ORIGIN, additional_headers={"Cookie": cookie})
    assert (await parties.ask(ours, "party:hello"))["type"] == "party:hello"
    program = await parties.connect("", additional_headers={"Cookie": cookie})
    assert await parties.refused(program, "party:create") == "unauthorized"


async def test_pages_of_others_may_not_connect() -> None:
    limits = SocketLimits(refuse_seconds=(1.0, 1.0))
    async with serving(limits=limits, origins=("https://good.example",)) as parties:
        evil = await parties.connect("ann", origin="https://evil.example")
        await parties.pass_seconds(3.0)
        code, bye = await parties.closed(evil)
        assert (code, bye["data"]["code"]) == (4503, 4503)
        good = await parties.connect("ann", origin="https://good.example")
        assert (await parties.ask(good, "party:hello"))["type"] == "party:hello"


async def test_no_upgrade_is_an_answer_of_http(parties: Parties) -> None:
    async with parties.world.client.get(parties.world.url("/ws/connect")) as response:
        assert response.status == 400
        assert (await response.json())["code"] == "party.no_upgrade"
    with pytest.raises(InvalidStatus):
        await connect(parties.address.replace("/ws/connect", "/ws/other"), proxy=None)


# -- what breaks the protocol


async def raw(socket, opcode: int, payload: bytes, *, fin: bool = True) -> None:  # type: ignore[no-untyped-def]
    """A frame as no sane client sends it."""
    frame = Frame(Opcode(opcode), payload, fin=fin).serialize(mask=True)
    socket.transport.write(frame)


@pytest.mark.parametrize(
    ("opcode", "payload", "code"),
    [
        (Opcode.TEXT, b'{"type": "\xff\xfe"}', 1007),
        (Opcode.BINARY, b"x", 1003),
        (Opcode.TEXT, b"x" * (16 * 1024 + 1), 1009),
        (Opcode.TEXT, b"x" * 1_000_000, 1009),
        (Opcode.CONT, b"x", 1002),
    ],
    ids=["utf8", "binary", "16k", "1m", "continuation"],
)
async def test_frames_that_may_not_be(parties: Parties, opcode: Opcode, payload: bytes, code: int) -> None:
    socket, _ = await parties.room()
    await raw(socket, opcode, payload)
    closed, _ = await parties.closed(socket)
    assert closed == code


async def test_a_message_of_16_kib_in_parts_is_read(parties: Parties) -> None:
    socket, _ = await parties.room()
    message = json.dumps({"type": "party:chat", "id": "big", "data": {"message": "x", "pad": "y" * 16_000}})
    await socket.send([message[place : place + 1000] for place in range(0, len(message), 1000)])
    answer = await parties.heard(socket, lambda one: one.get("re") == "big")
    assert answer["type"] == "party:ok"


async def test_a_lone_surrogate_changes_nothing(parties: Parties) -> None:
    socket, _ = await parties.room()
    await socket.send('{"type": "party:chat", "id": "s", "data": {"message": "a\\ud800b"}}')
    said = await parties.told(socket, "party:chat")
    assert said["data"]["message"] == "ab"


async def test_a_ping_is_answered_with_its_bytes(parties: Parties) -> None:
    socket = await parties.connect()
    waiter = await socket.ping(b"are you there")
    await asyncio.wait_for(waiter, 20)


async def test_who_is_not_heard_of_for_40_seconds_is_closed(parties: Parties) -> None:
    silent, _ = await parties.room()
    speaking, _ = await parties.room("ben")
    for _ in range(5):
        await parties.pass_seconds(8.0)
        await parties.ask(speaking, "clock:ping", {"t1": 1})
    await parties.pass_seconds(2.0)
    code, bye = await parties.closed(silent)
    assert (code, bye["data"]["retryAfterMs"]) == (4040, 500)
    assert (await parties.ask(speaking, "clock:ping", {"t1": 1}))["type"] == "clock:pong"


async def test_a_pong_of_websockets_is_a_sign_of_life(parties: Parties) -> None:
    socket, _ = await parties.room()
    for _ in range(6):
        await socket.pong()
        await parties.ask(socket, "clock:ping", {"t1": 1})
        await parties.pass_seconds(8.0)
    assert parties.sockets.count == 1


async def test_a_connection_lives_35_to_55_minutes(parties: Parties) -> None:
    sockets = [await parties.room(name) for name in ("ann", "ben", "cat")]
    lives = []
    for socket, _ in sockets:
        welcome = await parties.ask(socket, "party:join", {"roomId": _})
        lives.append(welcome["data"]["lives"])
    assert all(2090 <= one <= 3300 for one in lives)
    assert len(set(lives)) == 3


# -- too much


async def test_a_thousand_reconnects_in_a_second_are_let_in_evenly() -> None:
    limits = SocketLimits(accepts_per_second=20, refuse_seconds=(1.0, 2.0))
    async with serving(limits=limits) as parties:
        first = [await parties.connect("") for _ in range(60)]
        refused = parties.sockets.count - sum(one.talk is not None for one in parties.sockets._lines)
        assert 30 <= refused <= 39, "20 at once, and those of the second"
        await parties.pass_seconds(3.0)
        codes = [await parties.closed(one) for one in first[-5:]]
        assert {code for code, _ in codes} == {4013}
        assert all(2000 <= bye["data"]["retryAfterMs"] <= 10_000 for _, bye in codes)
        assert (await parties.ask(await parties.connect(), "party:hello"))["type"] == "party:hello"


async def test_a_thousand_come_in_within_three_seconds_by_default() -> None:
    async with serving(limits=SocketLimits()) as parties:
        let_in = []
        for _ in range(3):
            let_in.append(sum(parties.sockets._is_in_time() for _ in range(1000)))
            await parties.pass_seconds(1.0)
        assert sum(let_in) >= 1000
        assert all(400 <= one <= 401 for one in let_in), "evenly, whatever comes"


async def test_a_full_house_sends_away(parties: Parties) -> None:
    async with serving(limits=SocketLimits(most_sockets=2, refuse_seconds=(1.0, 1.0))) as parties:
        await parties.connect()
        await parties.connect()
        third = await parties.connect()
        await parties.pass_seconds(3.0)
        assert (await parties.closed(third))[0] == 4013


async def test_joins_from_one_address_are_counted_and_those_by_ticket_are_not() -> None:
    gates = Gates({"join": Limit(0.001, 6), "create": Limit(10, 10)})
    async with serving(gates=gates) as parties:
        _, room_id = await parties.room()
        answers = []
        for number in range(10):
            socket = await parties.connect(f"u{number}")
            answers.append(await parties.ask(socket, "party:join", {"roomId": room_id}))
            await socket.close()
        refused = [one for one in answers if one["type"] == "party:error"]
        assert len(refused) == 4
        assert {one["data"]["code"] for one in refused} == {"rate_limited"}
        ticket = await parties.dial(f"{parties.address}?ticket=class-7")
        assert (await parties.ask(ticket, "party:join", {"roomId": room_id}))["type"] == "party:join"


async def test_host_commands_of_a_member_change_nothing(parties: Parties) -> None:
    _, room_id = await parties.room()
    ben = await parties.connect("ben")
    await parties.ask(ben, "party:join", {"roomId": room_id})
    here = parties.house.rooms.here(room_id)
    assert here is not None
    before = here.replica.room
    for name, data in (
        ("party:play", {"currentTime": 5}),
        ("party:seek", {"currentTime": 5}),
        ("party:media", {"item": {"url": "https://films.example/a.mp4"}}),
        ("party:settings", {"settings": {"title": "mine"}}),
        ("party:kick", {"memberId": before.host}),
        ("party:host:take", {}),
        ("party:close", {}),
        ("party:invite", {}),
    ):
        assert await parties.refused(ben, name, data) == "forbidden", name
    assert here.replica.room == before


# -- the end


async def test_a_stop_sends_everybody_away_each_with_a_time_of_its_own() -> None:
    async with serving() as parties:
        sockets = [(await parties.room(f"u{number}"))[0] for number in range(5)]
        stopping = asyncio.ensure_future(parties.sockets.drain(2.0))
        ends = [await parties.closed(one) for one in sockets]
        await stopping
        assert {code for code, _ in ends} == {4000}
        waits = [bye["data"]["retryAfterMs"] for _, bye in ends]
        assert all(0 <= one <= 5000 for one in waits)
        assert len(set(waits)) > 1
        assert parties.sockets.count == 0


async def test_a_client_that_does_not_answer_the_close_is_cut_off(parties: Parties) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", parties.world.port)
    writer.write(
        b"GET /ws/connect?token=ann HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert parties.sockets.count == 1
    draining = asyncio.ensure_future(parties.sockets.drain(1.0))
    while not draining.done():
        await parties.house.clock.advance(0.1)
    rest = await asyncio.wait_for(reader.read(), 20)
    assert struct.unpack("!H", rest[rest.index(b"\x88") + 2 :][:2]) == (4000,)
    writer.close()
    await parties.house.close()


async def test_nothing_is_left_of_sockets_that_are_gone(parties: Parties) -> None:
    for _ in range(20):
        socket, _ = await parties.room()
        await socket.close()
    async with asyncio.timeout(20):
        while parties.sockets.count:
            await asyncio.sleep(0)
    await parties.house.clock.advance(5.0)
    assert parties.house.rooms.viewers == 0
    assert "party:lane" not in parties.house.tasks.names()
    assert not parties.sockets._slots
    assert parties.world.web_app.in_flight.count == 0
