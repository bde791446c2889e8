"""What a verifier says of proofs: of each as it comes, or of all together, as the rules say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

from proofward.encoding import decode, encode
from proofward.federation.history.proving.judging import Unable
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.state.history_state import VERIFY
from proofward.federation.history.state.judges import judges_of
from proofward.federation.history.state.round_state import Finding, M, Recorded
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Upload, Verdict, Verdicts
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.checking.evidence_judge import EvidenceJudge
from proofward.layers.basics.errors import TrainingError
from proofward.proof.errors import ProofRejected

DETAIL = 400
MOST_TOGETHER = 1 << 17
"""Bytes of verdicts in one message, unless it has only one: half of what is recorded of a refused message."""
J = TypeVar("J")
T = TypeVar("T")


class ProofJudge(EvidenceJudge):
    """Judges the proofs of uploads; a subclass also those of enrolments."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._unable: set[bytes] = set()
        self._found: dict[bytes, Verdict] = {}

    def judge_uploads(self) -> Iterator[bytes]:
        """Verdicts on the uploads that this verifier has to judge, one by one or together."""
        if self.rules.scaling.verdicts_together:
            yield from self._judge_together()
            return
        waiting: dict[str, Recorded[Upload]] = {}
        for hospital, said in self._owed().items():
            if (earlier := self.sent(Verdict, hospital)) is not None:
                yield earlier
            elif said.digest not in self._unable:
                waiting[hospital] = said
        for hospital, outcome in self._outcomes(waiting, self._round_job, self.proofs.verify_rounds):
            yield self.say(self.verdict(hospital, waiting[hospital], outcome))

    def _judge_together(self) -> Iterator[bytes]:
        """Judges uploads as they come, and says all verdicts when no more are to come.

        What was sent and is not recorded is sent again; what is asked of it later goes into further parts.
        """
        part, said = 0, set[str]()
        while (packet := self.sent(Verdicts, str(part))) is not None:
            part += 1
            if packet:
                record = decode(parse(Packet, packet).envelope, Envelope).record
                assert isinstance(record, Verdicts)
                said |= {own.hospital for own in record.verdicts}
                yield packet
        owed = {hospital: upload for hospital, upload in self._owed().items() if hospital not in said}
        known = self._found.keys() | self._unable
        waiting = {hospital: upload for hospital, upload in owed.items() if upload.digest not in known}
        missing: Refusal | None = None
        try:
            for hospital, outcome in self._outcomes(waiting, self._round_job, self.proofs.verify_rounds):
                upload = waiting[hospital]
                self._found[upload.digest] = self.verdict(hospital, upload, outcome)
        except Refusal as refusal:
            missing = refusal
        digests = [upload.digest for upload in owed.values()]
        self._found = {digest: self._found[digest] for digest in digests if digest in self._found}
        if self.history.phase == VERIFY:
            for number, verdicts in enumerate(in_parts(self._found.values()), part):
                yield self.say(Verdicts(number, verdicts))
        if missing is not None:
            raise missing

    def _owed(self) -> dict[str, Recorded[Upload]]:
        """Uploads on which this verifier's verdict is not recorded, by hospital, ascending."""
        state = self.history.round
        return {
            hospital: said
            for hospital, said in sorted(state.uploads.items())
            if (self.name, hospital) not in state.verdicts and self.name in judges_of(self.history, hospital)
        }

    def notice_dropped_verdicts(self) -> None:
        """Reports verdicts of its own that a phase was closed without."""
        state = self.history.round
        if self.rules.scaling.verdicts_together:
            self.notice_dropped(Verdicts, {by for by, _ in state.verdicts}, "0")
            return
        for hospital in state.uploads:
            self.notice_dropped(Verdict, state.verdicts.about(hospital), hospital)

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


def in_parts(verdicts: Iterable[Verdict]) -> Iterator[tuple[Verdict, ...]]:
    """The same, in messages that are not too long."""
    part, size = list[Verdict](), 0
    for verdict in verdicts:
        length = len(encode(verdict))
        if part and size + length > MOST_TOGETHER:
            yield tuple(part)
            part, size = [], 0
        part.append(verdict)
        size += length
    if part:
        yield tuple(part)
