"""The auditor's own look at what members were believed: proofs, verdicts, complaints, aggregates, models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

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
    Message,
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

UNREAD = "not judged: an object is missing"


class ProofAudit:
    """Examines entries just applied to `history`, in their order.

    What could not be read (a missing object, which is a failure of its own) is not held against those who
    judged it.
    """

    def __init__(self, history: HistoryState, objects: Objects, proofs: Proofs) -> None:
        self.history = history
        self.objects = objects
        self.proofs = proofs
        self.enrolled: dict[str, bytes | None] = {}
        self.found: dict[str, Finding | None] = {}
        self._checks: dict[type[Message], tuple[str, Callable[[str, Any], str]]] = {
            Enrolment: ("enrolment-proof", self._enrolment),
            EnrolmentVerdict: ("verdict", self._enrolment_verdict),
            EnrolmentClosed: ("enrolled-set", self._enrolled_set),
            BeaconFixed: ("beacon", self._beacon),
            Upload: ("round-proof", self._upload),
            Verdict: ("verdict", self._verdict),
            VerdictsClosed: ("passed-set", self._passed_set),
            ComplaintVerdict: ("complaint", self._complaint),
            Aggregate: ("aggregate", self._aggregate),
        }

    def examine(self, envelope: Envelope, place: str) -> Iterator[AuditVerdict]:
        """At most one verdict, about what an entry claims."""
        record, sender = envelope.record, envelope.sender
        if type(record) not in self._checks:
            return
        name, check = self._checks[type(record)]
        start, refusal, detail = time.perf_counter(), None, ""
        try:
            detail = check(sender, record)
        except Refusal as error:
            refusal = error
        yield AuditVerdict(name, f"{place}, {sender}", refusal, detail, time.perf_counter() - start)

    def _enrolment(self, hospital: str, record: Enrolment) -> str:
        proof = self.objects.get(record.proof)
        try:
            statement = enrolment_statement(self.history.rules, hospital, record.rows)
            self.enrolled[hospital] = self.proofs.verify_enrolment(statement, proof)
        except (ProofRejected, TrainingError) as error:
            self.enrolled[hospital] = None
            return f"refused: {describe(str(error))}"
        return f"valid, {record.rows} rows"

    def _enrolment_verdict(self, verifier: str, record: EnrolmentVerdict) -> str:
        if record.hospital not in self.enrolled:
            return UNREAD
        own, said = self.enrolled[record.hospital], record.dataset_root if record.accepted else None
        require(own == said, "verdict", verifier, own or "refused", said or "refused")
        return ""

    def _enrolled_set(self, aggregator: str, record: EnrolmentClosed) -> str:
        for name, root in self.history.dataset_roots.items():
            own = self.enrolled.get(name, root)
            require(own == root, "enrolled-set", name, own or "an enrolment that is refused", root)
        return ""

    def _beacon(self, aggregator: str, record: BeaconFixed) -> str:
        self.found = {}
        return record.beacon.hex()

    def _upload(self, hospital: str, record: Upload) -> str:
        ciphertext, proof = self.objects.get(record.ciphertext), self.objects.get(record.proof)
        weights = model_weights(self.history, self.objects, record.model)
        try:
            statement = round_statement(self.history, hospital, weights)
            self.found[hospital] = self.proofs.verify_round(statement, ciphertext, proof)
        except (ProofRejected, TrainingError) as error:
            self.found[hospital] = None
            return f"refused: {describe(str(error))}"
        return "valid"

    def _verdict(self, verifier: str, record: Verdict) -> str:
        if record.hospital not in self.found:
            return UNREAD
        own = self.found[record.hospital]
        said = Finding(record.dataset_root, record.share_binding) if record.accepted else None
        require(own == said, "verdict", verifier, _words(own), _words(said))
        return ""

    def _passed_set(self, aggregator: str, record: VerdictsClosed) -> str:
        for name, finding in self.history.round.passed.items():
            own = self.found.get(name, finding)
            require(own == finding, "passed-set", name, _words(own), _words(finding))
        return ""

    def _complaint(self, verifier: str, record: ComplaintVerdict) -> str:
        upheld, detail = judge_complaint(
            self.history, self.objects, self.proofs, record.holder, record.dealer
        )
        require(upheld == record.upheld, "complaint", verifier, upheld, record.upheld)
        return detail

    def _aggregate(self, aggregator: str, record: Aggregate) -> str:
        check_aggregate(self.history, self.objects)
        return f"model {record.model.hex()}"


def _words(finding: Finding | None) -> str:
    return "refused" if finding is None else f"accepted with root {finding.dataset_root.hex()}"
