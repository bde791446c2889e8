"""Rounds with a pooled layer, and provers that choose other sums of their windows and go on consistently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_signed
from proofward.layers.activations import choice_of_maxima, relu_maxpool2d
from proofward.layers.activations.windows import first_maximum, maximum, spread, taps
from proofward.layers.arithmetic.rounding import rounded
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.forms import Column
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.training_round import RoundWitness
from tests.proof.toy import seeded
from tests.relations.accounting import Accounting, watched
from tests.relations.cases import CONSORTIUM, Case, prove_with, round_witness, statement_of

Signed = npt.NDArray[np.int64]
Parts = list[Signed]
Choice = Callable[[Parts], tuple[Signed, Parts]]

SCALES = FixedPoint()
UNIT = 1 << SCALES.weight_bits
ROWS, AXES = 4, (1, 2, 8)
WINDOWS = [[7, 5, 7, 7], [3, 10, 9, 2], [1, 9, 10, 2], [5, 5, 5, 5]]  #: rounded sums, by tap
POOL = {"kind": "relu_maxpool2d"}


def pooled_rules(axes: tuple[int, ...] = AXES, *, outputs: int = 1, kernel: int = 1, batch: int = ROWS,
                 steps: int = 1, security: int = 40, clip: int = 1 << 16) -> RoundConfig:  # fmt: skip
    """A convolution that is pooled, and the head."""
    conv = {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": 1, "padding": kernel - 1}
    network = chain(axes, [conv, POOL, {"kind": "linear", "outputs": 2}])
    training = Training(rate=1, batch=batch, steps=steps)
    return RoundConfig(network, SCALES, training, clip, 3, 1, security, security < 80)


def pooled_case() -> Case:
    """One step of four equal records whose sums are WINDOWS, and gradients that are not 0."""
    rules = pooled_rules()
    parts = [np.array([window[tap] for window in WINDOWS]).reshape(1, 1, 1, 4) for tap in range(4)]
    features = np.tile(spread(parts, AXES).reshape(1, -1), (ROWS, 1)).astype(np.int64)
    labels = np.zeros(ROWS, dtype=np.int64)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, 16, rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(1))
    weights = np.zeros(rules.model.parameters, dtype=np.int64)
    (first, _), (second, _) = rules.model.unflatten(weights)
    first[...], second[1] = UNIT, 2 * UNIT
    statement = replace(statement_of(rules, ROWS, secret.root), initial_weights=weights)
    return Case(rules, features, labels, enrolled, proof, secret, statement, None)  # type: ignore[arg-type]


def honest(parts: Parts) -> tuple[Signed, Parts]:
    """The greatest rounded sum of each window, and which is the first."""
    return maximum(parts), [own.astype(np.int64) for own in first_maximum(parts)]


def choice(window: int, greatest: int, chosen: list[int], parts: Parts) -> tuple[Signed, Parts]:
    """The honest choice but for one window."""
    most, own = honest(parts)
    here = np.all([part == value for part, value in zip(parts, WINDOWS[window], strict=True)], axis=0)
    return np.where(here, greatest, most), [
        np.where(here, bit, old) for bit, old in zip(chosen, own, strict=True)
    ]


FORGERIES = {
    "a later tie": (0, 7, [0, 0, 1, 0], {"range"}),
    "the last tie": (0, 7, [0, 0, 0, 1], {"range"}),
    "the second largest": (1, 9, [0, 0, 1, 0], {"range"}),
    "the least": (2, 1, [1, 0, 0, 0], {"range"}),
    "nothing": (1, 10, [0, 0, 0, 0], {"one"}),
    "two": (2, 10, [0, 1, 1, 0], {"one"}),
    "two ties": (3, 5, [1, 1, 0, 0], {"one", "range", "product"}),
    "bits that are none": (1, 9, [0, 2, -1, 0], {"bits"}),
    "a larger maximum": (1, 11, [0, 1, 0, 0], {"product"}),
    "a larger maximum of nothing": (1, 11, [0, 0, 0, 0], {"one"}),
}


@contextmanager
def choosing(choice: Choice, *, pretend: bool = False) -> Iterator[None]:
    """Trainer and columns follow another choice; `pretend`: distances below 0 are said to be 0."""

    def greatest(parts: Parts) -> Signed:
        return choice([rounded(own, SCALES) for own in parts])[0] * UNIT

    def chosen(parts: Parts) -> Parts:
        return choice(parts)[1]

    def distances(quotients: Signed, axes: tuple[int, ...]) -> Signed:
        parts = taps(quotients, axes)
        most, own = choice(parts)
        found = [most - part - sum(own[tap + 1 :], np.zeros_like(most)) for tap, part in enumerate(parts)]
        return spread([own.clip(0) if pretend else own for own in found], axes)

    with ExitStack() as stack:
        for module in (relu_maxpool2d, choice_of_maxima):
            stack.enter_context(mock.patch.multiple(module, maximum=greatest, first_maximum=chosen))
        stack.enter_context(mock.patch.object(choice_of_maxima, "_distances", distances))
        yield


@dataclass
class Told:
    """A proof of a round, what its prover committed to, and which of its constraints are false."""

    proof: Any
    ciphertext: npt.NDArray[np.uint64]
    columns: dict[str, Signed]
    sums: Signed
    seen: type[Accounting]


def tell(case: Case, training: Any = None, proving: Any = None) -> Told:
    """Train within one context, and prove within another, with honest multiplicities where none count."""
    nothing = ExitStack
    with (training or nothing)():
        witness, encryption = round_witness(case, seeded(3))

    class Notes(Accounting):
        false: ClassVar[set[int]] = set()
        leaves: ClassVar[set[int]] = set()
        named: ClassVar[dict[str, Signed]] = {}
        keys: ClassVar[dict[tuple[int, int], Any]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            self.named[column.name] = to_signed(value)
            self.keys[column.commitment, column.index] = value
            return value

    right, encrypted = round_witness(case, seeded(3))
    prove_with(case, right, encrypted.ciphertext, Notes, seeded(4))
    Notes.fallback = dict(Notes.keys)
    with (proving or nothing)(), watched(Notes):
        proof = prove_with(case, witness, encryption.ciphertext, Notes, seeded(4))
    return Told(proof, encryption.ciphertext, Notes.named, witness.trace.hidden[0].sums, Notes)


def broken(told: Told) -> set[str]:
    """Which statements about the choice of the maxima the committed columns do not satisfy."""
    found, shape = set(), (1, 2, 8)

    def number(name: str) -> Signed:
        limbs = [told.columns.get(f"{name}, limb {index}") for index in range(8)]
        return np.sum([own << 12 * i for i, own in enumerate(limbs) if own is not None], axis=0)

    chosen, distance = taps(told.columns["layer 1 chosen"], shape), taps(number("layer 1 distances"), shape)
    high = told.columns.get("layer 1 high, limb 0")
    assert high is not None and "layer 1 high, limb 1" not in told.columns
    greatest = (1 + number("layer 1 low") + SCALES.activation_limit * high).reshape(chosen[0].shape)
    exact = taps(told.sums, shape)
    for tap in range(4):
        later = sum(chosen[tap + 1 :], np.zeros_like(greatest))
        rest = exact[tap] + UNIT // 2 - UNIT * (greatest - distance[tap] - later)
        for name, holds in (
            ("bits", (chosen[tap] == 0) | (chosen[tap] == 1)),
            ("product", chosen[tap] * distance[tap] == 0),
            ("one", sum(chosen) == 1),
            ("range", (distance[tap] >= 0) & (distance[tap] < 1 << 40)),
            ("sum", (rest >= 0) & (rest < UNIT)),
        ):
            found |= set() if np.all(holds) else {name}
    return found


def columns_of(case: Case, witness: RoundWitness, ciphertext: Any) -> dict[Column, Any]:
    """The columns of an honest prover."""

    class Keeps(Accounting):
        kept: ClassVar[dict[Column, Any]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            self.kept[column] = value
            return value

    with watched(Keeps):
        prove_with(case, witness, ciphertext, Keeps, seeded(4))
    return dict(Keeps.kept)
