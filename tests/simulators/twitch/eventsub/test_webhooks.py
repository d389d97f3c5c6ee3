"""Challenge, signed delivery, retries and their end, against a real receiver."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulators.twitch.eventsub.callbacks import SECRET, Receiver, receiver
from tests.simulators.twitch.playground import REDEMPTION_ADD, Answer, Playground, Streamer, playground


async def subscribe(
    play: Playground, streamer: Streamer, at: Receiver, kind: str = REDEMPTION_ADD, **condition: str
) -> Answer:
    body = {
        "type": kind,
        "version": "1",
        "condition": condition or {"broadcaster_user_id": streamer.id},
        "transport": {"method": "webhook", "callback": at.url, "secret": SECRET},
    }
    return await play.helix("POST", "/eventsub/subscriptions", await play.app_token(), json=body)


async def status_of(play: Playground, wanted: str) -> dict[str, Any]:
    """The only subscription, once it has the wanted status."""
    async with asyncio.timeout(30):
        while True:
            rows = (await play.helix("GET", "/eventsub/subscriptions", await play.app_token())).json["data"]
            if rows[0]["status"] == wanted:
                row: dict[str, Any] = rows[0]
                return row
            await asyncio.sleep(0.005)


async def test_challenge_then_notification(play: Playground) -> None:
    async with receiver() as at:
        streamer, viewer = await play.streamer(), await play.viewer()
        answer = await subscribe(play, streamer, at)
        assert answer.json["data"][0]["status"] == "webhook_callback_verification_pending"
        assert "secret" not in answer.text
        challenge = await at.next("webhook_callback_verification")
        assert challenge.headers["Content-Type"].startswith("application/json")
        assert challenge.body["subscription"]["type"] == REDEMPTION_ADD
        await status_of(play, "enabled")
        redemption = await play.redeem(streamer, await play.reward(streamer), viewer)
        got = await at.next("notification")
        assert got.body["event"]["id"] == redemption
        assert got.headers["Twitch-Eventsub-Subscription-Type"] == REDEMPTION_ADD
        assert got.headers["Twitch-Eventsub-Message-Retry"] == "0"


async def test_wrong_challenge_fails_the_subscription(play: Playground) -> None:
    async with receiver() as at:
        at.agrees = False
        await subscribe(play, await play.streamer(), at)
        await status_of(play, "webhook_callback_verification_failed")


async def test_failed_delivery_is_retried_with_the_same_id() -> None:
    async with playground(webhook_retry_delays_s=(0.01, 0.01)) as play, receiver() as at:
        streamer, viewer = await play.streamer(), await play.viewer()
        await subscribe(play, streamer, at)
        await status_of(play, "enabled")
        at.statuses = [500, 503]
        await play.redeem(streamer, await play.reward(streamer), viewer)
        got = [await at.next("notification") for _ in range(3)]
        assert len({r.headers["Twitch-Eventsub-Message-Id"] for r in got}) == 1
        assert [r.headers["Twitch-Eventsub-Message-Retry"] for r in got] == ["0", "1", "2"]


async def test_too_many_failures_end_the_subscription() -> None:
    async with (
        playground(webhook_retry_delays_s=(), webhook_failures_allowed=2) as play,
        receiver() as at,
    ):
        streamer, viewer = await play.streamer(), await play.viewer()
        await subscribe(play, streamer, at)
        await status_of(play, "enabled")
        at.statuses = [500, 500]
        reward = await play.reward(streamer)
        for _ in range(2):
            await play.redeem(streamer, reward, viewer)
        revoked = await at.next("revocation")
        assert revoked.body["subscription"]["status"] == "notification_failures_exceeded"
        await status_of(play, "notification_failures_exceeded")


async def test_authorization_events(play: Playground) -> None:
    async with receiver() as at:
        streamer = await play.streamer()
        client_id = play.simulator.client_id
        await subscribe(play, streamer, at, "user.authorization.revoke", client_id=client_id)
        await status_of(play, "enabled")
        await play.sim("tokens/revoke", user_id=streamer.id)
        got = await at.next("notification")
        assert got.body["event"] == {
            "client_id": client_id,
            "user_id": streamer.id,
            "user_login": "streamer",
            "user_name": "streamer",
        }


@pytest.mark.parametrize(
    "transport",
    [
        {"callback": "ftp://x.test/", "secret": SECRET},
        {"callback": "https://x.test/", "secret": "short"},
        {"callback": "https://x.test/", "secret": "ü" * 20},
        {"callback": "https://x.test/", "secret": "x" * 101},
        {"callback": 7, "secret": SECRET},
        {"secret": SECRET},
    ],
)
async def test_bad_transports(play: Playground, transport: dict[str, Any]) -> None:
    streamer = await play.streamer()
    body = {
        "type": REDEMPTION_ADD,
        "version": "1",
        "condition": {"broadcaster_user_id": streamer.id},
        "transport": {"method": "webhook", **transport},
    }
    answer = await play.helix("POST", "/eventsub/subscriptions", await play.app_token(), json=body)
    assert answer.status == 400


async def test_https_on_port_443_can_be_insisted_on() -> None:
    async with playground(webhooks_need_https=True) as play, receiver() as at:
        assert (await subscribe(play, await play.streamer(), at)).status == 400


async def test_user_token_may_not_use_webhooks(play: Playground) -> None:
    streamer = await play.streamer()
    body = {
        "type": REDEMPTION_ADD,
        "version": "1",
        "condition": {"broadcaster_user_id": streamer.id},
        "transport": {"method": "webhook", "callback": "https://x.test/", "secret": SECRET},
    }
    answer = await play.helix("POST", "/eventsub/subscriptions", streamer.token, json=body)
    assert (answer.status, answer.message) == (400, "invalid transport and auth combination")
