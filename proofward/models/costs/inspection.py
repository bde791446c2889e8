"""What a hospital's round with some network costs, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofward.lattice.parameters import ciphertext_length
from proofward.layers.basics.errors import TrainingError
from proofward.layers.gradient_clipping.record_norms import chosen_words, way_of
from proofward.layers.networks.bounds import LayerBounds, compile_bounds
from proofward.models.costs.shapes import (
    MOST_WASTE,
    Headroom,
    Limbs,
    Waste,
    headrooms,
    high_limbs,
    padded_share,
    usual_weight_limit,
    wastes,
)
from proofward.models.costs.tally import (
    CLIPPING,
    DATASET,
    ENCRYPTION,
    HEAD,
    NOISE,
    TABLES,
    UPDATE,
    Part,
    Tally,
    tally_enrolment,
    tally_round,
)
from proofward.models.costs.unit_costs import COSTS, cost_of
from proofward.models.costs.work import MEMORY, TRAIN, VERIFY, Run, work_of
from proofward.models.settings import Preset
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import USUAL
from proofward.relations.proofs.measure import check_provable
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.private_rules import usual_weighting

ENTRY_BYTES = 8  #: of an element of the field


@dataclass(frozen=True)
class Prediction:
    """Processor seconds, of all cores together, and the peak of resident memory; see `unit_costs`."""

    train_seconds: float
    prove_seconds: float
    verify_seconds: float
    peak_bytes: int

    @staticmethod
    def of(run: Run) -> Prediction:
        """`prove_seconds` are those of everything but the training."""
        work = work_of(run)
        nanoseconds = {phase: cost_of(units, COSTS[phase]) for phase, units in work.items()}
        others = [found for phase, found in nanoseconds.items() if phase not in (TRAIN, VERIFY, MEMORY)]
        return Prediction(
            nanoseconds[TRAIN] / 1e9, sum(others) / 1e9, nanoseconds[VERIFY] / 1e9, round(nanoseconds[MEMORY])
        )


@dataclass(frozen=True)
class Inspection:
    """refusal: why no round of it can be proved, None if it can.

    Counts are None, and security_bits 0, where rules are refused before there is a statement to count.
    """

    setup: Preset
    rows: int
    refusal: str | None
    security_bits: int
    wastes: Sequence[Waste]
    headrooms: Sequence[Headroom]
    limbs: Sequence[Limbs]
    enrolment: Tally | None
    round: Tally | None
    prediction: Prediction | None
    optimizer: ServerOptimizer = USUAL

    @property
    def steps(self) -> tuple[int, int]:
        """Steps of a round, and steps that its proof covers."""
        training = self.setup.training
        return training.steps_for(self.rows), training.padded_steps(self.rows)

    @property
    def padded_share(self) -> float:
        """Padding among all hidden values."""
        return padded_share(self.setup.model, *self.steps)

    @property
    def ciphertext_bytes(self) -> int:
        """Of a hospital's update."""
        return ENTRY_BYTES * ciphertext_length(self.setup.model.parameters)

    @property
    def parts(self) -> list[tuple[str, Part]]:
        """All parts of the round's proof, with their names for people, from the records to the tables."""
        if self.round is None:
            return []
        model, rows = self.setup.model, [("records, twice", self.round.part(DATASET))]
        for index in range(len(model.activations)):
            rows.append((model.name(index), self.round.part(f"layer {index + 1}")))
        rows.append(("head", self.round.part(HEAD)))
        for index in range(len(model.layers)):
            name = model.name(index)
            rows.append((f"update of {name}", self.round.part(f"layer {index + 1} {UPDATE}")))
            rows.append((f"encryption of {name}", self.round.part(f"layer {index + 1} {ENCRYPTION}")))
        if self.round.part(CLIPPING).committed:
            rows.append(("clipping of records", self.round.part(CLIPPING)))
            rows.append(("noise", self.round.part(NOISE)))
        else:
            rows.append(("norm of the update", self.round.part(UPDATE)))
        rows += [
            ("key, shares, added entries", self.round.part(ENCRYPTION)),
            ("multiplicities of tables", self.round.part(TABLES)),
        ]
        return rows

    @property
    def norms(self) -> list[tuple[str, str]]:
        """Where each record's gradient is clipped at convolutions, by layer how its norm is made, and why."""
        if self.setup.privacy is None:
            return []
        model = self.setup.model
        chosen = [(index, layer) for index, layer in enumerate(model.layers) if way_of(layer).entries]
        return [(model.name(index), chosen_words(layer)) for index, layer in chosen]

    @property
    def advice(self) -> list[str]:
        """What is pointed out: more padding than a little, and its remedy."""
        found = [f"{own.what}: {own.share:.0%} padding; {own.advice}" for own in self.wastes if own.advice]
        steps, padded = self.steps
        if 1 - steps / padded > MOST_WASTE:
            near = padded if self.setup.training.steps else padded // 2
            share = f"{1 - steps / padded:.0%} padding"
            found.append(f"{steps} steps are proved as {padded}, {share}; {near} have none")
        return found


def inspect(
    setup: Preset,
    *,
    holders: int,
    threshold: int,
    rows: int,
    exactly: bool = True,
    config: RoundConfig | None = None,
) -> Inspection:
    """Of a round of a hospital with `rows` rows; if not `exactly`, the nearest number that rules admit.

    config: the rules, where they are made already. Raises ConfigurationError where the number of rows gives
    no whole step.
    """
    model, scales, training = setup.model, setup.scales, setup.training
    refusal, rules = None, config
    if rules is None:
        rules, refusal = _rules(setup, holders, threshold, rows)
    if rules is not None and not exactly:
        rows = min(max(rows, rules.least_rows), rules.most_rows)
    padded = training.padded_steps(rows)
    if rules is not None:
        try:
            check_provable(rules, rows)
        except TrainingError as error:
            refusal = str(error)
    limit = rules.weight_limit if rules else usual_weight_limit(scales)
    counted = _counts(rules, rows) if rules else None
    bounds = _bounds(setup, rows, limit)
    return Inspection(
        setup=setup,
        rows=rows,
        refusal=refusal,
        security_bits=rules.security_bits if rules else 0,
        wastes=wastes(model),
        headrooms=headrooms(model, scales, training, rows, limit),
        limbs=high_limbs(model, scales, padded * training.batch, bounds) if bounds else [],
        enrolment=counted[0] if counted else None,
        round=counted[1] if counted else None,
        prediction=Prediction.of(Run(model, scales, training, rows, counted[1])) if counted else None,
        optimizer=rules.optimizer if rules else USUAL,
    )


def _rules(setup: Preset, holders: int, threshold: int, rows: int) -> tuple[RoundConfig | None, str | None]:
    """The rules with the widest range of rows, or for exactly so many; or why there are none."""
    refusal = ""
    for most in (0, rows):
        try:
            return RoundConfig(
                setup.model, setup.scales, setup.training, setup.clip_bound, holders, threshold,
                least_rows=most, most_rows=most, privacy=setup.privacy,
                weighting=usual_weighting(setup.privacy),
            ), None  # fmt: skip
        except TrainingError as error:
            refusal = str(error)
    return None, refusal


def _counts(rules: RoundConfig, rows: int) -> tuple[Tally, Tally] | None:
    try:
        return tally_enrolment(rules, rows), tally_round(rules, rows)
    except TrainingError:
        return None


def _bounds(setup: Preset, rows: int, limit: int) -> tuple[LayerBounds, ...]:
    try:
        return compile_bounds(setup.model, setup.scales, setup.training, rows, limit)
    except TrainingError:
        return ()
