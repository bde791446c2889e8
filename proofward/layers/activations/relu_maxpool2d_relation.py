"""Proof of ReLU with 2 x 2 max-pooling: which sum of every window is its first maximum.

Of a window with rounded sums Q_j, j = 2 wy + wx, the columns of `relu` have the maximum Q, its limbs and bits
and those of its gradient, at a quarter of the sums. For every sum there are besides
    e_j in {0, 1}      1 at the first j with Q_j = Q
    D_j in [0, 2^n)    Q - Q_j - c_j,    c_j = sum of e_i over i > j
D_j by limbs, n by public bounds. Proved is
    Q_j := Q - D_j - c_j is the rounding of Z_j: R_j = Z_j + 2^(fw-1) - 2^fw Q_j is virtual, in [0, 2^fw)
    e_j (e_j - 1) = 0,   e_j D_j = 0,   sum_j e_j = 1,   dZ_j = e_j dQ

Uniqueness. Z_j is fixed (`relu`), and all integers that limbs and parts can make up are below 2^63
(`bounds`), so the equation holds in the integers and Q_j is the rounding of Z_j. Exactly one j* has e = 1.
There c = 0, as no other tap is chosen, and D = 0, hence Q = Q_j*. For j > j*, c_j = 0 and Q_j <= Q. For j <
j*, c_j = 1 and Q_j <= Q - 1. So Q is the maximum and j* the first tap that has it; D_j is then a function of
Q_j. This is true of windows in padding too: all Z_j = 0, so Q = 0, e_0 = 1, D = 0, and dQ = 0.

No range has to hold but D_j >= 0, since the maximum is taken before values saturate: the bits of saturation
and the signs are needed once for a window, and not for each of its sums.

Message order, when all claims about A and dZ are made:
    `claims.gather` for dZ, which ends at a point q;   the sum of e over windows at q is 1
        (of a forward pass alone: q is the verifier's, and dQ = 0 in what follows)
    verifier: c, d    a sumcheck of e (dQ + c (e - 1) + d D) = dZ at q    prover: both factors, and dQ there
    then `relu` for A and dQ
c~ at a point is a sum of e~ at three taps of the window, and a sum over taps is four times e~ at wy = wx =
1/2. Soundness: log(sums) / |E| for q, log(windows) / |E| for the sum, and 2 / |E| for c and d. How it hides:
the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import mul
from proofward.field.memory import large_empty
from proofward.field.narrow import widened
from proofward.field.threads import in_parts
from proofward.layers.activations.activation import ActivationForward, ActivationRelation, HiddenTrace
from proofward.layers.activations.choice_of_maxima import Choosing, Selection, part_over_windows
from proofward.layers.activations.relu import ReluRelation
from proofward.layers.activations.relu_forward import ReluForward
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.claims import DerivedTable, gather
from proofward.layers.columns.stack import Shape
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import Form
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class PooledRelation(ActivationRelation):
    """The columns of a pooled layer; `windows` is `relu` of the maxima."""

    selection: Selection
    windows: ReluRelation

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        layout: Layout,
        limbs_above: tuple[Beyond, Beyond],
        trace: Callable[[], HiddenTrace],
    ) -> PooledRelation:
        """Declare the columns and their lookups for sums of this layout."""
        choosing = Choosing(ranges, scales, shape, name, layout, limbs_above[0], lambda: trace().sums)
        windows = ReluRelation.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=layout.log_size - 2,
            limbs_above=limbs_above,
            sums=choosing.greatest,
            back_sums=lambda: trace().back_sums,
            forward=choosing.round,
        )
        (selection,) = choosing.made

        def deltas(party: Party) -> Array:
            chosen, passed = party.narrow(selection.chosen), windows.delta.narrow(party)
            whole = large_empty(1 << selection.log_size)

            def make(start: int, stop: int) -> None:
                own = part_over_windows(passed, layout.padded_axes, (start, stop))
                whole[start:stop] = mul(widened(chosen[start:stop]), own)

            in_parts(make, whole.size)
            return whole

        delta = DerivedTable(shape, deltas)
        return PooledRelation(
            windows.forward, windows.backward, windows.activation, delta, selection, windows
        )

    @staticmethod
    def count(takes: Layout, gives: Layout, scales: FixedPoint, limbs_above: tuple[Beyond, Beyond]) -> int:
        """Values of a sample in the columns that `declare` declares."""
        sums = takes.padded_size * Selection.count(scales, limbs_above[0])
        return sums + gives.padded_size * (
            ReluForward.count(limbs_above[0]) + ReluRelation.count_back(scales, limbs_above[1])
        )

    def prove_values(self, party: Party) -> None:
        point, (claim,) = gather(party, [self.delta], self.selection.log_size)
        self.selection.prove(party, point, claim, self.windows.delta)
        self.windows.prove_values(party)


@dataclass(frozen=True, slots=True)
class PooledForward(ActivationForward):
    """The columns of a pooled layer in a forward pass; `windows` is `relu_forward` of the maxima.

    No gradient asks for a choice, so a point of the verifier takes the place of the one where claims on dZ
    end.
    """

    selection: Selection
    windows: ReluForward

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        layout: Layout,
        limb_above: Beyond,
        sums: Callable[[], Int64Array],
    ) -> PooledForward:
        """Declare the columns and their lookups for sums of this layout."""
        choosing = Choosing(ranges, scales, shape, name, layout, limb_above, sums)
        windows = ReluForward.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=layout.log_size - 2,
            limb_above=limb_above,
            sums=choosing.greatest,
            forward=choosing.round,
        )
        (selection,) = choosing.made
        return PooledForward(windows.forward, windows.activation, selection, windows)

    @staticmethod
    def count(takes: Layout, gives: Layout, scales: FixedPoint, limb_above: Beyond) -> int:
        """Values of a sample in the columns that `declare` declares."""
        sums = takes.padded_size * Selection.count(scales, limb_above)
        return sums + gives.padded_size * ReluForward.count(limb_above)

    def prove_values(self, party: Party) -> None:
        self.selection.prove(party, party.challenges(self.selection.log_size), Form.of(0))
        self.windows.prove_values(party)
