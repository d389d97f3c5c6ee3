"""Everything about the simulator that can be turned. The defaults are Twitch's own numbers.

Each value that Twitch does not publish is marked *assumed* here and in CODES.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """Times end in `_s` (seconds, fractions allowed) so that a test can shrink a window to milliseconds."""

    # Where it listens. Port 0 takes any free port.
    host: str = "127.0.0.1"
    port: int = 0
    certificate: str | None = None
    private_key: str | None = None
    seed: int = 1

    # The applications that Twitch knows. The public one has no secret (device flow, single-use refresh tokens).
    client_id: str = "cuelightsimulatedclientid00000"
    client_secret: str = "cuelightsimulatedsecret0000000"
    client_name: str = "Cuelight"
    redirect_uris: tuple[str, ...] = ()
    """Registered redirect addresses; with none registered every address is taken."""
    public_client_id: str = "simulatedpublicclientid0000000"
    foreign_client_id: str = "simulatedforeignclientid000000"

    # Tokens
    user_token_s: float = 4 * 3600
    app_token_s: float = 60 * 86400
    code_s: float = 600  # assumed
    device_code_s: float = 1800
    device_interval_s: float = 5
    access_tokens_per_refresh_token: int = 50
    rotate_refresh_tokens: bool = False
    """True gives a new refresh token at each refresh to confidential clients too ("may change")."""

    # Pace
    points_per_minute: int = 800
    """Helix bucket per application token and per user token; 0 switches the bucket off."""
    bucket_window_s: float = 60
    vip_changes: int = 10
    """Adds, and separately removals, per window and broadcaster; 0 switches the limit off."""
    vip_window_s: float = 10
    chat_messages: int = 20
    chat_messages_privileged: int = 100
    chat_window_s: float = 30

    # Channels
    ban_takes_vip: bool = True  # assumed: Twitch does not say
    rewards_per_channel: int = 50
    viewer_points: int = 10_000_000
    vip_slots: int = 10

    # EventSub WebSocket
    subscribe_window_s: float = 10
    keepalive_default_seconds: int = 10
    keepalive_min_seconds: int = 10
    keepalive_max_seconds: int = 600
    keepalive_send_every_s: float | None = None
    """How often keepalives really go out; None means at the announced timeout."""
    ping_every_s: float = 10  # assumed
    pong_within_s: float = 10  # assumed
    reconnect_grace_s: float = 30
    reconnect_keeps_session_id: bool = False
    overlap_duplicates: bool = True
    """During a hand-over the old socket goes on receiving what the new one receives."""
    sockets_per_user: int = 3
    subscriptions_per_socket: int = 300
    same_subscriptions: int = 3
    user_max_total_cost: int = 10
    app_max_total_cost: int = 10_000
    accounting_lag_s: float = 3  # assumed: "a few seconds"
    disabled_listed_s: float = 60
    outbox_messages: int = 20_000

    # EventSub webhooks
    webhook_timeout_s: float = 5  # assumed: "a few seconds"
    webhook_retry_delays_s: tuple[float, ...] = (1, 5, 20, 60)  # assumed: five attempts within minutes
    webhook_failures_allowed: int = 5  # assumed: notifications lost in a row before the subscription ends
    webhook_concurrency: int = 64
    webhooks_need_https: bool = False
    """Twitch insists on https and port 443; tests and demos live on plain loopback."""
    disabled_webhooks_listed_s: float = 10 * 86400

    # Conduits
    conduits_per_client: int = 5
    shards_per_conduit: int = 20_000
    conduit_survives_s: float = 72 * 3600
    reconnect_moves_shard: bool = True  # assumed: what a session serves goes along, as subscriptions do
    """False: after a hand-over the shard is disabled until it is attached to the new session."""

    # Faults
    reorder_hold_s: float = 1.0
    """How long a message held for reordering waits for company."""

    def unthrottled(self) -> SimulatorSettings:
        """The same without pace and buckets: for measuring the client, not Twitch."""
        return replace(
            self,
            points_per_minute=0,
            vip_changes=0,
            chat_messages=0,
            chat_messages_privileged=0,
            accounting_lag_s=0,
        )
