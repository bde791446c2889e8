"""A verifier node: checks every proof and every complaint, and says so under its signature."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TypeVar

from proofward.federation.history.admission_steps import check_candidate
from proofward.federation.history.complaints import judge_complaint
from proofward.federation.history.fingerprint_steps import due_again, said_own
from proofward.federation.history.fingerprints import fingerprint_of, owed, point_of
from proofward.federation.history.head_steps import owed_signature
from proofward.federation.history.history_state import (
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
from proofward.federation.history.judges import judges_of
from proofward.federation.history.judging import Unable, source_of
from proofward.federation.history.proof_jobs import EnrolmentJob, RoundJob
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.round_state import Finding, M, Recorded
from proofward.federation.history.statements import enrolment_statement
from proofward.federation.history.stopping import BY_RULE, stand_of
from proofward.federation.messages.catalogue import (
    AdmissionVote,
    ComplaintVerdict,
    EndVote,
    Enrolment,
    EnrolmentVerdict,
    Fingerprints,
    HeadSigned,
    Upload,
    Verdict,
)
from proofward.federation.messages.head_records import sign_head
from proofward.federation.messages.refusal import Refusal, describe
from proofward.federation.parties.evidence_judge import EvidenceJudge
from proofward.federation.parties.follower import REASON
from proofward.federation.parties.surroundings import Surroundings
from proofward.layers.errors import TrainingError
from proofward.ledger.keys import SigningKey
from proofward.proof.errors import ProofRejected

DETAIL = 400
ADMISSION = "admission/"
J = TypeVar("J")
T = TypeVar("T")


class Verifier(EvidenceJudge):
    """State machine of a verifier."""

    def __init__(
        self, name: str, key: SigningKey, around: Surroundings, next_key: SigningKey | None = None
    ) -> None:
        super().__init__(name, key, around, next_key)
        self._unable: set[bytes] = set()
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
            yield from self._judge_uploads()
        elif phase == SHARES:
            yield from self._judge_complaints()
        elif phase == CONFIRM and self.rules.scaling.fingerprints:
            yield from self._say_fingerprints()
        if phase in (SHARES, CONSENT, LOCK, UNMASK, ABANDON, CONFIRM):
            for hospital in self.history.round.uploads:
                self.notice_dropped(Verdict, self.history.round.verdicts.about(hospital), hospital)
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

    def _judge_uploads(self) -> Iterator[bytes]:
        state = self.history.round
        waiting: dict[str, Recorded[Upload]] = {}
        for hospital, said in sorted(state.uploads.items()):
            if (self.name, hospital) in state.verdicts or self.name not in judges_of(self.history, hospital):
                continue
            if (earlier := self.sent(Verdict, hospital)) is not None:
                yield earlier
            elif said.digest not in self._unable:
                waiting[hospital] = said
        for hospital, outcome in self._outcomes(waiting, self._round_job, self.proofs.verify_rounds):
            yield self.say(self.verdict(hospital, waiting[hospital], outcome))

    def _round_job(self, hospital: str, said: Recorded[Upload]) -> RoundJob:
        return round_job(self.history, self.objects, hospital)

    def verdict(self, hospital: str, said: Recorded[Upload], outcome: Finding | ProofRejected) -> Verdict:
        """What to say of an upload."""
        if isinstance(outcome, ProofRejected):
            detail = describe(outcome.detail, DETAIL)
            return Verdict(hospital, said.digest, False, outcome.check, detail, b"", b"")
        return Verdict(hospital, said.digest, True, "", "", outcome.dataset_root, outcome.share_binding)

    def _outcomes(
        self,
        waiting: Mapping[str, Recorded[M]],
        job: Callable[[str, Recorded[M]], J],
        verify: Callable[[Iterable[J]], Iterator[tuple[str, T | ProofRejected | Unable]]],
    ) -> Iterator[tuple[str, T | ProofRejected]]:
        """By hospital, as they are ready.

        Of a proof that could not be judged nothing is said, and it is not tried again before a restart; a
        Refusal is raised when all others are through.
        """
        started: dict[str, float] = {}
        impossible: list[tuple[str, T | ProofRejected | Unable]] = []
        missing: list[Refusal] = []

        def jobs() -> Iterator[J]:
            for hospital, said in waiting.items():
                started[hospital] = time.perf_counter()
                try:
                    made = job(hospital, said)
                except TrainingError as error:
                    impossible.append((hospital, ProofRejected("statement", str(error))))
                except Refusal as refusal:
                    missing.append(refusal)
                else:
                    yield made

        for hospital, outcome in chain(verify(jobs()), impossible):
            if isinstance(outcome, Unable):
                self._unable.add(waiting[hospital].digest)
                detail = f"{hospital}: {describe(str(outcome), DETAIL)}"
                self.report("unable", hospital, started[hospital], detail)
                continue
            check = outcome.check if isinstance(outcome, ProofRejected) else "accepted"
            self.report("verified", hospital, started[hospital], check)
            yield hospital, outcome
        if missing:
            raise missing[0]

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
