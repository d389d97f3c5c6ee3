"""Send Chat Message."""

from __future__ import annotations

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.limits import Window
from simulators.twitch.world import Channel, User

_MAX_LENGTH = 500


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_post(
        "/helix/chat/messages", gate.route(Chat().send, kind="any", scopes=("user:write:chat",))
    )


class Chat:
    """Remembers how fast each sender speaks in each channel."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], Window] = {}

    async def send(self, call: Call) -> web.Response:
        body = await call.body()
        texts = [body.get(name) for name in ("broadcaster_id", "sender_id", "message")]
        if any(not isinstance(text, str) or not text for text in texts):
            raise ApiError(400, "The broadcaster_id, sender_id and message fields are required.")
        broadcaster_id, sender_id, message = (str(text) for text in texts)
        channel = call.stage.world.channel(broadcaster_id)
        sender = call.stage.world.user(sender_id)
        if sender is None:
            raise ApiError(400, "The ID in sender_id was not found.")
        self._check_sender(call, channel, sender)
        if "for_source_only" in body and not call.token.is_app:
            raise ApiError(400, "The for_source_only parameter may only be used with an app access token.")
        if len(message) > _MAX_LENGTH:
            raise ApiError(422, "The message is too large. It must be at most 500 characters.")
        if sender.id in channel.blocked:
            raise ApiError(
                403, "The sender is not permitted to send chat messages to the broadcaster's chat room."
            )
        privileged = sender.id == channel.id or sender.id in channel.moderators
        window = self._window(call, channel, sender, privileged)
        if window.full():
            reason = {"code": "rate_limited", "message": "You are sending messages too quickly."}
            return _sent("", reason)
        window.take()
        if channel.drops:
            code, why = channel.drops.popleft()
            return _sent("", {"code": code, "message": why})
        message_id = call.stage.talk.say(channel, sender, message, by=call.stage.actor(call.token))
        return _sent(message_id, None)

    @staticmethod
    def _check_sender(call: Call, channel: Channel, sender: User) -> None:
        """A user token speaks for its own user; an app token needs the consent of both sides."""
        token, tokens = call.token, call.stage.tokens
        if not token.is_app:
            if token.user_id != sender.id:
                raise ApiError(
                    401, "The ID in sender_id must match the user ID found in the request's OAuth token."
                )
            return
        given = tokens.scopes_granted(token.client_id, sender.id)
        if not {"user:bot", "user:write:chat"} <= given:
            raise ApiError(401, "Missing scope: user:bot and user:write:chat of the sender")
        invited = "channel:bot" in tokens.scopes_granted(token.client_id, channel.id)
        if not (invited or sender.id in channel.moderators or sender.id == channel.id):
            raise ApiError(
                401, "Missing scope: channel:bot of the broadcaster, or moderator status of the sender"
            )

    def _window(self, call: Call, channel: Channel, sender: User, privileged: bool) -> Window:
        settings = call.stage.settings
        key = (channel.id, sender.id)
        count = settings.chat_messages_privileged if privileged else settings.chat_messages
        window = self._windows.setdefault(key, Window(count, settings.chat_window_s))
        window.count = count
        return window


def _sent(message_id: str, drop_reason: dict[str, str] | None) -> web.Response:
    row = {"message_id": message_id, "is_sent": drop_reason is None, "drop_reason": drop_reason}
    return web.json_response({"data": [row]})
