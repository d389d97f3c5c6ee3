from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from web.peers import Network, Peer, parse, peer_of

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


class Transport:
    def __init__(self, name: Any) -> None:
        self.name = name

    def get_extra_info(self, what: str, default: Any = None) -> Any:
        return self.name if what == "peername" else default


def peer(name: Any, *forwarded: str, trusted: tuple[Network, ...] = (), **headers: str) -> Peer:
    given_headers = CIMultiDict(headers)
    for value in forwarded:
        given_headers.add("X-Forwarded-For", value)
    return peer_of(make_mocked_request("GET", "/", given_headers, transport=Transport(name)), trusted)


def test_without_proxies_the_socket_counts() -> None:
    assert peer(("203.0.113.9", 5)) == Peer(ipaddress.ip_address("203.0.113.9"), local=False)
    assert peer(("203.0.113.9", 5), "127.0.0.1") == Peer(ipaddress.ip_address("203.0.113.9"), local=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_local(address: str) -> None:
    assert peer((address, 5)).local


def test_what_was_forwarded_by_somebody_unknown_is_not_local() -> None:
    assert not peer(("127.0.0.1", 5), "127.0.0.1").local
    assert not peer(("127.0.0.1", 5), Forwarded="for=127.0.0.1").local


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (("203.0.113.9",), "203.0.113.9"),
        (("1.2.3.4, 203.0.113.9",), "203.0.113.9"),  # what the client itself claims does not count
        (("1.2.3.4", "203.0.113.9, 10.0.0.7"), "203.0.113.9"),
        (("10.0.0.8, 10.0.0.9",), "10.0.0.8"),
        (("2001:db8::1",), "2001:db8::1"),
        (("[2001:db8::1]",), "2001:db8::1"),
        ((" , ",), "10.0.0.1"),
        ((), "10.0.0.1"),
    ],
)
def test_trusted_proxies_are_followed_from_the_right(forwarded: tuple[str, ...], client: str) -> None:
    assert str(peer(("10.0.0.1", 5), *forwarded, trusted=PROXIES)) == client


def test_rubbish_of_a_trusted_proxy_is_nobody() -> None:
    assert peer(("10.0.0.1", 5), "unknown", trusted=PROXIES) == Peer(None, local=False)


def test_a_proxy_cannot_make_anybody_local() -> None:
    assert not peer(("10.0.0.1", 5), "127.0.0.1", trusted=PROXIES).local


@pytest.mark.parametrize("name", [None, "", "/run/socket", ("not an address", 5)])
def test_a_socket_without_address_is_nobody(name: Any) -> None:
    assert peer(name) == Peer(None, local=False)
    assert str(peer(name)) == "unknown"


@given(st.text(max_size=60))
def test_whatever_is_forwarded_there_is_an_answer(text: str) -> None:
    assert isinstance(peer(("10.0.0.1", 5), text, trusted=PROXIES), Peer)
    parse(text)
