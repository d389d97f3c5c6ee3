from __future__ import annotations

from dataclasses import replace

from domain.viewer import Kept, ViewerRecord, kept_besides, record_id


def test_a_viewer_has_one_record_in_each_channel() -> None:
    ids = {record_id(channel, viewer) for channel in ("1", "12") for viewer in ("2", "22")}
    assert len(ids) == 4
    record = ViewerRecord(record_id("1", "22"), "1", "22")
    assert (record.listed, record.by_hand_since, record.last_vip_ended_at) == ("", 0, 0)


def test_what_is_kept_twice_is_kept_beside_each_other() -> None:
    clock, stream = Kept(500, 1), Kept(9000, 2, until_stream_end=True, after_stream_ms=60)
    assert kept_besides(clock, None) == clock
    assert kept_besides(replace(clock, at=3), clock) == Kept(1000, 3)
    for both in (kept_besides(clock, stream), kept_besides(stream, clock)):
        assert (both.ms, both.until_stream_end, both.after_stream_ms) == (9500, True, 560)
