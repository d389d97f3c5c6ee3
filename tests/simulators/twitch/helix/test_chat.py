"""Send Chat Message, with either kind of token."""

from __future__ import annotations

from typing import Any

from tests.simulators.twitch.playground import Answer, Playground, Streamer, playground


async def say(
    play: Playground, token: str, channel: str, sender: str, text: str = "hello", **more: Any
) -> Answer:
    body = {"broadcaster_id": channel, "sender_id": sender, "message": text, **more}
    return await play.helix("POST", "/chat/messages", token, json=body)


async def bot(play: Playground, *scopes: str) -> Streamer:
    user_id = await play.viewer("robot")
    row = await play.sim("login", user_id=user_id, scopes=list(scopes))
    return Streamer(user_id, row["access_token"], row["refresh_token"])


async def test_sent_and_heard(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket, "channel.chat.message", user_id=streamer.id)
    answer = await say(play, streamer.token, streamer.id, streamer.id, "Ann is VIP now")
    row = answer.json["data"][0]
    assert (row["is_sent"], row["drop_reason"]) == (True, None)
    event = (await socket.of_type("notification"))["payload"]["event"]
    assert (event["message_id"], event["message"]["text"]) == (row["message_id"], "Ann is VIP now")
    assert [entry.by for entry in play.simulator.ledger.of("chat")] == ["app"]


async def test_viewers_speak_through_the_control(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket, "channel.chat.message", user_id=streamer.id)
    await play.vip("POST", streamer, ann)
    await play.sim("say", channel_id=streamer.id, user_id=ann, text="!viptime")
    event = (await socket.of_type("notification"))["payload"]["event"]
    assert [badge["set_id"] for badge in event["badges"]] == ["vip"]


async def test_refusals(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    assert (await say(play, streamer.token, streamer.id, ann)).status == 401
    assert (await say(play, streamer.token, streamer.id, "999999")).status == 400
    assert (await say(play, streamer.token, "999999", streamer.id)).status == 404
    assert (await say(play, streamer.token, streamer.id, streamer.id, "")).status == 400
    assert (await say(play, streamer.token, streamer.id, streamer.id, "x" * 501)).status == 422
    assert (await say(play, streamer.token, streamer.id, streamer.id, for_source_only=True)).status == 400


async def test_banned_sender_is_403(play: Playground) -> None:
    streamer, robot = await play.streamer(), await bot(play, "user:write:chat")
    await play.sim("blocked", channel_id=streamer.id, user_id=robot.id)
    assert (await say(play, robot.token, streamer.id, robot.id)).status == 403


async def test_app_token_needs_both_consents(play: Playground) -> None:
    streamer = await play.streamer(scopes=["channel:read:vips"])
    robot, app = await bot(play, "user:bot", "user:write:chat"), await play.app_token()
    assert (await say(play, app, streamer.id, robot.id)).status == 401
    await play.sim("moderators", channel_id=streamer.id, user_id=robot.id)
    assert (await say(play, app, streamer.id, robot.id)).status == 200
    await play.sim("moderators", channel_id=streamer.id, user_id=robot.id, remove=True)
    await play.sim("login", user_id=streamer.id, scopes=["channel:bot"])
    assert (await say(play, app, streamer.id, robot.id)).status == 200
    assert (await say(play, app, streamer.id, streamer.id)).status == 401


async def test_too_fast_is_dropped_with_200() -> None:
    async with playground(chat_messages=2, chat_messages_privileged=3) as play:
        streamer, robot = await play.streamer(), await bot(play, "user:write:chat")
        sent = [(await say(play, robot.token, streamer.id, robot.id)).json["data"][0] for _ in range(3)]
        assert [row["is_sent"] for row in sent] == [True, True, False]
        assert sent[-1]["drop_reason"]["code"] == "rate_limited"
        own = [(await say(play, streamer.token, streamer.id, streamer.id)).json["data"][0] for _ in range(4)]
        assert [row["is_sent"] for row in own] == [True, True, True, False]
