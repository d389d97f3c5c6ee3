"""Who is at the other end: the socket's peer, or whom a trusted proxy says it speaks for."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORWARDING = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


@dataclass(frozen=True, slots=True)
class Peer:
    """`address` is the client as far as we may believe; `local` only if it is this very machine, asking directly."""

    address: Address | None
    local: bool

    def __str__(self) -> str:
        return str(self.address) if self.address else "unknown"


def peer_of(request: web.BaseRequest, trusted: Sequence[Network]) -> Peer:
    """The client of a request.

    `X-Forwarded-For` counts only as far as each hop is in `trusted` (read from the right). A request that was
    forwarded by a proxy on this machine which is not trusted is never `local`: it could come from anywhere.
    """
    transport = request.transport
    name = transport.get_extra_info("peername") if transport is not None else None
    address = parse(name[0]) if isinstance(name, tuple) else None
    forwarded = any(header in request.headers for header in _FORWARDING)
    if address is None:
        return Peer(None, local=False)
    if not _among(address, trusted):
        return Peer(address, local=address.is_loopback and not forwarded)
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")[-32:]
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        claimed = parse(hop)
        if claimed is None:
            return Peer(None, local=False)
        address = claimed
        if not _among(address, trusted):
            break
    return Peer(address, local=address.is_loopback and not forwarded)


def parse(text: str) -> Address | None:
    """An IP address, with IPv4 inside IPv6 unwrapped and zones cut off, or `None`."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
