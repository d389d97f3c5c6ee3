"""Twitch's consent page without a browser: who agrees, and what comes back."""

from __future__ import annotations

from typing import Any

from yarl import URL

from daemon.wiring_accounts import Accounts
from handlers.accounts.consent import SIGN_IN
from handlers.accounts.login import Arrived
from tests.support.scene import Scene

BROWSER = "what the browser holds"


async def begin(accounts: Accounts, *scopes: str, **more: Any) -> str:
    """Where Twitch is asked."""
    given = {"purpose": SIGN_IN, "return_to": "/back", "binding": BROWSER, "scopes": scopes, **more}
    return await accounts.login.flow.begin(**given)


async def agree(scene: Scene, url: str, who: str) -> dict[str, str]:
    """`who` (a login, or `deny`) answers: the query of the redirect."""
    asked = URL(url, encoded=True).update_query(sim_user=who)
    async with scene.control.get(asked, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return dict(URL(answer.headers["Location"], encoded=True).query)


async def come_back(
    accounts: Accounts, query: dict[str, str], *, binding: str = BROWSER, by: str = ""
) -> Arrived:
    given = {name: query.get(name, "") for name in ("state", "code", "error")}
    return await accounts.login.signing_in.answered(**given, binding=binding, by=by)


async def log_in(scene: Scene, accounts: Accounts, who: str, *scopes: str, **more: Any) -> Arrived:
    by = more.pop("answered_by", "")
    return await come_back(accounts, await agree(scene, await begin(accounts, *scopes, **more), who), by=by)
