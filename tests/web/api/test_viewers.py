from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.api.choices import Choices, open_choices

VIEWERS = "/api/viewers"

MALFORMED: list[tuple[str, str, object]] = [
    ("GET", "?listed=friends", None),
    ("GET", "?limit=0", None),
    ("GET", "?cursor=nonsense", None),
    ("GET", "/find", None),
    ("GET", "/find?login=no%20login", None),
    ("PUT", "", {"viewer": "ann"}),
    ("PUT", "", {"viewer": "ann", "listed": "friends"}),
    ("PUT", "", {"viewer": "", "listed": "block"}),
]


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_choices(tmp_path) as opened:
        yield opened


async def test_viewers_are_put_on_lists_and_found_there(choices: Choices) -> None:
    ann, ben = [await choices.scene.viewer(login) for login in ("ann", "ben")]
    status, put = await choices.ask("PUT", VIEWERS, {"viewer": "ann", "listed": "block"})
    assert (status, put["id"], put["login"], put["listed"]) == (200, ann.id, "ann", "block")
    assert (await choices.ask("PUT", VIEWERS, {"viewer": ben.id, "listed": "protected"}))[0] == 200
    listed = (await choices.ask("GET", VIEWERS))[1]
    assert ([one["login"] for one in listed["entries"]], listed["cursor"]) == (["ann", "ben"], None)
    assert [one["id"] for one in (await choices.ask("GET", f"{VIEWERS}?listed=block"))[1]["entries"]] == [
        ann.id
    ]
    assert (await choices.ask("GET", f"{VIEWERS}?search=be"))[1]["entries"][0]["id"] == ben.id
    page = (await choices.ask("GET", f"{VIEWERS}?limit=1"))[1]
    rest = (await choices.ask("GET", f"{VIEWERS}?limit=1&cursor={page['cursor']}"))[1]
    assert [one["login"] for one in (*page["entries"], *rest["entries"])] == ["ann", "ben"]
    assert (await choices.ask("PUT", VIEWERS, {"viewer": "ann", "listed": ""}))[1]["listed"] == ""
    assert (await choices.ask("GET", f"{VIEWERS}?listed=block"))[1]["entries"] == []


async def test_somebody_is_found_on_twitch(choices: Choices) -> None:
    ann = await choices.scene.viewer("ann")
    found = (200, {"id": ann.id, "login": "ann", "name": "Ann"})
    assert await choices.ask("GET", f"{VIEWERS}/find?login=@Ann") == found
    assert await choices.ask("GET", f"{VIEWERS}/find?login={ann.id}") == found
    assert await choices.refused("GET", f"{VIEWERS}/find?login=nobody") == (404, "vip.no_viewer")
    assert await choices.refused("PUT", VIEWERS, {"viewer": "nobody", "listed": "block"}) == (
        404,
        "vip.no_viewer",
    )


async def test_what_is_malformed_is_refused(choices: Choices) -> None:
    for method, path, body in MALFORMED:
        assert (await choices.ask(method, VIEWERS + path, body))[0] == 400, (method, path, body)
