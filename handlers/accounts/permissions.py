"""What a streamer has granted, what the switched-on features need, and what is to be asked for at Twitch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.channel import Channel
from domain.errors import NotFound
from gateways.twitch.scopes import (
    OFFERED,
    VIP_FEATURES,
    WHY,
    Feature,
    features_of,
    missing_scopes,
    scopes_for,
)
from gateways.twitch.tokens import StoredToken, TokenKeeper
from storage.channels import Channels
from storage.team import Bots

NOT_OF_THE_STREAMER = frozenset({Feature.CHAT_AS_APP_BOT, Feature.CHAT_AS_APP_CHANNEL})
"""What the bot's account grants, or what nothing of ours uses yet: never asked of a streamer."""

GRANTABLE = tuple(feature for feature in Feature if feature not in NOT_OF_THE_STREAMER)


@dataclass(frozen=True, slots=True)
class Need:
    """One feature: its scopes, why they are needed, whether it is switched on, and which of them are not granted."""

    feature: Feature
    scopes: tuple[str, ...]
    why: str
    on: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permissions:
    """`good`: the grant is there, alive, and has all that the switched-on features need; else `detail` says what is
    wrong. `ask_for` are the features that a new consent should name."""

    granted: tuple[str, ...]
    needs: tuple[Need, ...]
    missing: tuple[str, ...]
    ask_for: tuple[Feature, ...]
    good: bool
    detail: str


def permissions_of(channel: Channel, held: StoredToken | None) -> Permissions:
    """Compare the grant with what the channel's settings need. Of a dead grant nothing is granted."""
    granted = held.scopes if held is not None and not held.dead else ()
    on = features_of(channel)
    needs = tuple(
        Need(feature, scopes_for([feature]), WHY[feature], feature in on, missing_scopes(granted, [feature]))
        for feature in GRANTABLE
        if feature in on or feature in OFFERED or not missing_scopes(granted, [feature])
    )
    missing = missing_scopes(granted, on)
    return Permissions(
        granted=tuple(sorted(granted)),
        needs=needs,
        missing=missing,
        ask_for=tuple(need.feature for need in needs if need.on or not need.missing),
        good=held is not None and not held.dead and not missing,
        detail=_detail(held, missing),
    )


def _detail(held: StoredToken | None, missing: Sequence[str]) -> str:
    if held is None:
        return "Twitch has not granted us access to this channel yet."
    if held.dead:
        return f"Twitch does not accept the grant any more: {held.dead}"
    if missing:
        return f"These permissions are missing: {', '.join(missing)}."
    return ""


def features_named(names: Iterable[str]) -> tuple[Feature, ...]:
    """The features of a query, without what does not exist or is not a streamer's to grant."""
    known = {feature.value: feature for feature in GRANTABLE}
    return tuple(known[name] for name in names if name in known)


def scopes_to_ask(features: Iterable[Feature], held: StoredToken | None) -> tuple[str, ...]:
    """What a login asks for: what every channel needs, what is named, and whatever was granted before, so that nothing
    is lost."""
    before = held.scopes if held is not None and not held.dead else ()
    return tuple(sorted({*scopes_for([*VIP_FEATURES, *features]), *before}))


class Uses:
    """What each grant is used for: its own channel, speaking in those of others, or both. `shared_id`: the operator's
    account that speaks (TWITCH_BOT_ID), empty for none."""

    def __init__(self, *, channels: Channels, bots: Bots, shared_id: str = "") -> None:
        self._channels, self._bots, self._shared_id = channels, bots, shared_id

    async def lacking(self, user_id: str, granted: Iterable[str]) -> tuple[str, ...]:
        """The scopes that a grant lacks for what it is used for now."""
        channel = await self._channels.get(user_id)
        features = set(features_of(channel)) if channel is not None else set()
        if user_id == self._shared_id or await self._bots.speaking(user_id):
            features.add(Feature.CHAT_AS_SELF)
        return missing_scopes(granted, features)


class PermissionDesk:
    """Permissions of channels."""

    def __init__(self, *, channels: Channels, tokens: TokenKeeper) -> None:
        self._channels, self._tokens = channels, tokens

    async def of(self, channel_id: str) -> Permissions:
        """Raises `NotFound`."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return permissions_of(channel, await self._tokens.standing(channel_id))

    async def to_ask(self, user_id: str, features: Iterable[str]) -> tuple[str, ...]:
        """The scopes of a login: what the channel of `user_id` uses. Of whom nobody is signed in for (""), or who has
        none yet, what a new channel uses: nobody is sent to Twitch a second time for what is on from the start."""
        held = await self._tokens.standing(user_id) if user_id else None
        channel = await self._channels.get(user_id) if user_id else None
        used = features_of(channel or Channel("", "", ""))
        return scopes_to_ask([*features_named(features), *used], held)
