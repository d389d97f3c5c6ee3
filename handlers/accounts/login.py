"""Signing in with Twitch: from a confirmed grant to a channel that is looked after, or to a moderator who is let in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from domain.channel import Channel
from domain.errors import CuelightError, Unavailable
from domain.ports import Clock
from gateways.twitch.contracts import Helix, LoginNeeded, User
from gateways.twitch.subscriptions import vip_channel
from gateways.twitch.tokens import TokenKeeper
from handlers.accounts.admission import Admission
from handlers.accounts.consent import BOT, VIEWER, ConsentFlow, Granted, LoginFailed, failed_at_twitch
from handlers.accounts.speakers import Speakers
from handlers.accounts.team import TeamWork
from handlers.vip.channels import Watch
from storage.channels import Channels
from storage.left import LeftChannels
from storage.logins import Consent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of an answer. `user`: who is to be signed in (`None`: nobody, a bot was connected). `go_to`: a local
    path, or Twitch once more when `again`."""

    go_to: str
    user: User | None = None
    again: bool = False


class SigningIn:
    """Judges answers of Twitch to logins that were begun."""

    def __init__(
        self,
        *,
        flow: ConsentFlow,
        admission: Admission,
        tokens: TokenKeeper,
        helix: Helix,
        channels: Channels,
        left: LeftChannels,
        team: TeamWork,
        speakers: Speakers,
        watch: Watch,
        clock: Clock,
    ) -> None:
        self._flow, self._admission, self._tokens, self._helix = flow, admission, tokens, helix
        self._channels, self._left, self._team, self._speakers = channels, left, team, speakers
        self._watch, self._clock = watch, clock

    async def answered(self, *, state: str, code: str, error: str, binding: str, by: str = "") -> Arrived:
        """Handle the redirect of Twitch. `by`: who is signed in in this browser ("": nobody).

        Raises `LoginFailed`. A crash on the way leaves a grant without a session at worst: signing in again completes
        it.
        """
        consent = await self._flow.answer(state=state, binding=binding)
        if error or not code:
            raise failed_at_twitch(error)
        try:
            granted = await self._flow.exchange(code)
            return await self.arrive(consent, granted, binding=binding, by=by)
        except LoginNeeded as failure:
            raise LoginFailed("exchange", f"Twitch does not accept the grant: {failure.message}") from failure
        except Unavailable as failure:
            raise LoginFailed(
                "twitch_down", f"It did not work now: {failure.message}", advice="Try again in a minute."
            ) from failure

    async def arrive(self, consent: Consent, granted: Granted, *, binding: str = "", by: str = "") -> Arrived:
        """Let somebody in as what he is, or an account speak. `binding`: of the browser, empty where Twitch cannot be
        asked a second time. A grant that we have no use for is ended."""
        try:
            if consent.subject and granted.user_id != consent.subject:
                raise LoginFailed(
                    "mismatch",
                    f"Twitch answered for {granted.login}, who is somebody else than who was asked.",
                    advice="Log in at Twitch with the same account, or sign out here first.",
                )
            if consent.purpose == BOT:
                return await self._bot(consent, granted, binding, by)
            return await self._person(consent, granted, binding)
        except LoginFailed:
            await self._forget(granted)
            raise

    async def _person(self, consent: Consent, granted: Granted, binding: str) -> Arrived:
        if consent.purpose == VIEWER:
            return Arrived(consent.return_to, await self._viewer(granted))
        if not consent.scopes:
            return Arrived(consent.return_to, await self._guest(granted))
        if not await self._admission.may_have_channel(granted.user_id, granted.login):
            user = await self._guest(granted)
            await self._forget(granted)
            return Arrived(consent.return_to, user)
        if lacking := set(consent.scopes) - set(granted.grant.scopes):
            log.warning("account.scopes_lacking", user=granted.user_id, scopes=sorted(lacking))
        if more := await self._take_in(consent, granted, binding):
            return Arrived(more, again=True)
        user = await self._user(granted.user_id, granted)
        await self.signed_in(user, await self._tokens.scopes(user.id))
        return Arrived(consent.return_to, user)

    async def signed_in(self, user: User, scopes: tuple[str, ...]) -> Channel:
        """Look after the channel of a streamer whose grant is stored; who left and kept his settings gets them back.
        It has no reward until one is made."""
        before = await self._left.get(user.id)
        fresh = before or Channel(user.id, user.login, user.name, added_at=self._clock.now())
        channel = await self._channels.put(
            replace(fresh, login=user.login, name=user.name),
            lambda held: replace(held, login=user.login, name=user.name),
        )
        if before is not None:
            await self._left.remove(user.id)
        self._watch.add(channel.id, vip_channel(channel.id, scopes, channel.settings))
        log.info("account.signed_in", channel=channel.id, login=channel.login)
        return channel

    async def _bot(self, consent: Consent, granted: Granted, binding: str, by: str) -> Arrived:
        if not by or by != consent.by or by != consent.channel_id:
            raise LoginFailed("mismatch", "Only the streamer who is signed in may connect an account.")
        if await self._channels.get(consent.channel_id) is None:
            raise LoginFailed("mismatch", "The channel left in the meantime.")
        if granted.user_id == consent.channel_id:
            raise LoginFailed(
                "mismatch",
                "That is the streamer's own account, which speaks anyway.",
                advice="Log in at Twitch with the account that is to speak, then connect it.",
            )
        if more := await self._take_in(consent, granted, binding):
            return Arrived(more, again=True)
        user = await self._user(granted.user_id, granted)
        await self._speakers.connect(consent.channel_id, user)
        return Arrived(consent.return_to)

    async def _guest(self, granted: Granted) -> User:
        """Somebody who is let in without a grant: a streamer who has given one before, or a member of a team."""
        if await self._channels.get(granted.user_id) is not None:
            return await self._user(granted.user_id, granted)
        for member in await self._team.still_in(granted.user_id):
            return await self._user(member.channel_id, granted)
        raise LoginFailed(
            "not_invited",
            f"{granted.login} has no channel here and belongs to no team.",
            advice="Ask the streamer to let you in, or the host of this installation to name your channel.",
        )

    async def _viewer(self, granted: Granted) -> User:
        """Anybody whom Twitch knows, for the watch parties. Nothing was asked for, so no grant is kept; what he may do
        here besides is what he may do anyway, for most people nothing. His name is asked in the name of a channel."""
        await self._forget(granted)
        own = await self._channels.get(granted.user_id)
        asker = own or next(iter(await self._channels.all()), None)
        if asker is None:
            return User(granted.user_id, granted.login, granted.login)
        return await self._user(asker.id, granted)

    async def _take_in(self, consent: Consent, granted: Granted, binding: str) -> str:
        """Store the grant, so that nothing that was granted before is lost. Where it has what the stored one lacks,
        and the other way round, Twitch has to be asked for both: then where to do that, else ""."""
        user_id, new = granted.user_id, set(granted.grant.scopes)
        held = await self._tokens.standing(user_id)
        if held is not None and not held.dead and not set(held.scopes) <= new and await self._lives(user_id):
            if set(held.scopes) >= new:
                return ""
            if binding and not consent.widened:
                return await self._flow.begin(
                    purpose=consent.purpose,
                    scopes=sorted(new | set(held.scopes)),
                    return_to=consent.return_to,
                    binding=binding,
                    subject=user_id,
                    channel_id=consent.channel_id,
                    by=consent.by,
                    widened=True,
                )
        await self._tokens.put(user_id, granted.login, granted.grant)
        return ""

    async def _lives(self, user_id: str) -> bool:
        """Whether Twitch still accepts the stored grant."""
        try:
            await self._tokens.validate(user_id)
        except LoginNeeded:
            return False
        return True

    async def _user(self, asker_id: str, granted: Granted) -> User:
        """Names as Twitch shows them, asked with the token of `asker_id`; the login where it cannot say."""
        plain = User(granted.user_id, granted.login, granted.login)
        try:
            users = await self._helix.users(asker_id, ids=[granted.user_id])
        except CuelightError as error:
            log.info("account.name_unknown", user=granted.user_id, code=error.code)
            return plain
        return users[0] if users else plain

    async def _forget(self, granted: Granted) -> None:
        """End a grant that we have no use for, unless the same account has given us another one. It would run out by
        itself: a failure is no reason to tell of another fault than the one at hand."""
        try:
            if granted.grant.scopes and await self._tokens.standing(granted.user_id) is None:
                await self._flow.drop(granted.grant)
        except CuelightError as error:
            log.info("account.not_revoked", code=error.code)
