"""What the doctor looks at where events come in through a conduit: is it there, and does somebody serve its shards?"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from daemon.doctor_data import twitch_oauth
from daemon.doctor_findings import Finding, Patient
from domain.errors import Broken
from domain.ports import NullMetrics
from domain.transport import Transport, Way
from gateways.twitch.caller import HelixCaller
from gateways.twitch.conduit_plan import remembered
from gateways.twitch.helix_conduits import ConduitCalls
from storage.transports import TRANSPORTS, Transports

SOCKETS = "Events come over a connection for each channel (EVENTSUB_TRANSPORT=websocket)."


async def conduit(patient: Patient) -> Sequence[Finding]:
    """Twitch's view of it: whatever the daemon believes, that is who hands out the events."""
    conduit_id = await _ours(patient)
    wanted = patient.settings.eventsub_transport == Way.CONDUIT.value
    if not conduit_id:
        if not wanted:
            return [Finding("conduit", "skipped", SOCKETS)]
        if not patient.running:
            return [Finding("conduit", "ok", "There is none yet; the daemon makes one when it starts.")]
        return [
            Finding(
                "conduit",
                "failed",
                "There is no conduit of ours.",
                "The log of the daemon says why it could not make one. Was it started with EVENTSUB_TRANSPORT=conduit?",
            )
        ]
    calls = ConduitCalls(caller=await _caller(patient))
    found = remembered(conduit_id, await calls.conduits())
    if found is None:
        told = f"Twitch does not know the conduit {conduit_id} any more."
        advice = "Twitch ends one that nobody served for 72 hours. A running daemon makes a new one within a minute."
        return [Finding("conduit", "failed" if patient.running else "warning", told, advice)]
    shards = await calls.shards(conduit_id)
    attached = sum(shard.enabled for shard in shards)
    detail = f"{attached} of {len(shards)} shards are attached{_filled(patient)}."
    if not patient.running:
        return [Finding("conduit", "ok", f"It is there. No daemon runs that would serve it: {detail}")]
    if attached == len(shards):
        return [Finding("conduit", "ok", detail)]
    lost = "Events that were meant for the others go to those, once. See the log (conduit.not_attached)."
    return [
        Finding(
            "conduit",
            "warning" if attached else "failed",
            detail,
            lost if attached else "Nobody hears anything. Does a process with the role eventsub run?",
        )
    ]


async def _ours(patient: Patient) -> str:
    """The conduit that the store or the running daemon remembers."""
    if patient.store is not None:
        return (await transport_of(patient)).conduit_id
    told = (patient.status or {}).get("transport")
    return str(told.get("conduit_id", "")) if isinstance(told, dict) else ""


async def transport_of(patient: Patient) -> Transport:
    """The record of the store, which has to be open."""
    if patient.store is None:
        raise Broken("The store is not open.", code="doctor.store")
    return await Transports(await patient.store.collection(TRANSPORTS)).get()


def _filled(patient: Patient) -> str:
    told = (patient.status or {}).get("transport")
    if not isinstance(told, dict) or not told.get("keeper"):
        return ""
    missing = told.get("missing_subscriptions", 0)
    left = f", {missing} subscriptions to go ({told.get('seconds_left', 0)} s)" if missing else ""
    return f"; {told.get('enabled', 0)} of {told.get('channels', 0)} channels are subscribed{left}"


class _NoUsers:
    """Nobody's token is needed for a conduit."""

    async def access_token(self, user_id: str) -> str:
        raise Broken("This call needs no user.", code="doctor.user")

    async def refresh(self, user_id: str, rejected_token: str) -> str:
        raise Broken("This call needs no user.", code="doctor.user")

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None:
        raise Broken("This call needs no user.", code="doctor.user")


class _OneToken:
    """The application's token, fetched once."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access_token(self) -> str:
        return self._token

    async def refresh(self, rejected_token: str) -> str:
        return self._token


async def _caller(patient: Patient) -> HelixCaller:
    grant = await twitch_oauth(patient).app_grant()
    return HelixCaller(
        http=patient.http,
        api_url=patient.settings.twitch_api_url,
        client_id=patient.settings.twitch_client_id,
        tokens=_NoUsers(),
        app_token=_OneToken(grant.access_token),
        clock=patient.clock,
        metrics=NullMetrics(),
        random=Random(),  # noqa: S311 - spreads retries, guards nothing
    )
