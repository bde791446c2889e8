"""Whether witnesses have cosigned what the audit reads: one check for each checkpoint that is shown.

That the ledger continues such a checkpoint is another check (`ledger-remembered`), which the same files go
through; together they say that the witnesses were shown this history, up to so many entries. A witness that
has not cosigned yet makes no record wrong: that too few have is told by a refusal of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proofward.federation.history.history import History
from proofward.federation.messages.basics.clock import in_utc
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.parties.auditor import NOBODY
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.parties.following.extension import log_verifier
from proofward.ledger.errors import LedgerError
from proofward.report.audits.audit_summary import LACKING
from proofward.witness.cosigned import TooFewCosigned, Witnesses, open_cosigned


def witnessed(history: History, notes: Sequence[bytes], witnesses: Witnesses) -> Iterator[AuditVerdict]:
    """The verdict on each checkpoint: who cosigned it when, and how much of the ledger it covers."""
    for note in notes:
        try:
            found = open_cosigned(note, log_verifier(history.rules), witnesses)
        except TooFewCosigned as error:
            refusal = Refusal(LACKING, NOBODY, error.expected, describe(error.actual))
            yield AuditVerdict("ledger-cosigned", f"checkpoint {error.size}", refusal)
            continue
        except LedgerError as error:
            refusal = Refusal("ledger-cosigned", NOBODY, error.expected, describe(error.actual))
            yield AuditVerdict("ledger-cosigned", describe(error.subject), refusal)
            continue
        times = ", ".join(f"{name} {in_utc(time)}" for name, time in found.times)
        size = found.checkpoint.size
        covered = "all" if size == history.size else f"{size} of {history.size}"
        said = f"{covered} entries, cosigned by {times}"
        yield AuditVerdict("ledger-cosigned", f"checkpoint {size}", detail=said)
