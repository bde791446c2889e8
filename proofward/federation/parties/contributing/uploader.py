"""What a hospital sends in a round, an update or counts: encrypted, proved, its key shared.

Secrets are stored before what depends on them is sent. A proof is made once for an attempt; a spent dataset
commitment is stored as spent together with the proof that opened it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from proofward.federation.history.proving.proof_jobs import ProvedRound, Seal
from proofward.federation.history.proving.statements import upload_statement, validation_arc
from proofward.federation.history.sharing.complaints import Sealed, seal_share, sealed_digests
from proofward.federation.history.sharing.sealing_keys import published_keys
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import describe
from proofward.federation.messages.randomness import ByteSource
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.parties.contributing.noise_keeper import NoiseKeeper
from proofward.federation.parties.equipment.counting import (
    CountSource,
    CountsUnavailable,
    counts_of,
    secret_name,
    task_of,
)
from proofward.federation.parties.equipment.own_records import (
    PATIENTS,
    ValidationRecords,
    counted_records,
    rows_left_out,
)
from proofward.layers.basics.errors import TrainingError
from proofward.proof.errors import OpeningsExhausted, WitnessError
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.training_rounds.round_statement import RoundStatement

Prove = Callable[[ByteSource, Callable[[str], None], Seal], ProvedRound]
CANNOT_PROVE = (TrainingError, OpeningsExhausted, WitnessError, CountsUnavailable)


class Uploader(NoiseKeeper):
    """What a hospital does with its own records in a round."""

    counts: CountSource
    publishes_counts: bool = False
    _keys: tuple[tuple[int, int], dict[str, bytes]] | None = None

    def kept_secrets(self) -> set[str]:
        """See NoiseKeeper; and the counts of the round under way."""
        current = self.history.current
        return super().kept_secrets() | (set() if current is None else {secret_name(current.number)})

    def _upload(self) -> Iterator[bytes]:
        state, unable = self.history.round, self.fact_name("unable")
        if (
            self.name not in state.present
            or self.name in state.uploads
            or self.state.fact(unable) is not None
        ):
            return
        if (earlier := self.sent(Upload)) is not None:
            yield earlier
            return
        self.published_keys()  # a proof takes long, and is in vain if one of them does not come
        start = time.perf_counter()
        try:
            statement = upload_statement(
                self.history, self.name, lambda: model_weights(self.history, self.objects, state.model)
            )
            made, sealed = self.prove_upload(statement)
        except CANNOT_PROVE as error:
            self._unable(unable, str(error))
            return
        self.report("proved", "upload", start)
        yield self.publish(statement, made, sealed)

    def prove_upload(self, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """Trains or counts, encrypts, seals the shares of the key and proves; and the sealed shares."""
        if isinstance(statement, CountingStatement):
            task = task_of(self.history, self.objects, self.name, self.validation_records)
            counts = counts_of(self.counts, task, self.state)
            return self.proved(
                self.with_noise(partial(self.proofs.prove_counts, statement, counts), statement), statement
            )
        secret = self.state.secrets.get(f"dataset/{statement.dataset_root.hex()}")
        if secret is None:
            raise WitnessError(f"no dataset with root {statement.dataset_root.hex()} in the stored state")
        if isinstance(statement, EvaluationStatement):
            return self.prove_evaluation(statement, secret)
        return self.prove_round(statement, secret)

    def prove_evaluation(self, statement: EvaluationStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """Counts, without rows of patients that are in both parts, and proves; and the sealed shares."""
        patients = self.state.secrets.get(PATIENTS) or b""
        left_out = rows_left_out(statement.arc, patients, statement.counting.left_out)
        own = replace(statement, left_out=left_out)
        publish = self.publishes_counts and not statement.counting.noise
        prove = partial(self.proofs.prove_evaluation, own, secret, publish=publish)
        return self.proved(self.with_noise(prove, own), own)

    def validation_records(self) -> ValidationRecords | None:
        """The records of its validation part that count; None where there is none, or none yet."""
        arc, root = validation_arc(self.history, self.name), self.history.dataset_roots.get(self.name)
        dataset = None if root is None else self.state.secrets.get(f"dataset/{root.hex()}")
        patients = self.state.secrets.get(PATIENTS)
        if arc is None or dataset is None or patients is None:
            return None
        return counted_records(arc, *self.proofs.records_of(dataset), patients)

    def prove_round(self, statement: RoundStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """Trains, encrypts, seals the shares of the key and proves; also gives the sealed shares."""
        return self.proved(
            self.with_noise(partial(self.proofs.prove_round, statement, secret), statement), statement
        )

    def with_noise(self, prove: Callable[..., ProvedRound], statement: UploadStatement) -> Prove:
        """The same with the seed of this attempt, where there is noise; raises WitnessError without it."""
        seed = self.noise_seed(statement)
        return prove if seed is None else partial(prove, noise_seed=seed)

    def proved(self, prove: Prove, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """What a proof system makes of a statement, and the sealed shares."""
        sealed: Sealed = ()

        def seal(shares: tuple[bytes, ...]) -> tuple[bytes, ...]:
            nonlocal sealed
            sealed = self.seal_shares(shares)
            return sealed_digests(sealed)

        source = self.source("prove-round", statement.beacon)
        made = prove(source, lambda phase: self.report("proving", phase), seal)
        return made, sealed

    def publish(self, statement: UploadStatement, made: ProvedRound, sealed: Sealed) -> bytes:
        """Stores all secrets, and gives the packet with the upload; `sealed` are the shares to send."""
        state = self.history.round
        record = Upload(
            model=state.model,
            beacon=state.beacon,
            dataset_root=statement.dataset_root,
            rows=statement.rows,
            ciphertext=hashlib.sha256(made.ciphertext).digest(),
            proof=hashlib.sha256(made.proof).digest(),
            sealed_shares=sealed_digests(sealed),
        )
        secrets = {}
        if not isinstance(statement, CountingStatement):
            secrets[f"dataset/{statement.dataset_root.hex()}"] = made.spent
            secrets[f"dataset/{made.root.hex()}"] = made.dataset
        if made.counts:
            secrets[secret_name(state.number)] = made.counts
        if self.holds:
            secrets[self.fact_name("own-share")] = made.shares[self.history.place(self.name)]
        attachments = (made.ciphertext, made.proof, *(data for data in sealed if data is not None))
        return self.say(record, attachments, secrets=secrets)

    def published_keys(self) -> dict[str, bytes]:
        """What each other holder that takes part has published for this dealer; fetched once an attempt."""
        history, position = self.history, self.history.position()
        if self._keys is None or self._keys[0] != position:
            others = [name for name in history.holding(history.round.present) if name != self.name]
            self._keys = position, published_keys(history, self.objects, self.name, others)
        return self._keys[1]

    def seal_shares(self, shares: tuple[bytes, ...]) -> Sealed:
        """The share of every other holder that takes part, sealed."""
        holders, present = self.history.committee, set(self.history.round.present) - {self.name}
        return tuple(
            self.seal_share(holder, share) if holder in present else None
            for holder, share in zip_longest(holders, shares)
        )

    def seal_share(self, holder: str, share: bytes) -> bytes:
        """A share sealed to its holder."""
        return seal_share(self.history, self.name, holder, self.published_keys()[holder], share)

    def _unable(self, fact: str, reason: str) -> None:
        with self.state.transaction():
            self.state.put(fact, reason.encode())
        self.report("unable", fact, detail=describe(reason, 400))
