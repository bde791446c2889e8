"""Whether rounds of some settings can be proved; if not, why, and which values of each setting would do.

Bounds of the fixed-point integers, sizes of the statements and the proven soundness depend on all settings
together, so the reason rarely names the value to change. One setting at a time is changed here, the others
left as they are, until all bounds hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from proofward.cli.project.tables.table import ProjectError
from proofward.layers.averaging.weighting import BY_RECORDS, Weighting
from proofward.layers.basics.errors import ConfigurationError, TrainingError
from proofward.layers.basics.plain import shown
from proofward.layers.networks.network import mlp
from proofward.models.setting_keys import CLIP_UNIT, MOST_CLIP_BOUND
from proofward.models.settings import SCALES, Preset
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import USUAL
from proofward.relations.proofs.measure import check_provable
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.private_rules import usual_weighting

BETWEEN, HALVINGS = 4, 6
"""Proofs are measured at both ends of the range of rows, and at every so many powers of two between."""
LEAST_MOST_ROWS = 1 << 16
"""Where bounds admit more rows than that, the agreed security may bring their number down, to about this."""


def provable_config(
    setup: Preset,
    hospitals: int,
    threshold: int,
    optimizer: ServerOptimizer = USUAL,
    weighting: Weighting = BY_RECORDS,
) -> RoundConfig:
    """The configuration, if every round of it can be proved; raises ProjectError."""
    try:
        if setup.privacy is None:
            optimizer.check(setup.clip_bound, setup.scales.weight_bits)
    except ConfigurationError as error:
        raise ProjectError("aggregation", error.expected, f"a clip_bound of {error.actual}") from error
    try:
        return replace(_config(setup, hospitals, threshold), optimizer=optimizer, weighting=weighting)
    except TrainingError as error:
        remedies = "; ".join(_remedies(setup, hospitals, threshold))
        expected = "settings of which every round can be proved"
        if remedies:
            expected += f" (with the others as they are: {remedies})"
        raise ProjectError("model and training", expected, f"that {error}") from error


def _config(setup: Preset, hospitals: int, threshold: int) -> RoundConfig:
    config = _within_security(_rules(setup, hospitals, threshold))
    between = {
        1 << bits for bits in range(0, 24, BETWEEN) if config.least_rows < 1 << bits < config.most_rows
    }
    for rows in sorted({config.least_rows, *between, config.most_rows}):
        check_provable(config, rows)
    return config


def _within_security(config: RoundConfig) -> RoundConfig:
    """The rules with as many rows, halved as often as needed, as proofs of the agreed security bear."""
    while config.most_rows // 2 >= max(config.least_rows, LEAST_MOST_ROWS):
        try:
            check_provable(config, config.most_rows)
        except ConfigurationError as error:
            if error.field != "security_bits":
                raise
            config = replace(config, most_rows=config.most_rows // 2)
        else:
            break
    return config


def _rules(setup: Preset, hospitals: int, threshold: int) -> RoundConfig:
    numbers = setup.clip_bound, hospitals, threshold
    weighting, privacy = usual_weighting(setup.privacy), setup.privacy
    about = setup.model, setup.scales, setup.training
    return RoundConfig(*about, *numbers, weighting=weighting, privacy=privacy)


def _remedies(setup: Preset, hospitals: int, threshold: int) -> Iterator[str]:
    """For each setting that could mend it alone: the values that would."""
    training, hidden = setup.training, setup.model.widths[1:-1] if setup.model.is_mlp else ()
    unit = training.batch / (1 << setup.scales.rate_shift)
    duration = "epochs" if training.epochs else "steps"

    def trained(**changes: Any) -> Preset:
        return replace(setup, training=replace(training, **changes))

    def narrowed(width: int) -> Preset:
        widths = (setup.model.features, *(min(width, own) for own in hidden), setup.model.head.classes)
        return replace(setup, model=replace(mlp(widths), class_weights=setup.model.class_weights))

    def most(value: int, change: Callable[[int], Preset]) -> int:
        """The largest value below `value` with all bounds, or a fraction of it that proofs bear too; or 0."""
        found = _last(1, value, lambda other: _bounded(change(other), hospitals, threshold))
        shares = (found >> halvings for halvings in range(HALVINGS))
        return next((own for own in shares if own and _provable(change(own), hospitals, threshold)), 0)

    if rate := most(training.rate, lambda value: trained(rate=value)):
        yield f"learning_rate at most {rate * unit!r}"
    if momentum := most(training.momentum, lambda value: trained(momentum=value)):
        yield f"momentum at most {shown(momentum)}"
    if count := most(getattr(training, duration), lambda value: trained(**{duration: value})):
        yield f"{duration} at most {count}"
    if power := most(training.batch.bit_length() - 1, lambda bits: trained(batch=1 << bits)):
        yield f"batch at most {1 << power} with a learning_rate in proportion"
    if hidden and (width := most(max(hidden), narrowed)):
        yield f"hidden widths at most {width}"
    if bound := most(setup.clip_bound, lambda value: replace(setup, clip_bound=value)):
        yield f"clip_bound at most {bound / CLIP_UNIT!r}"
    found = _last(0, MOST_CLIP_BOUND - setup.clip_bound, lambda less: _bounded(
        replace(setup, clip_bound=MOST_CLIP_BOUND - less), hospitals, threshold))  # fmt: skip
    larger = replace(setup, clip_bound=MOST_CLIP_BOUND - found)
    if found and _provable(larger, hospitals, threshold):
        yield f"clip_bound at least {larger.clip_bound / CLIP_UNIT!r}"
    usual = replace(setup, scales=SCALES)
    same_rates = usual.scales.rate_shift == setup.scales.rate_shift
    if usual.scales != setup.scales and same_rates and _provable(usual, hospitals, threshold):
        yield "the usual scales, without [scales]"


def _bounded(setup: Preset, hospitals: int, threshold: int) -> bool:
    """Whether all bounds hold; proofs are not measured, which takes longer."""
    try:
        _rules(setup, hospitals, threshold)
    except TrainingError:
        return False
    return True


def _provable(setup: Preset, hospitals: int, threshold: int) -> bool:
    try:
        _config(setup, hospitals, threshold)
    except TrainingError:
        return False
    return True


def _last(first: int, beyond: int, holds: Callable[[int], bool]) -> int:
    """The last value in [first, beyond) that holds, by bisection; 0 if the first does not."""
    if beyond <= first or not holds(first):
        return 0
    low, high = first, beyond
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
