from __future__ import annotations

from domain.viewer import ViewerRecord, record_id


def test_a_viewer_has_one_record_in_each_channel() -> None:
    ids = {record_id(channel, viewer) for channel in ("1", "12") for viewer in ("2", "22")}
    assert len(ids) == 4
    record = ViewerRecord(record_id("1", "22"), "1", "22")
    assert (record.listed, record.by_hand_since, record.last_vip_ended_at) == ("", 0, 0)
