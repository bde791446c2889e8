"""A verifier's look at evidence of machines: it says what it finds, and nothing where it cannot look."""

from __future__ import annotations

import time
from collections.abc import Iterator

from proofward.attestation.errors import CannotVerify, EvidenceRefused
from proofward.federation.history.proving.attestation_judging import DETAIL, judge
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.steps.attestation import verdicts_on
from proofward.federation.messages.basics.refusal import describe
from proofward.federation.messages.records.attestation import Attestation, AttestationVerdict
from proofward.federation.parties.following.participant import Participant


class EvidenceJudge(Participant):
    """Judges evidence that members have shown."""

    def judge_evidence(self) -> Iterator[bytes]:
        """A verdict on each that this verifier has not judged."""
        for (member, _), said in sorted(self.history.attestations.items()):
            if self.name in verdicts_on(self.history, said) or member in self.history.revoked:
                continue
            if (earlier := self.sent(AttestationVerdict, member, said.digest.hex())) is not None:
                yield earlier
                continue
            start, fact = time.perf_counter(), f"unable/evidence/{said.digest.hex()}"
            try:
                found = self.evidence_verdict(member, said)
            except CannotVerify as reason:
                if self.state.fact(fact) is None:
                    with self.state.transaction():
                        self.state.put(fact, b"")
                    self.report("unable", member, start, str(reason))
                continue
            self.report("verified", member, start, f"evidence: {found.check or 'accepted'}")
            yield self.say(found)

    def evidence_verdict(self, member: str, said: Recorded[Attestation]) -> AttestationVerdict:
        """What to say of evidence; raises CannotVerify, and Refusal where an object is missing."""
        try:
            judge(self.history, self.objects, said)
        except EvidenceRefused as error:
            detail = describe(f"expected {error.expected}, found {error.actual}", DETAIL)
            return AttestationVerdict(member, said.digest, False, error.check, detail)
        return AttestationVerdict(member, said.digest, True, "", "")
