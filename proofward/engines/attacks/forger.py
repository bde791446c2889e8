"""The best forgery of a round that a dishonest hospital can make with the prover at hand.

A `Forger` is a prover that does not check itself. It commits to a false witness, takes what cannot be
computed for one (the counts of values outside their tables) from an honest run, and makes every message that
a verifier checks by itself agree with that check. Only what a verifier cannot be talked out of is left to
refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.field.narrow import widened
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS
from proofward.layers.gradient_clipping.clipped_training import ClippedUpdate, full_step, summed
from proofward.proof.counter import Plan
from proofward.proof.errors import WitnessError
from proofward.proof.forms import Column
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import worked_out
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.training_rounds.update import UpdateWitness
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests
from proofward.relations.uploads.noise_seed import NoiseSecret, drawn_noise

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]
Columns = dict[tuple[int, int], Array]
Update = UpdateWitness | ClippedUpdate
Change = Callable[[Update], Update]


class Forger(Prover):
    """Proves whatever it is given; `honest` has the columns of an honest run of the same statement."""

    def __init__(self, challenger: Challenger, plan: Plan, rng: Rng, honest: Columns | None) -> None:
        super().__init__(challenger, plan, rng)
        self.honest = honest

    @property
    def columns(self) -> Columns:
        """All columns so far, by commitment and index."""
        return {key: widened(own) for key, own in self._columns.items()}

    def check(self, name: str, sides: Callable[[], tuple[Ext, Ext]]) -> None:
        """Checks nothing."""
        del name, sides

    def keep(self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]) -> Array:
        """Takes what agrees with the verifier's check."""
        return super().keep(length, lambda: consistent(compute()), consistent)

    def values(self, column: Column) -> Array:
        """A column of the false witness, or the honest one where there is none."""
        key = (column.commitment, column.index)
        try:
            return super().values(column)
        except WitnessError:
            if self.honest is None:
                raise
            self._columns[key] = self.honest[key]
            return self.honest[key]


@dataclass(frozen=True)
class Cheat:
    """What a hospital does otherwise than it should; each part is left as it should be where it is None.

    features, labels: those that it trains on, int64 (n, d) and (n,). batches: the rows that it takes, int64
    (T_pad, B). change: makes another update of its own. noise: the secret words of which it draws its noise.
    added: makes another noise of what it has drawn.
    """

    features: Signed | None = None
    labels: Signed | None = None
    batches: Signed | None = None
    change: Change | None = None
    noise: NoiseSecret | None = None
    added: Callable[[Signed], Signed] | None = None


def _witness(
    statement: RoundStatement, secret: DatasetSecret, rng: Rng, cheat: Cheat
) -> tuple[RoundWitness, Array]:
    """A witness and the ciphertext that goes with it."""
    config = statement.config
    features = secret.features if cheat.features is None else cheat.features
    labels = secret.labels if cheat.labels is None else cheat.labels
    trace, update, _ = worked_out(statement, features, labels, cheat.batches)
    if cheat.change is not None:
        update = cheat.change(update)
    context = MaskContext(statement.beacon, statement.round)
    made = encrypt(context, update.update + _noise(statement, cheat), LARGEST_BOUND - 1, rng)
    coefficients = random_field(config.threshold * RING_DEGREE, rng).reshape(config.threshold, RING_DEGREE)
    key = EncryptionWitness(made.secret, made.error, coefficients)
    known = secret.commitment, trace, update, key, cheat.noise
    return RoundWitness(features, labels, *known), made.ciphertext


def _noise(statement: RoundStatement, cheat: Cheat) -> Signed | int:
    """What it adds to its update."""
    if (privacy := statement.config.privacy) is None or cheat.noise is None:
        return 0
    drawn = drawn_noise(privacy, cheat.noise.words, statement.public_words())
    return drawn if cheat.added is None else cheat.added(drawn)


def forge_round(
    statement: RoundStatement,
    secret: DatasetSecret,
    digests: Digests,
    rng: Rng,
    cheat: Cheat,
    noise: NoiseSecret | None = None,
) -> tuple[Array, bytes]:
    """(ciphertext, proof) of the true statement from a false witness; `digests` of any sealed shares.

    noise: the secret words that it has committed to, where the rules have privacy.
    """

    def run(told: Cheat, honest: Columns | None) -> tuple[Array, bytes, Columns]:
        witness, ciphertext = _witness(statement, secret, rng, told)
        forger = Forger(Transcript(statement.transcript(ciphertext)), round_plan(statement), rng, honest)

        def script(party: Party) -> None:
            training_round(party, statement, ciphertext, lambda _: digests, witness)

        return ciphertext, forger.run(script), forger.columns

    _, _, honest = run(Cheat(noise=noise), None)
    ciphertext, proof, _ = run(cheat if cheat.noise else replace(cheat, noise=noise), honest)
    return ciphertext, proof


def random_update(statement: RoundStatement, rng: Rng) -> Change:
    """A change of the weights by up to 2^20, drawn at random, in place of the trained one."""
    drawn = np.frombuffer(rng(4 * statement.config.model.parameters), dtype="<i4").astype(np.int64) >> 11

    def change(trained: Update) -> Update:
        rule = statement.rule
        if isinstance(trained, ClippedUpdate):
            assert isinstance(rule, ClippedRule)
            return replace(trained, gradient=drawn, update=rule.divisor.rounded(drawn))
        assert isinstance(rule, UpdateRule)
        multiplier, submitted = rule.submit(drawn)
        return UpdateWitness(drawn, submitted, multiplier)

    return change


def scaled(factor: int) -> Change:
    """The submitted update times a factor, cut off at a large number that every round can encrypt."""
    largest = (1 << 19) - 1
    return lambda trained: replace(trained, update=np.clip(factor * trained.update, -largest, largest))


def unclipped(statement: RoundStatement, secret: DatasetSecret, most: int | None = None) -> Change:
    """The sum with gradients as they are in place of clipped ones, of all rows or of so many of these."""
    config, rule = statement.config, statement.rule
    assert isinstance(rule, ClippedRule)
    scale, about = rule.scale, (config.model, config.scales, statement.training, statement.initial_weights)

    def change(trained: Update) -> Update:
        assert isinstance(trained, ClippedUpdate)
        step = full_step(*about, secret.features, secret.labels, statement.schedule())
        shortfall, weights = trained.clipped.shortfall.copy(), trained.clipped.weights.copy()
        slots = np.flatnonzero(shortfall[: rule.rows])[:most]
        shortfall[slots], weights[slots] = 0, 1 << MULTIPLIER_BITS
        clipped = replace(trained.clipped, shortfall=shortfall, weights=weights)
        gradient = summed(config.model, step, weights, scale)
        half = 1 << (rule.message_bits - 1)
        update = rule.divisor.rounded(gradient).clip(-half, half - 1)
        return replace(trained, clipped=clipped, gradient=gradient, update=update)

    return change
