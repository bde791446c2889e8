"""From a model and records to the counts of an evaluation, by integers alone where the model has integers.

The borders of bins are exact. Of two classes with score D (the logit difference at scale fa)
    sigmoid(D / 2^fa) > b / B   if and only if   D > floor(2^fa ln(b / (B - b))),
and the logarithms are decimal ones of 50 digits, the same on every machine. Of more classes the probability
of class k is E_k / S, the exponentials of the table that training uses and their sum, and
    E_k / S > b / B             if and only if   B E_k > b S.
So a proof can show what is counted here (`score_bins`, `class_bins`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.heads.softmax import exponential_table
from proofward.layers.local_training.training import scores as scores_of
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.relations.scores.score_layout import ScoreLayout

MOST_VALUES = 1 << 23
"""Of a layer, of all records that are computed at a time."""
_DIGITS = 50


@lru_cache(maxsize=16)
def borders(bins: int, activation_bits: int) -> Int64Array:
    """floor(2^fa ln(b / (bins - b))) for b from 1 to bins - 1, int64, ascending, read-only."""
    unit = 1 << activation_bits
    with localcontext() as context:
        context.prec = _DIGITS
        logits = [unit * (Decimal(b) / (bins - b)).ln() for b in range(1, bins)]
        values = [int(logit.to_integral_value(ROUND_FLOOR)) for logit in logits]
    found = np.array(values, dtype=np.int64)
    found.setflags(write=False)
    return found


def bins_of_differences(bins: int, scales: FixedPoint, scores: Int64Array) -> Int64Array:
    """The bin of each record's probability of class 1, from its logit difference at scale fa (n,)."""
    found: Int64Array = np.searchsorted(borders(bins, scales.activation_bits), scores).astype(np.int64)
    return found


def bins_of_logits(bins: int, scales: FixedPoint, logits: Int64Array) -> Int64Array:
    """The bins (n, classes) of each record's probabilities, from rounded logits at scale fa (n, classes).

    B E_k < 2^10 2^20: an exponential is at scale fd + 6, and fd is at most 14.
    """
    distance = logits.max(axis=1, keepdims=True) - logits
    powers = exponential_table(scales)[np.minimum(distance, 1 << scales.logit_range_bits)]
    total = powers.sum(axis=1, keepdims=True)
    found: Int64Array = np.maximum((bins * powers - 1) // total, 0)
    return found


def bins_of_probabilities(bins: int, probabilities: NDArray[np.floating]) -> Int64Array:
    """The bins of real probabilities, of whatever shape."""
    found: Int64Array = np.clip(np.ceil(probabilities * bins) - 1, 0, bins - 1).astype(np.int64)
    return found


def score_counts(
    layout: ScoreLayout,
    model: Network,
    scales: FixedPoint,
    weights: Int64Array,
    features: Int64Array,
    labels: Int64Array,
) -> Int64Array:
    """The vector of records (n, features) at scale fa and their classes (n,), by a model's flat weights."""
    largest = max(part.padded_size for part in (model.inputs, *model.hidden))
    step = max(1, MOST_VALUES // largest)
    levels = [own.of(features) for own in layout.subgroups]
    parts = range(0, max(len(labels), 1), step)
    scores = [scores_of(model, scales, weights, features[start : start + step]) for start in parts]
    return counted_scores(layout, model, scales, np.concatenate(scores), labels, levels)


def counted_scores(
    layout: ScoreLayout,
    model: Network,
    scales: FixedPoint,
    scores: Int64Array,
    labels: Int64Array,
    levels: Sequence[Int64Array] = (),
) -> Int64Array:
    """The vector of scores of a model at scale fa: (n,) of two classes, else (n, classes)."""
    if model.head.classes != layout.classes:
        raise ConfigurationError("classes of the model", str(layout.classes), model.head.classes)
    if layout.classes == 2:
        binned = bins_of_differences(layout.bins, scales, scores)[:, None]
    else:
        binned = bins_of_logits(layout.bins, scales, scores)
    return counted(layout, binned, model.head.chosen(scores), labels, levels)


def counts_of_probabilities(
    layout: ScoreLayout,
    probabilities: NDArray[np.floating],
    labels: Int64Array,
    levels: Sequence[Int64Array] = (),
) -> Int64Array:
    """The vector of real probabilities (n, classes); of two classes class 1 is taken above 1/2.

    levels: of each subgroup the level of each record (n,), -1 for none.
    """
    if probabilities.shape != (len(labels), layout.classes):
        expected = f"({len(labels)}, {layout.classes})"
        raise ConfigurationError("probabilities", expected, probabilities.shape)
    own = probabilities[:, list(layout.scored)]
    taken = (own[:, 0] > 0.5) if layout.classes == 2 else probabilities.argmax(axis=1)
    return counted(layout, bins_of_probabilities(layout.bins, own), taken.astype(np.int64), labels, levels)


def counted(
    layout: ScoreLayout,
    binned: Int64Array,
    taken: Int64Array,
    labels: Int64Array,
    levels: Sequence[Int64Array] = (),
) -> Int64Array:
    """The vector of records in bins (n, scored classes) that are taken for classes (n,).

    The block of a level stays at 0 where it is not told, see `told_levels`.
    """
    blocks = [_block(layout, binned, taken, labels)]
    for own, of_record in zip(layout.subgroups, levels, strict=True):
        told = told_levels(of_record, len(own.levels), layout.least_count)
        for level in range(len(own.levels)):
            there = (of_record == level) & (level in told)
            blocks.append(_block(layout, binned[there], taken[there], labels[there]))
    return np.concatenate(blocks)


def told_levels(levels: Int64Array, count: int, least_count: int) -> set[int]:
    """The levels of a subgroup that a hospital counts, from the level of each record (n,), -1 for none.

    Not those of fewer records than the least count. The block of all records less those that are told is the
    block of the others, so if these are few as well, the smallest levels are left out with them.
    """
    sizes = np.bincount(levels + 1, minlength=count + 1)[1:]
    told = [int(level) for level in np.argsort(sizes, kind="stable") if sizes[level] >= least_count]
    while told and 0 < len(levels) - int(sizes[told].sum()) < least_count:
        del told[0]
    return set(told)


def _block(layout: ScoreLayout, binned: Int64Array, taken: Int64Array, labels: Int64Array) -> Int64Array:
    histograms = np.zeros((len(layout.scored), 2, layout.bins), dtype=np.int64)
    for place, number in enumerate(layout.scored):
        np.add.at(histograms[place], ((labels == number).astype(np.int64), binned[:, place]), 1)
    confusion = np.zeros((layout.classes, layout.classes), dtype=np.int64)
    np.add.at(confusion, (labels, taken), 1)
    return np.concatenate([histograms.reshape(-1), confusion.reshape(-1)])
