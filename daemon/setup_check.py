"""Is this the Twitch application that its owner believes it to be? Asked with its own credentials, which changes
nothing at Twitch. And the address to register there: Twitch takes https, or http://localhost, and nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

from domain.errors import CuelightError, Rejected, Unavailable
from domain.ports import Clock, NullMetrics
from gateways.http import HttpClient
from gateways.twitch.contracts import TwitchBroken, TwitchDown
from gateways.twitch.oauth import TwitchOAuth

CALLBACK = "/api/auth/callback/twitch"
CONSOLE = "https://dev.twitch.tv/console/apps/create"
CHECK_SECONDS = 10.0
MOST_CHARACTERS = 200


def redirect_url(public_url: str) -> str:
    """The address to register with the application."""
    return public_url.rstrip("/") + CALLBACK


def home_url(host: str, port: int) -> str:
    """How a browser of this machine comes, in the only spelling without https that Twitch takes."""
    loopback = host in {"127.0.0.1", "::1", "0.0.0.0", "::", "localhost"}  # noqa: S104 - compared, not listened on
    shown = "localhost" if loopback else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def checked_public_url(text: str) -> str:
    """An address of browsers as it is to be kept: scheme and host in lower case, no path. Raises `Rejected`."""
    given = text.strip()
    if given and "://" not in given:
        given = f"https://{given}"
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    usable = (
        host and parts.username is None and parts.path in {"", "/"} and not (parts.query or parts.fragment)
    )
    if (
        not usable
        or len(given) > MOST_CHARACTERS
        or not given.isascii()
        or parts.scheme not in {"https", "http"}
    ):
        raise Rejected(
            "This is no address of a page.",
            code="setup.public_url",
            advice="Write it like https://vip.example.org, without anything behind the name.",
        )
    if parts.scheme == "http" and host != "localhost":
        raise Rejected(
            "Twitch leads back to https addresses only, and to http://localhost.",
            code="setup.public_url",
            advice="Give the https address. Without one, use http://localhost on the machine that runs Cuelight, or"
            " log in by code.",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def checked_credentials(client_id: str, client_secret: str) -> tuple[str, str]:
    """Both without what copying leaves around them. Raises `Rejected` for what cannot be one."""
    found = []
    for name, text in (("client ID", client_id), ("client secret", client_secret)):
        value = text.strip()
        if not value:
            raise Rejected(
                f"The {name} is missing.", code="setup.missing", advice=f"Copy it from {CONSOLE[:29]}."
            )
        if len(value) > MOST_CHARACTERS or not value.isascii() or not value.isprintable() or " " in value:
            raise Rejected(
                f"This is no {name}: it has characters that none has.",
                code="setup.malformed",
                advice="Copy it once more, without spaces or line ends.",
            )
        found.append(value)
    if found[0] == found[1]:
        raise Rejected(
            "The client ID and the client secret are the same text.",
            code="setup.malformed",
            advice='The secret is shown after a press on "New Secret".',
        )
    return found[0], found[1]


async def check_application(
    client_id: str, client_secret: str, *, id_url: str, clock: Clock, http: HttpClient | None = None
) -> None:
    """Ask Twitch for a token of the application, and forget it. Raises `Rejected` (`setup.client_id`,
    `setup.client_secret`, `setup.refused`) or `Unavailable` (`setup.unreachable`), each with what to do."""
    client = http or HttpClient(connections=1)
    oauth = TwitchOAuth(
        http=client,
        id_url=id_url,
        client_id=client_id,
        client_secret=client_secret,
        clock=clock,
        metrics=NullMetrics(),
        call_seconds=CHECK_SECONDS,
    )
    try:
        grant = await oauth.app_grant()
        await _forget(oauth, grant.access_token)
    except TwitchDown as error:
        raise Unavailable(
            f"Twitch cannot be reached: {error.message}",
            code="setup.unreachable",
            advice="Look at this machine's connection to the internet, then try again. Nothing was changed.",
        ) from error
    except TwitchBroken as error:
        raise _refusal(error) from error
    finally:
        if http is None:
            await client.close()


async def _forget(oauth: TwitchOAuth, token: str) -> None:
    """The token was a question, not a need. Whether Twitch ends it now or by its age does not matter."""
    try:
        await oauth.revoke(token)
    except CuelightError:
        return


def _refusal(error: TwitchBroken) -> CuelightError:
    said = (error.body or error.message).casefold()
    if "secret" in said:
        return Rejected(
            "Twitch knows this client ID, but the client secret is another one.",
            code="setup.client_secret",
            advice='Press "New Secret" on the page of your application and copy what it shows. The old one ends then.',
        )
    if "client" in said:
        return Rejected(
            "Twitch knows no application with this client ID.",
            code="setup.client_id",
            advice="Copy the client ID from the page of your application (Manage).",
        )
    return Rejected(
        f"Twitch refuses this application: {error.message}",
        code="setup.refused",
        advice='Its client type has to be "Confidential".',
    )
