"""After a login one is sent to a page of ours, whatever the link said."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import Rejected
from web.return_to import local_path


@pytest.mark.parametrize(
    "path",
    ["/", "/rewards", "/settings?tab=discord", "/activity?viewer=5#top", "/api/docs", "/a/../b", "/?x=a%2Fb"],
)
def test_pages_of_ours(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "/api/auth/sign-in", "/api/vip", "/static/app.js", "/sign-in?error=state"]
)
def test_what_is_no_place_for_people_is_the_start(path: str) -> None:
    assert local_path(path) == "/"


EVIL = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example",
    "https://evil.example", "http:evil.example", "HTTPS://evil.example/", "javascript:alert(1)", "data:text/html,x",
    "evil.example", "rewards", "?x=1", "#x", " //evil.example", "/ /evil.example", "/\t/evil.example",
    "/\r\nLocation: https://evil.example", "/%2Fevil.example", "/%2f%2fevil.example", "%2F%2Fevil.example",
    "/%5Cevil.example", "/%5c%5cevil.example", "/%252Fevil.example", "/%25252Fevil.example", "/%255Cevil.example",
    "/%09/evil.example", "/%0d%0aSet-Cookie:x=1", "/%00", "/ü", "//[", "/" + "a" * 600, "//user@evil.example",
    "/%25252525252Fevil.example",
]  # fmt: skip


@pytest.mark.parametrize("path", EVIL)
def test_whatever_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(Rejected) as caught:
        local_path(path)
    assert caught.value.code == "auth.return_to"


HOME = "https://vip.example.org"


@given(
    st.one_of(
        st.text(max_size=40), st.text(alphabet="/\\%25cfFeE:.@?#a ", max_size=30).map(lambda tail: "/" + tail)
    )
)
@example("/%5c/evil")
def test_no_text_leads_away(text: str) -> None:
    try:
        path = local_path(text)
    except Rejected:
        return
    assert path.startswith("/")
    there = urlsplit(urljoin(HOME + "/api/auth/callback/twitch", path.replace("\\", "/")))
    assert f"{there.scheme}://{there.netloc}" == HOME
