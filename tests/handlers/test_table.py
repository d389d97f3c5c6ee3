"""The whole program on one page: every kind of row that anybody stores has a line."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, cast

from domain.retry import MUST_HAPPEN
from handlers.eventsub import KINDS
from handlers.table import build_table, ignored
from handlers.work import Work
from tests.support.scene import Scene

HANDLERS = Path(__file__).parents[2] / "handlers"


class Anything:
    """Every attribute is there: the table only names them."""

    def __getattr__(self, name: str) -> str:
        return name


def table() -> Any:
    any_one = cast("Any", Anything())
    return build_table(**dict.fromkeys(inspect.signature(build_table).parameters, any_one))


def test_every_kind_that_is_stored_anywhere_has_a_handler() -> None:
    stored = set(KINDS.values())
    for path in HANDLERS.rglob("*.py"):
        stored |= set(re.findall(r'kind="([a-z.]+)"', path.read_text()))
    assert stored <= set(table())
    assert {"chat.say", "live.show", "vip.check"} <= stored


def test_what_must_happen_is_tried_for_ever() -> None:
    lines = table()
    for kind in ("vip.expire", "vip.removed", "redemption.updated", "redemption.refund", "channel.reconcile"):
        assert lines[kind].retry is MUST_HAPPEN
    for kind in ("vip.check", "live.show"):
        assert lines[kind].retry is MUST_HAPPEN


def test_whatever_changes_a_vip_is_looked_after_when_it_was_overtaken() -> None:
    overtaken = {kind for kind, line in table().items() if line.overtaken == "queue"}
    changes_vips = {
        kind for kind in table() if kind.split(".")[0] in ("redemption", "vip", "moderator", "viewer")
    }
    # Who only learns a name, hears that somebody may chat again, or says a line in chat, touches no VIP.
    assert overtaken == changes_vips - {"viewer.seen", "viewer.unbanned", "vip.remind"}


def test_a_redemption_never_dies_without_a_refund_or_an_alarm() -> None:
    lines = table()
    assert lines["redemption.add"].give_up == "refund"
    assert lines["redemption.refund"].give_up == "alarm"


async def test_some_are_stored_only_because_they_may_explain_something(scene: Scene) -> None:
    assert await ignored(cast("Work", None)) == "ignored"
