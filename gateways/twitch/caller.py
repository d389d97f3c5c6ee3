"""One call to Helix, from the token to the outcome. What every call has in common is here and nowhere else.

The order: known-empty bucket, token, request, headers, outcome by the table. A token that is not valid is refreshed
once; a 503 is met with one quick retry, where repeating does no harm; the rest is left to whoever retries above.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol, TypeVar

from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt, wait_fixed

from domain.errors import CuelightError
from domain.ports import Clock, Metrics
from gateways.http import Answer, HttpClient, HttpForbidden, HttpLost, HttpTooLarge, HttpUnreachable
from gateways.twitch import shapes
from gateways.twitch.bucket import Buckets, header_number
from gateways.twitch.contracts import LoginNeeded, TwitchBroken, TwitchDown, Waiting
from gateways.twitch.outcomes import INVALID_TOKEN_WORDS, Call, Outcome, Verdict, Words, judge
from gateways.twitch.refusals import Refusals

CALL_SECONDS = 10.0
QUICK_RETRY_SECONDS = 0.25
MAX_PAGES = 1000
_JITTER_SECONDS = 1.0
_QUOTED_CHARACTERS = 300
_SECRET = re.compile(r"[A-Za-z0-9]{24,}")  # tokens are 30 letters and digits; UUIDs have dashes
_SCOPE = re.compile(r"\b[a-z_]+(?::[a-z_]+){1,2}\b")

T = TypeVar("T")


class UserTokens(Protocol):
    """The part of `TokenKeeper` that is needed here."""

    async def access_token(self, user_id: str) -> str: ...

    async def refresh(self, user_id: str, rejected_token: str) -> str: ...

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None: ...


class ApplicationToken(Protocol):
    """The part of `AppToken` that is needed here."""

    async def access_token(self) -> str: ...

    async def refresh(self, rejected_token: str) -> str: ...


class Lost(TwitchDown):
    """The request may have had its effect: read back before you decide."""

    code = "twitch.lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`user_id` says whose token is used; "" is the application itself. `repeatable`: twice does no harm.

    `channel_id` is who has to log in when Twitch refuses; the owner of the token if it is empty. `scopes`: what a
    403 is about when it does not say so itself.
    """

    call: Call
    method: str
    path: str
    user_id: str
    params: tuple[tuple[str, str], ...] = ()
    body: Any = None
    repeatable: bool = True
    channel_id: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and its outcome. `again`: an attempt before this one may have had the effect already."""

    outcome: Outcome
    answer: Answer
    message: str
    again: bool = False


class HelixCaller:
    """Makes requests and judges answers. `token_words`: see `outcomes.judge`."""

    def __init__(
        self,
        *,
        http: HttpClient,
        api_url: str,
        client_id: str,
        tokens: UserTokens,
        clock: Clock,
        metrics: Metrics,
        random: Random,
        app_token: ApplicationToken | None = None,
        token_words: Words = INVALID_TOKEN_WORDS,
        call_seconds: float = CALL_SECONDS,
        quick_retry_seconds: float = QUICK_RETRY_SECONDS,
    ) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self._client_id = client_id
        self._tokens = tokens
        self._app_token = app_token
        self._clock = clock
        self._metrics = metrics
        self._random = random
        self._token_words = token_words
        self._call_seconds = call_seconds
        self._quick_retry_seconds = quick_retry_seconds
        self._buckets = Buckets(clock=clock)
        self._refusals = Refusals(clock=clock, random=random)

    async def call(self, request: Request) -> Reply:
        """The outcome of a request, never one of those that are raised.

        Raises:
            Waiting, TwitchDown, LoginNeeded, TwitchBroken: as the contract says.
            Lost: a `TwitchDown` after which the effect is unknown.
        """
        token = await self._token(request.user_id)
        reply = await self._attempt(request, token)
        if reply.outcome is Verdict.REFRESH:
            token = await self._refresh(request.user_id, token)
            first = reply
            reply = await self._attempt(request, token)
            reply = replace(reply, again=reply.again or first.again)
            if reply.outcome is Verdict.REFRESH:
                raise await self._refused_twice(request, token, reply)
        self._raise(request, reply)
        self._refusals.accepted(*_subject(request))
        return reply

    def limit(self, user_id: str) -> int:
        """How many points a minute the bucket of this user has, as far as answers have said; 0: not known."""
        return self._buckets.limit(user_id)

    async def pages(self, request: Request) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of each page, until the cursor is empty. What is `GONE` has no rows."""
        params, seen = request.params, {""}
        for _ in range(MAX_PAGES):
            reply = await self.call(replace(request, params=params))
            if reply.outcome is Verdict.GONE:
                return
            yield self.read(reply, shapes.rows)
            after = self.read(reply, shapes.cursor)
            if not after:
                return
            if after in seen:
                break
            seen.add(after)
            params = (*request.params, ("after", after))
        raise TwitchBroken(f"Twitch's pages of {request.call} do not end.")

    def read(self, reply: Reply, parse: Callable[[Answer], T]) -> T:
        """A body of the known shape. Raises `TwitchBroken` for any other."""
        try:
            return parse(reply.answer)
        except ValueError as error:
            raise broken(reply.answer, "an answer of an unknown shape") from error

    def parse(self, shape: Callable[[dict[str, Any]], T], row: dict[str, Any]) -> T:
        """A row of the known shape. Raises `TwitchBroken` that names the field, for any other."""
        try:
            return shape(row)
        except ValueError as error:
            raise TwitchBroken(
                f"A row of Twitch lacks or mistypes a field ({_quote(str(error))})."
            ) from error

    def wait(self, reason: str, seconds: float, message: str) -> Waiting:
        """A counted `Waiting`."""
        self._metrics.count("twitch_waits_total", reason=reason)
        return Waiting(message, retry_after_seconds=seconds)

    async def _token(self, user_id: str) -> str:
        if user_id:
            return await self._tokens.access_token(user_id)
        if self._app_token is None:
            raise TwitchBroken("This call needs a token of the application, and there is none.")
        return await self._app_token.access_token()

    async def _refresh(self, user_id: str, token: str) -> str:
        if user_id:
            return await self._tokens.refresh(user_id, token)
        assert self._app_token is not None
        return await self._app_token.refresh(token)

    async def _attempt(self, request: Request, token: str) -> Reply:
        first = await self._once(request, token)
        if first.outcome is not Verdict.RETRY or not request.repeatable:
            # Nearly every call ends here: tenacity builds its machinery anew each time, 8 % of what a redemption costs.
            return first
        attempts = 0

        async def once() -> Reply:
            nonlocal attempts
            attempts += 1
            return first if attempts == 1 else replace(await self._once(request, token), again=True)

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(2),
            wait=wait_fixed(self._quick_retry_seconds),
            retry=retry_if_result(lambda reply: reply.outcome is Verdict.RETRY),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        return await retrying(once)

    async def _once(self, request: Request, token: str) -> Reply:
        """One request on the wire, counted and timed."""
        empty_for = self._buckets.wait_seconds(request.user_id)
        if empty_for > 0:
            raise self.wait("known_empty", empty_for + self._jitter(), "The points at Twitch are used up.")
        refused_for = self._refusals.wait_seconds(*_subject(request))
        if refused_for > 0:
            raise self.wait("known_refused", refused_for, f"Twitch limits {request.call}.")
        begun = self._clock.monotonic()
        outcome = "failed"
        try:
            answer = await self._send(request, token)
            self._buckets.learn(request.user_id, answer.headers)
            message = shapes.error_message(answer)
            verdict = judge(
                request.call,
                answer.status,
                message,
                remaining=header_number(answer.headers, "Ratelimit-Remaining"),
                token_words=self._token_words,
            )
            outcome = verdict.value
            return Reply(verdict, answer, _quote(message or ""))
        except CuelightError as error:
            outcome = error.code
            raise
        finally:
            self._metrics.count("twitch_calls_total", call=request.call.value, outcome=outcome)
            self._metrics.observe(
                "twitch_call_seconds", self._clock.monotonic() - begun, call=request.call.value
            )

    async def _send(self, request: Request, token: str) -> Answer:
        try:
            return await self._http.request(
                request.method,
                self._api_url + request.path,
                params=request.params,
                headers={"Authorization": f"Bearer {token}", "Client-Id": self._client_id},
                json_body=request.body,
                timeout_seconds=self._call_seconds,
            )
        except HttpUnreachable as error:
            raise TwitchDown(error.message) from error
        except HttpLost as error:
            raise Lost(error.message) from error
        except HttpTooLarge as error:
            if error.status >= 500:
                raise TwitchDown(error.message) from error
            raise TwitchBroken(error.message, status=error.status) from error
        except HttpForbidden as error:
            raise TwitchBroken(error.message) from error

    def _raise(self, request: Request, reply: Reply) -> None:
        """What only says "not now", or what nobody foresaw, is raised; everything else is returned."""
        match reply.outcome:
            case Verdict.LOGIN:
                raise self._login_needed(request, reply)
            case Verdict.WAIT_BUCKET:
                seconds = self._buckets.until_reset(reply.answer.headers) + self._jitter()
                raise self.wait("bucket", seconds, "The points at Twitch are used up.")
            case Verdict.WAIT_ENDPOINT:
                seconds = self._refusals.refused(*_subject(request))
                raise self.wait("endpoint", seconds, f"Twitch limits {request.call}: {reply.message}")
            case Verdict.RETRY | Verdict.DOWN:
                raise TwitchDown(f"Twitch answered {reply.answer.status} to {request.call}.")
            case Verdict.BROKEN:
                raise broken(reply.answer, f"{reply.answer.status} to {request.call}")

    def _login_needed(self, request: Request, reply: Reply) -> CuelightError:
        about = request.channel_id or request.user_id
        # What is wrong with the application's own token is no broadcaster's fault; his consent is what a 403 is about.
        if not about or (not request.user_id and reply.answer.status == 401):
            return broken(reply.answer, "a refusal of the application's own token")
        message = f"Twitch refuses {request.call}: {reply.message or reply.answer.status}"
        scopes = tuple(_SCOPE.findall(reply.message))
        if not scopes and reply.answer.status == 403:
            scopes = request.scopes
        return LoginNeeded(about, message, scopes=scopes)

    async def _refused_twice(self, request: Request, token: str, reply: Reply) -> CuelightError:
        if request.user_id:
            await self._tokens.condemn(
                request.user_id, token, "Twitch refuses a token that it has just given."
            )
        return self._login_needed(request, reply)

    def _jitter(self) -> float:
        return self._random.uniform(0.0, _JITTER_SECONDS)


def _subject(request: Request) -> tuple[Call, str]:
    """What a limit of the call alone is about."""
    return request.call, request.channel_id or request.user_id


def broken(answer: Answer, what: str) -> TwitchBroken:
    """An answer that nobody foresaw, quoted short and without anything that looks like a token."""
    body = _quote(answer.body[: 4 * _QUOTED_CHARACTERS].decode("utf-8", "replace"))
    return TwitchBroken(f"Twitch gave {what}.", status=answer.status, body=body)


def _quote(text: str) -> str:
    return _SECRET.sub("[…]", text)[:_QUOTED_CHARACTERS]
