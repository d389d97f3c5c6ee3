from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import Broken
from domain.redemption import Redemption, RedemptionStatus
from storage.contracts import StorageBroken, Store
from storage.redemptions import REDEMPTIONS, Redemptions

REDEMPTION = Redemption("r", "1", "rw", "VIP", 500, "2", "ann", "Ann", "", 1, 2)


@pytest.fixture
async def redemptions(store: Store) -> Redemptions:
    return Redemptions(await store.collection(REDEMPTIONS))


async def test_a_redemption_begins_once_and_keeps_what_became_of_it(redemptions: Redemptions) -> None:
    assert await redemptions.begin(REDEMPTION) == REDEMPTION
    granted = await redemptions.move("r", RedemptionStatus.GRANTED, now=5, outcome="granted", session_id="s")
    assert await redemptions.begin(REDEMPTION) == granted
    assert (granted.outcome, granted.session_id) == ("granted", "s")
    assert await redemptions.counts("1") == {"granted": 1}


async def test_an_illegal_move_leaves_it_as_it_was(redemptions: Redemptions) -> None:
    await redemptions.begin(REDEMPTION)
    with pytest.raises(Broken):
        await redemptions.move("r", RedemptionStatus.FULFILLED, now=5)
    assert await redemptions.get("r") == REDEMPTION


async def test_a_redemption_that_is_not_stored_cannot_move(redemptions: Redemptions) -> None:
    assert await redemptions.get("r") is None
    with pytest.raises(StorageBroken):
        await redemptions.move("r", RedemptionStatus.GRANTED, now=5)


async def test_what_has_not_come_to_its_end(redemptions: Redemptions) -> None:
    for number, status in enumerate(RedemptionStatus):
        one = replace(REDEMPTION, id=status.value, redeemed_at=100 - number, status=status)
        await redemptions.begin(one)
        await redemptions.begin(replace(one, id=f"other-{status}", channel_id="9"))
    found = [one.id for one in await redemptions.unsettled("1")]
    assert found == ["refunding", "granted", "waiting", "received"]
