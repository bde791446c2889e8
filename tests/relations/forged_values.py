"""Trainings of one step in which a prover computes some values otherwise and commits to what fits them.

A forgery changes entries of committed and of virtual columns. The sums of later layers, the gradients and the update follow from
the changed values, so that of all that the relation says, only what the change itself breaks is false: `broken`
lists it, by plain integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add, scale, to_field, to_signed
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.activations import relu, relu_forward
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.divisor import Divisor
from proofward.layers.heads import two_class_head
from proofward.layers.heads.sigmoid import sigmoid_table
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.rules.model import FixedPoint
from proofward.proof.forms import Column, Form, Point
from proofward.proof.lookup import LinearCombination, VirtualColumn
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from tests.proof.cheats import Forger
from tests.proof.toy import seeded
from tests.relations.cases import CONSORTIUM, Case, config, prove_with, round_witness, statement_of

Signed = npt.NDArray[np.int64]
Columns = dict[str, Signed]
Change = dict[str, dict[int, int]]
SCALES = FixedPoint()
ROWS = 4
HALF = (P - 1) // 2  #: -1/2 in the field, as a signed integer


def one_step(
    activations: list[int], gradients: list[int], logit: int, inputs: int = 2, scales: FixedPoint = SCALES
) -> Case:
    """A case of one step of four equal records of label 0.

    Unit j of the hidden layer has the rounded sum activations[j]; where the probability is 1, its rounded
    gradient is gradients[j]. `logit` is added to the logit difference.
    """
    rules = config(widths=(inputs, len(activations), 2), batch=ROWS, steps=1, rate=1, scales=scales)
    features = np.zeros((ROWS, inputs), dtype=np.int64)
    bits = scales.activation_range_bits - 2
    features[:, 0] = 1 << bits
    labels = np.zeros(ROWS, dtype=np.int64)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, inputs, rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(1))
    weights = np.zeros(rules.model.parameters, dtype=np.int64)
    (first, _), (second, biases) = rules.model.unflatten(weights)
    first[:, 0] = np.array(activations) << (24 - bits)
    second[1] = np.array(gradients) << 16
    biases[1] = logit << 18
    statement = replace(statement_of(rules, ROWS, secret.root), initial_weights=weights)
    return Case(rules, features, labels, enrolled, proof, secret, statement, None)  # type: ignore[arg-type]


@dataclass
class Forged:
    """A forged training: the proof, and what the prover committed to."""

    case: Case
    digests: tuple[bytes, ...]
    proof: bytes
    ciphertext: npt.NDArray[np.uint64]
    trace: TrainingTrace
    columns: Columns


def forge(case: Case, change: Change, *, fitting: bool = False) -> Forged:
    """Prove with entries of columns changed, by name and flat position.

    fitting: where the lookups of a remainder end, claim the sums that the forged columns would be the rounding
    of, and not those that the layer has.
    """
    with computing(change):
        witness, encryption = round_witness(case, seeded(3))

    class Unchanged(Forger):
        known: ClassVar[dict[tuple[int, int], npt.NDArray[np.uint64]]] = {}

        def alter(self, column: Column, value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
            self.known[column.commitment, column.index] = value
            return value

    class Changes(Forger):
        fallback = Unchanged.known
        named: ClassVar[Columns] = {}

        def alter(self, column: Column, value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
            return self.change(column.name, value)

        @classmethod
        def change(cls, name: str, value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
            if name in change:
                value = value.copy()
                for position, entry in change[name].items():
                    value[position] = entry % P
            cls.named[name] = to_signed(value)
            return value

    honest = VirtualColumn.values

    def virtual(
        self: VirtualColumn, of: Callable[[Column], npt.NDArray[np.uint64]]
    ) -> npt.NDArray[np.uint64]:
        return Changes.change(self.name, honest(self, of))

    prove_with(case, witness, encryption.ciphertext, Unchanged, seeded(4))
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(VirtualColumn, "values", virtual))
        if fitting:
            stack.enter_context(mock.patch.object(Rounding, "declare", declare_fitting(Changes.named)))
        digests, proof = prove_with(case, witness, encryption.ciphertext, Changes, seeded(4))
    return Forged(case, digests, proof, encryption.ciphertext, witness.trace, Changes.named)


def declare_fitting(columns: Columns) -> Any:
    """`Rounding.declare` for a prover that says D Q + R - D / 2 of its own columns for the sums."""
    honest = Rounding.declare

    def declare(
        ranges: RangeChecks,
        name: str,
        divisor: Divisor,
        quotient: LinearCombination,
        sums: Any,
        say: Any = None,
        limb_bits: int = 0,
    ) -> Rounding:
        def say_fitting(point: Point) -> Form:
            if not ranges.party.knows_witness:
                return ranges.party.send(None)
            values = scale(quotient.values(ranges.party.values), divisor.value)
            for index, (below, _) in enumerate(divisor.limbs(limb_bits or ranges.table_bits)):
                limb = to_field(columns[f"{name} remainders, limb {index}"])
                values = add(values, scale(limb, 1 << below))
            return ranges.party.send(evaluate(values, point) - divisor.half)

        return honest(ranges, name, divisor, quotient, sums, say_fitting if say is None else say, limb_bits)

    return staticmethod(declare)


@contextmanager
def computing(change: Change) -> Iterator[None]:
    """The trainer's functions, as the changed columns say; of values in parts too, where they name the part."""
    original = {name: getattr(relu, name) for name in ("activation", "slope", "saturated")}
    honest_error = two_class_head.error

    def changed(name: str, values: Signed) -> Signed:
        flat = values.astype(object).reshape(-1)
        for position, entry in change.get(name, {}).items():
            flat[position] = entry
        return flat.reshape(values.shape)

    def field_integers(values: Signed) -> Signed:
        reduced = values % P
        return np.where(reduced > P // 2, reduced - P, reduced).astype(np.int64)

    def activation(sums: Signed, scales: FixedPoint) -> Signed:
        top = scales.activation_limit
        inside = changed("layer 1 inside", original["slope"](sums, scales))
        above = changed("layer 1 above", (relu_forward.above_one(sums, scales) >= top).astype(np.int64))
        low = changed("layer 1 low, limb 0", relu_forward.above_one(sums, scales) % top)
        low = changed("layer 1 part", low)
        return field_integers(inside * (1 + low) + above * top)

    def slope(sums: Signed, scales: FixedPoint) -> Signed:
        return field_integers(changed("layer 1 inside", original["slope"](sums, scales)))

    def saturated(sums: Signed, scales: FixedPoint) -> Signed:
        half = 1 << scales.gradient_range_bits
        low = changed("layer 1 gradient low, limb 0", relu.above_least(sums, scales) % (2 * half))
        sign = changed("layer 1 gradient sign", np.sign(relu.back_high_limb(sums, scales)))
        return field_integers(changed("layer 1 gradient saturated", low + sign * 2 * half) - half)

    def error(differences: Signed, labels: Signed, scales: FixedPoint) -> Signed:
        return changed("head errors", honest_error(differences, labels, scales)).astype(np.int64)

    with ExitStack() as stack:
        stack.enter_context(
            mock.patch.multiple(relu, activation=activation, slope=slope, saturated=saturated)
        )
        stack.enter_context(mock.patch.object(two_class_head, "error", error))
        yield


def limbs_of(columns: Columns, name: str, width: int) -> tuple[npt.NDArray[np.object_], bool]:
    """The number that the limbs of a name make up, and whether all of them are in their ranges."""
    total: npt.NDArray[np.object_] = np.zeros(1, dtype=object)
    in_range = True
    for index in range(9):
        column = columns.get(f"{name}, limb {index}")
        if column is not None:
            total = total + column.astype(object) * (1 << (width * index))
            in_range &= bool((column >= 0).all() and (column < 1 << width).all())
    return total, in_range


def broken(forged: Forged) -> set[str]:
    """Which statements of the relation about hidden values the committed columns do not satisfy."""
    columns, found = forged.columns, set()
    rules = forged.case.config
    scales = rules.scales.of_layer(0)
    limbs = Arrangement.of(rules.model, rules.scales, ROWS, forged.case.statement.layer_bounds())
    (of_sums, of_gradients), of_head = limbs.hidden[0], limbs.head

    def check(name: str, holds: object) -> None:
        if not bool(np.all(holds)):
            found.add(name)

    def sums(name: str, trace: Signed, value: npt.NDArray[np.object_], remainder: str) -> None:
        rest, in_range = limbs_of(columns, remainder, 12)
        check(f"{name}: remainder", in_range)
        exact = (value * (1 << 24) + rest - (1 << 23) - trace.reshape(-1).astype(object)) % P == 0
        check(f"{name}: sum", exact)

    top, half = scales.activation_limit, 1 << scales.gradient_range_bits
    low, in_range = limbs_of(columns, "layer 1 low", scales.activation_range_bits)
    check("forward: low limb", in_range)
    high = _high(columns, "layer 1 high", check, "forward", of_sums)
    sums("forward", forged.trace.hidden[0].sums, 1 + low + top * high, "layer 1 remainders")
    _flags(columns, "layer 1", "forward", high, check)
    low, in_range = limbs_of(columns, "layer 1 gradient low", scales.gradient_range_bits + 1)
    check("backward: low limb", in_range)
    high = _high(columns, "layer 1 gradient high", check, "backward", of_gradients)
    back = forged.trace.hidden[0].back_sums
    sums("backward", back, low - half + 2 * half * high, "layer 1 gradient remainders")
    check("backward: sign", columns["layer 1 gradient sign"] == np.sign(high.astype(np.int64)))
    table, x = sigmoid_table(SCALES), columns["head low"]
    entry, end = columns["head entries"], 1 << SCALES.logit_range_bits
    listed = (x >= 0) & (x < len(table)) & (table[np.clip(x, 0, len(table) - 1)] == entry)
    check("head: entry", listed)
    high = _high(columns, "head high", check, "head", of_head)
    sums("head", forged.trace.head.difference, x.astype(object) - end + 2 * end * high, "head remainders")
    _flags(columns, "head", "head", high, check)
    inside, above = columns["head inside"].astype(object), columns["head above"].astype(object)
    error = columns["head errors"].astype(object)
    check("head: error", (error - inside * entry.astype(object) - above * 256) % P == 0)
    return found


def _high(
    columns: Columns, name: str, check: Callable[[str, object], None], where: str, limb: Beyond
) -> npt.NDArray[np.object_]:
    """A high limb of one or two limbs, whose sign from the top limb is checked."""
    assert isinstance(limb, HighLimb)
    lowest, top = columns[f"{name}, limb 0"], columns.get(f"{name}, limb 1")
    if top is None:
        check(f"{where}: high limb", abs(lowest) <= 1 << 9)
        return lowest.astype(object)
    check(f"{where}: high limb", abs(top) <= 1 << 9)
    width = limb.widths[0]
    check(f"{where}: low part of the high limb", (lowest >= 0) & (lowest < 1 << width))
    check(f"{where}: sign of the top limb", columns[f"{name}, sign from limb 1"] == np.sign(top))
    return lowest.astype(object) + (1 << width) * top.astype(object)


def _flags(
    columns: Columns,
    name: str,
    where: str,
    high: npt.NDArray[np.object_],
    check: Callable[[str, object], None],
) -> None:
    inside, above = columns[f"{name} inside"].astype(object), columns[f"{name} above"].astype(object)
    check(f"{where}: bits", ((inside == 0) | (inside == 1)) & ((above == 0) | (above == 1)))
    sign = np.sign(high.astype(np.int64)) if abs(high).max() < 1 << 62 else np.zeros(1)
    check(f"{where}: sign", (inside + 2 * above - 1 - sign) % P == 0)
