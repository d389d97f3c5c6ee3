from domain.ports import CHECKPOINTS, Checkpoint, Metrics, NullMetrics, no_checkpoint


def test_the_null_ports_conform_and_do_nothing() -> None:
    metrics: Metrics = NullMetrics()
    metrics.count("anything", 3, label="x")
    metrics.gauge("anything", 1.0)
    metrics.observe("anything", 0.5)
    checkpoint: Checkpoint = no_checkpoint
    for name in CHECKPOINTS:
        checkpoint(name)


def test_checkpoints_are_named_once() -> None:
    assert len(set(CHECKPOINTS)) == len(CHECKPOINTS)
