"""What the doctor looks at in the audit chain: is it made, and does its newest block verify?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.doctor_findings import Finding, Patient
from daemon.wiring_privacy import open_privacy_commands

CHECK = "audit chain"
LONG_LAG_MS = 10 * 60_000
VERIFY = "cuelight audit verify"


async def audit_chain(patient: Patient) -> Sequence[Finding]:
    """The newest block, what waits to be linked, and a sample."""
    if patient.store is not None:
        commands = await open_privacy_commands(
            patient.store, patient.settings, clock=patient.clock, works=patient.running
        )
        told: Mapping[str, Any] = await commands["audit.state"]()
    elif patient.status is not None:
        told = await patient.ask("audit.state")
    else:
        return [Finding(CHECK, "skipped", "There is no data yet.")]
    if told["sample_faults"]:
        detail = (
            "The newest block of the audit trail does not fit its records: somebody has altered the store."
        )
        return [Finding(CHECK, "failed", detail, VERIFY)]
    since = told["waiting_since_at"]
    # While nobody works, records wait. What a crash has cut off may bear an older time.
    late = patient.running and since is not None and told["now_at"] - since > LONG_LAG_MS
    if not told["channels"]:
        return [Finding(CHECK, "warning" if late else "skipped", "No block has been made yet.")]
    detail = (
        f"Chains: {told['channels']}; records not linked yet: {told['waiting']}; the newest block verifies."
    )
    if late:
        advice = "See the daemon's log. In a fleet: is there a process with the role worker?"
        return [Finding(CHECK, "warning", detail, advice)]
    return [Finding(CHECK, "ok", detail)]
