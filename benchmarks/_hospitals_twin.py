"""Logistic regression at many hospitals at once, in the integers that a proved federation has.

Hospitals have equally many records, so that a step of all of them is one product of matrices. What each
submits, the noise and the next model come from the product's own rules, tables and rounding. `compared` holds
the updates against `relations.proofs.prove.worked_out`, which makes the update that a hospital proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.lattice.sampler import uniform_words
from proofward.layers.arithmetic.exact import EXACT
from proofward.layers.gradient_clipping.clip_scale import ClipScale
from proofward.layers.gradient_clipping.clipped_training import Clipped
from proofward.layers.local_training.training import magnitude
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.privacy import Privacy
from proofward.layers.rules.schedule import schedule
from proofward.models.settings import Preset
from proofward.relations.proofs.prove import worked_out
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.training_rounds.round_statement import RoundStatement

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Sites:
    """features: (n, rows, d), scale fa. labels: (n, rows), 0 or 1."""

    features: Int64Array
    labels: Int64Array

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def rows(self) -> int:
        """Of each hospital."""
        return self.labels.shape[1]

    def first(self, count: int) -> Sites:
        """So many of them."""
        return Sites(self.features[:count], self.labels[:count])

    def inputs(self, one: float, unit: float, kind: type) -> Numbers:
        """Features in some unit, and behind them what biases are multiplied by: (n, rows, d + 1)."""
        ones = np.full((*self.labels.shape, 1), one, dtype=kind)
        return np.concatenate([(self.features / unit).astype(kind), ones], axis=2)


def joined(flat: Numbers, outputs: int = 2) -> Numbers:
    """Matrices with their biases as a last column, (n, 2, d + 1), of flat models (n, parameters)."""
    matrix, bias = flat[:, :-outputs], flat[:, -outputs:, None]
    return np.concatenate([matrix.reshape(len(flat), outputs, -1), bias], axis=2)


def flat(joined_models: Numbers) -> Numbers:
    """Inverse of `joined`."""
    count = len(joined_models)
    return np.concatenate([joined_models[..., :-1].reshape(count, -1), joined_models[..., -1]], axis=1)


def local_steps(
    models: Numbers,
    inputs: Numbers,
    labels: Int64Array,
    batches: Int64Array,
    rate: float,
    gradients: Callable[[Numbers, Int64Array], Numbers],
) -> Numbers:
    """Models (n, 2, d + 1) after one step for each of the batches (n, steps, size) of every hospital."""
    models, own = models.copy(), np.arange(len(labels))[:, None]
    for step in range(batches.shape[1]):
        chosen = batches[:, step]
        read = inputs[own, chosen]
        logits = read @ models.transpose(0, 2, 1)
        deltas = gradients(logits.reshape(-1, 2), labels[own, chosen].reshape(-1))
        deltas = deltas.reshape(logits.shape).astype(models.dtype)
        models -= models.dtype.type(rate) * (deltas.transpose(0, 2, 1) @ read)
    return models


@dataclass(frozen=True)
class Rules:
    """Of a federation whose hospitals have so many records each. first: the model before the first round."""

    setup: Preset
    config: RoundConfig
    rows: int
    first: Int64Array

    @cached_property
    def shift(self) -> int:
        """The weight shift of its rounds."""
        return self.config.weight_shift(self.rows)

    @property
    def clips_records(self) -> bool:
        """Whether the gradient of each record is clipped."""
        return self.config.clipped_rule(self.rows) is not None

    def batches(self, beacon: bytes, count: int) -> Int64Array:
        """Of every step of a round's training, (n, steps, size)."""
        training = self.config.training
        own = (schedule(beacon, name_of(index), self.rows, training) for index in range(count))
        return np.stack([batches[: training.steps_for(self.rows)] for batches in own])

    def submitted(self, weights: Int64Array, sites: Sites, batches: Int64Array) -> Int64Array:
        """U of every hospital before noise is added, int64 (n, parameters)."""
        scales, model = self.config.scales, self.config.model
        rounding, head = model.last_rounding(scales), model.head
        inputs = sites.inputs(1 << scales.activation_bits, 1, np.float64)
        start, training = joined(weights[None].astype(np.float64)), self.config.training
        bounds = compile_bounds(model, scales, training, self.rows, magnitude(weights))[0]
        assert max(bounds.sums, bounds.weights, bounds.biases) < EXACT  # so sums in float64 are exact

        def gradients(logits: Numbers, labels: Int64Array) -> Int64Array:
            return head.gradients(logits.astype(np.int64), labels, rounding)

        if self.clips_records:
            logits = inputs @ start[0].T
            deltas = gradients(logits.reshape(-1, 2), sites.labels.reshape(-1)).reshape(logits.shape)
            return self._clipped(inputs, deltas)
        start = np.repeat(start, len(sites), axis=0)
        rate = training.rates(self.rows).increments[0]
        ended = local_steps(start, inputs, sites.labels, batches, rate, gradients)
        return within_bound(self._rule, flat(ended - start).astype(np.int64))

    @property
    def _rule(self) -> UpdateRule:
        found = self.config.update_rule(self.rows, self.shift)
        assert isinstance(found, UpdateRule)
        return found

    def _clipped(self, inputs: Numbers, deltas: Int64Array) -> Int64Array:
        assert self.config.privacy is not None
        scale = ClipScale.of(self.config.model, self.config.scales, self.config.privacy)
        values = np.square(inputs[..., :-1]).sum(axis=2).astype(np.int64).reshape(-1)
        norms = np.square(deltas).sum(axis=2).reshape(-1)
        weights = Clipped.of((values,), (norms,), scale, len(values)).weights.reshape(deltas.shape[:2])
        scaled = (deltas * weights[..., None]).astype(np.float64)
        return scale.divisor.rounded(flat(scaled.transpose(0, 2, 1) @ inputs).astype(np.int64))

    def following(self, weights: Int64Array, total: Int64Array, count: int) -> Int64Array:
        """The next model, by the sum of the updates of so many hospitals."""
        weight = self.config.update_rule(self.rows, self.shift).weight
        return self.config.model_rule.following(weights, (), total, count * weight)[0]

    def model(
        self, sites: Sites, beacons: Sequence[bytes], batches: Sequence[Int64Array] = (), seed: bytes = b""
    ) -> Int64Array:
        """The model after a round for each beacon. batches: those of the beacons. seed: of the noise."""
        weights, count = self.first, len(sites)
        for number, beacon in enumerate(beacons):
            own = batches[number][:count] if batches else self.batches(beacon, count)
            total = self.submitted(weights, sites, own).sum(axis=0)
            if self.config.privacy is not None:
                total = total + noise(self.config.privacy, count, total.size, seed + beacon)
            weights = self.following(weights, total, count)
        return weights

    def compared(self, weights: Int64Array, sites: Sites, beacon: bytes) -> int:
        """How many updates of a round equal those that hospitals prove; AssertionError where one does not."""
        made = self.submitted(weights, sites, self.batches(beacon, len(sites)))
        private = self.config.privacy is not None
        for index, own in enumerate(made):
            statement = RoundStatement(
                consortium=bytes(32), config=self.config, round=1, attempt=0, hospital=name_of(index),
                rows=self.rows, weight_shift=self.shift, beacon=beacon, dataset_root=bytes(32),
                initial_weights=weights, noise_root=bytes(32) if private else b"",
            )  # fmt: skip
            proved = worked_out(statement, sites.features[index], sites.labels[index])[2]
            assert np.array_equal(own, proved), f"{name_of(index)}: the twin is not what would be proved"
        return len(made)


def within_bound(rule: UpdateRule, updates: Int64Array) -> Int64Array:
    """U of every update (n, parameters), with the largest multiplier that keeps its norm within the bound."""
    leading = rule.leading(updates)

    def rounded(multipliers: Int64Array) -> Int64Array:
        return rule.divisor.rounded(leading * multipliers[:, None])

    low = np.zeros(len(updates), dtype=np.int64)
    high = np.full(len(updates), rule.full + 1)
    assert np.abs(rounded(high - 1)).max() < 1 << 28  # so that squares of at most 2^6 entries fit
    for _ in range(rule.full.bit_length()):
        middle = (low + high) // 2
        within = np.square(rounded(middle)).sum(axis=1) <= rule.bound**2
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return rounded(low)


def noise(privacy: Privacy, count: int, entries: int, seed: bytes) -> Int64Array:
    """The sum of the noise of so many hospitals, each drawn from the tables of the rules."""
    levels = NoiseLevels.of_updates(privacy)
    stream = hashlib.shake_256(seed).digest
    words = uniform_words(stream, levels.count * count * entries).reshape(levels.count, -1)
    return levels.drawn(words, np.zeros_like(words)).reshape(count, entries).sum(axis=0)


def name_of(index: int) -> str:
    """Of a hospital."""
    return f"hospital-{index}"
