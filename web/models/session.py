"""Signing in: what the routes under `/api/auth` read and answer, and their specs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web.models.base import Asked, Told
from web.spec import Spec

ERRORS = ("access_denied", "state", "expired", "exchange", "mismatch", "twitch_down", "not_invited", "failed")
"""What `/sign-in?error=` may carry: refused at Twitch; not begun in this browser, or answered before; too late; the
code or the grant is not accepted; another account than expected; Twitch does not answer; no channel and no team here;
our fault."""


class SignedInUser(Told):
    """Who is signed in."""

    id: str
    login: str
    name: str


class SeenChannel(Told):
    """A channel that may be seen, and what one may do there."""

    id: str
    login: str
    name: str
    role: Literal["owner", "moderator"]


class SessionTold(Told):
    """The session."""

    signed_in: bool
    user: SignedInUser | None
    name: str
    channels: list[SeenChannel]
    expires_at: int | None = Field(description="Moves with use, up to 30 days after the login.")
    sign_in_url: str
    development_login: bool
    needs_setup: bool = Field(description="Nobody has signed in here yet: who does becomes the host.")


class CsrfToken(Told):
    """The token that writes send, under both names in use."""

    token: str = Field(description="For the header `X-CSRF-Token`.")
    csrfToken: str  # noqa: N815 - the name that clients of NextAuth read


class SignedOut(Told):
    """Nobody is signed in any more."""

    signed_in: bool = False


class SignedOutEverywhere(Told):
    """How many sessions ended."""

    signed_in: bool = False
    sessions: int


class Provider(Told):
    """A way to sign in."""

    id: str
    name: str
    type: str
    signinUrl: str  # noqa: N815
    callbackUrl: str  # noqa: N815


class Providers(Told):
    """The ways to sign in."""

    twitch: Provider


class DevelopmentQuery(Asked):
    """Which streamer of the demo to be."""

    login: str = Field(max_length=64, description="The login name of one of its channels.")


class SignInQuery(Asked):
    """What to ask Twitch for, and where to go afterwards."""

    return_to: str = Field("", max_length=512, description="A path of a page of ours, e.g. /settings.")
    features: str = Field(
        "",
        max_length=400,
        pattern=r"^[a-z_]*(,[a-z_]+)*$",
        description="Features to ask permission for, by commas; those of /api/settings/scopes.",
    )
    role: Literal["streamer", "moderator", "viewer"] = Field(
        "streamer",
        description="A moderator or viewer is asked for no permission: only who he is. A viewer needs no invitation; "
        "his session opens watch parties and nothing else, unless he has a channel or team here.",
    )
    choose: Literal["", "1"] = Field("", description="1: let Twitch ask for the account again.")


class BotQuery(Asked):
    """Where to go after the account is connected."""

    return_to: str = Field("", max_length=512, description="A path of a page of ours.")


class CallbackQuery(Asked):
    """What Twitch sends back."""

    code: str = Field("", max_length=200)
    state: str = Field("", max_length=200)
    error: str = Field("", max_length=100)


class DeviceAsked(Asked):
    """What to ask Twitch for."""

    features: list[str] = Field([], max_length=20, description="Those of /api/settings/scopes.")
    role: Literal["streamer", "moderator"] = "streamer"


class DeviceTold(Told):
    """The code to type at Twitch."""

    handle: str = Field(description="To poll with; of use in this browser only.")
    user_code: str
    verification_uri: str
    interval_seconds: int
    expires_at: int


class DevicePoll(Asked):
    """Which login is asked about."""

    handle: str = Field(min_length=1, max_length=100)


class DeviceState(Told):
    """How it stands. With `signed_in` the session cookie is set."""

    state: Literal["pending", "signed_in", "denied", "expired"]


SESSION = Spec("session", "Who is signed in", answers={200: SessionTold})
CSRF = Spec("session", "The token that writes send as X-CSRF-Token", answers={200: CsrfToken})
PROVIDERS = Spec("session", "The ways to sign in", answers={200: Providers})
SIGN_OUT = Spec(
    "session", "End the session", "In every process, with its event streams.", answers={200: SignedOut}
)
SIGN_OUT_EVERYWHERE = Spec("session", "End all sessions of this account", answers={200: SignedOutEverywhere})
SIGN_IN = Spec(
    "session",
    "Begin a login with Twitch",
    "For browsers: leads to Twitch, which leads back to the callback.",
    query=SignInQuery,
    answers={302: None},
    problems={400: "A parameter is malformed, or `return_to` leads elsewhere."},
)
CALLBACK = Spec(
    "session",
    "Where Twitch leads back to",
    "Leads to `return_to`, or to `/sign-in?error=` with one of: " + ", ".join(ERRORS) + ".",
    query=CallbackQuery,
    answers={302: None},
)
BOT = Spec(
    "account",
    "Connect the account that speaks in chat",
    "For browsers: leads to Twitch, where that account agrees.",
    query=BotQuery,
    answers={302: None},
)
DEVICE = Spec(
    "session",
    "Begin a login by code",
    "For machines that Twitch cannot lead a browser back to: the code is typed at Twitch, on any device.",
    body=DeviceAsked,
    answers={200: DeviceTold},
)
DEVICE_POLL = Spec("session", "How a login by code stands", body=DevicePoll, answers={200: DeviceState})
DEVELOPMENT = Spec(
    "session",
    "Development login",
    "Exists only in the demo and answers this machine only. A form is answered 303, a script 200.",
    answers={200: SessionTold, 303: None},
)
DEVELOPMENT_AS = Spec(
    "session",
    "Development login as a streamer",
    "Exists only in the demo, answers this machine only, and only an address that was typed or opened.",
    query=DevelopmentQuery,
    answers={303: None},
    problems={403: "Not from this machine, or from another page.", 404: "There is no such channel."},
)
