"""A verifier node: checks every proof and every complaint, and says so under its signature."""

from __future__ import annotations

import time
from collections.abc import Iterator

from proofward.federation.history.progress.stopping import BY_RULE, stand_of
from proofward.federation.history.proving.judging import source_of
from proofward.federation.history.proving.proof_jobs import EnrolmentJob
from proofward.federation.history.proving.statements import enrolment_statement
from proofward.federation.history.sharing.complaints import judge_complaint
from proofward.federation.history.state.history_state import (
    ABANDON,
    ANY_PHASE,
    CONFIRM,
    CONSENT,
    LOCK,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
)
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.steps.admission import check_candidate
from proofward.federation.history.steps.fingerprints import due_again, said_own
from proofward.federation.history.steps.heads import owed_signature
from proofward.federation.history.sums.fingerprints import fingerprint_of, owed, point_of
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.records.catalogue import (
    AdmissionVote,
    ComplaintVerdict,
    EndVote,
    Enrolment,
    EnrolmentVerdict,
    Fingerprints,
    HeadSigned,
)
from proofward.federation.messages.records.heads import sign_head
from proofward.federation.parties.checking.proof_judge import DETAIL, ProofJudge
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.federation.parties.following.follower import REASON
from proofward.ledger.keys import SigningKey
from proofward.proof.errors import ProofRejected

ADMISSION = "admission/"


class Verifier(ProofJudge):
    """State machine of a verifier."""

    def __init__(
        self, name: str, key: SigningKey, around: Surroundings, next_key: SigningKey | None = None
    ) -> None:
        super().__init__(name, key, around, next_key)
        self._evaluated = 0

    def request_end(self, reason: str, at_once: bool = False) -> bool:
        """An operator's wish that the federation end before all rounds: stored, and sent when it works next.

        The end comes after the open round, or at once. False when it was asked for before.
        """
        if self.state.fact(_wish(at_once)) is not None:
            return False
        with self.state.transaction():
            self.state.put(_wish(at_once), describe(reason, REASON).encode())
        return True

    def _votes(self) -> Iterator[bytes]:
        yield from super()._votes()
        if self.history.phase not in ANY_PHASE:
            return
        yield from self._admit()
        self._keep_to_the_rule_on_stopping()
        for at_once in (False, True):
            reason = self.state.fact(_wish(at_once))
            if reason is not None and (self.name, at_once) not in self.history.end_votes:
                yield self.say(EndVote(at_once, reason.decode()))

    def _keep_to_the_rule_on_stopping(self) -> None:
        """Asks for an end at once where the rule is met, without any operator.

        What cannot be read now is looked for again.
        """
        closed = len(self.history.closed)
        if self.rules.stopping is None or closed in (self._evaluated, self.rules.rounds):
            return
        try:
            stand = stand_of(self.history, self.objects)
        except Refusal as refusal:
            self.report("refused", refusal.check, refusal=refusal)
            return
        self._evaluated = closed
        if stand is not None and stand.met:
            self.request_end(BY_RULE, at_once=True)

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase = self.history.phase
        yield from self._sign_head()
        if phase in (UPLOAD, VERIFY):
            yield from self.judge_uploads()
        elif phase == SHARES:
            yield from self._judge_complaints()
        elif phase == CONFIRM and self.rules.scaling.fingerprints:
            yield from self._say_fingerprints()
        if phase in (SHARES, CONSENT, LOCK, UNMASK, ABANDON, CONFIRM):
            self.notice_dropped_verdicts()
        yield from super().duties()
        if phase in ANY_PHASE:
            yield from self.judge_evidence()
            yield from self._judge_enrolments()

    def request_admission(self, member: str, key: bytes) -> None:
        """An operator's wish that a hospital be admitted with this key: stored, and sent when it works next.

        Raises Refusal.
        """
        check_candidate(self.history, self.name, member, key)
        fact = f"{ADMISSION}{member}/{key.hex()}"
        if self.state.fact(fact) is None:
            with self.state.transaction():
                self.state.put(fact, b"")

    def _admit(self) -> Iterator[bytes]:
        """Votes for hospitals; of those that can be admitted no more nothing is said."""
        for fact in self.state.fact_names(ADMISSION):
            member, _, key = fact.removeprefix(ADMISSION).partition("/")
            record = AdmissionVote(member, bytes.fromhex(key))
            if (self.name, member, record.key) in self.history.admission_votes:
                continue
            try:
                check_candidate(self.history, self.name, member, record.key)
            except Refusal:
                continue
            if member not in self.history.admitted:
                yield self.say(record)

    def _judge_enrolments(self) -> Iterator[bytes]:
        waiting: dict[str, Recorded[Enrolment]] = {}
        for hospital, said in sorted(self.history.enrolments.items()):
            judged = (self.name, hospital) in self.history.enrolment_verdicts
            if judged or hospital in self.history.revoked:
                continue
            if (earlier := self.sent(EnrolmentVerdict, hospital)) is not None:
                yield earlier
            elif said.digest not in self._unable:
                waiting[hospital] = said
        for hospital, outcome in self._outcomes(waiting, self._enrolment_job, self.proofs.verify_enrolments):
            yield self.say(self.enrolment_verdict(hospital, waiting[hospital], outcome))

    def _enrolment_job(self, hospital: str, said: Recorded[Enrolment]) -> EnrolmentJob:
        statement = enrolment_statement(self.rules, hospital, said.record.rows)
        return EnrolmentJob(hospital, statement, source_of(self.objects, said.record.proof))

    def enrolment_verdict(
        self, hospital: str, said: Recorded[Enrolment], outcome: bytes | ProofRejected
    ) -> EnrolmentVerdict:
        """What to say of an enrolment."""
        if isinstance(outcome, ProofRejected):
            detail = describe(outcome.detail, DETAIL)
            return EnrolmentVerdict(hospital, said.digest, False, outcome.check, detail, b"")
        return EnrolmentVerdict(hospital, said.digest, True, "", "", outcome)

    def _say_fingerprints(self) -> Iterator[bytes]:
        """Of what it has accepted, and of what others disagree about."""
        state = self.history.round
        assert state.aggregate is not None
        if not said_own(self.history, self.name):
            earlier = self.sent(Fingerprints)
            own = owed(self.history, self.name)
            yield earlier if earlier is not None else self.say(self.fingerprints(own))
        for name in list(due_again(self.history, self.name)):
            if said_own(self.history, self.name):
                earlier = self.sent(Fingerprints, name)
                yield earlier if earlier is not None else self.say(self.fingerprints((name,), again=True))

    def fingerprints(self, hospitals: tuple[str, ...], again: bool = False) -> Fingerprints:
        """What to say of these ciphertexts."""
        said = self.history.round.aggregate
        assert said is not None
        point = point_of(self.history)
        values = tuple(fingerprint_of(self.history, self.objects, name, point) for name in hospitals)
        return Fingerprints(said.digest, hospitals, values, again)

    def _sign_head(self) -> Iterator[bytes]:
        """The signature of the newest head, where the rules have them."""
        if (size := owed_signature(self.history, self.name)) is not None:
            digest = self.history.heads.digests[size]
            earlier = self.sent(HeadSigned, str(size))
            yield earlier or self.say(HeadSigned(size, digest, sign_head(digest, self.key)))

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


def _wish(at_once: bool) -> str:
    """Name of the stored fact that the operator wants an end."""
    return "end/at once" if at_once else "end/after the round"
