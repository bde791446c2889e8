"""Rules with differential privacy, and witnesses of their rounds with parts exchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS
from proofward.layers.gradient_clipping.clipped_training import Clipped, ClippedUpdate, full_step, summed
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import Privacy
from proofward.relations.proofs.prove import verify_round, worked_out
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.config import RoundConfig
from tests.proof.cheats import Recorder
from tests.proof.toy import seeded
from tests.relations.cases import Case, Rng, prove_with, with_update
from tests.relations.otherwise import Prepared

Signed = npt.NDArray[np.int64]


def privacy(clip_bits: int = 0) -> Privacy:
    """Two releases, at noise with which four hospitals keep a promise."""
    return Privacy(clip_bits, 1000, releases=2, records_a_patient=1, colluders=1, inverse_delta=10**5)


def full_batch(batch: int = 16, rate: int = 12) -> Training:
    """One step on all rows."""
    return Training(rate=rate, batch=batch, steps=1, full_batch=True)


def private_rules(
    widths: tuple[int, ...] = (5, 4, 2),
    batch: int = 16,
    clip_bits: int = 0,
    class_weights: tuple[int, ...] = (),
    security: int = 40,
    own: Privacy | None = None,
) -> RoundConfig:
    """The rules of a small round with one clipped step."""
    own, model = own or privacy(clip_bits), replace(mlp(widths), class_weights=class_weights)
    return RoundConfig(
        model, FixedPoint(), full_batch(batch), own.clip_bound, 3, 1, security, security < 80, privacy=own
    )


def clipped_update_of(case: Case, batches: Signed | None = None) -> ClippedUpdate:
    """What an honest hospital works out, or one that takes other rows."""
    _, update, _ = worked_out(case.statement, case.features, case.labels, batches)
    assert isinstance(update, ClippedUpdate)
    return update


def rule_of(case: Case) -> ClippedRule:
    """The public numbers of the case's update."""
    rule = case.statement.rule
    assert isinstance(rule, ClippedRule)
    return rule


def otherwise(
    case: Case, clipped: Clipped, gradient: Signed | None = None, batches: Signed | None = None
) -> ClippedUpdate:
    """What follows from other multipliers, sum and rounding, or from another sum alone."""
    rules, statement, scale = case.config, case.statement, rule_of(case).scale
    order = statement.schedule() if batches is None else batches
    about = rules.model, rules.scales, statement.training, statement.initial_weights
    step = full_step(*about, case.features, case.labels, order)
    total = summed(rules.model, step, clipped.weights, scale) if gradient is None else gradient
    half = 1 << (rule_of(case).message_bits - 1)
    update = rule_of(case).divisor.rounded(total).clip(-half, half - 1)
    return ClippedUpdate(step.trace, clipped, total, update)


def multiplied(honest: Clipped, rows: int, change: dict[int, int]) -> Clipped:
    """Other multipliers in some slots, by the slot; the shortfalls of slots with a row follow."""
    weights, shortfall = honest.weights.copy(), honest.shortfall.copy()
    for slot, value in change.items():
        weights[slot] = value
        if slot < rows:
            shortfall[slot] = (1 << MULTIPLIER_BITS) - value
    return replace(honest, weights=weights, shortfall=shortfall)


def witness_with(case: Case, rng: Rng, update: ClippedUpdate):  # type: ignore[no-untyped-def]
    """A witness and the encryption of this update."""
    return with_update(case, rng, case.features, case.labels, update.trace, update)


def prepare(case: Case) -> Prepared:
    """An honest witness, its ciphertext, and the columns of its proof, which is accepted."""
    witness, encryption = witness_with(case, seeded(3), clipped_update_of(case))
    proof = prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    verify_round(case.statement, encryption.ciphertext, *proof)
    return witness, encryption.ciphertext, dict(Recorder.last.columns)
