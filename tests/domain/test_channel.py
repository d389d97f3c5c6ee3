from domain.channel import Channel, Reward, Viewer


def test_a_channel_knows_its_own_rewards_only() -> None:
    channel = Channel("1", "chan", "Chan", (Reward("rw", "VIP", 500, 1000),))
    assert channel.reward("rw") == Reward("rw", "VIP", 500, 1000)
    assert channel.reward("other") is None


def test_a_viewer_is_shown_by_the_best_name_there_is() -> None:
    assert [Viewer("7", "ann", "Ann").shown, Viewer("7", "ann").shown, Viewer("7").shown] == [
        "Ann",
        "ann",
        "7",
    ]
