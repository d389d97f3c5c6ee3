"""A call that nobody can take back: held up on its way to Twitch, it lands when it is no longer right."""

from __future__ import annotations

from tests.journeys.fleet.faults import TAKEOVER_SECONDS
from tests.journeys.fleet.rig import SLACK_MS, Fleet, Member
from tests.journeys.stand import Stage

REMOVAL = "DELETE /helix/channels/vips"
VIP_SECONDS = 6
FIRST = ("redeemed", "vip_added", "fulfilled", "vip_removed")
SECOND = ("redeemed", "vip_added", "fulfilled")


async def play(stand: Fleet, *, by: str) -> int:
    """The removal at the end of the first session lands in the middle of the second. `by`: what becomes of its sender
    meanwhile, `stop` or `kill`. Returns how long the viewer was without his VIP, in milliseconds."""
    await stand.start()
    stage = await stand.enrol(vip_seconds=VIP_SECONDS)
    async with stand.pages():
        viewer = await stand.viewer()
        for member in stand.members.values():
            await stand.network.order("traps", _route(member), act="hold", containing=REMOVAL)
        await stand.redeem(stage, viewer)
        sender = await _held(stand)
        if by == "stop":
            sender.pause()
        else:
            await sender.kill()
        (other,) = stand.others(sender)
        await stand.network.order("release", _route(other))
        await stand.happened(viewer, *FIRST)
        await _listened_to(stand, stage)
        await stand.redeem(stage, viewer)
        await stand.happened(viewer, *FIRST, *SECOND)
        await stand.network.order("release", _route(sender))
        await stand.happened(viewer, *FIRST, *SECOND, "vip_removed", "vip_added", "vip_removed")
        if by == "stop":
            sender.resume()
        else:
            await stand.restart(sender)
        stand.slack_ms = SLACK_MS + round(1000 * TAKEOVER_SECONDS)
        await stand.settle(seconds=60.0)
        await _judge(stand, viewer)
        await stand.judge_pages()
    at = [entry["at"] for entry in await stand.ledger(viewer_id=viewer) if entry["kind"].startswith("vip_")]
    end, began = at[5], at[2]
    assert VIP_SECONDS * 1000 <= end - began < (VIP_SECONDS + 4) * 1000, "he paid for so long"
    return int(at[4] - at[3])


async def _held(stand: Fleet) -> Member:
    """The member whose removal is on its way and does not arrive."""
    found: list[Member] = []

    async def sprung() -> bool:
        found[:] = [one for one in stand.members.values() if await stand.network.sprung(_route(one))]
        return bool(found)

    await stand.until(sprung, "a removal is held up")
    return found[0]


async def _listened_to(stand: Fleet, stage: Stage) -> None:
    """The survivor has the channel's session: else the redemption would wait for the reconciliation, and the session
    that is to be hit would begin later."""

    async def held() -> bool:
        status = await stand.daemon.admin("status")
        return bool(status["channels"].get(stage.id, {}).get("state") == "live")

    await stand.until(held, "the survivor listens to the channel")


async def _judge(stand: Fleet, viewer: str) -> None:
    """The simulator's oracle holds a removal before its time against whoever made it, and knows no calls that were
    late; it has to find this one, twice (taken early, given without a payment), and nothing else."""
    verdict = await stand.verdict()
    faults = {detail["kind"] for detail in verdict["details"]}
    assert faults == {"early", "doubled"}, verdict
    assert {detail["user_id"] for detail in verdict["details"]} == {viewer}
    assert not await stand.rows(state="dead")
    stand.check_log()


def _route(member: Member) -> str:
    return f"twitch-{member.name}"
