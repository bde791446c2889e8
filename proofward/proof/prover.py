"""The prover: runs a script with the witness and writes the proof.

Proof bytes, in order: roots, padded messages (16 bytes each), nonces and arrays as the script comes to them,
then for every tableau the opened columns (8 bytes an entry, column by column), their salts, and the Merkle
siblings. All lengths follow from the statement and the queries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, elements, ext_add, ext_mul, ext_scale, ext_sub, zeros
from proofward.field.goldilocks import random_field
from proofward.field.memory import kept_memory
from proofward.field.multilinear import eq_table
from proofward.field.ntt import intt
from proofward.proof.algebra import (
    add_at,
    as_array,
    element,
    evaluate_polynomial,
    plane_weights,
    sum_of_products,
    values_of,
)
from proofward.proof.claims import RunningSum, Summands
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT, Column
from proofward.proof.functional import Functional
from proofward.proof.grinding import find_nonce
from proofward.proof.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    ExtensionRows,
    Layout,
)
from proofward.proof.opening import open_tableaux
from proofward.proof.party import ColumnClaims, OpeningWitness, Party, Weights
from proofward.proof.sumcheck import AT_ONCE_VARIABLES, running_sum
from proofward.proof.tableau import CommittedTableau, Rng, place
from proofward.proof.transcript import Challenger, Label, Transcript

Array = npt.NDArray[np.uint64]


class Prover(Party):
    """A party with a witness.

    `plan` is the counter's for the same script. `rng` yields the pads, blinding and salts.
    """

    knows_witness = True

    def __init__(self, challenger: Challenger, plan: Plan, rng: Rng) -> None:
        super().__init__(challenger, plan.code, plan.grinding)
        self.plan = plan
        self.rng = rng
        self.committed: list[CommittedTableau] = []
        self.extension_rows = ExtensionRows(plan.code.log_k, plan.pads, plan.products)
        self._values: Array = zeros(0)
        self._columns: dict[tuple[int, int], Array] = {}
        self._proof = bytearray()
        self.seconds: dict[str, float] = {}
        self._inner = 0.0

    def run(self, script: Callable[[Party], None]) -> bytes:
        """The proof of a script's statement."""
        with kept_memory():
            return self._run(script)

    def _run(self, script: Callable[[Party], None]) -> bytes:
        with self.timed("sumchecks"):
            script(self)
        if (self.pads, self.products) != (self.plan.pads, self.plan.products):
            raise AssertionError(
                f"script used {self.pads} pads and {self.products} products, plan {self.plan}"
            )
        with self.timed("opening"):
            open_tableaux(self)
        return bytes(self._proof)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds of a phase, less those of phases inside it, to `seconds`."""
        outer, start = self._inner, time.perf_counter()
        self._inner = 0.0
        yield
        spent = time.perf_counter() - start
        self.seconds[phase] = self.seconds.get(phase, 0.0) + spent - self._inner
        self._inner = outer + spent

    def pad(self, key: int) -> Ext:
        """The value of a pad."""
        return element(self._values, self.extension_rows.flat(key))

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        sent = [value - self.pad(key) for key, value in zip(keys, values, strict=True)]
        self._proof += b"".join([value.to_bytes() for value in sent])
        return sent

    def nonce(self) -> bytes:
        found = find_nonce(self.challenger, self.grinding)
        self._proof += found
        return found

    def _commit(self, layout: Layout, padded: bool) -> bytes:
        with self.timed("witness"):
            values = self._evaluate_declared()
        with self.timed("commit"):
            return self._commit_values(layout, values, padded)

    def _commit_values(self, layout: Layout, values: list[Array], padded: bool) -> bytes:
        extra = self.extension_rows.count if padded else 0
        data = place(layout, values, layout.rows + 2 * extra)
        if padded:
            self._values = self._extension_data()
            planes = self._values.reshape(2, extra, self.code.k)
            data[layout.rows :: 2] = planes[0]
            data[layout.rows + 1 :: 2] = planes[1]
        tableau = CommittedTableau.commit(self.code, data, self.rng)
        self.committed.append(tableau)
        self._proof += tableau.root
        return tableau.root

    def _evaluate_declared(self) -> list[Array]:
        tableau = len(self.tableaux)
        return [
            self.values(Column(tableau, i, size, name)) for i, (name, size, _) in enumerate(self._declared)
        ]

    def values(self, column: Column) -> Array:
        """The values of a column, of the tableau being declared or of an earlier one."""
        key = (column.tableau, column.index)
        if key not in self._columns:
            self._columns[key] = self._declared[column.index][2]()
        return self._columns[key]

    def _extension_data(self) -> Array:
        """Uniform masks and pads; PRODUCT rows are products, the linear test's masks sum to 0 over H."""
        rows, k = self.extension_rows, self.code.k
        values = random_field(2 * rows.count * k, self.rng).reshape(2, rows.count, k)
        for i in range(rows.product_rows):
            left, right = (
                np.ascontiguousarray(values[:, rows.product_row(kind, i)]) for kind in (LEFT, RIGHT)
            )
            values[:, rows.product_row(PRODUCT, i)] = ext_mul(left, right)
        flat = np.ascontiguousarray(values.reshape(2, rows.count * k))
        masks = flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k]
        excess = evaluate_polynomial(np.ascontiguousarray(masks), ONE)
        add_at(flat, MASK_LINEAR_LOW * k, -excess)
        return flat

    def _reopen(self, layout: Layout, source: Callable[[], object]) -> None:
        tableau = cast(CommittedTableau, source())
        if tableau.coefficients.shape[0] != layout.rows or tableau.code != self.code:
            raise ValueError(
                f"{tableau.coefficients.shape[0]} rows, {tableau.code}; expected {layout.rows}, {self.code}"
            )
        self._evaluate_declared()
        self.committed.append(tableau)

    def _summation(self, tables: Callable[[], Summands], weights: list[Weights]) -> RunningSum | None:
        return running_sum(tables(), weights)

    def _rounds(self, summation: RunningSum | None, keys: list[int]) -> tuple[list[Ext], list[Ext]]:
        """Rounds of short tables are run at once, unless somebody else listens or draws the challenges."""
        at_once = type(self.challenger) is Transcript and type(self)._say is Prover._say
        if not at_once or summation is None:
            return super()._rounds(summation, keys)
        first = 2 * max(0, len(keys) // 2 - AT_ONCE_VARIABLES)
        sent, point = super()._rounds(summation, keys[:first])
        if keys[first:]:
            start = self.extension_rows.flat(keys[first])
            pads = self._values[:, start : start + len(keys) - first]
            messages, rest = summation.finish(pads, cast(Transcript, self.challenger))
            self._proof += np.ascontiguousarray(messages.T).astype("<u8", copy=False).tobytes()
            sent, point = sent + elements(messages), point + elements(rest)
        return sent, point

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[OpeningWitness], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = compute(OpenedWitness(self))
        if values.shape != (2, length):
            raise AssertionError(f"{label.value!r}: computed {values.shape}, expected (2, {length})")
        data = np.ascontiguousarray(values.T).astype("<u8", copy=False).tobytes()
        self._proof += data
        self.challenger.absorb(label, data)
        return values

    def open_columns(self, indices: list[int], claims: ColumnClaims) -> None:
        del claims
        for tableau in self.committed:
            self._proof += tableau.columns[indices].astype("<u8", copy=False).tobytes()
            self._proof += b"".join(tableau.salt(i) for i in indices)
            self._proof += tableau.tree.open(indices)


class OpenedWitness:
    """What the prover computes in the opening, from the coefficients of all rows."""

    def __init__(self, prover: Prover) -> None:
        self._code = prover.code
        self._tableaux = prover.committed
        padded = [i for i, tableau in enumerate(prover.tableaux) if tableau.padded]
        self._witness = padded[0]
        self._first_extension_row = prover.tableaux[self._witness].layout.rows

    def _extension_row(self, row: int) -> Array:
        start = self._first_extension_row + 2 * row
        return self._tableaux[self._witness].coefficients[start : start + 2]

    def linear_polynomial(self, functional: Functional) -> Array:
        """p = sum over rows of L_i W_i, plus m1 + X^k m2."""
        products: list[tuple[Array, Array]] = []
        for low, rows in functional.large_terms():
            combined = zeros(self._code.dimension)
            for tableau, weights in rows.items():
                own = self._tableaux[tableau].coefficients[: weights.shape[1]]
                combined = ext_add(combined, combine_rows(weights, own))
            products.append((eq_table(low), combined))
        for (tableau, row), inside in functional.dense_rows().items():
            coefficients = self._tableaux[tableau].coefficients[row]
            products.append((inside, np.stack([coefficients, np.zeros_like(coefficients)])))
        for row, inside in functional.dense_extension_rows.items():
            products.append((inside, np.ascontiguousarray(self._extension_row(row))))
        p = sum_of_products(products, self._code.k + self._code.dimension)
        return _add_masks(
            p, self._extension_row(MASK_LINEAR_LOW), self._extension_row(MASK_LINEAR_HIGH), self._code.k
        )

    def quotient(self, rows: ExtensionRows, kappa: Ext) -> Array:
        """q = (sum_i kappa^i (LEFT_i RIGHT_i - PRODUCT_i)) / (X^k - 1) + g1 + X^(K-k) g2."""
        k, dimension = self._code.k, self._code.dimension
        size = 1 << (2 * dimension - 1).bit_length()
        accumulated = zeros(size)
        scale = ONE
        for i in range(rows.product_rows):
            left, right, product = (
                values_of(np.ascontiguousarray(self._extension_row(rows.product_row(kind, i))), size)
                for kind in (LEFT, RIGHT, PRODUCT)
            )
            accumulated = ext_add(accumulated, ext_scale(ext_sub(ext_mul(left, right), product), scale))
            scale = scale * kappa
        coefficients = np.ascontiguousarray(intt(accumulated))
        # division by X^k - 1 from the top: quotient_j = c_(j+k) + quotient_(j+k)
        quotient = zeros(2 * dimension - k)
        top = 2 * dimension - k
        padded = np.concatenate([coefficients, np.zeros((2, 2 * k), dtype=np.uint64)], axis=1)
        carry = zeros(k)
        for start in range((top - 1) // k * k, -1, -k):
            carry = ext_add(np.ascontiguousarray(padded[:, start + k : start + 2 * k]), carry)
            width = min(k, top - start)
            quotient[:, start : start + width] = carry[:, :width]
        return _add_masks(
            quotient,
            self._extension_row(MASK_QUADRATIC_LOW),
            self._extension_row(MASK_QUADRATIC_HIGH),
            dimension - k,
        )

    def evaluations(self, rho: list[Array], triple_rows: list[int], z: Ext) -> Array:
        """s = v0(z) + sum_i rho_i W_i(z), then the triples' values at z."""
        weights = list(rho[:-1])
        weights[self._witness] = np.concatenate([weights[self._witness], plane_weights(rho[-1])], axis=1)
        values = [evaluate_polynomial(self.combined_row(weights), z)]
        values += [
            evaluate_polynomial(np.ascontiguousarray(self._extension_row(row)), z) for row in triple_rows
        ]
        return as_array(values)

    def combined_row(self, weights: list[Array]) -> Array:
        """sum_i weight_i W_i over the rows of all tableaux."""
        combined = zeros(self._code.dimension)
        for own, tableau in zip(weights, self._tableaux, strict=True):
            combined = ext_add(combined, combine_rows(own, tableau.coefficients))
        return combined


def _add_masks(values: Array, low: Array, high: Array, shift: int) -> Array:
    """values + low + X^shift high."""
    mask = np.zeros_like(values)
    mask[:, : low.shape[1]] = low
    shifted = np.zeros_like(values)
    shifted[:, shift : shift + high.shape[1]] = high
    return ext_add(values, ext_add(mask, shifted))
