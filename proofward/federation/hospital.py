"""A hospital: enrols its dataset, trains, proves, encrypts, holds key shares, and helps to unmask one sum a
round.

Secrets are stored before what depends on them is sent. A proof is made once for an attempt; a spent dataset
commitment is stored as spent together with the proof that opened it. For each round at most one accepted set
is ever unmasked.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from proofward.federation.aggregation import model_weights, sum_shares
from proofward.federation.complaints import holder_keys, open_share, pair_of, seal_share
from proofward.federation.follower import Surroundings
from proofward.federation.history_state import (
    ANY_PHASE,
    COMMIT,
    CONFIRM,
    ENDORSE,
    REVEAL,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
)
from proofward.federation.messages import (
    AcceptedSet,
    Enrolment,
    NonceCommitment,
    ShareComplaint,
    SharesChecked,
    ShareSum,
    Upload,
)
from proofward.federation.participant import Participant
from proofward.federation.proofs import ProvedRound, Unable
from proofward.federation.refusal import Refusal, describe
from proofward.federation.round_jobs import round_job
from proofward.federation.round_state import Finding, Said
from proofward.federation.statements import enrolment_statement, round_statement
from proofward.federation.values import words_to_bytes
from proofward.lattice.sealing import pair_secret
from proofward.layers.errors import TrainingError
from proofward.ledger.keys import SigningKey
from proofward.proof.errors import OpeningsExhausted, ProofRejected, WitnessError
from proofward.relations.round_statement import RoundStatement

Signed = NDArray[np.int64]
CANNOT_PROVE = (TrainingError, OpeningsExhausted, WitnessError)


class Hospital(Participant):
    """State machine of a hospital. features int64 (n, d) at scale fa, labels int64 (n,): needed until it is
    enrolled.
    """

    def __init__(
        self,
        name: str,
        key: SigningKey,
        around: Surroundings,
        features: Signed,
        labels: Signed,
        next_key: SigningKey | None = None,
    ) -> None:
        super().__init__(name, key, around, next_key)
        self.features = features
        self.labels = labels

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase, history = self.history.phase, self.history
        if phase in ANY_PHASE and self.name not in history.enrolments:
            yield from self._enrol()
        if phase == COMMIT:
            self._forget()
        elif phase == UPLOAD:
            yield from self._upload()
        elif phase == SHARES:
            yield from self._check_shares()
        elif phase == UNMASK:
            yield from self._unmask()
        if phase in (REVEAL, UPLOAD):
            self.notice_dropped(NonceCommitment, history.round.commitments)
        if phase in (VERIFY, SHARES, ENDORSE, UNMASK, CONFIRM):
            self.notice_dropped(Upload, history.round.uploads)
        if phase == CONFIRM:
            self.notice_dropped(ShareSum, history.round.share_sums)
        yield from super().duties()

    def _enrol(self) -> Iterator[bytes]:
        if self.state.fact("unable/enrolment") is not None:
            return
        if (earlier := self.sent(Enrolment)) is not None:
            yield earlier
            return
        start = time.perf_counter()
        try:
            rows, proof, root, secret = self.prove_enrolment()
        except CANNOT_PROVE as error:
            self._unable("unable/enrolment", str(error))
            return
        self.report("proved", "enrolment", start)
        record = Enrolment(rows, self.features.shape[1], hashlib.sha256(proof).digest())
        yield self.say(record, (proof,), {f"dataset/{root.hex()}": secret})

    def prove_enrolment(self) -> tuple[int, bytes, bytes, bytes]:
        """(rows, proof, dataset root, dataset secret)."""
        rows = len(self.labels)
        statement = enrolment_statement(self.rules, self.name, rows)
        proof, root, secret = self.proofs.prove_enrolment(
            statement, self.features, self.labels, self.source("prove-enrolment")
        )
        return rows, proof, root, secret

    def sealing_keys(self) -> tuple[tuple[bytes, ...], bytes]:
        """One key pair a dealer, from one fresh seed."""
        seed = self.source("sealing")(32)
        return holder_keys(self.history, self.name, seed), seed

    def _upload(self) -> Iterator[bytes]:
        state, unable = self.history.round, self.fact_name("unable")
        if (
            self.name not in state.committed
            or self.name in state.uploads
            or self.state.fact(unable) is not None
        ):
            return
        if (earlier := self.sent(Upload)) is not None:
            yield earlier
            return
        start = time.perf_counter()
        try:
            weights = model_weights(self.history, self.objects, state.model)
            statement = round_statement(self.history, self.name, weights)
            secret = self.state.fact(f"dataset/{statement.dataset_root.hex()}")
            if secret is None:
                raise WitnessError(f"no dataset with root {statement.dataset_root.hex()} in the stored state")
            made = self.prove_round(statement, secret)
        except CANNOT_PROVE as error:
            self._unable(unable, str(error))
            return
        self.report("proved", "upload", start)
        yield self.publish(statement, made)

    def _forget(self) -> None:
        """Erases the secrets of attempts that are over and of dataset commitments that are replaced."""
        with self.state.transaction():
            for label in ("nonce", "sealing", "own-share"):
                self.state.drop_others(f"{label}/", self.fact_name(label))
            if (root := self.history.dataset_roots.get(self.name)) is not None:
                self.state.drop_others("dataset/", f"dataset/{root.hex()}")

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Trains, encrypts and proves."""
        return self.proofs.prove_round(
            statement,
            secret,
            self.source("prove-round", statement.beacon),
            lambda phase: self.report("proving", phase),
        )

    def publish(self, statement: RoundStatement, made: ProvedRound) -> bytes:
        """Seals the shares, stores all secrets, and gives the packet with the upload."""
        state, hospitals = self.history.round, self.rules.hospitals
        sealed = [
            self.seal_share(holder, made.shares[index])
            if holder in state.committed and holder != self.name
            else None
            for index, holder in enumerate(hospitals)
        ]
        record = Upload(
            model=state.model,
            beacon=state.beacon,
            dataset_root=statement.dataset_root,
            rows=statement.rows,
            ciphertext=hashlib.sha256(made.ciphertext).digest(),
            proof=hashlib.sha256(made.proof).digest(),
            sealed_shares=tuple(b"" if data is None else hashlib.sha256(data).digest() for data in sealed),
        )
        facts = {
            f"dataset/{statement.dataset_root.hex()}": made.spent,
            f"dataset/{made.root.hex()}": made.dataset,
            self.fact_name("own-share"): made.shares[self.rules.holder(self.name)],
        }
        attachments = (made.ciphertext, made.proof, *(data for data in sealed if data is not None))
        return self.say(record, attachments, facts)

    def seal_share(self, holder: str, share: bytes) -> bytes:
        """A share sealed to its holder."""
        return seal_share(self.history, self.name, holder, share)

    def _unable(self, fact: str, reason: str) -> None:
        with self.state.transaction():
            self.state.put(fact, reason.encode())
        self.report("unable", fact, detail=describe(reason, 400))

    def share_from(self, dealer: str) -> bytes | None:
        """This hospital's good share from a dealer, or None."""
        if dealer == self.name:
            return self.state.fact(self.fact_name("own-share"))
        seed = self.state.fact(self.fact_name("sealing"))
        if seed is None:
            return None
        return open_share(self.history, self.objects, self.proofs, dealer, self.name, seed)

    def _check_shares(self) -> Iterator[bytes]:
        state = self.history.round
        seed = self.state.fact(self.fact_name("sealing"))
        if self.name not in state.committed or self.name in state.checked or seed is None:
            return
        waiting = False
        for dealer in state.passed:
            if dealer == self.name or (self.name, dealer) in state.complaints:
                continue
            start = time.perf_counter()
            good = self.share_from(dealer) is not None
            self.report("share checked", dealer, start, "good" if good else "bad")
            if not good:
                waiting = True
                if not self._bound_by_proof(dealer):
                    continue
                key = pair_secret(seed, pair_of(self.history, dealer, self.name))
                yield self.say(ShareComplaint(dealer, state.uploads[dealer].digest, key))
        if not waiting:
            accused = {dealer for holder, dealer in state.complaints if holder == self.name}
            yield self.say(SharesChecked(tuple(sorted(set(state.passed) - accused))))

    def _bound_by_proof(self, dealer: str) -> bool:
        """Whether the share binding that the verifiers named is the one of the dealer's proof, found by
        verifying it here; raises Refusal when it is not, False when that cannot be told.

        A complaint opens the holder's share for everybody. On the verifiers' word alone, enough of them could
        have all shares of an honest dealer opened by naming a false binding.
        """
        state = self.history.round
        named = state.passed[dealer]
        found: Finding | ProofRejected | Unable
        try:
            ((_, found),) = self.proofs.verify_rounds([round_job(self.history, self.objects, dealer)])
        except TrainingError as error:
            found = ProofRejected("statement", str(error))
        if isinstance(found, Unable):
            self.report("unable", f"complaint/{dealer}", detail=describe(str(found), 400))
            return False
        if found != named:
            votes = sorted(state.verdicts.items())
            said = {
                voter: Finding(verdict.dataset_root, verdict.share_binding)
                for (voter, about), verdict in votes
                if about == dealer and verdict.accepted
            }
            liars = [voter for voter, finding in said.items() if finding == named]
            told = "a refused proof" if isinstance(found, ProofRejected) else "another share binding or root"
            raise Refusal("verdict", liars[0], f"what the proof of {dealer} says: {told}", ", ".join(liars))
        return True

    def _unmask(self) -> Iterator[bytes]:
        state = self.history.round
        assert state.accepted is not None
        ready = state.ready_holders(state.accepted.record.hospitals)
        if self.name in ready and self.name not in state.share_sums:
            yield self.share_sum(state.accepted)

    def share_sum(self, accepted: Said[AcceptedSet]) -> bytes:
        """The packet with the sum of shares over an accepted set; for a second set of one round raises
        Refusal.
        """
        name = f"unmasked/{self.history.round.number}"
        earlier = self.state.fact(name)
        if earlier is not None and earlier != accepted.digest:
            raise Refusal("second-unmasking", self.rules.aggregator, earlier.hex(), accepted.digest.hex())
        shares = [self.share_from(dealer) for dealer in accepted.record.hospitals]
        good = [self.proofs.share_values(share) for share in shares if share is not None]
        if len(good) != len(shares):
            raise Refusal(
                "holders",
                self.rules.aggregator,
                "a set whose shares this holder has",
                describe(accepted.record.hospitals),
            )
        values = words_to_bytes(sum_shares(good))
        return self.say(
            ShareSum(accepted.digest, hashlib.sha256(values).digest()), (values,), {name: accepted.digest}
        )
