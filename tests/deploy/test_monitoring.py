"""Board and alerts speak of numbers that exist, with labels that exist; Prometheus itself reads and plays the rules."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.metrics import TABLE, PrometheusMetrics
from tests.deploy.tools import need

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
BOARD = DEPLOY / "grafana" / "cuelight.json"

ADDED_BY_PROMETHEUS = {"instance", "job", "le"}
_NAME = re.compile(r"\b((?:cuelight|process|python)_\w+|up)\b(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def board() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(BOARD.read_text("utf-8"))
    return parsed


def expressions() -> Iterator[Any]:
    for rule in alerts():
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in board()["panels"]:
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")


def known() -> dict[str, set[str]]:
    """Every series of `/metrics` by name, with its labels."""
    series: dict[str, set[str]] = {"up": set()}
    for name, row in TABLE.items():
        ends = ("_bucket", "_sum", "_count") if row.kind == "histogram" else ("",)
        series |= {f"cuelight_{name}{end}": set(row.labels) for end in ends}
    for line in PrometheusMetrics(table={}).render()[0].decode().splitlines():
        if not line.startswith("#"):
            series[re.split(r"[ {]", line)[0]] = set()
    return series


def wrong(expression: str) -> list[str]:
    """What an expression speaks of that is not there."""
    series = known()
    problems = []
    labels = set(ADDED_BY_PROMETHEUS)
    for name, matchers in _NAME.findall(expression):
        if name not in series:
            problems.append(f"no series {name}")
            continue
        labels |= series[name]
        named = re.findall(r"(\w+)\s*(?:=~|!=|=|!~)", matchers or "")
        problems += [f"{name} has no label {one}" for one in named if one not in labels]
    for group in _BY.findall(expression):
        problems += [
            f"nothing has the label {one.strip()}" for one in group.split(",") if one.strip() not in labels
        ]
    return problems if _NAME.search(expression) else ["it names no series at all"]


@pytest.mark.parametrize("expression", list(expressions()))
def test_everything_that_is_named_exists(expression: str) -> None:
    assert wrong(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "cuelight_inbox_deaad > 0",
        "sum by (reasn) (cuelight_vip_refunded_total)",
        'cuelight_eventsub_sessions{stat="live"}',
        "cuelight_loop_lag_seconds",
        "1 > 0",
    ],
)
def test_a_slip_would_be_found(expression: str) -> None:
    assert wrong(expression)


def test_each_alert_says_what_to_do() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "todo"}
        assert len(rule["annotations"]["todo"]) > 15


def test_values_of_labels_are_those_of_the_program() -> None:
    """`state="needs_login"` and the like are words of the code, not of the table."""
    words = (DEPLOY.parent / "docs/live.md").read_text("utf-8")
    outcomes = (DEPLOY.parent / "gateways/twitch/outcomes.py").read_text("utf-8")
    streams = (DEPLOY.parent / "web/sse.py").read_text("utf-8")
    for rule in alerts():
        for label, values in re.findall(r'(state|outcome|reason)=~?"([^"]+)"', rule["expr"]):
            for value in values.split("|"):
                place = {"state": words, "outcome": outcomes, "reason": streams}[label]
                assert f'"{value}"' in place or f"`{value}`" in place, f"{rule['alert']}: {label}={value}"


def test_the_board_asks_the_data_source_that_is_chosen_on_it() -> None:
    page = board()
    names = {variable["name"]: variable for variable in page["templating"]["list"]}
    assert names["datasource"]["type"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    panels = [panel for panel in page["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


def test_the_panels_lie_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert all(x < 24 for x, _ in cells)
        assert not taken & cells, panel["title"]
        taken |= cells


def test_most_of_what_we_count_is_shown_or_watched() -> None:
    """A number that nobody sees is a number that nobody needs; what is left out is left out on purpose."""
    seen = " ".join(str(param.values[0]) for param in expressions())
    unseen = {name for name in TABLE if f"cuelight_{name}" not in seen}
    assert len(unseen) <= len(TABLE) / 3, sorted(unseen)


# Prometheus's own tool


def promtool(*words: str, cwd: Path) -> None:
    done = subprocess.run(
        [str(need("promtool")), *words], cwd=cwd, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.server
def test_prometheus_reads_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", "alerts.yml", cwd=RULES.parent)
    promtool("check", "config", "--syntax-only", "prometheus.yml", cwd=RULES.parent)


@pytest.mark.server
def test_prometheus_raises_the_alerts_when_it_should() -> None:
    promtool("test", "rules", "alerts_test.yml", cwd=RULES.parent)


@pytest.mark.server
def test_prometheus_reads_the_expressions_of_the_board(tmp_path: Path) -> None:
    rules = []
    for number, panel in enumerate(board()["panels"]):
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            rules.append({"record": f"board:{number}:{target['refId'].lower()}", "expr": expression})
    (tmp_path / "board.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}), "utf-8"
    )
    promtool("check", "rules", "board.yml", cwd=tmp_path)
