"""The endpoints of id.twitch.tv."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.simulators.twitch.playground import Answer, Playground, playground

HERE = "http://localhost/callback"


async def authorize(play: Playground, **change: str) -> Answer:
    query = {
        "client_id": play.simulator.client_id,
        "redirect_uri": HERE,
        "response_type": "code",
        "scope": "channel:manage:vips bits:read",
        "state": "s/1",
        **change,
    }
    return await play.request(
        "GET", play.simulator.id_url + "/authorize", params=query, allow_redirects=False
    )


def returned(answer: Answer) -> dict[str, str]:
    assert answer.status == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


async def token(play: Playground, **form: str) -> Answer:
    sim = play.simulator
    return await play.id("/token", **{"client_id": sim.client_id, "client_secret": sim.client_secret, **form})


async def test_code_flow(play: Playground) -> None:
    streamer = await play.streamer()
    back = returned(await authorize(play, sim_user="streamer"))
    assert back["state"] == "s/1"
    exchange = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": HERE}
    got = (await token(play, **exchange)).json
    assert got["scope"] == ["bits:read", "channel:manage:vips"]
    assert (got["token_type"], got["expires_in"]) == ("bearer", 4 * 3600) or got["expires_in"] == 4 * 3600 - 1
    for scheme in ("OAuth", "Bearer"):
        headers = {"Authorization": f"{scheme} {got['access_token']}"}
        valid = (await play.request("GET", play.simulator.id_url + "/validate", headers=headers)).json
        assert (valid["user_id"], valid["login"]) == (streamer.id, "streamer")
    again = await token(play, **exchange)
    assert (again.status, again.json) == (400, {"status": 400, "message": "Invalid authorization code"})


async def test_consent_page_asks_and_redirects(play: Playground) -> None:
    streamer = await play.streamer(name="<b>Streamer</b>")
    page = await authorize(play)
    assert page.status == 200
    assert "&lt;b&gt;Streamer" in page.text
    form = {
        "client_id": play.simulator.client_id,
        "redirect_uri": HERE,
        "response_type": "code",
        "scope": "bits:read",
        "state": "x",
    }
    url = play.simulator.id_url + "/authorize"
    yes = await play.request("POST", url, data={**form, "user": streamer.id}, allow_redirects=False)
    assert returned(yes)["code"]
    no = await play.request("POST", url, data={**form, "user": "deny"}, allow_redirects=False)
    assert (returned(no)["error"], returned(no)["state"]) == ("access_denied", "x")


async def test_the_page_says_who_asks_for_what_and_to_whom_it_goes(play: Playground) -> None:
    streamer = await play.streamer()
    page = (await authorize(play, scope="channel:manage:vips bits:read")).text
    words = [
        "Cuelight wants to access your account",
        "localhost",
        "Authorize",
        "Cancel",
        "channel:manage:vips",
    ]
    words += ["Add and remove VIPs of your channel", "See the bits that are used in your channel"]
    for told in words:
        assert told in page
    assert f'value="{streamer.id}" checked' in page
    assert "checkbox" not in page, "all or nothing"
    assert "only who you are" in (await authorize(play, scope="")).text
    hostile = await authorize(play, state='"><script>alert(1)</script>')
    assert "<script>" not in hostile.text


async def test_who_has_agreed_is_not_asked_again_unless_the_application_wants_that(play: Playground) -> None:
    streamer = await play.streamer()
    form = {
        "client_id": play.simulator.client_id,
        "redirect_uri": HERE,
        "response_type": "code",
        "scope": "bits:read",
        "user": streamer.id,
    }
    url = play.simulator.id_url + "/authorize"
    yes = await play.request("POST", url, data=form, allow_redirects=False)
    await token(play, grant_type="authorization_code", code=returned(yes)["code"], redirect_uri=HERE)
    cookie = {"Cookie": yes.headers["Set-Cookie"].partition(";")[0]}

    async def asked(**change: str) -> int:
        query = {name: value for name, value in form.items() if name != "user"} | change
        answer = await play.request("GET", url, params=query, headers=cookie, allow_redirects=False)
        return answer.status

    assert await asked() == 302
    assert await asked(scope="bits:read channel:bot channel:manage:moderators") == 200, "more than before"
    assert await asked(force_verify="true") == 200
    await play.control("tokens/revoke", user_id=streamer.id)
    assert await asked() == 200, "what was taken back has to be given again"


async def test_only_registered_addresses_are_sent_to(play: Playground) -> None:
    await play.streamer()
    await play.control("redirects", redirect_uris=[HERE])
    assert (await authorize(play, sim_user="streamer")).status == 302
    for other in (HERE + "/", "http://localhost/callback?x=1", "http://evil.example/callback"):
        refused = await authorize(play, sim_user="streamer", redirect_uri=other)
        assert (refused.status, "redirect_uri" in refused.message) == (400, True)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "unknown"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"scope": "no:such:scope"},
        {"sim_user": "nobody"},
    ],
)
async def test_bad_authorize_requests(play: Playground, change: dict[str, str]) -> None:
    assert (await authorize(play, **change)).status == 400


async def test_registered_redirects_only() -> None:
    async with playground(redirect_uris=("http://localhost/other",)) as play:
        assert (await authorize(play)).status == 400


async def test_refresh_keeps_the_refresh_token(play: Playground) -> None:
    streamer = await play.streamer()
    form = {"grant_type": "refresh_token", "refresh_token": streamer.refresh_token}
    first, second = (await token(play, **form)).json, (await token(play, **form)).json
    assert first["refresh_token"] == second["refresh_token"] == streamer.refresh_token
    assert first["access_token"] != second["access_token"]


async def test_refresh_token_may_rotate() -> None:
    async with playground(rotate_refresh_tokens=True) as play:
        streamer = await play.streamer()
        form = {"grant_type": "refresh_token", "refresh_token": streamer.refresh_token}
        assert (await token(play, **form)).json["refresh_token"] != streamer.refresh_token
        assert (await token(play, **form)).json["message"] == "Invalid refresh token"


async def test_fifty_access_tokens_per_refresh_token() -> None:
    async with playground(access_tokens_per_refresh_token=2) as play:
        streamer = await play.streamer()
        form = {"grant_type": "refresh_token", "refresh_token": streamer.refresh_token}
        for _ in range(2):
            await token(play, **form)
        assert (await play.helix("GET", "/users", streamer.token)).status == 401


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "dead"}, 400, "Invalid refresh token"),
        ({"grant_type": "refresh_token"}, 400, "missing refresh token"),
        ({"grant_type": "client_credentials", "client_secret": "wrong"}, 403, "invalid client secret"),
        ({"grant_type": "client_credentials", "client_id": "unknown"}, 400, "invalid client"),
        ({"grant_type": "client_credentials", "client_id": ""}, 400, "missing client id"),
        ({"grant_type": "password"}, 400, "missing or invalid grant type"),
        (
            {"grant_type": "authorization_code", "code": "x", "redirect_uri": HERE},
            400,
            "Invalid authorization code",
        ),
    ],
)
async def test_token_errors(play: Playground, form: dict[str, str], status: int, message: str) -> None:
    answer = await token(play, **form)
    assert (answer.status, answer.json) == (status, {"status": status, "message": message})


async def test_app_token(play: Playground) -> None:
    answer = (await token(play, grant_type="client_credentials")).json
    assert "refresh_token" not in answer
    headers = {"Authorization": f"OAuth {answer['access_token']}"}
    valid = (await play.request("GET", play.simulator.id_url + "/validate", headers=headers)).json
    assert (valid["scopes"], "user_id" in valid) == ([], False)


async def test_validate_errors(play: Playground) -> None:
    url = play.simulator.id_url + "/validate"
    assert (await play.request("GET", url)).json == {"status": 401, "message": "missing authorization token"}
    dead = await play.request("GET", url, headers={"Authorization": "OAuth dead"})
    assert dead.json == {"status": 401, "message": "invalid access token"}


async def test_revoke(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    form = {"client_id": play.simulator.client_id, "token": streamer.token}
    assert (await play.id("/revoke", **form)).status == 200
    assert (await play.id("/revoke", **form)).json == {"status": 400, "message": "Invalid token"}
    assert (await socket.of_type("revocation"))["payload"]["subscription"][
        "status"
    ] == "authorization_revoked"
    assert [entry.channel_id for entry in play.simulator.ledger.of("access_lost")] == [streamer.id]


async def device(play: Playground) -> tuple[dict[str, Any], dict[str, str]]:
    client_id = play.simulator.settings.public_client_id
    flow = (await play.id("/device", client_id=client_id, scopes="bits:read")).json
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    form = {
        "client_id": client_id,
        "grant_type": grant,
        "device_code": flow["device_code"],
        "client_secret": "",
    }
    return flow, form


async def test_device_flow_and_single_use_refresh_tokens(play: Playground) -> None:
    streamer = await play.streamer()
    flow, form = await device(play)
    assert (flow["expires_in"], flow["interval"]) == (1800, 5)
    assert (await play.id("/token", **form)).json["message"] == "authorization_pending"
    await play.sim("device/approve", user_code=flow["user_code"], user_id=streamer.id)
    got = (await play.id("/token", **form)).json
    assert (await play.id("/token", **form)).json["message"] == "invalid device code"
    refresh = {
        "client_id": form["client_id"],
        "grant_type": "refresh_token",
        "refresh_token": got["refresh_token"],
    }
    assert (await play.id("/token", **refresh)).json["refresh_token"] != got["refresh_token"]
    assert (await play.id("/token", **refresh)).json["message"] == "Invalid refresh token"


async def test_device_page(play: Playground) -> None:
    streamer = await play.streamer()
    flow, form = await device(play)
    page = await play.request("GET", flow["verification_uri"])
    assert flow["user_code"] in page.text
    url = flow["verification_uri"].partition("?")[0]
    await play.request("POST", url, data={"code": flow["user_code"], "user": streamer.id})
    assert "access_token" in json.loads((await play.id("/token", **form)).text)
