"""Rounds of several classes, and provers that compute some values of the softmax head otherwise.

The gradients, the update and everything else follow from the changed values, so that of all that the relation
says only what the change itself breaks is false: `broken` lists it, by plain integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field, to_signed
from proofward.layers.heads import softmax_head, softmax_head_relation
from proofward.layers.heads.softmax import Softmax, exponential_bits, exponential_table, softmax
from proofward.layers.rules.model import FixedPoint
from proofward.relations.proofs.prove import prove_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from tests.proof.toy import seeded
from tests.relations.accounting import Accounting, watched
from tests.relations.cases import CONSORTIUM, Case, config, prove_with, round_witness, sealed, statement_of

Signed = npt.NDArray[np.int64]
Change = Callable[[Softmax], Softmax]

SCALES = FixedPoint()
ROWS, CLASSES, PADDED = 4, 3, 4
UNIT, END = 1 << exponential_bits(SCALES), 1 << SCALES.logit_range_bits
FD = SCALES.gradient_bits
LOWEST, HALF_MAXIMUM = 2, 1 << 20  #: bits of the lower limb of y in `one_step`, and half the range of M


def class_records(rules, rows: int = 11, seed: int = 1, spread: int = 200):  # type: ignore[no-untyped-def]
    """Random features, and labels of every class in turn."""
    features = np.random.default_rng(seed).integers(-spread, spread, (rows, rules.model.features))
    return features.astype(np.int64), (np.arange(rows) % rules.model.head.classes).astype(np.int64)


def class_case(rules: Any, rows: int = 11, seed: int = 1, spread: int = 200) -> Case:
    """Enrol and prove round 1."""
    features, labels = class_records(rules, rows, seed, spread)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", rows, features.shape[1], rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(seed))
    statement = statement_of(rules, rows, secret.root)
    result = prove_round(statement, secret, seeded(seed + 1000), sealed)
    return Case(rules, features, labels, enrolled, proof, secret, statement, result)


def one_step(logits: list[int]) -> Case:
    """One step of four equal records of class 0, whose rounded logits these are."""
    rules = config(widths=(2, len(logits)), batch=ROWS, steps=1, rate=1, clip=1 << 14)
    features = np.zeros((ROWS, 2), dtype=np.int64)
    features[:, 0] = 1 << 10
    labels = np.zeros(ROWS, dtype=np.int64)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, 2, rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(1))
    weights = np.zeros(rules.model.parameters, dtype=np.int64)
    ((first, _),) = rules.model.unflatten(weights)
    first[:, 0] = np.array(logits) << 14
    statement = replace(statement_of(rules, ROWS, secret.root), initial_weights=weights)
    return Case(rules, features, labels, enrolled, proof, secret, statement, None)  # type: ignore[arg-type]


@dataclass
class Told:
    """A proof of a round, what its prover committed to, and which of its constraints are false."""

    proof: Any
    ciphertext: npt.NDArray[np.uint64]
    columns: dict[str, Signed]
    sums: Signed
    labels: Signed
    seen: type[Accounting]


@contextmanager
def computing(change: Change) -> Iterator[None]:
    """Trainer and columns follow changed values."""

    def changed(sums: Signed, scales: FixedPoint) -> Softmax:
        honest = softmax(sums, scales)
        own = Softmax(*(value.copy() for value in vars(honest).values()))
        return change(own)

    with (
        mock.patch.object(softmax_head, "softmax", changed),
        mock.patch.object(softmax_head_relation, "softmax", changed),
    ):
        yield


def tell(
    case: Case,
    change: Change = lambda own: own,
    columns: dict[str, dict[int, int]] | None = None,
    labels: Signed | None = None,
) -> Told:
    """Train and prove with changed values, changed entries of columns, or other labels than are enrolled."""

    class Notes(Accounting):
        false: ClassVar[set[int]] = set()
        leaves: ClassVar[set[int]] = set()
        named: ClassVar[dict[str, Signed]] = {}
        keys: ClassVar[dict[tuple[int, int], Any]] = {}
        entries: ClassVar[dict[str, dict[int, int]]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            signed = to_signed(value).copy()
            for position, entry in self.entries.get(column.name, {}).items():
                signed[position] = entry
            self.named[column.name] = signed
            self.keys[column.commitment, column.index] = value
            return to_field(signed)

    right, encrypted = round_witness(case, seeded(3))
    prove_with(case, right, encrypted.ciphertext, Notes, seeded(4))
    Notes.fallback, Notes.entries = dict(Notes.keys), columns or {}
    with computing(change), watched(Notes):
        witness, encryption = round_witness(case, seeded(3), labels=labels)
        witness = replace(witness, labels=case.labels)
        proof = prove_with(case, witness, encryption.ciphertext, Notes, seeded(4))
    assert witness.trace is not None
    return Told(proof, encryption.ciphertext, Notes.named, witness.trace.head.sums, case.labels, Notes)


def number(told: Told, name: str, width: int = 12) -> Signed:
    """What the limbs of a name make up."""
    limbs = [told.columns.get(f"head {name}, limb {index}") for index in range(9)]
    return np.sum([own << width * i for i, own in enumerate(limbs) if own is not None], axis=0)


def broken(told: Told) -> set[str]:
    """Which statements about the head the committed columns do not satisfy."""
    found: set[str] = set()

    def check(name: str, holds: object) -> None:
        if not bool(np.all(holds)):
            found.add(name)

    def by_class(values: Signed) -> Signed:
        return values.reshape(ROWS, PADDED)

    valid = np.arange(PADDED) < CLASSES
    low, sign = by_class(told.columns["head distances low"]), by_class(told.columns["head distances sign"])
    lowest, top = (by_class(told.columns[f"head distances high, limb {i}"]) for i in range(2))
    above = by_class(told.columns["head distances high, sign from limb 1"])
    high = lowest + (top << LOWEST)
    check("low limb", (low >= 0) & (low < END))
    check("lowest limb", (lowest >= 0) & (lowest < 1 << LOWEST))
    check("sign of the top limb", above == np.sign(top))
    check("sign", sign == np.sign(high))
    maximum = number(told, "maximum") - HALF_MAXIMUM
    quotient = valid * maximum[:, None] - (low + END * high)
    rest = by_class(told.sums) + (1 << 23) - (quotient << 24)
    check("remainder", (rest >= 0) & (rest < 1 << 24))
    key = low + END * sign
    check("key", (key >= 0) & (key < 2 * END))
    inside, table = np.clip(key, 0, 2 * END - 1), exponential_table(SCALES)
    exponential = by_class(told.columns["head exponentials"])
    equal = by_class(told.columns["head equal to the maximum"])
    check("exponential", exponential == table[inside])
    check("equal", equal == (key == 0))
    total = (exponential * valid).sum(axis=1)[:, None]
    maxima = (equal * valid).sum(axis=1)
    check("one maximum", (maxima >= 1) & (maxima <= PADDED))
    probability = by_class(number(told, "probability"))
    remainder = by_class(number(told, "remainder of the division"))
    check("probability", (probability >= 0) & (probability < 2 << FD))
    check("remainder of the division", remainder >= 0)
    check("room", 2 * total - 1 - remainder >= 0)
    scaled = (2 << FD) * exponential * valid + total
    check("division", scaled == 2 * total * probability + remainder)
    bits = valid * (np.arange(PADDED) == told.labels[0])
    check("error", by_class(told.columns["head errors"]) == probability - (bits << FD))
    return found
