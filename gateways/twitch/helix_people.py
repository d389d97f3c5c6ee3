"""Get Users, what is asked about one viewer (subscribed, following, banned), Get Streams, Send Chat Message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.errors import Rejected
from gateways.http import Answer
from gateways.pace import Pace
from gateways.twitch import shapes
from gateways.twitch.caller import HelixCaller, Request, broken
from gateways.twitch.contracts import Chat, ChatAnswer, User
from gateways.twitch.outcomes import Call, Verdict

CHAT_PACE = 20  # per window, channel and sender: what an account that is no moderator may send
CHAT_WINDOW_SECONDS = 30.0
LONGEST_MESSAGE = 500
_USERS_AT_ONCE = 100


class PeopleCalls:
    """Who somebody is, and how to talk to everybody."""

    def __init__(self, *, caller: HelixCaller, pace: Pace) -> None:
        self._caller = caller
        self._pace = pace

    async def users(self, owner_id: str, *, ids: Sequence[str], logins: Sequence[str]) -> list[User]:
        """See `Helix.users`. Raises `Rejected` (`twitch.users`) when one cannot be an id or a login."""
        wanted = [("id", user_id) for user_id in ids] + [("login", login) for login in logins]
        found: list[User] = []
        for start in range(0, len(wanted), _USERS_AT_ONCE):
            part = tuple(wanted[start : start + _USERS_AT_ONCE])
            reply = await self._caller.call(
                Request(call=Call.USERS, method="GET", path="/users", user_id=owner_id, params=part)
            )
            if reply.outcome is Verdict.REFUSED:
                raise Rejected(reply.message or "This is no Twitch user.", code="twitch.users")
            found += [self._caller.parse(shapes.user, row) for row in self._caller.read(reply, shapes.rows)]
        return found

    async def by_login(self, owner_id: str, login: str) -> User | None:
        """See `Helix.user_by_login`."""
        try:
            found = await self.users(owner_id, ids=(), logins=(login.strip().lower(),))
        except Rejected:
            return None
        return found[0] if found else None

    async def is_banned(self, channel_id: str, user_id: str) -> bool:
        """See `Helix.is_banned`."""
        rows = await self._about(Call.BANNED, "/moderation/banned", channel_id, user_id)
        return (user_id, True) in [self._caller.parse(shapes.ban, row) for row in rows]

    async def is_subscriber(self, channel_id: str, user_id: str) -> bool:
        rows = await self._about(Call.SUBSCRIBERS, "/subscriptions", channel_id, user_id)
        return user_id in [self._caller.parse(shapes.subscriber, row) for row in rows]

    async def followed_at(self, channel_id: str, user_id: str) -> int | None:
        """See `Helix.followed_at`."""
        rows = await self._about(Call.FOLLOWERS, "/channels/followers", channel_id, user_id)
        return dict(self._caller.parse(shapes.follower, row) for row in rows).get(user_id)

    async def stream(self, channel_id: str) -> int | None:
        """See `Helix.stream`."""
        request = Request(
            call=Call.STREAMS,
            method="GET",
            path="/streams",
            user_id=channel_id,
            params=(("user_id", channel_id),),
        )
        rows = self._caller.read(await self._caller.call(request), shapes.rows)
        return dict(self._caller.parse(shapes.stream, row) for row in rows).get(channel_id)

    async def _about(self, call: Call, path: str, channel_id: str, user_id: str) -> list[dict[str, Any]]:
        """The rows of a list of the channel's that are about one viewer."""
        request = Request(
            call=call,
            method="GET",
            path=path,
            user_id=channel_id,
            params=(("broadcaster_id", channel_id), ("user_id", user_id)),
        )
        return self._caller.read(await self._caller.call(request), shapes.rows)

    async def say(self, channel_id: str, sender_id: str, text: str) -> ChatAnswer:
        """See `Helix.say`. Never repeated: what was lost on the way may have been said."""
        if len(text) > LONGEST_MESSAGE:
            return ChatAnswer(Chat.TOO_LONG)
        seconds = await self._pace.take(
            f"chat:{channel_id}:{sender_id}", limit=CHAT_PACE, window_seconds=CHAT_WINDOW_SECONDS
        )
        if seconds > 0:
            raise self._caller.wait("pace", seconds, "Twenty messages are allowed per thirty seconds.")
        request = Request(
            call=Call.CHAT,
            method="POST",
            path="/chat/messages",
            user_id=sender_id,
            body={"broadcaster_id": channel_id, "sender_id": sender_id, "message": text},
            repeatable=False,
        )
        reply = await self._caller.call(request)
        if isinstance(reply.outcome, Chat):
            return ChatAnswer(reply.outcome, reason=reply.message)
        if reply.outcome is not Verdict.OK:
            raise broken(reply.answer, "an answer to chat that is none")
        return self._caller.read(reply, _chat_answer)


def _chat_answer(answer: Answer) -> ChatAnswer:
    row = shapes.one(answer)
    message_id = shapes.text(row, "message_id", empty=True)
    if shapes.flag(row, "is_sent"):
        return ChatAnswer(Chat.SENT, message_id)
    why = row.get("drop_reason")
    reason = shapes.text(why, "code", empty=True) if isinstance(why, dict) else ""
    return ChatAnswer(Chat.DROPPED, message_id, reason)
