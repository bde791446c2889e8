"""The auditor's own look at what members were believed: proofs, verdicts, complaints, aggregates, models."""

from __future__ import annotations

import time
from collections.abc import Iterator

from proofward.federation.aggregation import check_aggregate, model_weights
from proofward.federation.audit_verdict import AuditVerdict
from proofward.federation.complaints import judge_complaint
from proofward.federation.envelope import Envelope
from proofward.federation.history_state import HistoryState
from proofward.federation.messages import (
    Aggregate,
    BeaconFixed,
    ComplaintVerdict,
    Enrolment,
    EnrolmentClosed,
    EnrolmentVerdict,
    Upload,
    Verdict,
    VerdictsClosed,
)
from proofward.federation.objects import Objects
from proofward.federation.proofs import Proofs
from proofward.federation.refusal import Refusal, describe, require
from proofward.federation.round_state import Finding
from proofward.federation.statements import enrolment_statement, round_statement
from proofward.layers.errors import TrainingError
from proofward.proof.errors import ProofRejected


class ProofAudit:
    """Examines entries just applied to `history`, in their order."""

    def __init__(self, history: HistoryState, objects: Objects, proofs: Proofs) -> None:
        self.history = history
        self.objects = objects
        self.proofs = proofs
        self.enrolled: dict[str, bytes | None] = {}
        self.found: dict[str, Finding | None] = {}

    def examine(self, envelope: Envelope, place: str) -> Iterator[AuditVerdict]:
        """Verdicts about what an entry claims."""
        record, sender = envelope.record, envelope.sender
        start = time.perf_counter()
        check, refusal, detail = "", None, ""
        try:
            if isinstance(record, Enrolment):
                check = "enrolment-proof"
                self.enrolled[sender], detail = self._enrolment(sender, record)
            elif isinstance(record, EnrolmentVerdict):
                check = "verdict"
                root = record.dataset_root if record.accepted else None
                require(root == self.enrolled[record.hospital], check, sender, self.enrolled[record.hospital], root)
            elif isinstance(record, EnrolmentClosed):
                check = "enrolled-set"
                expected = {name: root for name, root in self.enrolled.items() if root is not None}
                found = self.history.dataset_roots
                require(found.items() <= expected.items(), check, sender, sorted(expected), sorted(found))
            elif isinstance(record, BeaconFixed):
                check, detail = "beacon", record.beacon.hex()
                self.found = {}
            elif isinstance(record, Upload):
                check = "round-proof"
                self.found[sender], detail = self._upload(sender, record)
            elif isinstance(record, Verdict):
                check = "verdict"
                said = Finding(record.dataset_root, record.share_binding) if record.accepted else None
                agree = said == self.found[record.hospital]
                require(agree, check, sender, _words(self.found[record.hospital]), _words(said))
            elif isinstance(record, VerdictsClosed):
                check = "passed-set"
                for name, finding in self.history.round.passed.items():
                    require(finding == self.found[name], check, name, "a valid proof", "one that the auditor refuses")
            elif isinstance(record, ComplaintVerdict):
                check = "complaint"
                upheld, detail = judge_complaint(self.history, self.objects, self.proofs, record.holder, record.dealer)
                require(upheld == record.upheld, check, sender, upheld, record.upheld)
            elif isinstance(record, Aggregate):
                check, detail = "aggregate", f"model {record.model.hex()}"
                check_aggregate(self.history, self.objects)
        except Refusal as error:
            refusal = error
        if check:
            yield AuditVerdict(check, f"{place}, {sender}", refusal, detail, time.perf_counter() - start)

    def _enrolment(self, hospital: str, record: Enrolment) -> tuple[bytes | None, str]:
        proof = self.objects.get(record.proof)
        try:
            statement = enrolment_statement(self.history.rules, hospital, record.rows)
            return self.proofs.verify_enrolment(statement, proof), f"valid, {record.rows} rows"
        except (ProofRejected, TrainingError) as error:
            return None, f"refused: {describe(str(error))}"

    def _upload(self, hospital: str, record: Upload) -> tuple[Finding | None, str]:
        ciphertext, proof = self.objects.get(record.ciphertext), self.objects.get(record.proof)
        weights = model_weights(self.history, self.objects, record.model)
        try:
            statement = round_statement(self.history, hospital, weights)
            return self.proofs.verify_round(statement, ciphertext, proof), "valid"
        except (ProofRejected, TrainingError) as error:
            return None, f"refused: {describe(str(error))}"


def _words(finding: Finding | None) -> str:
    return "refused" if finding is None else f"accepted with root {finding.dataset_root.hex()}"
