"""What an audit says: one typed verdict per check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proofward.federation.messages.basics.refusal import Refusal
from proofward.ledger.reading import MOST_FLAWS

VERSION = "version"
"""The check that fails for what an earlier protocol wrote: nothing else is said of it."""


@dataclass(frozen=True)
class AuditVerdict:
    """The outcome of one check of an audit.

    `check` names what was checked, and `subject` what it was about. `refusal` says what failed and whose
    fault it is; it is None when the check passed. `detail` says what was found where that is worth knowing.
    `seconds` is the time that a proof took. `refused_proof` is the round (0: the enrolment) and the hospital
    whose proof the audit itself refuses: the record of it is in order, the hospital has broken a rule.
    """

    check: str
    subject: str
    refusal: Refusal | None = None
    detail: str = ""
    seconds: float = 0.0
    refused_proof: tuple[int, str] | None = None

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return self.refusal is None

    def __str__(self) -> str:
        outcome = self.detail or "ok" if self.refusal is None else f"FAILED {self.refusal}"
        return f"{self.check}: {self.subject}: {outcome}"


def bounded(verdicts: Iterator[AuditVerdict], culprit: str) -> Iterator[AuditVerdict]:
    """The verdicts up to MOST_FLAWS flaws; then one that says that no more were looked for."""
    failed = 0
    for verdict in verdicts:
        yield verdict
        failed += not verdict.passed
        if failed == MOST_FLAWS:
            refusal = Refusal("flaws", culprit, f"fewer than {MOST_FLAWS} flaws", "so many; no more are read")
            yield AuditVerdict("flaws", "all that follows", refusal)
            return
