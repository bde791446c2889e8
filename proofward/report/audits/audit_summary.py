"""What an audit comes to: is the record consistent, and did everybody keep the rules?

A failed check is a flaw of the record; it accuses somebody only where what it compares was signed by that
member, and where what the aggregator signed is what lies there: whoever hands over a copy can change it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from proofward.catalogue.audits import PROOFS, deed
from proofward.federation.history.faults import faults
from proofward.federation.history.state.history_state import CLOSED, HistoryState
from proofward.federation.parties.checking.audit_verdict import AuditVerdict

SIGNED = frozenset(
    {"rules", "entries", "ledger-structure", "ledger-entry", "ledger-tree", "ledger-checkpoint"}
)
"""Checks that all pass where the entries are those that the aggregator signed."""
WORDS = frozenset(
    {"verdict", "complaint", "stopping", "own-counts", "attestation-verdict", "fingerprint"}
)
"""Checks of what verifiers and hospitals say."""
ACCUSING = WORDS | {"entry", "beacon", "aggregate", "ledger-remembered", "sealing-keys"}
"""Checks of what a member signed; the others compare bytes that anybody could have changed."""
LACKING = "witnesses-lacking"
"""The refusal where too few witnesses have cosigned: something to be asked for, and no flaw of the record."""
UNREADABLE = ("object", "unjudged")
"""Beginnings of refusals for want of bytes, which speak against nobody."""
COMPLAINTS = ("key-share", "complaint")


@dataclass(frozen=True)
class Breach:
    """Somebody broke a rule: where, who, in plain words, the details, and who found it.

    round is 0 for the enrolment, and None where no round is known.
    """

    round: int | None
    member: str
    what: str
    check: str
    detail: str
    found_by: tuple[str, ...]


class AuditSummary:
    """Of the verdicts of one audit and the history that it replayed, None where there is none."""

    def __init__(self, verdicts: Sequence[AuditVerdict], history: HistoryState | None) -> None:
        self.verdicts = verdicts
        self.history = history
        self.failed = [verdict for verdict in verdicts if not verdict.passed]
        broken = {verdict.check for verdict in self.failed}
        self._signed = history is not None and not broken & SIGNED
        self._sealed = "ledger-seal" not in broken

    @cached_property
    def flaws(self) -> list[AuditVerdict]:
        """What failed of the record.

        A verifier's false word, signed by it, is in order as a record of what it said; and what witnesses
        have not signed yet is not part of the record.
        """
        return [
            entry
            for entry in self.failed
            if entry not in self.lacking and (entry.check not in WORDS or not self.accused(entry))
        ]

    @cached_property
    def lacking(self) -> list[AuditVerdict]:
        """The checkpoints that fewer witnesses have cosigned than are asked for."""
        return [entry for entry in self.failed if entry.refusal and entry.refusal.check == LACKING]

    @property
    def cosigned(self) -> bool | None:
        """Whether enough witnesses have cosigned; None where nobody asked, or nothing could be read."""
        asked = [entry for entry in self.verdicts if entry.check == "ledger-cosigned"]
        return all(entry.passed for entry in asked) if asked else None

    @property
    def consistent(self) -> bool:
        """Whether the record has no flaw."""
        return not self.flaws

    @property
    def rules_kept(self) -> bool | None:
        """Whether everybody kept the rules; None where nobody is proved guilty and the record has flaws."""
        return False if self.breaches else True if self.consistent else None

    @property
    def passed(self) -> bool:
        """Whether the record is consistent, everybody kept the rules, and no cosignature is lacking."""
        return self.rules_kept is True and not self.lacking

    @cached_property
    def breaches(self) -> tuple[Breach, ...]:
        """Who is proved to have broken which rule, the earliest first, each once."""
        if self.history is None:
            return ()
        found = [*self._refused_proofs(self.history), *self._recorded(self.history), *self._accused()]
        once = {(entry.round, entry.member, entry.what): entry for entry in reversed(found)}
        return tuple(sorted(once.values(), key=lambda entry: (entry.round or 0, entry.member, entry.what)))

    def counts(self) -> dict[str, dict[str, int]]:
        """By check, in order of appearance: how many passed, were refused and failed."""
        result: dict[str, dict[str, int]] = {}
        for verdict in self.verdicts:
            counted = result.setdefault(verdict.check, {"passed": 0, "refused": 0, "failed": 0})
            counted[outcome(verdict)] += 1
        return result

    def flaws_by_check(self) -> Counter[str]:
        """How many flaws there are, by check."""
        return Counter(verdict.check for verdict in self.flaws)

    def accused(self, verdict: AuditVerdict) -> str:
        """Whom a failed check proves guilty; "" where it proves nobody guilty."""
        refusal = verdict.refusal
        if refusal is None or not self._signed or self.history is None or verdict.check not in ACCUSING:
            return ""
        if refusal.check.startswith(UNREADABLE) or refusal.culprit not in self.history.keys:
            return ""
        if verdict.check == "fingerprint" and refusal.check != verdict.check:
            return ""
        if verdict.check == "ledger-remembered":
            # Whoever hands over a copy can cut it short, but not sign for the aggregator.
            both_signed = verdict.subject != "checkpoint" and refusal.expected.startswith("root ")
            return (
                refusal.culprit if both_signed or (self._sealed and verdict.subject != "checkpoint") else ""
            )
        return refusal.culprit

    def end(self) -> tuple[int, int, bool]:
        """Closed rounds, agreed rounds, and whether the federation came to its end."""
        if self.history is None:
            return 0, 0, False
        return len(self.history.closed), self.history.rules.rounds, self.history.phase == CLOSED

    def _refused_proofs(self, history: HistoryState) -> list[Breach]:
        said = {(f.round, f.culprit): f for f in faults(history) if f.by and f.check not in COMPLAINTS}
        result = []
        for verdict in self.verdicts:
            if verdict.refused_proof:
                number, member = verdict.refused_proof
                fault = said.get((number, member))
                by = fault.by if fault else ()
                what = PROOFS[verdict.check]
                detail = verdict.detail.removeprefix("refused: ")
                result.append(Breach(number, member, what, verdict.check, detail, (*by, "this audit")))
        return result

    def _recorded(self, history: HistoryState) -> list[Breach]:
        """What messages on record prove; what verifiers voted for is left to the audit's own check."""
        misjudged = any(verdict.check == "complaint" for verdict in self.failed)
        result = []
        for fault in faults(history):
            confirmed = not fault.by or (fault.check in COMPLAINTS and not misjudged)
            if fault.check != "revoked" and confirmed:
                by = fault.by or (history.rules.aggregator,)
                what = deed(fault.check)
                result.append(Breach(fault.round, fault.culprit, what, fault.check, fault.detail, by))
        return result

    def _accused(self) -> list[Breach]:
        result = []
        for verdict in self.failed:
            if (member := self.accused(verdict)) and verdict.refusal is not None:
                refusal = verdict.refusal
                detail = f"{verdict.subject}: expected {refusal.expected}, found {refusal.actual}"
                result.append(
                    Breach(None, member, deed(verdict.check), refusal.check, detail, ("this audit",))
                )
        return result


def outcome(verdict: AuditVerdict) -> str:
    """In one word: passed; refused, where the rule worked and somebody broke it; failed."""
    return "failed" if not verdict.passed else "refused" if verdict.refused_proof else "passed"
