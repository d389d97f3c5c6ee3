"""The one way out over HTTP. Nothing above this module mentions aiohttp.

- No redirects, no proxies from the environment, no cookies: an answer is what the asked host said.
- Every request has a time limit, every answer a size limit (counted after decompression), and the number of
  connections is bounded.
- `guard="trusted"` is for base URLs that the operator set. `guard="public"` is for URLs that users gave: the address
  is judged when the socket is made, after name resolution, so that neither an address literal nor a name that
  changes its mind (DNS rebinding) reaches a private network.

Errors (foreign exceptions become these, once, here):

- `HttpUnreachable` nothing was sent: repeating is safe
- `HttpLost`        the request may have had its effect: look before repeating
- `HttpTooLarge`    the answer is over the limit
- `HttpForbidden`   the URL or its address is not one that we call
"""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from domain.errors import Broken, Rejected, Unavailable

MAX_ANSWER_BYTES = 2 * 1024 * 1024
MAX_CONNECTIONS = 128
TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
PUBLIC_PORTS = (80, 443)

Guard = Literal["trusted", "public"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What `is_global` of Python 3.11 lets pass, or may let pass in one patch release and not in the next.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
                 "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10")
)  # fmt: skip


class HttpUnreachable(Unavailable):
    """No connection: nothing was sent."""

    code = "http.unreachable"


class HttpLost(Unavailable):
    """The connection broke or the time was over after sending began: the outcome is unknown."""

    code = "http.lost"


class HttpTooLarge(Broken):
    """The answer is larger than the limit. `status` is what it began with."""

    code = "http.too_large"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class HttpForbidden(Rejected):
    """The URL is not http(s), carries a password, has another port than 80 and 443, or leads into a private network."""

    code = "http.forbidden"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever the status. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError`, whatever is wrong with it."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class HttpClient:
    """One session per guard, opened at the first use. Close it with `close()` or `async with`.

    `allowed_networks` (CIDR) are reachable in spite of `guard="public"`: for people who host a partner at home.
    """

    def __init__(
        self,
        *,
        connections: int = MAX_CONNECTIONS,
        allowed_networks: Iterable[str] = (),
        public_ports: Sequence[int] = PUBLIC_PORTS,
        user_agent: str = "Cuelight",
    ) -> None:
        self._connections = connections
        self._allowed: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allowed_networks)
        self._public_ports = frozenset(public_ports)
        self._user_agent = user_agent
        self._sessions: dict[Guard, aiohttp.ClientSession] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Requests after this raise `HttpUnreachable`."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
        guard: Guard = "trusted",
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Send one request and read the whole answer; every status is an answer, redirects too.

        At most one of `json_body`, `form` and `body`. Raises the four errors of this module.
        """
        target = self._target(url, params, guard)
        data: Any = body
        if form is not None:
            data = aiohttp.FormData(form)
        try:
            async with self._session(guard).request(
                method,
                target,
                headers=headers,
                data=data,
                json=json_body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)
                ),
            ) as response:
                return await self._read(response, max_bytes)
        except (
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientConnectorError,
            aiohttp.ClientConnectorDNSError,
        ) as error:
            raise _not_connected(target, error, guard) from error
        except TimeoutError as error:
            raise HttpLost(f"{target.host} did not answer within {timeout_seconds:g} s.") from error
        except aiohttp.InvalidURL:
            raise HttpForbidden("This is not a URL that can be called.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _lost(target, error) from error

    def _target(self, url: str, params: Sequence[tuple[str, str]], guard: Guard) -> URL:
        try:
            target = URL(url)
            port = target.port
        except (ValueError, TypeError):
            raise HttpForbidden("This is not a URL.") from None
        if target.scheme not in ("http", "https") or not target.host:
            raise HttpForbidden("Only http and https URLs can be called.")
        if guard == "public":
            if target.user is not None or target.password is not None:
                raise HttpForbidden("A URL with a user name or password in it is not called.")
            if port not in self._public_ports:
                raise HttpForbidden("Only the ports 80 and 443 can be called.")
        return target.extend_query(list(params)) if params else target

    def _session(self, guard: Guard) -> aiohttp.ClientSession:
        if self._closed:
            raise HttpUnreachable("The client is closed.")
        session = self._sessions.get(guard)
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, socket_factory=self._guarded_socket if guard == "public" else None
            )
            session = self._sessions[guard] = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={hdrs.USER_AGENT: self._user_agent},
                middlewares=(_never_twice,),
            )
        return session

    def _guarded_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_public(str(address[0]), allowed=self._allowed):
            raise PermissionError(errno.EACCES, "not a public address")
        return socket.socket(family=family, type=kind, proto=protocol)

    async def _read(self, response: aiohttp.ClientResponse, max_bytes: int) -> Answer:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_chunked(65536):
            size += len(part)
            if size > max_bytes:
                response.close()
                raise HttpTooLarge(
                    f"{response.url.host} answered with over {max_bytes} bytes.", status=response.status
                )
            parts.append(part)
        return Answer(response.status, response.headers, b"".join(parts))


def is_public(address: str, *, allowed: Sequence[Network] = ()) -> bool:
    """Whether a literal address is on the public internet (or within `allowed`).

    IPv4 addresses carried in IPv6 (mapped, NAT64, 6to4) are judged by what they carry: `ipaddress` of
    Python 3.11 calls `64:ff9b::7f00:1`, `2002:7f00:1::` and multicast global.
    """
    try:
        parsed: Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _unwrap(parsed)
    if any(candidate in network for network in allowed for candidate in (parsed, inner)):
        return True
    if inner.is_multicast or any(inner in network for network in _NEVER):
        return False
    return inner.is_global


async def _never_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating DELETE and PUT by itself when a reused connection breaks.

    The first one may have had its effect; the answer to the second one then tells another story.
    """
    try:
        return await handler(request)
    except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in ("GET", "HEAD"):
            raise
        raise _lost(request.url, error) from error


def _lost(target: URL, error: Exception) -> HttpLost:
    return HttpLost(f"The connection to {target.host} broke ({type(error).__name__}).")


def _unwrap(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _not_connected(target: URL, error: aiohttp.ClientError, guard: Guard) -> HttpUnreachable | HttpForbidden:
    if guard == "public" and isinstance(error, aiohttp.ClientConnectorError) and error.errno == errno.EACCES:
        return HttpForbidden(
            f"{target.host} leads into a private network.", advice="Use an address of the public internet."
        )
    return HttpUnreachable(f"No connection to {target.host} ({type(error).__name__}).")
