"""Small enrolments and rounds for the tests of the relations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.field.scalar import P
from proofward.lattice.encryption import Encryption, encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.ring import product, to_coefficients
from proofward.lattice.sampler import MaskContext, mask_values
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import RoundProof, prove_round, worked_out
from proofward.relations.records.enrolment import (
    EnrolmentStatement,
    enrolment,
    enrolment_plan,
    prove_enrolment,
)
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.training_rounds.update import UpdateWitness
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, KeyShare, deal_shares
from proofward.relations.uploads.noise_seed import NoiseSecret, drawn_noise
from tests.proof.toy import seeded

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]

CONSORTIUM = b"c" * 32
BEACON = b"b" * 32
NOISE_SEED = b"n" * 32


def config(
    widths: tuple[int, ...] = (5, 4, 2),
    batch: int = 4,
    epochs: int = 2,
    steps: int = 0,
    clip: int = 4096,
    scales: FixedPoint | None = None,
    rate: int = 4,
    security: int = 40,
    holders: int = 3,
    threshold: int = 1,
    network: Network | None = None,
) -> RoundConfig:
    """The rules of a small round; `steps` in place of epochs where it is positive, `network` of widths."""
    training = Training(rate=rate, batch=batch, epochs=0 if steps else epochs, steps=steps)
    network, fixed = network or mlp(widths), scales or FixedPoint()
    return RoundConfig(network, fixed, training, clip, holders, threshold, security, security < 80)


def records(rules: RoundConfig, rows: int = 11, seed: int = 1, spread: int = 200) -> tuple[Signed, Signed]:
    """Random features and labels that follow the first of them."""
    random = np.random.default_rng(seed)
    features = random.integers(-spread, spread, (rows, rules.model.features)).astype(np.int64)
    return features, (features[:, 0] > 0).astype(np.int64)


def statement_of(rules: RoundConfig, rows: int = 11, root: bytes = bytes(32)) -> RoundStatement:
    """Round 1 of hospital h1, from seeded weights; with privacy its noise is drawn from NOISE_SEED."""
    private = rules.privacy is not None
    return RoundStatement(
        consortium=CONSORTIUM,
        config=rules,
        round=1,
        attempt=0,
        hospital="h1",
        rows=rows,
        weight_shift=rules.weight_shift(rows),
        beacon=BEACON,
        dataset_root=root,
        initial_weights=initial_weights(rules.model, rules.scales, b"seed"),
        noise_root=NoiseSecret.of(rules, rows, NOISE_SEED).root if private else b"",
    )


def sealed(shares: tuple[KeyShare, ...]) -> Digests:
    """Digests of the shares as they are, in place of sealed ones; the dealer, holder 0, seals none to itself."""
    return (b"", *(hashlib.sha256(share.to_bytes()).digest() for share in shares[1:]))


@dataclass(frozen=True)
class Case:
    """One hospital that has enrolled and proved a round."""

    config: RoundConfig
    features: Signed
    labels: Signed
    enrolment: EnrolmentStatement
    enrolment_proof: bytes
    secret: DatasetSecret
    statement: RoundStatement
    result: RoundProof


def make_case(rules: RoundConfig, rows: int = 11, seed: int = 1, spread: int = 200) -> Case:
    """Enrol and prove round 1."""
    features, labels = records(rules, rows, seed, spread)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", rows, features.shape[1], rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(seed))
    statement = statement_of(rules, rows, secret.root)
    result = prove_round(statement, secret, seeded(seed + 1000), sealed, noise_seed=NOISE_SEED)
    return Case(rules, features, labels, enrolled, proof, secret, statement, result)


def enrol_with(
    case: Case, prover: type[Prover], features: Signed | None = None, labels: Signed | None = None
) -> bytes:
    """A proof of the case's enrolment by another prover or of other records, unchecked."""
    known = (case.features if features is None else features, case.labels if labels is None else labels)
    statement = case.enrolment
    party = prover(Transcript(statement.transcript()), enrolment_plan(statement), seeded(7))
    return party.run(lambda own: enrolment(own, statement, known))


def round_witness(
    case: Case,
    rng: Rng,
    *,
    features: Signed | None = None,
    labels: Signed | None = None,
    batches: Signed | None = None,
    multiplier: int | None = None,
) -> tuple[RoundWitness, Encryption]:
    """What `prove_round` works out, with parts exchanged."""
    statement = case.statement
    x = case.features if features is None else features
    y = case.labels if labels is None else labels
    order = statement.schedule() if batches is None else batches
    trace, update, _ = worked_out(statement, x, y, order)
    if multiplier is not None:
        rule = statement.rule
        assert isinstance(update, UpdateWitness) and isinstance(rule, UpdateRule)
        update = UpdateWitness(update.delta, rule.quantise(update.delta, multiplier), multiplier)
    return with_update(case, rng, x, y, trace, update)


def with_update(case, rng, features, labels, trace, update):  # type: ignore[no-untyped-def]
    """A witness that encrypts this update with its noise, whatever its size."""
    context = MaskContext(case.statement.beacon, case.statement.round)
    noise = noise_of(case)
    encryption = encrypt(context, update.update + drawn(case, noise), LARGEST_BOUND - 1, rng)
    degree = case.config.threshold
    coefficients = random_field(degree * RING_DEGREE, rng).reshape(degree, RING_DEGREE)
    key = EncryptionWitness(encryption.secret, encryption.error, coefficients)
    return RoundWitness(features, labels, case.secret.commitment, trace, update, key, noise), encryption


def noise_of(case: Case) -> NoiseSecret | None:
    """What the case has committed to, where its rules have privacy."""
    rules, rows = case.config, case.statement.rows
    return None if rules.privacy is None else NoiseSecret.of(rules, rows, NOISE_SEED)


def drawn(case: Case, noise: NoiseSecret | None) -> Signed | int:
    """The noise of these words."""
    if case.config.privacy is None or noise is None:
        return 0
    return drawn_noise(case.config.privacy, noise.words, case.statement.public_words())


Dealing = tuple[tuple[KeyShare, ...], Digests]


def prove_with(
    case: Case,
    witness: RoundWitness,
    ciphertext: Array,
    prover: type[Prover],
    rng: Rng,
    statement: RoundStatement | None = None,
    deal: Callable[[tuple[KeyShare, ...]], Dealing] = lambda shares: (shares, sealed(shares)),
) -> tuple[Digests, bytes]:
    """Digests of the sealed shares, and a proof of the case's round by any prover.

    `deal` may exchange the shares that the proof binds.
    """
    return dealt_with(case, witness, ciphertext, prover, rng, statement, deal)[1:]


def dealt_with(case, witness, ciphertext, prover, rng, statement=None, deal=None):  # type: ignore[no-untyped-def]
    """`prove_with`, and the shares before them."""
    about, dealt = statement or case.statement, []
    party = prover(Transcript(about.transcript(ciphertext)), round_plan(about), rng)

    def digests(blinds: list[Ext]) -> Digests:
        key = witness.encryption
        shares = deal_shares(key.secret, key.coefficients, blinds, case.config.holders)
        dealt.append(deal(shares))
        return dealt[0][1]

    proof = party.run(lambda own: training_round(own, about, ciphertext, digests, witness) and None)
    return dealt[0][0], dealt[0][1], proof


def ciphertext_of(statement: RoundStatement, secret: Signed, error: Signed, update: Signed) -> Array:
    """y = a s + e + 2^18 U for any integers, whatever their size; an update may reach into the added entries."""
    blocks = -(-error.size // RING_DEGREE)
    masks = mask_values(MaskContext(statement.beacon, statement.round), 0, blocks)
    key = (secret.astype(object) % P).astype(np.uint64).reshape(1, RING_DEGREE)
    total = product(to_coefficients(masks), np.tile(key, (blocks, 1))).reshape(-1)[: error.size].astype(object)
    total = total + error.astype(object)
    total[: update.size] += update.astype(object) * (1 << 18)
    return (total % P).astype(np.uint64)
