"""Every number that Cuelight counts about itself: one table, one registry, rendered for Prometheus.

To add a metric, add one line to `TABLE`. A name that is not there raises `KeyError`, a wrong set of labels
raises `ValueError`: a misspelt counter is found by the first test that runs past it, not by an empty graph
in a year. Labels are few and bounded: never a viewer, a channel or a message id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from domain.ports import Metrics

# Upper bounds in seconds. SHORT: work inside the process and one fsync. CALL: another machine is asked.
SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
CALL = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DELAY = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Declared:
    """One row of the table. `buckets` only for histograms."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=SHORT)


def counter(text: str, *labels: str) -> Declared:
    """Only goes up."""
    return Declared("counter", text, labels)


def gauge(text: str, *labels: str) -> Declared:
    """A value of now."""
    return Declared("gauge", text, labels)


def histogram(text: str, *labels: str, buckets: tuple[float, ...] = SHORT) -> Declared:
    """How values are spread."""
    return Declared("histogram", text, labels, buckets)


TABLE: dict[str, Declared] = {
    # storage
    "storage_commit_seconds": histogram("Time of one durable commit, fsync included."),
    "storage_batch_operations": histogram("Operations joined in one commit.", buckets=SIZES),
    "storage_operations_total": counter("Operations on the store.", "operation"),
    # inbox and lanes
    "inbox_accepted_total": counter("Rows offered to the inbox, by what became of them.", "source", "result"),
    "inbox_handled_total": counter("Rows handled, by outcome.", "kind", "result"),
    "inbox_handling_seconds": histogram("Time from claim to outcome of one row.", "kind", buckets=CALL),
    "inbox_oldest_seconds": gauge("Age of the oldest row that is due and not handled."),
    "inbox_dead": gauge("Rows that were given up and wait for a person."),
    "inbox_conflicts_total": counter("Message ids that came again with another body.", "source"),
    "inbox_parked_total": counter("Rows put aside for a person at once.", "reason"),
    "lane_leases_lost_total": counter("Leases that ran out while their worker was still busy."),
    "socket_leases_held": gauge("Channels whose EventSub session falls to this process."),
    "socket_leases_lost_total": counter("Channels whose lease another process took."),
    "quota_turned_away_total": counter("Events that were turned away: too many of their channel waited."),
    "quota_waits_total": counter("Events that waited because their channel was over its quota."),
    "error_reports_total": counter("Errors told to the error tracker, by outcome.", "outcome"),
    "retention_removed_total": counter("Documents that were kept long enough.", "collection"),
    # Twitch, inward
    "eventsub_frames_total": counter("EventSub frames read.", "kind"),
    "eventsub_bad_frames_total": counter("EventSub frames that could not be used.", "reason"),
    "eventsub_sessions": gauge("EventSub sockets by state.", "state"),
    "conduit_sessions": gauge("Shards of the conduit that this process serves, by state.", "state"),
    "conduit_shards_attached": gauge("Shards that Twitch says are enabled."),
    "conduit_channels": gauge("Channels of the conduit, by the state of their subscriptions.", "state"),
    "conduit_subscriptions_missing": gauge("Subscriptions that are still to be made."),
    "conduit_sweep_left": gauge("Channels that are still to be reconciled after a gap."),
    "shard_leases_held": gauge("Shards that fall to this process."),
    "shard_leases_lost_total": counter("Shards whose lease another process took."),
    "eventsub_reconnects_total": counter("EventSub sockets opened again.", "reason"),
    "eventsub_revoked_total": counter("Subscriptions that Twitch took away.", "status"),
    "webhook_rejected_total": counter("Webhook requests refused.", "reason"),
    # Twitch, outward
    "twitch_calls_total": counter("Calls to Twitch by outcome.", "call", "outcome"),
    "twitch_call_seconds": histogram("Time of one call to Twitch.", "call", buckets=CALL),
    "twitch_waits_total": counter("Calls put off by a limit or a pace.", "reason"),
    "twitch_validations_total": counter("Tokens validated, by outcome.", "outcome"),
    "chat_messages_passed_over_total": counter("Chat messages that were not meant for us, and not stored."),
    "discord_messages_total": counter("Messages for Discord, by outcome.", "outcome"),
    "chat_lines_total": counter("Lines said in chat, by outcome.", "outcome"),
    # the audit chain
    "audit_linked_total": counter("Audit records put into a block of the chain."),
    "data_erased_total": counter("Documents that an erasure removed or emptied.", "collection"),
    # VIPs
    "vip_granted_total": counter("VIPs granted."),
    "vip_extended_total": counter("VIPs extended."),
    "vip_refused_total": counter("Subscriptions, bits and power-ups that made no VIP.", "reason"),
    "vip_refunded_total": counter("Redemptions refunded.", "reason"),
    "party_opened_total": counter("Watch parties that a redemption opened."),
    "party_queued_total": counter("Titles that a redemption added to the queue of a watch party."),
    "vip_ended_total": counter("VIPs ended.", "because"),
    "vip_removal_delay_seconds": histogram("Delay of a removal after its time.", buckets=DELAY),
    "expiries_queued_total": counter("Expiries put into their lanes.", "result"),
    "reconciled_total": counter("Things that a reconciliation found and put right.", "what"),
    "redemption_alarms_total": counter("Redemptions that a person has to look at.", "reason"),
    # pages
    "party_sockets": gauge("Open sockets of watch parties."),
    "party_rooms": gauge("Rooms that this process follows."),
    "party_viewers": gauge("Connections that are in a room."),
    "party_refused_total": counter("Sockets that were sent away as soon as they came.", "reason"),
    "party_errors_total": counter("Messages of viewers that were refused.", "code"),
    "party_waiting_bytes": gauge("Bytes that wait for viewers who read too slowly."),
    "party_sent_away_total": counter("Viewers whose connection this process ended.", "reason"),
    "party_messages_total": counter("Messages of rooms, each told to all viewers here.", "type"),
    "party_fan_out_seconds": histogram("From the first to the last write of a message of a film."),
    "party_drift_seconds": histogram("Distance of players from the film, as they reported it."),
    "party_clock_error_seconds": histogram("How far players' clocks may be off, as they reported it."),
    "sse_streams": gauge("Open event streams."),
    "sse_ended_total": counter("Event streams ended.", "reason"),
    "overlay_ended_total": counter("Streams of overlays ended.", "reason"),
    "topic_appends_total": counter("Entries appended to topics."),
    "topics_batch_operations": histogram("Entries joined in one call to Redis.", buckets=SIZES),
    "topics_append_failures_total": counter("Entries that Redis did not take at once."),
    "topics_connected": gauge("Whether news of topics come in from Redis (1) or not (0)."),
    "topics_reconnects_total": counter("Subscriptions to Redis made again."),
    "topics_gaps_filled_total": counter("Topics of which something was missed and read from the log."),
    "topics_resets_total": counter("Topics whose followers had to begin from a snapshot."),
    "http_rate_limited_total": counter("HTTP requests refused for being too many.", "rate"),
    "http_requests_total": counter("HTTP requests answered.", "route", "status"),
    "http_request_seconds": histogram("Time to answer an HTTP request.", "route"),
    # the process
    "errors_total": counter("Errors that were logged, by place.", "where"),
    "loop_lag_seconds": histogram("How late the event loop woke up.", buckets=SHORT),
    "tasks_restarted_total": counter("Background tasks started again after a failure.", "task"),
}


M = TypeVar("M", bound=MetricWrapperBase)


class _Family(Generic[M]):
    """A metric, and what it has counted so far by its labels. The library puts the labels in order and compares their
    names at each call; handling one redemption counts some thirty things."""

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._known: dict[tuple[tuple[str, str], ...], M] = {}

    def of(self, labels: dict[str, str]) -> M:
        """The metric with these labels. Raises `ValueError` for other labels than it declares."""
        if not labels:
            return self._metric  # one that declares labels refuses to count without
        key = tuple(labels.items())
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._metric.labels(**labels)
        return known


class PrometheusMetrics:
    """Implements `domain.ports.Metrics` on a registry of its own: nothing is global."""

    def __init__(self, *, table: dict[str, Declared] | None = None) -> None:
        self._registry = CollectorRegistry()
        self._table = dict(TABLE if table is None else table)
        self._counters: dict[str, _Family[Counter]] = {}
        self._gauges: dict[str, _Family[Gauge]] = {}
        self._histograms: dict[str, _Family[Histogram]] = {}
        for name, row in self._table.items():
            full = f"cuelight_{name}"
            if row.kind == "counter":
                self._counters[name] = _Family(Counter(full, row.help, row.labels, registry=self._registry))
            elif row.kind == "gauge":
                self._gauges[name] = _Family(Gauge(full, row.help, row.labels, registry=self._registry))
            else:
                self._histograms[name] = _Family(
                    Histogram(full, row.help, row.labels, buckets=row.buckets, registry=self._registry)
                )
        # Memory, CPU, open files; and which Python this is. Both read files of /proc when they are rendered.
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add `amount` (not negative). Raises `KeyError` for an undeclared counter."""
        self._counters[name].of(labels).inc(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge. Raises `KeyError` for an undeclared one."""
        self._gauges[name].of(labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one value of a histogram. Raises `KeyError` for an undeclared one."""
        self._histograms[name].of(labels).observe(value)

    def render(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def value(self, name: str, **labels: str) -> float | None:
        """One sample as Prometheus would read it (`name` with its suffix), for `status` and for tests."""
        return self._registry.get_sample_value(f"cuelight_{name}", labels)


def names() -> Sequence[str]:
    """Every declared name, for the documentation and its test."""
    return tuple(TABLE)


_conforms: type[Metrics] = PrometheusMetrics
