"""What an audit says: one typed verdict per check."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.federation.messages.refusal import Refusal


@dataclass(frozen=True)
class AuditVerdict:
    """check: what was checked; subject: about what; refusal: what failed and whose fault it is, None when
    passed.

    detail says what was found where that is worth knowing; seconds is the time that a proof took.
    """

    check: str
    subject: str
    refusal: Refusal | None = None
    detail: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return self.refusal is None

    def __str__(self) -> str:
        outcome = self.detail or "ok" if self.refusal is None else f"FAILED {self.refusal}"
        return f"{self.check}: {self.subject}: {outcome}"
