from __future__ import annotations

from pathlib import Path

from tests.web.api.choices import open_choices


async def test_what_happened_in_numbers(tmp_path: Path) -> None:
    async with open_choices(tmp_path) as choices:
        scene, channel = choices.scene, choices.channel
        scene.sim.world.channels[channel.id].vip_slots = 1
        ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
        for viewer in (ann, ann, ben):
            await scene.settled(await scene.redeem(channel, viewer))
        status, told = await choices.ask("GET", "/api/analytics?period=7d")
        assert status == 200
        assert (told["from"], told["to"], told["timezone"]) == ("2026-02-23", "2026-03-01", "UTC")
        assert len(told["days"]) == 7
        assert told["days"][-1] == {
            "day": "2026-03-01",
            "granted": 1,
            "extended": 1,
            "refunded": 1,
            "ended": 0,
            "points": 1000,
            "bits": 0,
        }
        assert told["totals"] == {
            "granted": 1,
            "extended": 1,
            "refunded": 1,
            "ended": 0,
            "points": 1000,
            "bits": 0,
            "viewers": 1,
        }
        assert told["by_reward"] == [
            {
                "reward_id": channel.rewards[0].id,
                "title": "VIP of streamer",
                "granted": 1,
                "extended": 1,
                "points": 1000,
            }
        ]
        assert told["by_cause"] == [{"cause": "redemption", "granted": 1, "extended": 1}]
        assert told["refund_reasons"] == [{"reason": "slots_full", "count": 1}]
        assert told["top_viewers"] == [
            {
                "viewer": {"id": ann.id, "login": "ann", "name": "Ann"},
                "vips": 2,
                "seconds": 120,
                "points": 1000,
            }
        ]
        assert told["complete"] is True
        assert len((await choices.ask("GET", "/api/analytics"))[1]["days"]) == 30
        assert (await choices.ask("GET", "/api/analytics?period=8d"))[0] == 400
