"""The table of metrics: what is declared can be used, what is used is declared."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from daemon.metrics import TABLE, Declared, PrometheusMetrics, counter, gauge, histogram

ROOT = Path(__file__).parents[2]
VERBS = {"count": "counter", "gauge": "gauge", "observe": "histogram"}


def test_counts_gauges_and_histograms_are_rendered() -> None:
    metrics = PrometheusMetrics()
    metrics.count("vip_granted_total")
    metrics.count("vip_granted_total", 2)
    metrics.gauge("inbox_dead", 3)
    metrics.gauge("inbox_dead", 1)
    metrics.observe("twitch_call_seconds", 0.03, call="add_vip")
    body, content_type = metrics.render()
    text = body.decode()
    assert content_type.startswith("text/plain")
    assert "cuelight_vip_granted_total 3.0" in text
    assert "cuelight_inbox_dead 1.0" in text
    assert 'cuelight_twitch_call_seconds_bucket{call="add_vip",le="0.05"} 1.0' in text
    assert metrics.value("vip_granted_total") == 3.0


def test_label_values_cannot_break_the_format() -> None:
    metrics = PrometheusMetrics()
    metrics.count("errors_total", where='a"b\nc\\')
    assert b'where="a\\"b\\nc\\\\"' in metrics.render()[0]


@pytest.mark.parametrize("verb", list(VERBS))
def test_undeclared_names_raise(verb: str) -> None:
    with pytest.raises(KeyError):
        getattr(PrometheusMetrics(), verb)("no_such_metric", 1)


def test_a_name_of_another_kind_raises() -> None:
    with pytest.raises(KeyError):
        PrometheusMetrics().gauge("vip_granted_total", 1)


def test_wrong_labels_raise() -> None:
    metrics = PrometheusMetrics()
    with pytest.raises(ValueError):
        metrics.count("errors_total")
    with pytest.raises(ValueError):
        metrics.count("errors_total", place="x")


def test_what_is_counted_again_is_added_in_whichever_order_its_labels_are_given() -> None:
    metrics = PrometheusMetrics()
    metrics.count("inbox_handled_total", kind="a", result="b")
    metrics.count("inbox_handled_total", kind="a", result="b")
    metrics.count("inbox_handled_total", 3, result="b", kind="a")
    metrics.count("inbox_handled_total", kind="b", result="a")
    assert metrics.value("inbox_handled_total", kind="a", result="b") == 5.0
    assert metrics.value("inbox_handled_total", kind="b", result="a") == 1.0


def test_two_registries_share_nothing() -> None:
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.count("vip_granted_total")
    assert other.value("vip_granted_total") == 0.0


def test_a_metric_is_one_line() -> None:
    metrics = PrometheusMetrics(table={"a_total": counter("A."), "b": gauge("B.", "x"), "c": histogram("C.")})
    metrics.count("a_total")
    metrics.gauge("b", 1, x="y")
    metrics.observe("c", 1)
    assert metrics.value("b", x="y") == 1.0


def test_the_process_tells_about_itself() -> None:
    text = PrometheusMetrics().render()[0].decode()
    assert "process_resident_memory_bytes" in text
    assert "python_info" in text


def test_every_declared_metric_is_well_named() -> None:
    for name, row in TABLE.items():
        assert name.endswith("_total") == (row.kind == "counter"), name
        assert row.help.endswith("."), name
        assert "name" not in row.labels, f"{name}: the port's own parameter is called name"
        assert row.buckets == tuple(sorted(row.buckets)), name


def _uses() -> list[tuple[str, str, str, set[str]]]:
    """Where, verb, name and labels of every use of a metric with a literal name in the program."""
    found = []
    for package in ("domain", "storage", "gateways", "rooms", "handlers", "web", "daemon"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if node.func.attr not in VERBS or not ast.unparse(node.func.value).endswith("metrics"):
                    continue
                if (
                    node.args
                    and isinstance(node.args[0], ast.Constant)
                    and isinstance(node.args[0].value, str)
                ):
                    labels = {word.arg for word in node.keywords if word.arg} - {"amount", "value"}
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found.append((where, node.func.attr, node.args[0].value, labels))
    return found


def test_every_metric_that_the_program_uses_is_declared_with_these_labels() -> None:
    uses = _uses()
    assert uses
    wrong = []
    for where, verb, name, labels in uses:
        row = TABLE.get(name, Declared("counter", ""))
        if name not in TABLE or row.kind != VERBS[verb] or set(row.labels) != labels:
            wrong.append(f"{where}: {verb} {name} {sorted(labels)}")
    if wrong:
        pytest.fail("not in daemon/metrics.py like this:\n  " + "\n  ".join(wrong), pytrace=False)


def test_every_number_that_the_program_counts_is_declared_with_its_labels() -> None:
    """A name that is not in the table raises only where it is counted, which may be the worst of moments."""
    wrong = []
    for layer in ("storage", "gateways", "handlers", "web", "daemon"):
        for path in sorted((Path(__file__).parents[2] / layer).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                    continue
                name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
                kind = {"count": "counter", "gauge": "gauge", "observe": "histogram"}.get(call.func.attr)
                if kind is None or not isinstance(name, str) or "_" not in name:
                    continue
                declared = TABLE.get(name)
                labels = {keyword.arg for keyword in call.keywords} - {None, "amount"}
                if declared is None or declared.kind != kind or set(declared.labels) != labels:
                    wrong.append(f"{path.name}:{call.lineno} {name}{sorted(map(str, labels))}")
    assert wrong == []
