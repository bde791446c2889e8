"""What needs an operator, by name: `status` tells it, the metric `proofward_problem` counts it."""

from __future__ import annotations

PROBLEMS: dict[str, str] = {
    "not-running": "The process that ran the kit has died.",
    "gave-up": "The engine's process died again and again, and is not started any more.",
    "died": "The engine's process dies again and again.",
    "unreachable": "The server has not been reached.",
    "no-job": "The server is reached, but no job of the federation has come.",
    "job-failed": "The jobs that the coordinator submits end in an error.",
    "refused": "The server refuses what this site sends.",
    "standstill": "Nothing has been recorded for longer than the deadline.",
    "heads-withheld": "A hospital that follows heads has been shown no newer one for too long.",
    "halted": "A member refuses to go on.",
    "unable": "A member could not do its part.",
    "ended": "No round can be finished any more, since too few members are left.",
    "revoked": "A member takes part no more.",
    "no-key": "A member has no usable key.",
    "no-records": "A hospital has no records.",
    "no-evidence": "Evidence of a member's machine is required, and none was shown or it was refused.",
    "unconfirmed": "Nobody has compared the consortium's fingerprint here.",
    "certificate": "The TLS certificate is not valid, or ends soon.",
    "kit": "The kit is damaged.",
}
