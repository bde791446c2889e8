"""An adversary that guesses the witness finds no confirmation, unless masks or blinding are missing."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import invert, random_field, sub, to_field
from proofward.field.multilinear import eq_table
from proofward.field.ntt import domain, intt, low_degree_extend
from proofward.field.scalar import P
from proofward.proof.algebra import element
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.functional import Functional
from proofward.proof.commitment.ligero.layout import Layout
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.forms import LEFT, PAD, RIGHT, ZERO, pad_key, split_pad_key
from proofward.proof.prover import Prover
from proofward.proof.transcript import Coins, Label
from tests.proof.cheats import RegionVerifier
from tests.proof.conversations import (
    CODE,
    PLAN,
    ROWS,
    conversation,
    witness,
)
from tests.proof.masks import (
    with_little_blinding,
    without_linear_masks,
)
from tests.proof.tableaux import place
from tests.proof.toy import seeded, toy
from tests.proof.uniformity import COINS


class _Noting(Ligero):
    def _check_columns(self, party, indices, claims):  # type: ignore[no-untyped-def]
        super()._check_columns(party, indices, claims)
        party.indices, party.functional = indices, claims.functional


class Eavesdropper(RegionVerifier):
    """A verifier that keeps what it hears."""

    indices: list[int]
    functional: Functional

    def __init__(self, told: bytes) -> None:
        super().__init__(Coins(COINS), PLAN, told)
        self.scheme = _Noting(CODE)
        self.heard: dict[int, Ext] = {}
        self.arrays: dict[Label, np.ndarray] = {}
        self.run(lambda party: toy(party, None), 0)

    def _say(self, keys, values):  # type: ignore[no-untyped-def]
        sent = super()._say(keys, values)
        self.heard.update(zip(keys, sent, strict=True))
        return sent

    def exchange(self, label, length, compute, consistent):  # type: ignore[no-untyped-def]
        self.arrays[label] = super().exchange(label, length, compute, consistent)
        return self.arrays[label]


class Guess(Prover):
    """The plain values of all messages for a guessed witness under the coins."""

    def pad(self, key: int) -> Ext:
        return ZERO

    def _say(self, keys, values):  # type: ignore[no-untyped-def]
        self.told = getattr(self, "told", {})
        self.told.update(zip(keys, values, strict=True))
        return super()._say(keys, values)

    def check(self, name, sides):  # type: ignore[no-untyped-def]
        del name, sides


def linear_test_agrees(told: bytes, guess: tuple[np.ndarray, ...]) -> float:
    """Fraction of positions of H at which p is what a guess predicts if p had no masks there."""
    ear = Eavesdropper(told)
    guessed = Guess(Coins(COINS), PLAN, seeded(0))
    guessed.run(lambda party: toy(party, guess))
    pads = {key: guessed.told[key] - sent for key, sent in ear.heard.items()}
    k = CODE.k
    predicted = [ZERO] * k
    rows = [Layout(CODE.log_k, own.log_sizes) for own in guessed.commitments]
    data = []
    for t, layout in enumerate(rows):
        columns = [guessed._columns[t, i] for i in range(len(layout.log_sizes))]
        data.append(place(layout, columns, layout.rows))
    weights: dict[tuple[int, int], list[Ext]] = {}
    for low, by_tableau in ear.functional.large_terms():
        inside = eq_table(low)
        for t, rows_of in by_tableau.items():
            for row in range(rows_of.shape[1]):
                at = weights.setdefault((t, row), [ZERO] * k)
                for h in range(k):
                    at[h] = at[h] + element(rows_of, row) * element(inside, h)
    for (t, row), inside in ear.functional.dense_rows().items():
        at = weights.setdefault((t, row), [ZERO] * k)
        for h in range(k):
            at[h] = at[h] + element(inside, h)
    for (t, row), at in weights.items():
        for h in range(k):
            predicted[h] = predicted[h] + at[h] * int(data[t][row, h])
    extension = ear.functional.dense_extension_rows
    for key, pad in pads.items():
        row, h = ROWS.position(key)
        if row in extension:
            predicted[h] = predicted[h] + element(extension[row], h) * pad
        kind, index = split_pad_key(key)
        if kind == LEFT:
            row, h = ROWS.product_row(3, index >> CODE.log_k), index & (k - 1)
            product = pad * pads[pad_key(RIGHT, index)]
            predicted[h] = predicted[h] + element(extension[row], h) * product
    p = ear.arrays[Label.LINEAR]
    found = 0
    for h, point in enumerate(domain(k).tolist()):
        value = ZERO
        for i in reversed(range(p.shape[1])):
            value = value * point + element(p, i)
        found += value == predicted[h]
    assert all(split_pad_key(key)[0] in (PAD, LEFT, RIGHT) for key in pads)
    return found / k


@pytest.mark.slow
def test_masks_of_the_linear_test_stop_a_guesser() -> None:
    right, wrong = witness("extremes"), witness("zeros")
    bare = conversation(right, 5, without_linear_masks())
    assert linear_test_agrees(bare, right) == 1.0
    assert linear_test_agrees(bare, wrong) < 0.2
    honest = conversation(right, 5)
    assert linear_test_agrees(honest, right) == linear_test_agrees(honest, wrong) == 0.0


def divided_columns(
    values: np.ndarray, columns: np.ndarray, indices: list[int], code: CodeParameters = CODE
) -> tuple[np.ndarray, np.ndarray]:
    """Points x and (W(x) - w(x)) / (x^k - 1) for a guess w of a row: its blinding, if the guess is right."""
    k = values.size
    guess = np.zeros((1, code.dimension), np.uint64)
    guess[0, :k] = intt(values.reshape(1, k))[0]
    extended = low_degree_extend(guess, code.n)[0]
    points = [7 * int(x) % P for x in domain(code.n)[indices]]
    vanishing = np.array([(pow(x, k, P) - 1) % P for x in points], dtype=np.uint64)
    inverse = invert(vanishing)
    difference = sub(np.ascontiguousarray(columns), np.ascontiguousarray(extended[indices]))
    quotients = np.array(
        [int(a) * int(b) % P for a, b in zip(difference, inverse, strict=True)], dtype=object
    )
    return np.array(points, dtype=object), quotients


def degree_below(points: np.ndarray, values: np.ndarray, bound: int) -> bool:
    """Whether the values are those of a polynomial of degree < bound: all divided differences vanish from there."""
    row = [int(v) for v in values]
    for order in range(1, len(row)):
        row = [
            (row[i + 1] - row[i]) * pow(int(points[i + order] - points[i]), -1, P) % P
            for i in range(len(row) - 1)
        ]
        if order >= bound and any(row):
            return False
        if order >= bound:
            return True
    return True


@pytest.mark.parametrize("coefficients", [1, CODE.queries - 1])
def test_detects_fewer_blinding_coefficients_than_queries(coefficients: int) -> None:
    """Then opened columns confirm a guess of the dataset: a guesser is told."""
    known = witness("extremes")
    told = conversation(known, 9, with_little_blinding(coefficients))
    assert confirms(told, known[0], coefficients)
    assert not confirms(told, witness("zeros")[0], coefficients)
    honest = conversation(known, 9)
    assert not confirms(honest, known[0], coefficients)


def confirms(told: bytes, guess: np.ndarray, bound: int) -> bool:
    """Whether the opened columns of the data's first row fit a guess of its values."""
    verifier = Eavesdropper(told)
    region = next(r for r in verifier.regions if r.what == "columns of data")
    columns = (
        np.frombuffer(told[region.start : region.stop], "<u8").astype(np.uint64).reshape(CODE.queries, -1)
    )
    row = to_field(guess)[: CODE.k]
    points, quotients = divided_columns(row, columns[:, 0], verifier.indices)
    return degree_below(points, quotients, bound)


def test_blinding_covers_all_openings_and_one_point_more() -> None:
    for openings in (1, 2, 4):
        code = CodeParameters(6, 11, 40, openings)
        assert code.blinding == openings * code.queries + 1
        data = random_field(3 * code.k, seeded(1)).reshape(3, code.k)
        for count in (code.blinding - 1, code.blinding + 1, 0):
            with pytest.raises(ValueError, match="does not fit"):
                CommittedTableau(code, data, np.zeros((3, count), np.uint64), bytes(32))


def test_columns_confirm_a_guess_only_beyond_the_blinding() -> None:
    """Four openings of a commitment fit every guess of its data; a fifth would confirm the right one."""
    code = CodeParameters(log_k=5, log_n=8, queries=12, openings=4)
    data = random_field(code.k, seeded(1)).reshape(1, code.k)
    tableau = Ligero(code)._commit_rows(data, seeded(2))
    other = random_field(code.k, seeded(3))
    order = np.random.default_rng(1).permutation(code.n)
    for openings, told_apart in ((1, False), (4, False), (5, True)):
        indices = [int(i) for i in order[: openings * code.queries]]
        columns = tableau.opened(indices)[:, 0]
        assert degree_below(*divided_columns(data[0], columns, indices, code), code.blinding)
        assert degree_below(*divided_columns(other, columns, indices, code), code.blinding) != told_apart
