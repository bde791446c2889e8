"""A hospital's side of an evaluation that is proved: count, encrypt, share the key, prove. And: verify.

Where the rules let hospitals leave rows out, their numbers stand before the proof, four bytes each; behind
them are a hospital's own counts, where it publishes them (`count_header`, `published_counts`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import forward_pass
from proofward.proof.errors import ProofRejected
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.relations.evaluations.count_header import LEFT_OUT_BYTES, counts_in_header, counts_to_header
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.networks.forward_relation import PassWitness
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.proofs.upload import Dealer, Rng, Seal, VerifiedRound, checked, encrypted
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.scores.score_counts import counted_scores
from proofward.relations.uploads.count_noise import noisy
from proofward.relations.uploads.key_shares import Digests, KeyShare, discard

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EvaluationProof:
    """A hospital's counts.

    Public: ciphertext, digests of the sealed shares, proof. Secret: the holders' shares, the counts, and what
    is kept of the fresh dataset commitment.
    """

    ciphertext: Array
    sealed_shares: Digests
    proof: bytes
    shares: tuple[KeyShare, ...]
    counts: Signed
    dataset: DatasetSecret


def prove_evaluation(
    statement: EvaluationStatement,
    secret: DatasetSecret,
    rng: Rng,
    seal: Seal,
    progress: Callable[[str], None] | None = None,
    noise_seed: bytes = b"",
    publish: bool = False,
) -> EvaluationProof:
    """Counts and proves; spends one opening of the secret. Arguments and errors as of `prove.prove_round`.

    publish: whether the proof also shows the counts themselves, to everybody.
    """
    say = progress or (lambda phase: None)
    secret.open_under(statement.dataset_root)
    say("count")
    config = statement.config
    forward, counts = counted(statement, secret.features, secret.labels)
    if publish:
        statement = replace(statement, published=tuple(counts.tolist()))
    say("encrypt")
    noise, message = noisy(statement, counts, config.scheme(statement.rows), noise_seed)
    ciphertext, key = encrypted(statement, message, statement.counting.message_bound, rng)
    say("prove")
    witness = EvaluationWitness(
        secret.features,
        secret.labels,
        secret.commitment,
        forward,
        sample_classes(statement, secret.labels),
        counts,
        key,
        noise,
    )
    prover = Prover(Transcript(statement.transcript(ciphertext)), evaluation_plan(statement), rng)
    dealer = Dealer(key, config.holders, seal)
    proof = prover.run(lambda party: discard(evaluation_round(party, statement, ciphertext, dealer, witness)))
    fresh = DatasetSecret(secret.features, secret.labels, prover.committed[1], prover.scheme.openings - 1)
    whole = _header(statement) + proof
    return EvaluationProof(ciphertext, dealer.sealed, whole, dealer.shares, counts, fresh)


def counted(
    statement: EvaluationStatement, features: Signed, labels: Signed
) -> tuple[PassWitness, Signed]:
    """The forward pass of all samples, and the counts of those that are records."""
    config, chosen = statement.config, statement.selection
    samples = np.zeros((1 << statement.forward_pass.log_records, features.shape[1]), dtype=np.int64)
    samples[: len(chosen)] = features[chosen]
    passed = forward_pass(config.model, config.scales, statement.weights, samples)
    head, rounding = config.model.head, config.model.last_rounding(config.scales)
    scores = head.scores(head.takes.unpad(passed.sums[-1]), rounding)[: len(chosen)]
    levels = [own.of(features[chosen]) for own in statement.layout.subgroups]
    told = (config.model, config.scales, scores, labels[chosen], levels)
    counts = counted_scores(statement.layout, *told)
    return PassWitness(passed.sums, passed.own), counts


def sample_classes(statement: EvaluationStatement, labels: Signed) -> Signed:
    """The classes of all samples, -1 for those that are no records."""
    found = np.full(1 << statement.forward_pass.log_records, -1, dtype=np.int64)
    found[: len(statement.selection)] = labels[statement.selection]
    return found


def _header(statement: EvaluationStatement) -> bytes:
    """What stands before a proof."""
    published = counts_to_header(statement.published)
    if not statement.counting.left_out:
        return published
    return b"".join(count.to_bytes(LEFT_OUT_BYTES, "little") for count in statement.left_out) + published


def opened_by(statement: EvaluationStatement, proof: bytes) -> tuple[EvaluationStatement, bytes]:
    """The statement with what stands before the proof, and the proof behind it; raises ProofRejected."""
    if statement.counting.left_out:
        statement, proof = _with_left_out(statement, proof)
    try:
        counts, rest = counts_in_header(proof, statement.counting.length)
        return (replace(statement, published=counts) if counts else statement), rest
    except (ConfigurationError, ValueError) as error:
        raise ProofRejected("published counts", str(error)) from error


def _with_left_out(statement: EvaluationStatement, proof: bytes) -> tuple[EvaluationStatement, bytes]:
    size = 2 * LEFT_OUT_BYTES
    if len(proof) < size:
        raise ProofRejected("left out", f"expected {size} bytes before the proof, got {len(proof)}")
    first, last = (
        int.from_bytes(proof[start : start + LEFT_OUT_BYTES], "little") for start in (0, LEFT_OUT_BYTES)
    )
    try:
        return replace(statement, left_out=(first, last)), proof[size:]
    except ConfigurationError as error:
        raise ProofRejected("left out", str(error)) from error


def verify_evaluation(
    statement: EvaluationStatement, ciphertext: Array, sealed_shares: Digests, proof: bytes
) -> VerifiedRound:
    """Raises ProofRejected unless the bytes prove the statement about this ciphertext and these shares."""
    opened, rest = opened_by(statement, proof)
    challenger = Transcript(opened.transcript(ciphertext))
    found = check_evaluation(opened, ciphertext, sealed_shares, rest, challenger)
    return replace(found, proof_bytes=len(proof))


def check_evaluation(
    statement: EvaluationStatement,
    ciphertext: Array,
    sealed_shares: Digests,
    proof: bytes,
    challenger: Challenger,
) -> VerifiedRound:
    """`verify_evaluation` against any challenger, of the proof alone."""
    public = ciphertext, sealed_shares
    verifier, binding = checked(evaluation_round, statement, evaluation_plan, *public, proof, challenger)
    root = verifier.commitments[1].root
    return VerifiedRound(root, binding, len(proof), soundness=verifier.soundness)
