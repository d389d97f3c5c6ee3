"""EventSub webhooks over a real socket: the good, the repeated and every kind of bad."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.errors import Rejected, Unavailable
from tests.web.world import REDEMPTION, World, message
from web.webhooks import parse

PATH = "/api/webhooks/eventsub"


async def post(world: World, headers: dict[str, str], raw: bytes) -> tuple[int, Any, Any]:
    async with world.client.post(world.url(PATH), headers=headers, data=io.BytesIO(raw)) as response:
        text = await response.text()
        assert "Traceback" not in text
        body = json.loads(text) if response.content_type.endswith("json") else text
        return response.status, body, response.headers


async def refused(world: World, headers: dict[str, str], raw: bytes, *, status: int, code: str) -> None:
    """Answered with a problem, counted once, logged once, nothing handed on."""
    with capture_logs() as logs:
        got, body, answer = await post(world, headers, raw)
    assert (got, body["code"], body["status"]) == (status, code, status)
    assert answer["Content-Type"].startswith("application/problem+json")
    assert body["request_id"] == answer["X-Request-Id"]
    assert world.counted("webhook_rejected_total", reason=code) == 1
    assert [entry["code"] for entry in logs if "code" in entry] == [code]
    assert not world.sink.calls
    assert not world.sink.revoked


async def test_a_notification_is_handed_on_and_answered_204(world: World) -> None:
    headers, raw = message(world.clock.now())
    assert (await post(world, headers, raw))[0] == 204
    row = world.sink.kept["m-1"]
    assert (row["type"], row["version"], row["transport"], row["key_id"]) == (
        REDEMPTION,
        "1",
        "webhook",
        "main",
    )
    assert row["raw"] == raw
    assert row["payload"] == json.loads(raw)
    assert row["headers"]["twitch-eventsub-message-id"] == "m-1"
    assert set(row["headers"]) == {name.lower() for name in headers if name.startswith("Twitch")}
    assert world.checkpoints == ["webhook.accepted", "webhook.verified", "inbox.answered"]


async def test_a_challenge_comes_back_as_it_is(world: World) -> None:
    body = {"challenge": "<c0ffee> 1", "subscription": {"id": "s-1"}}
    headers, raw = message(world.clock.now(), kind="webhook_callback_verification", body=body)
    status, text, answer = await post(world, headers, raw)
    assert (status, text) == (200, "<c0ffee> 1")
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Content-Length"] == str(len("<c0ffee> 1"))
    assert not world.sink.calls


async def test_a_revocation_is_handed_on(world: World) -> None:
    body = {"subscription": {"id": "s-1", "status": "authorization_revoked"}}
    headers, raw = message(world.clock.now(), kind="revocation", body=body)
    assert (await post(world, headers, raw))[0] == 204
    assert world.sink.revoked == [
        {"id": "s-1", "status": "authorization_revoked", "message_id": "m-1", "transport": "webhook"}
    ]


async def test_the_same_message_twice_is_answered_204_twice(world: World) -> None:
    headers, raw = message(world.clock.now())
    assert [(await post(world, headers, raw))[0] for _ in range(2)] == [204, 204]
    assert world.sink.calls == ["new", "duplicate"]


async def test_the_same_id_with_another_body_is_answered_204_and_logged(world: World) -> None:
    for number in (1, 2):
        headers, raw = message(world.clock.now(), body={"event": {"number": number}})
        with capture_logs() as logs:
            assert (await post(world, headers, raw))[0] == 204
    assert world.sink.calls == ["new", "conflict"]
    assert world.sink.kept["m-1"]["payload"] == {"event": {"number": 1}}
    assert any(entry["log_level"] == "error" and entry.get("message_id") == "m-1" for entry in logs)


async def test_an_unknown_type_and_version_is_the_affair_of_the_sink(world: World) -> None:
    headers, raw = message(
        world.clock.now(), type="channel.something_new", version="beta", body={"event": {}}
    )
    assert (await post(world, headers, raw))[0] == 204
    assert world.sink.kept["m-1"]["type"] == "channel.something_new"


async def test_an_unknown_kind_of_message_is_counted_and_answered_204(world: World) -> None:
    headers, raw = message(world.clock.now(), kind="news", body={})
    assert (await post(world, headers, raw))[0] == 204
    assert world.counted("webhook_rejected_total", reason="webhook.unknown_kind") == 1


async def test_a_wrong_signature(world: World) -> None:
    headers, raw = message(world.clock.now(), secret=b"another secret")
    await refused(world, headers, raw, status=403, code="signature.wrong")
    assert world.checkpoints == ["webhook.accepted"]


async def test_a_missing_signature(world: World) -> None:
    headers, raw = message(world.clock.now())
    del headers["Twitch-Eventsub-Message-Signature"]
    await refused(world, headers, raw, status=400, code="signature.missing")


async def test_no_headers_at_all(world: World) -> None:
    await refused(world, {}, b"{}", status=400, code="signature.missing")


async def test_a_malformed_signature(world: World) -> None:
    headers, raw = message(world.clock.now())
    headers["Twitch-Eventsub-Message-Signature"] = "sha256=xyz"
    await refused(world, headers, raw, status=400, code="signature.malformed")


async def test_a_signature_that_is_not_ascii(world: World) -> None:
    headers, raw = message(world.clock.now())
    headers["Twitch-Eventsub-Message-Signature"] = "sha256=" + "ü" * 64
    await refused(world, headers, raw, status=400, code="signature.not_ascii")


async def test_a_stamp_of_eleven_minutes_ago(world: World) -> None:
    headers, raw = message(world.clock.now() - 11 * 60_000)
    await refused(world, headers, raw, status=403, code="signature.too_old")


async def test_a_stamp_of_the_future(world: World) -> None:
    headers, raw = message(world.clock.now() + 11 * 60_000)
    await refused(world, headers, raw, status=403, code="signature.from_future")


async def test_a_body_of_five_megabytes(world: World) -> None:
    headers, raw = message(world.clock.now(), body=b'"' + b"x" * (5 << 20) + b'"')
    status, body, _ = await post(world, headers, raw)
    assert (status, body["code"]) == (413, "http.body_too_large")
    assert not world.sink.calls


async def test_a_body_of_five_megabytes_without_its_length(world: World) -> None:
    async def pieces() -> Any:
        for _ in range(80):
            yield b"x" * (64 << 10)

    headers, _ = message(world.clock.now())
    async with world.client.post(world.url(PATH), headers=headers, data=pieces()) as response:
        assert response.status == 413
    assert not world.checkpoints


async def test_a_body_right_at_the_limit_is_read(world: World) -> None:
    filler = "x" * ((1 << 20) - len('{"event":{"t":""}}'))
    raw = json.dumps({"event": {"t": filler}}, separators=(",", ":")).encode()
    assert len(raw) == 1 << 20
    headers, raw = message(world.clock.now(), body=raw)
    assert (await post(world, headers, raw))[0] == 204


BROKEN = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe{",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
    b'{"\\uDFFF": 1}',
]


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
async def test_broken_json_after_a_good_signature(world: World, raw: bytes) -> None:
    headers, raw = message(world.clock.now(), body=raw)
    await refused(world, headers, raw, status=400, code="webhook.bad_json")


@pytest.mark.parametrize("challenge", [None, "", 5, "x" * 2000])
async def test_a_challenge_without_measure(world: World, challenge: Any) -> None:
    headers, raw = message(
        world.clock.now(), kind="webhook_callback_verification", body={"challenge": challenge}
    )
    await refused(world, headers, raw, status=400, code="webhook.bad_json")


async def test_a_revocation_without_subscription(world: World) -> None:
    headers, raw = message(world.clock.now(), kind="revocation", body={"subscription": "s-1"})
    await refused(world, headers, raw, status=400, code="webhook.bad_json")


async def test_full_storage_is_a_503_that_says_when_to_try_again(world: World) -> None:
    world.sink.error = Unavailable("The disk is full.", code="storage.full", retry_after_seconds=29.5)
    headers, raw = message(world.clock.now())
    status, body, answer = await post(world, headers, raw)
    assert (status, body["code"], answer["Retry-After"]) == (503, "storage.full", "30")
    world.sink.error = None
    assert (await post(world, headers, raw))[0] == 204


async def test_an_unknown_error_of_the_sink_is_a_500_without_details(world: World) -> None:
    world.sink.error = RuntimeError("a secret inside")
    headers, raw = message(world.clock.now())
    with capture_logs() as logs:
        status, body, _ = await post(world, headers, raw)
    assert (status, body["code"]) == (500, "web.unknown")
    assert "secret inside" not in json.dumps(body)
    assert world.counted("errors_total", where="web") == 1
    assert len([entry for entry in logs if entry.get("exc_info")]) == 1


async def test_a_get_is_not_allowed(world: World) -> None:
    async with world.client.get(world.url(PATH)) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_it_is_an_object_or_rejected(raw: bytes) -> None:
    try:
        result: Any = parse(raw)
    except Rejected:
        result = {}
    assert isinstance(result, dict)
