"""A hospital: enrols its dataset, trains, proves, encrypts, shares its key; and holds shares of others' keys.

Secrets are stored before what depends on them is sent. A proof is made once for an attempt; a spent dataset
commitment is stored as spent together with the proof that opened it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from proofward.federation.history.aggregation import model_weights
from proofward.federation.history.complaints import holder_keys, seal_share
from proofward.federation.history.history_state import (
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
from proofward.federation.history.proofs import ProvedRound
from proofward.federation.history.statements import enrolment_statement, round_statement
from proofward.federation.messages.catalogue import (
    Enrolment,
    NonceCommitment,
    ShareSum,
    Upload,
)
from proofward.federation.messages.refusal import describe
from proofward.federation.parties.follower import Surroundings
from proofward.federation.parties.holder import Holder
from proofward.layers.errors import TrainingError
from proofward.ledger.keys import SigningKey
from proofward.proof.errors import OpeningsExhausted, WitnessError
from proofward.relations.round_statement import RoundStatement

Signed = NDArray[np.int64]
CANNOT_PROVE = (TrainingError, OpeningsExhausted, WitnessError)


class Hospital(Holder):
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
        if phase == UPLOAD:
            yield from self._upload()
        elif phase == SHARES:
            yield from self.check_shares()
        elif phase == UNMASK:
            yield from self.unmask()
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
        yield self.say(record, (proof,), secrets={f"dataset/{root.hex()}": secret})

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
            secret = self.state.secrets.get(f"dataset/{statement.dataset_root.hex()}")
            if secret is None:
                raise WitnessError(f"no dataset with root {statement.dataset_root.hex()} in the stored state")
            made = self.prove_round(statement, secret)
        except CANNOT_PROVE as error:
            self._unable(unable, str(error))
            return
        self.report("proved", "upload", start)
        yield self.publish(statement, made)

    def kept_secrets(self) -> set[str]:
        """See Holder; and the newest accepted dataset commitment, with those that may become it."""
        root = self.history.dataset_roots.get(self.name)
        if root is not None and self.history.phase == COMMIT:
            return super().kept_secrets() | {f"dataset/{root.hex()}"}
        return super().kept_secrets() | {
            name for name in self.state.secrets.names() if name.startswith("dataset/")
        }

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
        secrets = {
            f"dataset/{statement.dataset_root.hex()}": made.spent,
            f"dataset/{made.root.hex()}": made.dataset,
            self.fact_name("own-share"): made.shares[self.rules.holder(self.name)],
        }
        attachments = (made.ciphertext, made.proof, *(data for data in sealed if data is not None))
        return self.say(record, attachments, secrets=secrets)

    def seal_share(self, holder: str, share: bytes) -> bytes:
        """A share sealed to its holder."""
        return seal_share(self.history, self.name, holder, share)

    def _unable(self, fact: str, reason: str) -> None:
        with self.state.transaction():
            self.state.put(fact, reason.encode())
        self.report("unable", fact, detail=describe(reason, 400))
