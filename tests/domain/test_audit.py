from domain.audit import SYSTEM, Action, AuditRecord, streamer
from domain.channel import NOBODY


def test_a_record_names_actor_cause_and_nobody_by_default() -> None:
    record = AuditRecord("r:granted", "1", 5, Action.GRANTED, SYSTEM, "redemption")
    assert record.viewer == NOBODY
    assert streamer("1", "Chan").kind == "streamer"
