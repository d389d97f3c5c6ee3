"""The whole program on one page: every kind of row that anybody stores has a line."""

from __future__ import annotations

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
    return build_table(
        redeeming=any_one,
        undo=any_one,
        endings=any_one,
        reconciliation=any_one,
        chat=any_one,
        last_resort=any_one,
        zombies=any_one,
        late=any_one,
    )


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
    assert overtaken == {
        "redemption.add", "redemption.refund", "redemption.updated", "vip.added", "vip.removed", "vip.expire",
        "vip.check", "moderator.added",
    }  # fmt: skip


def test_a_redemption_never_dies_without_a_refund_or_an_alarm() -> None:
    lines = table()
    assert lines["redemption.add"].give_up == "refund"
    assert lines["redemption.refund"].give_up == "alarm"


async def test_some_are_stored_only_because_they_may_explain_something(scene: Scene) -> None:
    assert await ignored(cast("Work", None)) == "ignored"
