"""Names that logs and metrics may use: checks that refuse, and problems that need an operator."""

from __future__ import annotations

_CHECKS = """
abandonment abandonments accepted-set aggregate-ciphertext-sum aggregate-model aggregate-secret-sum
aggregate-update-sum aggregate-wrong-holders answer attempt beacon beacon-deal beacon-shares certificate
ciphertext complainers complaint complete confirmations consortium counted-dealers dataset-root dealers
end-votes enrolled-set equivocation extension-signature features first-model flaws holders hospital join key
key-proof key-used ledger-consistency ledger-gap ledger-root ledger-signature ledger-split ledger-stray
ledger-structure ledger-truncated ledger-view locks malformed member message-dropped missing model object
object-digest object-missing object-size object-stray objects participant participants passed-set phase
record refusal refusals replay replayed-proof request revocation revoked role rotations round rows rules
sealed-shares sealing-keys second-unmasking sender share-sum share-sums shares-checked signature subject
terms total-rows unjudged unmasking uploaded-set verdict verifiers voted-end vouches wrong-holders
"""
CHECKS = frozenset(_CHECKS.split())
PROBLEMS = {
    "not-running": "The process that ran the kit has died.",
    "gave-up": "The engine's process died again and again, and is not started any more.",
    "died": "The engine's process dies again and again.",
    "unreachable": "The server has not been reached.",
    "no-job": "The server is reached, but no job of the federation has come.",
    "job-failed": "The jobs that the coordinator submits end in an error.",
    "refused": "The server refuses what this site sends.",
    "standstill": "Nothing has been recorded for longer than the deadline.",
    "halted": "A member refuses to go on.",
    "unable": "A member could not do its part.",
    "ended": "No round can be finished any more, since too few members are left.",
    "revoked": "A member takes part no more.",
    "no-key": "A member has no usable key.",
    "no-records": "A hospital has no records.",
    "unconfirmed": "Nobody has compared the consortium's fingerprint here.",
    "certificate": "The TLS certificate is not valid, or ends soon.",
    "kit": "The kit is damaged.",
}
