"""What the doctor looks at inside: the daemon, its store, the disk, the logins, and whether work goes on."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from daemon.doctor_findings import Finding, Patient, failed
from daemon.keys import ENCRYPTION_FILE, SESSION_FILE, load_keys
from daemon.offline import LIVE_MS
from domain.errors import Broken, Rejected
from domain.ports import NullMetrics
from gateways.twitch.oauth import TwitchOAuth
from handlers.accounts.permissions import Uses
from handlers.vip.grants import Grants
from storage.catalog import SCHEMAS
from storage.channels import CHANNELS, Channels
from storage.contracts import every
from storage.daemons import DAEMONS
from storage.inbox import INBOX, Inbox
from storage.sealing import Sealer
from storage.team import BOTS, Bots
from storage.tokens import TOKENS

LITTLE_DISK_BYTES = 200 * 1024 * 1024
LONG_WRITE_MS = 500.0
LONG_WAIT_SECONDS = 60.0
LONG_LAG_SECONDS = 0.5
LOG_IN = "Let its owner sign in again on the page (or by code: `cuelight setup --login`)."


async def daemon(patient: Patient) -> Sequence[Finding]:
    """Is one running, and is it this release?"""
    findings = []
    status = patient.status
    if status is None:
        findings.append(
            Finding("daemon", "skipped", f"None runs with the data directory {patient.settings.data_dir}.")
        )
    elif status.get("version") != version("cuelight"):
        findings.append(
            Finding(
                "daemon",
                "warning",
                f"The daemon is release {status.get('version')}, this command is {version('cuelight')}.",
                "Restart the daemon.",
            )
        )
    else:
        findings.append(Finding("daemon", "ok", f"Release {status['version']} at {status.get('address')}."))
    if status is not None and status.get("lag_seconds", 0) > LONG_LAG_SECONDS:
        findings.append(
            Finding(
                "daemon",
                "failed",
                f"Its event loop is {status['lag_seconds']} s late.",
                "Give it more CPU: on Cloud Run, CPU always allocated.",
            )
        )
    if patient.store is not None and patient.settings.mongo_url:
        now = patient.clock.now()
        seen = [document async for document in every(await patient.store.collection(DAEMONS), {})]
        patient.fleet = [each["_id"] for each in seen if abs(now - each["seen_at"]) < LIVE_MS]
        count = len(patient.fleet)
        detail = f"{count} {'daemon works' if count == 1 else 'daemons work'} on this database."
        findings.append(Finding("fleet", "ok" if count else "skipped", detail))
    return findings


async def storage(patient: Patient) -> Sequence[Finding]:
    """Can it be written?"""
    name = "MongoDB" if patient.settings.mongo_url else "SQLite"
    if patient.unopened:
        return []  # told already
    if patient.store is None and patient.status is None:
        return [Finding("storage", "skipped", f"{name}: there is no data yet.")]
    if patient.store is None:
        told = await patient.ask("store.probe")
        took, size = told["write_ms"], told["store_bytes"]
    else:
        for schema in SCHEMAS.values():
            await patient.store.collection(schema)
        begun = patient.clock.monotonic()
        await patient.store.probe()
        took = round((patient.clock.monotonic() - begun) * 1000, 1)
        size = await patient.store.size_bytes()
    detail = f"{name}: {size / 1024 / 1024:.1f} MiB, a write took {took} ms."
    if took > LONG_WRITE_MS:
        return [
            Finding(
                "storage",
                "warning",
                detail,
                "Look for other programs that keep the disk or the database busy.",
            )
        ]
    return [Finding("storage", "ok", detail)]


async def disk(patient: Patient) -> Sequence[Finding]:
    """Is there room, and is it private?"""
    directory = patient.settings.data_dir
    if not directory.exists():
        return [Finding("disk", "skipped", f"{directory} is made at the first start.")]
    usage = shutil.disk_usage(directory)
    room = f"{usage.free / 1024**3:.1f} GiB free at {directory}."
    findings = [Finding("disk", "ok", room)]
    if usage.free < LITTLE_DISK_BYTES:
        advice = "Free some space, or move DATA_DIR to a larger disk. Without room, events are refused until there is."
        findings = [Finding("disk", "failed", f"Only {room}", advice)]
    for name in (ENCRYPTION_FILE, SESSION_FILE):
        path = directory / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            findings.append(Finding("disk", "failed", f"Others may read {path}.", f"chmod 600 {path}"))
    return findings


async def logins(patient: Patient) -> Sequence[Finding]:
    """Does Twitch still take each streamer's grant?"""
    if patient.store is None:
        if patient.status is None:
            return [Finding("logins", "skipped", "There is no data yet.")]
        told = [_of_daemon(each) for each in await patient.ask("keys.grants")]
    else:
        told = await _of_store(patient)
    if not told:
        return [Finding("logins", "skipped", "No channel is added yet.", "cuelight channels add LOGIN")]
    wrong = [finding for finding in told if finding.state != "ok"]
    good = len(told) - len(wrong)
    return [*wrong, *([Finding("logins", "ok", f"{good} good.")] if good else [])]


def _of_daemon(grant: Mapping[str, Any]) -> Finding:
    """The daemon validates each hour and notes which are over."""
    return _judged(grant["user_id"], grant["login"], grant["dead"], grant["lacking"])


def _judged(user_id: str, login: str, dead: str, lacking: Sequence[str]) -> Finding:
    who = f"{login} ({user_id})" if login else user_id
    if dead:
        return Finding("logins", "failed", f"The login of {who} is over: {dead}.".replace("..", "."), LOG_IN)
    if lacking:
        return Finding("logins", "failed", f"The login of {who} lacks {', '.join(lacking)}.", LOG_IN)
    return Finding("logins", "ok", who)


async def _of_store(patient: Patient) -> list[Finding]:
    settings, store = patient.settings, patient.store
    assert store is not None
    collection = await store.collection(TOKENS)
    if await collection.count({}) == 0:
        return []
    if not settings.encryption_keys and not (settings.data_dir / ENCRYPTION_FILE).exists():
        advice = "Put encryption-keys of the old data directory back, or set ENCRYPTION_KEYS."
        return [
            Finding(
                "logins",
                "failed",
                "There are logins, and the keys that they are sealed with are gone.",
                advice,
            )
        ]
    grants = Grants(tokens=collection, sealer=Sealer(load_keys(settings).encryption))
    uses = Uses(
        channels=Channels(await store.collection(CHANNELS)),
        bots=Bots(await store.collection(BOTS)),
        shared_id=settings.twitch_bot_id or "",
    )
    oauth = twitch_oauth(patient)
    findings = []
    for user_id in await grants.ids():
        try:
            token = await grants.load(user_id)
            if token is None:
                continue
            lacking = await uses.lacking(user_id, token.scopes)
            finding = _judged(user_id, token.login, token.dead, lacking)
            over = token.expires_at <= patient.clock.now()
            # An access token that is over says nothing: the daemon gets the next one. One that should live does.
            if finding.state == "ok" and not over and await oauth.validate(token.access_token) is None:
                finding = _judged(user_id, token.login, "Twitch does not take its token any more", ())
        except (Broken, Rejected) as error:
            finding = failed("logins", error)
        findings.append(finding)
    return findings


def twitch_oauth(patient: Patient) -> TwitchOAuth:
    """Twitch's OAuth server with the application of the settings."""
    settings = patient.settings
    return TwitchOAuth(
        http=patient.http,
        id_url=settings.twitch_id_url,
        client_id=settings.twitch_client_id,
        client_secret=settings.twitch_client_secret.get_secret_value(),
        clock=patient.clock,
        metrics=NullMetrics(),
    )


async def work(patient: Patient) -> Sequence[Finding]:
    """Does anything wait for longer than it should, and was anything given up?"""
    if patient.store is not None:
        inbox = Inbox(await patient.store.collection(INBOX), clock=patient.clock)
        counts, oldest = await inbox.counts(), await inbox.oldest_open()
        waited = 0.0 if oldest is None else (patient.clock.now() - oldest) / 1000
    elif patient.status is not None:
        counts = patient.status.get("inbox", {})
        waited = patient.status.get("oldest_unhandled_seconds") or 0.0
    else:
        return [Finding("work", "skipped", "There is no data yet.")]
    findings = []
    if waited > LONG_WAIT_SECONDS and patient.running:
        findings.append(
            Finding(
                "work",
                "failed",
                f"The oldest event has waited for {waited:.0f} s.",
                "See the daemon's log, and `cuelight inbox list --state open`. In a fleet: is there a process with"
                " the role worker?",
            )
        )
    if dead := counts.get("dead", 0):
        findings.append(
            Finding(
                "work",
                "warning",
                f"{dead} {'event was' if dead == 1 else 'events were'} given up.",
                "cuelight inbox list --state dead, then cuelight inbox redrive ID",
            )
        )
    for channel_id, crowd in ((patient.status or {}).get("crowded") or {}).items():
        over = crowd.get("over_quota", 0)
        detail = f", {over} of them because it is over its quota" if over else ""
        findings.append(
            Finding(
                "work",
                "warning",
                f"{crowd.get('waiting', 0)} events of channel {channel_id} wait{detail}.",
                "They are handled in their turn. To let them through faster, raise QUOTA_CHANNEL_EVENTS_PER_MINUTE; to"
                f" stop more from coming: cuelight channels pause {channel_id}",
            )
        )
    for channel_id, state in ((patient.status or {}).get("channels") or {}).items():
        if state.get("state") == "needs_login":
            findings.append(Finding("work", "failed", f"Channel {channel_id} needs a login.", LOG_IN))
        elif state.get("state") != "live":
            detail = f"Channel {channel_id} is {state.get('state')} {state.get('detail', '')}".strip()
            findings.append(
                Finding("work", "warning", f"{detail}.", f"cuelight channels restart {channel_id}")
            )
    return findings or [Finding("work", "ok", f"{counts.get('open', 0)} events in hand, none given up.")]
