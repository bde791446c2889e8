"""Trainings in which a prover says other things of weights that saturate, and goes on with the weights that he says.

As in `forged_values`, all that follows from a change follows: the weights of the next step are those that the changed
columns make up, so that of all that the relation says only what the change itself breaks is false. `broken` lists it,
by plain integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_signed
from proofward.field.scalar import P
from proofward.layers.arithmetic.ranges import limbs
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.networks.arrangement import of_weights
from proofward.proof.forms import Column
from tests.proof.cheats import Forger
from tests.proof.toy import seeded
from tests.relations.cases import Case, prove_with, round_witness
from tests.relations.otherwise import Prepared

Signed = npt.NDArray[np.int64]
Change = dict[str, dict[int, int]]
HALF = (P - 1) // 2  #: -1/2 in the field


@dataclass(frozen=True)
class Table:
    """The weights or biases of a layer over all steps: one entry after another, padding included."""

    case: Case
    layer: int
    kind: str

    @property
    def name(self) -> str:
        return f"layer {self.layer + 1} {self.kind}"

    @property
    def way(self) -> HighLimb:
        statement, rules = self.case.statement, self.case.config
        steps = rules.training.padded_steps(statement.rows)
        found = of_weights(rules.model, rules.scales, steps, statement.layer_bounds())[self.layer]
        assert isinstance(found, HighLimb)
        return found

    @property
    def limit(self) -> int:
        return self.case.config.scales.weight_range

    @property
    def low_widths(self) -> list[tuple[int, int]]:
        """Shift and width of every low limb."""
        scales = self.case.config.scales
        return limbs(scales.weight_range_bits + 1, scales.table_bits)

    def stepped(self, trace: TrainingTrace) -> Signed:
        """X, int64 (steps, padded entries)."""
        values = getattr(trace.stepped[self.layer], self.kind)
        found: Signed = self.layout.pad(values.reshape(len(values), -1))
        return found

    @property
    def layout(self) -> Any:
        return getattr(self.case.config.model.layers[self.layer], self.kind)

    def entries(self, values: Signed) -> dict[str, Signed]:
        """What is committed to of X by an honest prover, by the column's name; of integers of any shape."""
        whole, bits = values + self.limit - 1, self.case.config.scales.weight_range_bits + 1
        high, found = whole >> bits, {}
        for index, (shift, width) in enumerate(self.low_widths):
            found[f"{self.name} low, limb {index}"] = whole >> shift & ((1 << width) - 1)
        found[f"{self.name} inside"] = (high == 0).astype(np.int64)
        found[f"{self.name} above"] = (high > 0).astype(np.int64)
        shift, widths = 0, self.way.widths
        for index, width in enumerate(widths):
            own = high >> shift
            found[f"{self.name} high, limb {index}"] = own if index == len(widths) - 1 else own & ((1 << width) - 1)
            if index:
                found[f"{self.name} high, sign from limb {index}"] = np.sign(own)
            shift += width
        return found

    def low(self, entries: dict[str, Any]) -> Any:
        return sum(entries[f"{self.name} low, limb {i}"] << shift for i, (shift, _) in enumerate(self.low_widths))

    def next_weight(self, entries: dict[str, int]) -> int:
        """W of the next step, as its columns make it up."""
        inside, above = entries[f"{self.name} inside"], entries[f"{self.name} above"]
        value = (inside * (self.low(entries) + 1) + above * 2 * self.limit - self.limit) % P
        return value - P if value > P // 2 else value


@dataclass
class Forged:
    """A forged training: the proof, and what the prover committed to."""

    case: Case
    proof: tuple[Any, bytes]
    ciphertext: npt.NDArray[np.uint64]
    trace: TrainingTrace
    columns: dict[str, Signed]


def forge(table: Table, change: Change, prepared: Prepared) -> Forged:
    """Prove with entries of columns of a table changed, by name and flat position."""
    case = table.case
    with mock.patch.object(Conv2dTrainer, "saturate", saturating_to(table, change)):
        witness, encryption = round_witness(case, seeded(3))
    named: dict[str, Signed] = {}

    class Changes(Forger):
        fallback = prepared[2]

        def alter(self, column: Column, value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
            if column.name in change:
                value = value.copy()
                for position, entry in change[column.name].items():
                    value[position] = entry % P
            named[column.name] = to_signed(value)
            return value

    proof = prove_with(case, witness, encryption.ciphertext, Changes, seeded(4))
    return Forged(case, proof, encryption.ciphertext, witness.trace, named)


def saturating_to(table: Table, change: Change) -> Callable[[Conv2dTrainer, int], None]:
    """`Conv2dTrainer.saturate` after which the weights are those that changed columns make up."""
    layer, size, steps = table.case.config.model.layers[table.layer], table.layout.padded_size, [0]
    changed = {position for own in change.values() for position in own}
    honest = Conv2dTrainer.saturate

    def saturate(self: Conv2dTrainer, limit: int) -> None:
        if self.layer is not layer:
            return honest(self, limit)
        values = self.biases if table.kind == "biases" else self.weights.values
        padded = table.layout.pad(values.reshape(1, -1).astype(np.int64))[0]
        honest(self, limit)
        after = table.layout.pad(values.reshape(1, -1).astype(np.int64))[0]
        for position in changed:
            if position // size == steps[0]:
                entries = {name: int(own) for name, own in table.entries(padded[position % size]).items()}
                entries |= {name: own[position] for name, own in change.items() if position in own}
                after[position % size] = table.next_weight(entries)
        values[...] = table.layout.unpad(after[None])[0].reshape(values.shape)
        steps[0] += 1
        return None

    return saturate


def broken(table: Table, forged: Forged) -> set[str]:
    """Which statements about a table the committed columns do not satisfy."""
    own = {name: column.astype(object) for name, column in forged.columns.items() if name.startswith(table.name)}
    found, way = set[str](), table.way

    def check(name: str, holds: Any) -> None:
        if not bool(np.all(holds)):
            found.add(name)

    for index, (_, width) in enumerate(table.low_widths):
        limb = own[f"{table.name} low, limb {index}"]
        check("low limb", (limb >= 0) & (limb < 1 << width))
    inside, above = own[f"{table.name} inside"], own[f"{table.name} above"]
    check("bits", ((inside == 0) | (inside == 1)) & ((above == 0) | (above == 1)))
    sign = (inside + 2 * above - 1 + P // 2) % P - P // 2
    high, shift = sign, 0
    if way.widths:
        parts = [own[f"{table.name} high, limb {index}"] for index in range(len(way.widths))]
        signs = [sign, *(own[f"{table.name} high, sign from limb {i}"] for i in range(1, len(parts)))]
        top = len(parts) - 1
        half = 1 << (way.widths[top] - 1)
        check("high limb", (parts[top] >= -half) & (parts[top] < half))
        check("sign" if top == 0 else "sign of the top limb", signs[top] == np.sign(parts[top].astype(float)))
        for index in range(top):
            check("low part of the high limb", (parts[index] >= 0) & (parts[index] < 1 << way.widths[index]))
            joint = np.where(signs[index + 1] == 0, np.sign(parts[index].astype(float)), signs[index + 1])
            check("sign" if index == 0 else "sign of a middle limb", signs[index] == joint)
        high = 0 * parts[0]
        for part, width in zip(parts, way.widths, strict=True):
            high, shift = high + (part << shift), shift + width
    whole = table.low(own) + 2 * table.limit * high
    exact = table.stepped(forged.trace).reshape(-1).astype(object)
    check("step", (whole - (table.limit - 1) - exact) % P == 0)
    return found
