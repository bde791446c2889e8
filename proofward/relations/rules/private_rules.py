"""What rules with differential privacy have to be beside it; each is refused by its name otherwise.

Where hospitals are protected, the update U of each is clipped as ever: ||U|| <= B in L2 is proved
(`relations.rules.update_rule`), and B is at most the clip bound in units of the lattice since all weigh the
same. So whatever the records of one hospital are, its update moves by at most 2 B.
"""

from __future__ import annotations

from proofward.layers.averaging.weighting import ALL_ALIKE, BY_RECORDS, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.gradient_clipping.record_norms import check_affordable, check_layers
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import Training
from proofward.layers.rules.privacy import Privacy
from proofward.optimizers.gradient_step import GradientStep
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.noise_levels import message_bound
from proofward.relations.rules.update_rule import UpdateRule


def check_private(
    privacy: Privacy | None, model: Network, training: Training, clip_bound: int, weighting: Weighting
) -> None:
    """Raises ConfigurationError where a rule does not go together with privacy, or with its absence.

    One step's exact sum is linear in the gradient of each record, and a few such sums give records away. So a
    full batch is there for rules with noise alone.
    """
    if privacy is None:
        if training.full_batch:
            raise ConfigurationError("full_batch", "differential privacy, or several steps a round", True)
        return
    if clip_bound != privacy.clip_bound:
        expected = f"{privacy.clip_bound}, the bound of differential privacy at scale 2^10"
        raise ConfigurationError("clip_bound", expected, clip_bound)
    if privacy.of_hospitals:
        _check_of_hospitals(training, weighting)
        return
    if not training.full_batch:
        expected = "one step on a full batch beside differential privacy (full_batch)"
        raise ConfigurationError("steps", expected, training.duration)
    check_layers(model)
    check_affordable(model, training.batch)
    if training.later_rates:
        expected = "one rate for all rounds beside differential privacy"
        raise ConfigurationError("later_rates", expected, [list(own) for own in training.later_rates])
    if weighting != BY_RECORDS:
        expected = f"{BY_RECORDS.rule} beside differential privacy"
        raise ConfigurationError("weighting", expected, weighting.rule)


def _check_of_hospitals(training: Training, weighting: Weighting) -> None:
    """Rounds train as without privacy, and all updates weigh the same: noise is for the heaviest one."""
    if training.full_batch:
        expected = "false where hospitals are protected: their whole updates are clipped, not each gradient"
        raise ConfigurationError("full_batch", expected, True)
    if weighting != ALL_ALIKE:
        expected = f"{ALL_ALIKE.rule}, cap 1, where hospitals are protected: all weigh the same"
        raise ConfigurationError("weighting", expected, weighting.rule)


def usual_weighting(privacy: Privacy | None) -> Weighting:
    """What updates weigh where nothing else is said: where hospitals are protected all alike."""
    return ALL_ALIKE if privacy is not None and privacy.of_hospitals else BY_RECORDS


def starts_from_zeros(privacy: Privacy | None, model: Network) -> bool:
    """Whether the first model is all zeros and not drawn: of one layer, beside differential privacy.

    One layer has no symmetry that drawn weights would have to break, and noise is measured by few rounds, of
    which none should be spent on forgetting them.
    """
    return privacy is not None and len(model.layers) == 1


def check_several_steps(training: Training, rows: int) -> None:
    """Raises ConfigurationError where a hospital of so many rows takes one step on all that it trains on."""
    if training.steps_for(rows) == 1 and training.batch >= training.trained_rows(rows):
        expected = "several steps a round, more rows than a batch has, or differential privacy: the exact "
        expected += f"sum of one step on all {rows} rows tells records"
        raise ConfigurationError("steps", expected, training.duration)


def largest_noisy_mean(rule: UpdateRule | ClippedRule, privacy: Privacy, weight_bits: int) -> int:
    """The bound on a mean of whole updates with their noise, at the scale of weights."""
    return (-(-message_bound(privacy, rule.bound) // rule.weight) << weight_bits) + 1


def gradient_step(training: Training, weight_bits: int, least: ClippedRule, bound: int) -> GradientStep:
    """The server's step; `least` is the rule of the smallest hospital, in which noise weighs most.

    bound: that on its entries with their noise. clip_bits - k is the shift h less 2 and the bits of weights.
    """
    most = (-(-bound // least.weight) << weight_bits) + 1
    return GradientStep(training.rate * training.batch, least.scale.shift - 2 - weight_bits, most)
