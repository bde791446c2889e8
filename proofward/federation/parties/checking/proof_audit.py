"""The auditor's own look at what members were believed: proofs, verdicts, complaints, aggregates, models."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from proofward.federation.history.proving.judging import Source, Unable, source_of
from proofward.federation.history.proving.proof_jobs import EnrolmentJob, RoundJob
from proofward.federation.history.proving.proofs import Proofs
from proofward.federation.history.proving.statements import enrolment_statement, upload_statement
from proofward.federation.history.sharing.complaints import judge_complaint
from proofward.federation.history.sharing.sealing_keys import require_whole
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import Finding
from proofward.federation.history.sums.aggregation import check_aggregate, model_weights
from proofward.federation.history.sums.fingerprints import fingerprint_of, point_of
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.basics.values import Signed
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Aggregate,
    BeaconFixed,
    ComplaintVerdict,
    Enrolment,
    EnrolmentClosed,
    EnrolmentVerdict,
    Fingerprints,
    HolderKeyRoot,
    KeysClosed,
    Message,
    RoundOpened,
    StatefulAggregate,
    Upload,
    Verdict,
    Verdicts,
    VerdictsClosed,
)
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import TrainingError
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.records.enrolment import EnrolmentStatement

UNREAD = "not judged"
Checks = dict[type[Message], tuple[str, Callable[[str, Any], str]]]
Outcome = bytes | Finding | ProofRejected | Unable


@dataclass
class _Waiting:
    """An entry to be examined; a proof's with its statement, or why there is none."""

    place: str
    sender: str
    round: int
    record: Message
    statement: EnrolmentStatement | UploadStatement | None = None
    failed: ProofRejected | Refusal | None = None


class ProofAudit:
    """Examines entries just applied to `history`, in their order.

    Proofs, and verdicts on them, wait until an entry needs them or `finish`: the proofs of a round can be
    verified side by side. What could not be read (a missing object, which is a failure of its own) is not
    held against those who judged it.
    """

    def __init__(self, history: HistoryState, objects: Objects, proofs: Proofs) -> None:
        self.history = history
        self.objects = objects
        self.proofs = proofs
        self.enrolled: dict[str, bytes | None] = {}
        self.found: dict[str, Finding | None] = {}
        self._admitted: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._outcomes: dict[str, Outcome | Refusal] = {}
        self._coming: Iterator[tuple[str, Outcome]] = iter(())
        self._weights: tuple[bytes, Signed] | None = None
        self._checks: Checks = {
            Enrolment: ("enrolment-proof", self._enrolment),
            EnrolmentVerdict: ("verdict", self._enrolment_verdict),
            EnrolmentClosed: ("enrolled-set", self._enrolled_set),
            RoundOpened: ("enrolled-set", self._enrolled_set),
            BeaconFixed: ("beacon", self._beacon),
            HolderKeyRoot: ("sealing-keys", self._keys),
            KeysClosed: ("participants", self._attempt),
            Upload: ("round-proof", self._upload),
            Verdict: ("verdict", self._verdict),
            Verdicts: ("verdict", self._verdicts),
            VerdictsClosed: ("passed-set", self._passed_set),
            ComplaintVerdict: ("complaint", self._complaint),
            Aggregate: ("aggregate", self._aggregate),
            StatefulAggregate: ("aggregate", self._aggregate),
            Fingerprints: ("fingerprint", self._fingerprints),
        }

    def examine(self, envelope: Envelope, place: str) -> Iterator[AuditVerdict]:
        """The verdicts about what an entry claims, and about those that have waited for it."""
        record = envelope.record
        admitted = isinstance(record, EnrolmentClosed) or self.history.enrolled.keys() > self._admitted
        if type(record) not in self._checks or (isinstance(record, RoundOpened) and not admitted):
            return
        entry = _Waiting(place, envelope.sender, envelope.round, record)
        if isinstance(record, Enrolment | EnrolmentVerdict | Upload | Verdict | Verdicts):
            self._prepare(entry)
            self._waiting.append(entry)
            return
        yield from self.finish()
        yield self._examine(entry)

    def finish(self) -> Iterator[AuditVerdict]:
        """The verdicts about all entries that wait, in their order."""
        waiting, self._waiting, self._outcomes = self._waiting, [], {}
        self._coming = chain(
            self.proofs.verify_enrolments(self._enrolment_jobs(waiting)),
            self.proofs.verify_rounds(self._round_jobs(waiting)),
        )
        for entry in waiting:
            yield self._examine(entry)

    def _examine(self, entry: _Waiting) -> AuditVerdict:
        counts = self.history.rules.counting_in(entry.round) is not None
        counted: Checks = {Upload: ("counts-proof", self._upload)} if counts else {}
        name, check = {**self._checks, **counted}[type(entry.record)]
        start, refusal, detail = time.perf_counter(), None, ""
        try:
            detail = check(entry.sender, entry.record)
        except Refusal as error:
            refusal = error
        seconds = time.perf_counter() - start
        return AuditVerdict(
            name, f"{entry.place}, {entry.sender}", refusal, detail, seconds, self._refused(entry)
        )

    def _refused(self, entry: _Waiting) -> tuple[int, str] | None:
        """Round and hospital of a proof that does not hold."""
        if isinstance(entry.record, Enrolment | Upload) and isinstance(
            self._outcomes.get(entry.sender), ProofRejected
        ):
            return (entry.round if isinstance(entry.record, Upload) else 0), entry.sender
        return None

    def _prepare(self, entry: _Waiting) -> None:
        """The statement of a proof, while the history is where it was made."""
        record, history = entry.record, self.history
        try:
            if isinstance(record, Enrolment):
                entry.statement = enrolment_statement(history.rules, entry.sender, record.rows)
            elif isinstance(record, Upload):
                entry.statement = upload_statement(history, entry.sender, lambda: self._model(record.model))
        except TrainingError as error:
            entry.failed = ProofRejected("statement", str(error))
        except Refusal as error:
            entry.failed = error

    def _model(self, digest: bytes) -> Signed:
        if self._weights is None or self._weights[0] != digest:
            self._weights = digest, model_weights(self.history, self.objects, digest)
        return self._weights[1]

    def _enrolment_jobs(self, waiting: list[_Waiting]) -> Iterator[EnrolmentJob]:
        for entry in waiting:
            if isinstance(entry.record, Enrolment) and (objects := self._read(entry, entry.record.proof)):
                assert isinstance(entry.statement, EnrolmentStatement)
                yield EnrolmentJob(entry.sender, entry.statement, *objects)

    def _round_jobs(self, waiting: list[_Waiting]) -> Iterator[RoundJob]:
        for entry in waiting:
            record = entry.record
            if isinstance(record, Upload) and (objects := self._read(entry, record.ciphertext, record.proof)):
                assert isinstance(entry.statement, UploadStatement)
                yield RoundJob(entry.sender, entry.statement, record.sealed_shares, *objects)

    def _read(self, entry: _Waiting, *digests: bytes) -> list[Source]:
        """The objects of a proof that can be verified; none, and why, of another."""
        try:
            if entry.failed is None:
                return [source_of(self.objects, digest) for digest in digests]
            self._outcomes[entry.sender] = entry.failed
        except Refusal as refusal:
            self._outcomes[entry.sender] = refusal
        return []

    def _outcome(self, hospital: str) -> bytes | Finding | ProofRejected:
        """Of a hospital's proof among those that wait; raises Refusal when there is none."""
        if hospital not in self._outcomes:
            for key, found in self._coming:
                self._outcomes[key] = found
                if hospital in self._outcomes:
                    break
        outcome = self._outcomes[hospital]
        if isinstance(outcome, Refusal):
            raise outcome
        if isinstance(outcome, Unable):
            raise Refusal("unjudged", "unknown", "a verification that ends", describe(str(outcome)))
        return outcome

    def _enrolment(self, hospital: str, record: Enrolment) -> str:
        outcome = self._outcome(hospital)
        if isinstance(outcome, ProofRejected):
            self.enrolled[hospital] = None
            return f"refused: {describe(str(outcome))}"
        assert isinstance(outcome, bytes)
        self.enrolled[hospital] = outcome
        return f"valid, {record.rows} rows"

    def _enrolment_verdict(self, verifier: str, record: EnrolmentVerdict) -> str:
        if record.hospital not in self.enrolled:
            return UNREAD
        own, said = self.enrolled[record.hospital], record.dataset_root if record.accepted else None
        require(own == said, "verdict", verifier, own or "refused", said or "refused")
        return ""

    def _enrolled_set(self, aggregator: str, record: EnrolmentClosed | RoundOpened) -> str:
        admitted = [name for name in self.history.enrolled if name not in self._admitted]
        self._admitted.update(admitted)
        for name in admitted:
            root = self.history.dataset_roots[name]
            own = self.enrolled.get(name, root)
            require(own == root, "enrolled-set", name, own or "an enrolment that is refused", root)
        return ", ".join(admitted)

    def _beacon(self, aggregator: str, record: BeaconFixed) -> str:
        model = hashlib.sha256(self.objects.get(record.model)).digest()
        require(model == record.model, "first-model", aggregator, record.model, model)
        drawn = "trusted first model" if self.history.rules.trusts_first_model else "first model drawn"
        return f"{record.beacon.hex()}, {drawn}: {record.model.hex()}"

    def _keys(self, holder: str, record: HolderKeyRoot) -> str:
        try:
            data = self.objects.get(record.keys) if record.number else b""
        except Refusal:
            return UNREAD
        require_whole(holder, record, lambda _: data)
        return f"{record.number} keys under {record.root.hex()}" if record.number else "none"

    def _attempt(self, aggregator: str, record: KeysClosed) -> str:
        self.found = {}
        return ", ".join(record.hospitals)

    def _upload(self, hospital: str, record: Upload) -> str:
        outcome = self._outcome(hospital)
        if isinstance(outcome, ProofRejected):
            self.found[hospital] = None
            return f"refused: {describe(str(outcome))}"
        assert isinstance(outcome, Finding)
        self.found[hospital] = outcome
        return "valid"

    def _verdict(self, verifier: str, record: Verdict) -> str:
        if record.hospital not in self.found:
            return UNREAD
        own = self.found[record.hospital]
        said = Finding(record.dataset_root, record.share_binding) if record.accepted else None
        require(own == said, "verdict", verifier, _words(own), _words(said))
        return ""

    def _verdicts(self, verifier: str, record: Verdicts) -> str:
        for verdict in record.verdicts:
            self._verdict(verifier, verdict)
        return f"on {len(record.verdicts)} proofs"

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

    def _fingerprints(self, verifier: str, record: Fingerprints) -> str:
        point = point_of(self.history)
        for name, said in zip(record.hospitals, record.values, strict=True):
            own = fingerprint_of(self.history, self.objects, name, point)
            require(own == said, "fingerprint", verifier, own, said)
        return f"of {len(record.hospitals)} ciphertexts"

    def _aggregate(self, aggregator: str, record: Aggregate) -> str:
        check_aggregate(self.history, self.objects)
        if (counting := self.history.counting) is not None:
            accepted = self.history.round.accepted
            whose = ", ".join(accepted.record.hospitals) if accepted is not None else "nobody"
            return f"{counting.label}, the sum of {counting.length} counts of {whose}; the model stays"
        return f"model {record.model.hex()}"


def _words(finding: Finding | None) -> str:
    return "refused" if finding is None else f"accepted with root {finding.dataset_root.hex()}"
