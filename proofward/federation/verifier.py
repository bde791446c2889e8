"""A verifier node: checks every proof and every complaint, and says so under its signature."""

from __future__ import annotations

import time
from collections.abc import Iterator

from proofward.federation.aggregation import model_weights
from proofward.federation.complaints import judge_complaint
from proofward.federation.history_state import CONFIRM, ENDORSE, ENROLMENT, SHARES, UNMASK, UPLOAD, VERIFY
from proofward.federation.messages import (
    AcceptedSet,
    ComplaintVerdict,
    EnrolmentVerdict,
    SetEndorsement,
    Verdict,
)
from proofward.federation.participant import Participant
from proofward.federation.refusal import Refusal, describe
from proofward.federation.round_state import Said
from proofward.federation.statements import enrolment_statement, round_statement
from proofward.layers.errors import TrainingError
from proofward.proof.errors import ProofRejected

DETAIL = 400


class Verifier(Participant):
    """State machine of a verifier."""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase = self.history.phase
        if phase == ENROLMENT:
            yield from self._judge_enrolments()
        elif phase in (UPLOAD, VERIFY):
            yield from self._judge_uploads()
        elif phase == SHARES:
            yield from self._judge_complaints()
        elif phase in (ENDORSE, UNMASK):
            yield from self._endorse()
        if phase in (SHARES, ENDORSE, UNMASK, CONFIRM):
            for hospital in self.history.round.uploads:
                voters = [verifier for verifier, about in self.history.round.verdicts if about == hospital]
                self.notice_dropped(Verdict, voters, hospital)
        yield from super().duties()

    def _judge_enrolments(self) -> Iterator[bytes]:
        for hospital, said in sorted(self.history.enrolments.items()):
            if (self.name, hospital) in self.history.enrolment_verdicts:
                continue
            if (earlier := self.sent(EnrolmentVerdict, hospital)) is not None:
                yield earlier
                continue
            start = time.perf_counter()
            proof = self.objects.get(said.record.proof)
            root, check, detail = b"", "", ""
            try:
                root = self.proofs.verify_enrolment(
                    enrolment_statement(self.rules, hospital, said.record.rows), proof
                )
            except ProofRejected as error:
                check, detail = error.check, describe(error.detail, DETAIL)
            except TrainingError as error:
                check, detail = "statement", describe(str(error), DETAIL)
            self.report("verified", hospital, start, check or "accepted")
            yield self.say(EnrolmentVerdict(hospital, said.digest, not check, check, detail, root))

    def _judge_uploads(self) -> Iterator[bytes]:
        state = self.history.round
        for hospital, said in sorted(state.uploads.items()):
            if (self.name, hospital) in state.verdicts:
                continue
            if (earlier := self.sent(Verdict, hospital)) is not None:
                yield earlier
                continue
            start = time.perf_counter()
            ciphertext, proof = self.objects.get(said.record.ciphertext), self.objects.get(said.record.proof)
            weights = model_weights(self.history, self.objects, state.model)
            root, binding, check, detail = b"", b"", "", ""
            try:
                statement = round_statement(self.history, hospital, weights)
                finding = self.proofs.verify_round(statement, ciphertext, proof)
                root, binding = finding.dataset_root, finding.share_binding
            except ProofRejected as error:
                check, detail = error.check, describe(error.detail, DETAIL)
            except TrainingError as error:
                check, detail = "statement", describe(str(error), DETAIL)
            self.report("verified", hospital, start, check or "accepted")
            yield self.say(Verdict(hospital, said.digest, not check, check, detail, root, binding))

    def _endorse(self) -> Iterator[bytes]:
        state = self.history.round
        assert state.accepted is not None
        if self.name not in state.endorsements:
            yield self.endorsement(state.accepted)

    def endorsement(self, accepted: Said[AcceptedSet]) -> bytes:
        """The packet that endorses an accepted set; for a second set of one round raises Refusal."""
        name = f"endorsed/{self.history.round.number}"
        earlier = self.state.fact(name)
        if earlier is not None and earlier != accepted.digest:
            raise Refusal("second-unmasking", self.rules.aggregator, earlier.hex(), accepted.digest.hex())
        return self.say(SetEndorsement(accepted.digest), facts={name: accepted.digest})

    def _judge_complaints(self) -> Iterator[bytes]:
        state = self.history.round
        for (holder, dealer), said in sorted(state.complaints.items()):
            if (self.name, holder, dealer) in state.complaint_verdicts:
                continue
            if (earlier := self.sent(ComplaintVerdict, holder, dealer)) is not None:
                yield earlier
                continue
            start = time.perf_counter()
            upheld, detail = judge_complaint(self.history, self.objects, self.proofs, holder, dealer)
            self.report("verified", f"{holder} against {dealer}", start, "upheld" if upheld else "dismissed")
            yield self.say(ComplaintVerdict(holder, dealer, said.digest, upheld, describe(detail, DETAIL)))
