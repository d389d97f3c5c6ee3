"""Which answer of Helix means what: one table, pure.

A row says: for this call, this status (and, where a status has two meanings, words in the message) has this outcome.
The first row that fits is taken. What fits no row has an outcome too (`judge`), so nothing that Twitch, a proxy or a
broken line may answer is without one. Source: Twitch API reference, per call (docs/facts/twitch.md).

Words are looked for in the message, without regard to case; all words of one group must occur, any group will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateways.twitch.contracts import AddVip, Chat, RemoveVip, Resolve


class Call(StrEnum):
    """The calls that we make; also the label `call` of the metrics."""

    ADD_VIP = "add_vip"
    REMOVE_VIP = "remove_vip"
    VIPS = "vips"
    MODERATORS = "moderators"
    BANNED = "banned"
    SUBSCRIBERS = "subscribers"
    FOLLOWERS = "followers"
    STREAMS = "streams"
    RESOLVE = "resolve"
    REDEMPTIONS = "redemptions"
    CHAT = "chat"
    USERS = "users"
    REWARDS = "rewards"
    CREATE_REWARD = "create_reward"
    UPDATE_REWARD = "update_reward"
    DELETE_REWARD = "delete_reward"
    SUBSCRIBE = "subscribe"
    SUBSCRIPTIONS = "subscriptions"
    UNSUBSCRIBE = "unsubscribe"
    CONDUITS = "conduits"
    CREATE_CONDUIT = "create_conduit"
    RESIZE_CONDUIT = "resize_conduit"
    DELETE_CONDUIT = "delete_conduit"
    SHARDS = "shards"
    ATTACH_SHARDS = "attach_shards"


class Verdict(StrEnum):
    """Outcomes that are not values of the contract: what the caller has to do."""

    OK = "ok"  # read the body
    GONE = "gone"  # there is no such thing (any more)
    EXISTS = "exists"  # raise Conflict
    REFUSED = "refused"  # raise Rejected with Twitch's sentence
    LOOK = "look"  # the answer does not say enough: read back
    REFRESH = "refresh"  # the token is not valid: refresh once, try again
    LOGIN = "login"  # raise LoginNeeded
    WAIT_BUCKET = "wait_bucket"  # points used up: raise Waiting until the reset
    WAIT_ENDPOINT = "wait_endpoint"  # a limit of this call alone: raise Waiting
    RETRY = "retry"  # 503: once again at once, then TwitchDown
    DOWN = "down"  # raise TwitchDown
    BROKEN = "broken"  # raise TwitchBroken


Outcome = Verdict | AddVip | RemoveVip | Resolve | Chat
Words = tuple[tuple[str, ...], ...]

# How Twitch says that a token is not valid (learned from its answers, not documented). Any other 401 is about scopes
# or ids, where a refresh would change nothing and would be repeated for ever.
INVALID_TOKEN_WORDS: Words = (("invalid", "oauth token"), ("invalid", "access token"), ("token", "expired"))


@dataclass(frozen=True, slots=True)
class Row:
    """`words` empty: whatever the message. With `words`, or `told`, the body must be Twitch's error object."""

    call: Call
    status: int
    outcome: Outcome
    words: Words = ()
    told: bool = True


def _rows(call: Call, *rows: tuple[int, Outcome] | tuple[int, Outcome, Words]) -> tuple[Row, ...]:
    # Success has no error object to show; every other decision must come from Twitch itself, not from a proxy page.
    return tuple(
        Row(call, row[0], row[1], row[2] if len(row) == 3 else (), told=row[0] >= 300 and row[0] != 422)
        for row in rows
    )


TABLE: tuple[Row, ...] = (
    *_rows(
        Call.ADD_VIP,
        (204, AddVip.ADDED),
        (400, AddVip.BLOCKED, (("blocked",), ("banned",))),
        (403, Verdict.LOGIN),  # the token belongs to another user
        (404, AddVip.UNKNOWN_USER),
        (409, AddVip.NO_SLOT),
        (422, AddVip.ALREADY_VIP, (("already", "vip"),)),
        (422, AddVip.MODERATOR, (("is a moderator",), ("moderator", "first remove"))),
        (422, Verdict.LOOK),
        (425, AddVip.LOCKED),
    ),
    *_rows(
        Call.REMOVE_VIP,
        (204, RemoveVip.REMOVED),
        (403, Verdict.LOGIN),
        (404, RemoveVip.UNKNOWN_USER),
        (422, RemoveVip.NOT_VIP, (("not a vip",), ("not vip",), ("isn't a vip",))),
        (422, Verdict.LOOK),
    ),
    *_rows(Call.VIPS, (200, Verdict.OK)),
    *_rows(Call.MODERATORS, (200, Verdict.OK)),
    *_rows(Call.BANNED, (200, Verdict.OK)),
    *_rows(Call.SUBSCRIBERS, (200, Verdict.OK)),
    *_rows(Call.FOLLOWERS, (200, Verdict.OK)),
    *_rows(Call.STREAMS, (200, Verdict.OK)),
    *_rows(
        Call.RESOLVE,
        (200, Resolve.DONE),
        (403, Resolve.FOREIGN),
        (404, Resolve.NOT_UNFULFILLED),
    ),
    *_rows(Call.REDEMPTIONS, (200, Verdict.OK), (404, Verdict.GONE)),
    *_rows(
        Call.CHAT,
        (200, Verdict.OK),  # sent or dropped: the body says
        (403, Chat.FORBIDDEN),
        (422, Chat.TOO_LONG),
    ),
    *_rows(Call.USERS, (200, Verdict.OK), (400, Verdict.REFUSED)),
    *_rows(Call.REWARDS, (200, Verdict.OK), (403, Verdict.REFUSED), (404, Verdict.GONE)),
    *_rows(Call.CREATE_REWARD, (200, Verdict.OK), (400, Verdict.REFUSED), (403, Verdict.REFUSED)),
    *_rows(
        Call.UPDATE_REWARD,
        (200, Verdict.OK),
        (400, Verdict.REFUSED),
        (403, Verdict.REFUSED),  # another application made it, or no affiliate any more
        (404, Verdict.GONE),
    ),
    *_rows(Call.DELETE_REWARD, (204, Verdict.OK), (403, Verdict.REFUSED), (404, Verdict.GONE)),
    *_rows(
        Call.SUBSCRIBE,
        (202, Verdict.OK),
        (400, Verdict.REFUSED),
        (403, Verdict.LOGIN),
        (409, Verdict.EXISTS),
    ),
    *_rows(Call.SUBSCRIPTIONS, (200, Verdict.OK)),
    *_rows(Call.UNSUBSCRIBE, (204, Verdict.OK), (404, Verdict.GONE)),
    *_rows(Call.CONDUITS, (200, Verdict.OK)),
    *_rows(Call.CREATE_CONDUIT, (200, Verdict.OK), (400, Verdict.REFUSED)),
    *_rows(Call.RESIZE_CONDUIT, (200, Verdict.OK), (400, Verdict.REFUSED), (404, Verdict.GONE)),
    *_rows(Call.DELETE_CONDUIT, (204, Verdict.OK), (404, Verdict.GONE)),
    *_rows(Call.SHARDS, (200, Verdict.OK), (404, Verdict.GONE)),
    *_rows(Call.ATTACH_SHARDS, (202, Verdict.OK), (400, Verdict.REFUSED), (404, Verdict.GONE)),
)

_BY_CALL: dict[tuple[Call, int], tuple[Row, ...]] = {
    key: tuple(row for row in TABLE if (row.call, row.status) == key)
    for key in {(r.call, r.status) for r in TABLE}
}

# Calls whose success changes something that reading back can show.
_READ_BACK = frozenset({Call.ADD_VIP, Call.REMOVE_VIP})


def judge(
    call: Call,
    status: int,
    message: str | None,
    *,
    remaining: int | None = None,
    token_words: Words = INVALID_TOKEN_WORDS,
) -> Outcome:
    """The one outcome of an answer. Total: never raises, whatever the numbers and words.

    `message` is that of Twitch's error object, none when the body is not one. `remaining` is the header
    `Ratelimit-Remaining`, none when it is missing. `token_words` says how wide "the token is not valid" is read.
    """
    for row in _BY_CALL.get((call, status), ()):
        if (row.told or row.words) and message is None:
            continue
        if not row.words or says(message or "", row.words):
            return row.outcome
    return _common(call, status, message, remaining, token_words)


def _common(
    call: Call, status: int, message: str | None, remaining: int | None, token_words: Words
) -> Outcome:
    match status:
        case 401 if message is not None:
            return Verdict.REFRESH if says(message, token_words) else Verdict.LOGIN
        case 429:
            return Verdict.WAIT_ENDPOINT if remaining is not None and remaining > 0 else Verdict.WAIT_BUCKET
        case 503:
            return Verdict.RETRY
        case 408:
            return Verdict.DOWN
    if 200 <= status < 300 and call in _READ_BACK:
        return Verdict.LOOK
    return Verdict.DOWN if status >= 500 else Verdict.BROKEN


def says(message: str, words: Words) -> bool:
    """Whether the message has all words of one group."""
    folded = message.casefold()
    return any(all(word in folded for word in group) for group in words)
