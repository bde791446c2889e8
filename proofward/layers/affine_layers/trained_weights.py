"""The weights of a layer over the steps of a round.

    W_t = W_0 - sum over steps tau < t of r_(t-1-tau) G_tau,
    G_tau(o; x) = sum over samples and positions of step tau of dZ(o) times the extended input x,

where r_j is the rate, or with momentum one of the public integers of `momentum`, which follow from the rules.
The inputs are extended by the constant 2^fa for the bias: index (top, j) is input j for top = 0, and the
constant at (1, 0). A convolution has a dZ and an input for every position of the picture, a linear layer has
one position. Where inputs differ between groups of outputs, as in a grouped convolution, the leading
coordinates of o are the group, and the sum runs over groups with eq. A claim on the weights becomes a claim
on W_0, which the verifier evaluates, and one on a weighted sum over steps of G_tau, which two sumchecks
reduce to claims on dZ and on the inputs. Momentum changes the public weights of that sum and nothing else: no
velocity is committed to, and no value is sent for it. Weights are not committed to, unless they saturate
after every step: then what they are is proved step by step (`saturated_weights`), by sums of G_tau as well.

Message order of a sum:
    a sumcheck over the steps          prover: G at the step where it ended
    a sumcheck over samples, groups and positions
    prover: dZ and the extended input there, which the layer then proves
Soundness: the sumchecks. How it hides: the party pads every message.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.correlation import correlated
from proofward.field.extension import DEGREE, Ext, ext_add, ext_dot, ext_mul, ext_scale, lift, zeros
from proofward.field.goldilocks import scale, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.affine_layers.affine import AffineRelation
from proofward.layers.affine_layers.saturated_weights import SaturatedTable, SaturatedWeights, following
from proofward.layers.basics.layout import log_padded
from proofward.layers.columns.stack import (
    Gradient,
    Input,
    Shape,
    Units,
    eq_weights,
    plain_weights,
    repeated_eq,
    suffix_sums,
    sum_last,
    zero_product,
)
from proofward.layers.rules.momentum import Rates
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party, Tables, Weights

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class TrainedWeights(AffineRelation):
    """First weights as a padded F-matrix (outputs, inputs of a sum), biases as a padded F-array.

    one: the constant 2^fa for the bias, or a multiple beside means (`means`).

    Without gradients they are the weights of all steps.
    """

    shape: Shape
    weights: Array
    biases: Array
    rates: Rates
    one: int
    inputs: Input
    gradients: Gradient | None
    saturated: SaturatedWeights | None

    @property
    def log_inputs(self) -> int:
        return log_padded(self.weights.shape[1])

    @property
    def log_outputs(self) -> int:
        return log_padded(self.weights.shape[0])

    # -- what differs between layers

    @property
    def log_positions(self) -> int:
        """log2 of the padded number of positions that share a weight."""
        return 0

    @property
    def log_groups(self) -> int:
        """How many leading coordinates of an output say which inputs its sum has."""
        return 0

    @abstractmethod
    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        """dZ combined over a group's outputs, an E-array over (step, sample, group, position); a prover's."""

    @abstractmethod
    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        """The extended inputs at a point, an E-array over (step, sample, group, position); a prover's."""

    @abstractmethod
    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        """value = dZ at (samples, position), combined over outputs."""

    @abstractmethod
    def _assert_input(
        self, party: Party, samples: Point, group: Point, position: Point, extended: Point, value: Form
    ) -> None:
        """value = extended input of the group at (samples, position, extended)."""

    # -- what is common

    @property
    def gradient(self) -> Gradient:
        """That of the sums, of weights that are trained."""
        assert self.gradients is not None, "weights that stay as they are have no gradients"
        return self.gradients

    def prove_update(self, party: Party, steps: int, units: Units, extended: Point, claim: Form) -> None:
        """claim = (W_T - W_0) at (units, extended input), T = steps.

        Step tau < T counts with r_(T-1-tau) / rate, which is 1 without momentum.
        """

        if self.saturated is not None:
            initial = party.public(lambda: self._initial_at(units, extended))
            self.saturated.assert_last(party, steps, units, extended, claim + initial)
            return

        def inside() -> Array:
            found = zeros(self.shape.steps)
            unit = pow(self.rates.rate, -1, P)
            counts = [count * unit % P for count in self.rates.sums[:steps]]
            found[0, :steps] = counts[-1]
            found[0, steps - len(counts) : steps] = counts[::-1]
            return found

        self._prove_sum(party, inside, units, extended, claim * (-ONE * self.rates.rate).inverse())

    def assert_weight(self, party: Party, step: Point, units: Units, extended: Point, weight: Form) -> None:
        """weight = W at (step, units, extended input): W_0 minus the sum over earlier steps.

        Step tau counts with the sum over t > tau of eq(step, t) r_(t-1-tau) / rate. With r_j = e_0 + .. + e_j
        that is the sum over j of e_j / rate times lambda_(tau+j), where lambda_tau = sum over t > tau of
        eq(step, t), which is 0 from the last step on.
        """
        initial = party.public(lambda: self._initial_at(units, extended))
        if self.gradients is None:
            party.assert_zero(weight - initial)
            return
        if self.saturated is not None:
            self.saturated.assert_weight(party, step, units, extended, weight, initial)
            return
        claim = (Form.of(initial) - weight) * (ONE * self.rates.rate).inverse()
        self._prove_sum(party, lambda: self._counts(suffix_sums(eq_table(step))), units, extended, claim)

    def prove_steps(self, party: Party) -> None:
        if self.saturated is None:
            return
        bias = (ONE, *(ZERO,) * self.log_inputs)
        self._prove_steps_of(party, self.saturated.weights, lambda entry: (ZERO, *entry))
        self._prove_steps_of(party, self.saturated.biases, lambda _: bias)
        self.saturated.prove_values(party)

    def _prove_steps_of(
        self, party: Party, table: SaturatedTable, extended_of: Callable[[Point], Point]
    ) -> None:
        """W_t - X_t = sum over j of e_j G_(t-j) everywhere, at a point."""
        steps = self.shape.log_steps
        point = party.challenges(steps + table.log_entries)
        party.soundness.add("steps of weights", "Schwartz-Zippel", len(point))
        step, units = point[:steps], Units.at(point[steps : steps + self.log_outputs])
        extended = extended_of(point[steps + self.log_outputs :])
        before = party.send(self._weight_at(party, step, units, extended) if party.knows_witness else None)
        self.assert_weight(party, step, units, extended, before)

        def counts() -> Array:
            return correlated(eq_table(step), to_field(np.array(self.rates.increments, dtype=np.int64)))

        self._prove_sum(party, counts, units, extended, before - table.stepped_at(point))

    def _weight_at(self, party: Party, step: Point, units: Units, extended: Point) -> Ext:
        """W at (step, units, extended input), of weights that saturate; a prover's."""
        assert self.saturated is not None
        later = ext_dot(following(step), self.saturated.following_at(party, units, extended))
        return self._initial_at(units, extended) * zero_product(step) + later

    def _counts(self, later: Array) -> Array:
        """sum over j of e_j / rate * lambda_(tau+j), from lambda."""
        if not any(self._earlier()):
            return later
        unit = pow(self.rates.rate, -1, P)
        return correlated(later, scale(to_field(np.array(self.rates.increments, dtype=np.int64)), unit))

    def _earlier(self) -> Iterator[tuple[int, int]]:
        """(j, e_j) for 0 < j < steps, of those that are not 0; none without momentum."""
        for earlier, increment in enumerate(self.rates.increments[: self.shape.steps]):
            if earlier and increment:
                yield earlier, increment

    def _initial_at(self, units: Units, extended: Point) -> Ext:
        top, unit = extended[0], extended[1:]
        weight = evaluate(combine_rows(units.weights, self.weights), unit)
        bias = ext_dot(units.weights, lift(self.biases))
        return (ONE - top) * weight + top * zero_product(unit) * bias

    def _prove_sum(
        self, party: Party, weights: Callable[[], Array], units: Units, extended: Point, claim: Form
    ) -> None:
        """claim = sum over steps of weight_tau * G_tau at (units, extended input).

        Who measures a statement has no need of the weights, of which there may be millions.
        """
        shape, weights = self.shape, cache(weights)
        outputs = self._outputs_over_samples(party, units) if party.knows_witness else zeros(0)
        inputs = self._inputs_over_samples(party, extended) if party.knows_witness else zeros(0)
        group = units.leading(self.log_groups)

        def by_step() -> Tables:
            products = ext_mul(outputs, inputs)
            if group:
                by_group = sum_last(products.reshape(DEGREE, -1, 1 << self.log_positions))
                products = ext_mul(by_group, flat(repeated_eq(group, 1 << shape.log_samples)))
            return Tables([(weights(), sum_last(products.reshape(DEGREE, shape.steps, -1)))])

        reduced = party.sumcheck(claim, plain_weights(shape.log_steps), by_step)
        public = party.public(lambda: evaluate(weights(), reduced.point))
        at_step = party.send(reduced.factors[0][1])
        party.assert_zero(reduced.claim - at_step * public)
        claims = eq_weights(reduced.point) + plain_weights(shape.log_batch)
        self._prove_samples(party, claims, units, extended, at_step, Tables([(outputs, inputs)]))

    def prove_of_sample(
        self, party: Party, samples: Point, units: Units, extended: Point, claim: Form
    ) -> None:
        """claim = the gradient of a sample by itself at (units, extended input), at a point of samples."""
        known = party.knows_witness
        outputs = self._outputs_over_samples(party, units) if known else zeros(0)
        inputs = self._inputs_over_samples(party, extended) if known else zeros(0)
        tables = Tables([(outputs, inputs)])
        self._prove_samples(party, eq_weights(samples), units, extended, claim, tables)

    def _prove_samples(
        self, party: Party, samples: list[Weights], units: Units, extended: Point, claim: Form, tables: Tables
    ) -> None:
        """claim = weighted sum over samples of the gradients that they have by themselves."""
        log_samples, group = self.shape.log_samples, units.leading(self.log_groups)
        weights = samples + eq_weights(group) + plain_weights(self.log_positions)
        ended = party.sumcheck(claim, weights, lambda: tables)
        gradient, value, product = party.send_product(*ended.factors[0])
        party.assert_zero(ended.claim - product)
        samples_at, rest = ended.point[:log_samples], ended.point[log_samples:]
        own, position = rest[: self.log_groups], rest[self.log_groups :]
        self._assert_output(party, samples_at, position, units.with_leading(own), gradient)
        self._assert_input(party, samples_at, own, position, extended, value)

    def weights_before(self, sums: Array, initial: Array) -> Array:
        """initial - sum over earlier steps of r_j G: (2, steps, width) flat, of the sums G of every step.

        The first weights less the sums of all earlier steps times the rate; of those before the last j
        steps, times e_j more.
        """
        result = np.empty_like(sums)
        current = np.ascontiguousarray(initial)
        for step in range(self.shape.steps):
            result[:, step] = current
            if step + 1 < self.shape.steps:
                growth = ext_scale(np.ascontiguousarray(sums[:, step]), ONE * (P - self.rates.rate))
                current = ext_add(current, growth)
        whole = flat(result)
        if any(self._earlier()):
            grown = ext_add(whole, ext_scale(np.tile(flat(initial), self.shape.steps), ONE * (P - 1)))
            before = grown.reshape(sums.shape)
            unit = (ONE * self.rates.rate).inverse()
            for earlier, increment in self._earlier():
                own = np.zeros_like(sums)
                own[:, earlier:] = before[:, :-earlier]
                whole = ext_add(whole, ext_scale(flat(own), unit * increment))
        return whole

    def initial_by_input(self, units: Units) -> Array:
        """The first extended weights combined over outputs: (2, 2 * inputs of a sum)."""
        initial = zeros(2, self.weights.shape[1])
        initial[:, 0] = combine_rows(units.weights, self.weights)
        bias = ext_dot(units.weights, lift(self.biases))
        initial[:, 1, 0] = bias.limbs
        return initial.reshape(DEGREE, -1)


def flat(array: Array) -> Array:
    """(2, ...) as an E-array."""
    return np.ascontiguousarray(array).reshape(DEGREE, -1)
