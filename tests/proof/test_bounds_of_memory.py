"""What a prover keeps is bounded, and its proofs are the same bytes whatever it keeps."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.field import narrow
from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field, to_field
from proofward.field.multilinear import eq_table
from proofward.field.narrow import as_signed, narrowed, widened
from proofward.field.scalar import P
from proofward.field.sums import fraction_level
from proofward.proof import leaf_values, leaves, sumcheck
from proofward.proof.claims import Parts
from proofward.proof.commitment.ligero import tableau
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import Layout
from proofward.proof.commitment.ligero.rows import PlacedRows
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.forms import Column
from proofward.proof.leaf_values import LeafValues, Level, MadeLevel, Span, levels_above
from proofward.proof.leaves import LinearCombination
from proofward.proof.parts import WeightedEq, taken
from proofward.proof.prover import Prover
from tests.proof.bounds_of_memory import LITTLE, keeping_little
from tests.proof.tableaux import place
from tests.proof.toy import prove, seeded, toy_witness


@pytest.mark.parametrize("kept", LITTLE)
def test_proofs_are_the_same_bytes_whatever_is_kept(kept: dict[str, Any]) -> None:
    with mock.patch.object(leaves, "_OWN_TREE_FROM", 8):
        expected = prove(toy_witness(3))
    with keeping_little(**kept):
        assert prove(toy_witness(3)) == expected


@pytest.mark.parametrize(
    ("least", "most", "kind"),
    [
        (0, 1, "uint8"), (0, 255, "uint8"), (0, 256, "uint16"), (1, 65536, "uint32"), (0, 1 << 32, "uint64"),
        (-1, 1, "int8"), (-128, 127, "int8"), (-129, 0, "int16"), (-5, 65535, "int32"), (-1 << 40, 0, "uint64"),
    ],
)  # fmt: skip
def test_the_smallest_integers_are_chosen(least: int, most: int, kind: str) -> None:
    values = to_field(np.array([least, 0, most, least] * (1 << 14), dtype=np.int64))
    kept = narrowed(values)
    assert kept.dtype == kind
    assert np.array_equal(widened(kept), values)
    assert np.array_equal(as_signed(kept), np.array([least, 0, most, least] * (1 << 14)))


@given(
    st.lists(st.one_of(st.integers(0, P - 1), st.integers(0, 300), st.integers(P - 300, P - 1)), min_size=1)
)
def test_all_elements_come_back(values: list[int]) -> None:
    array = np.array(values, dtype=np.uint64)
    with mock.patch.object(narrow, "_FROM", 1):
        assert np.array_equal(widened(narrowed(array)), array)


def test_short_columns_and_words_stay_as_they_are() -> None:
    for values in (np.ones(1 << 14, dtype=np.uint64), random_field(1 << 16, seeded(1))):
        assert narrowed(values) is values and widened(values) is values


def span_of(start: int, stop: int) -> Span:
    first = narrowed(random_field(stop - start, seeded(start)) % np.uint64(200))
    return Span(start, stop, Ext(5, 7), first, None, first if start else None)


@pytest.mark.parametrize("kept", [1, 2, 8, 16, 64])
def test_no_level_of_more_nodes_is_kept(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_values, "_KEPT_NODES", kept)
    whole = LeafValues([span_of(0, 32), span_of(32, 48)], 6, Ext(3, 1))
    levels = levels_above(whole, only_ones=False)
    level = Level(*whole.nodes([(0, 64)]))
    for made in levels:
        level = Level(*fraction_level(level.numerators, level.denominators))
        size = level.denominators.shape[1]
        assert isinstance(made, MadeLevel) == (size > kept)
        own = made.whole() if isinstance(made, MadeLevel) else made
        assert np.array_equal(own.numerators, level.numerators)
        assert np.array_equal(own.denominators, level.denominators)
    assert sum(own.denominators.shape[1] for own in levels if isinstance(own, Level)) < 2 * kept
    assert len(levels) == 6


@pytest.mark.parametrize("most", [1, 4, 32, 64])
def test_bound_tables_are_kept_once_they_are_short(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sumcheck, "_BOUND_AT_MOST", most)
    tables = [random_field(128, seeded(i)).reshape(2, 64) for i in range(2)]

    def part(ranges: Any) -> list[tuple[Any, Any]]:
        f, g = (np.concatenate([own[:, a:b] for a, b in ranges], axis=1) for own in tables)
        return [(f, g)]

    source = sumcheck._ByParts(Parts(64, 1, part))
    sizes = [
        None if bound is None else bound.shape[1] for bound in (source.bind(Ext(3, 4)) for _ in range(5))
    ]
    left = [32, 16, 8, 4, 2]
    assert sizes[: len([size for size in left if size > most])] == [None] * len([s for s in left if s > most])
    assert [size for size in sizes if size is not None][:1] == [size for size in left if size <= most][:1]


def test_a_large_tableau_keeps_the_columns_own_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    code, layout = CodeParameters(log_k=3, log_n=6, queries=4, openings=2), Layout(3, [5, 1, 4])
    columns = [np.arange(1 << size, dtype=np.uint8) for size in layout.log_sizes]
    rows = PlacedRows(layout, columns, more=2)
    rows.behind[:] = 9
    whole = place(layout, columns, layout.rows + 2)
    whole[layout.rows :] = 9
    blinding = random_field(rows.count * code.blinding, seeded(1)).reshape(rows.count, code.blinding)
    monkeypatch.setattr(tableau, "_KEPT_POLYNOMIALS", 0)
    large = CommittedTableau(code, rows, blinding, bytes(32))
    monkeypatch.undo()
    small = CommittedTableau(code, whole, blinding, bytes(32))
    assert large._polynomials is None and large._source is rows and small._source is None
    assert np.shares_memory(rows._large[0], columns[0]) and np.shares_memory(rows._large[1], columns[2])
    assert large.root == small.root and large.to_bytes() == small.to_bytes()
    assert np.array_equal(large.data, whole)
    for start, stop in ((0, rows.count), (0, 1), (3, 8), (rows.count - 2, rows.count)):
        assert np.array_equal(large.polynomials(start, stop), small.polynomials(start, stop))
        weights = random_field(2 * stop, seeded(stop)).reshape(2, stop)
        weights[:, :start] = 0
        monkeypatch.setattr(tableau, "_PIECE_BYTES", 8 * code.k * 3)
        assert np.array_equal(large.combined(weights), small.combined(weights))
        monkeypatch.undo()


def test_a_prover_keeps_a_column_of_bits_as_bytes() -> None:
    class Keeping(Prover):
        def _commit_columns(self, columns: Any, padded: bool) -> Any:
            kinds.extend(column.dtype for column in columns)
            return super()._commit_columns(columns, padded)

    kinds: list[Any] = []
    with keeping_little(nodes=4, bound=4, low=2):
        prove(toy_witness(3), prover=Keeping)
    assert kinds[0] == np.uint8 and kinds[1] == np.int8 and kinds[2] == np.int16


@pytest.mark.parametrize("variables", [0, 1, 5])
@pytest.mark.parametrize("low", [0, 2, 14])
def test_weights_by_parts(variables: int, low: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofward.proof.parts._LOW_VARIABLES", low)
    size = 1 << variables
    points = [tuple(Ext(i + 2, i + j) for j in range(variables)) for i in range(2)]
    weighted = WeightedEq([(Ext(3, 0), points[0]), (Ext(0, 5), points[1])], variables)
    whole = [
        Ext(3, 0) * Ext(*map(int, a)) + Ext(0, 5) * Ext(*map(int, b))
        for a, b in zip(*(eq_table(point).T for point in points), strict=True)
    ]
    for ranges in (
        [(0, size)],
        [(size // 2, size), (0, size // 2)],
        [(size // 4, size // 2), (size // 3, size)],
    ):
        at = [i for start, stop in ranges for i in range(start, stop)]
        assert [Ext(*map(int, own)) for own in weighted.part(ranges).T] == [whole[i] for i in at]
        assert taken(np.arange(size, dtype=np.uint16), ranges).tolist() == at


def test_combinations_by_parts() -> None:
    columns = [Column(0, i, 4, "c") for i in range(2)]
    kept = [np.arange(16, dtype=np.uint8), np.arange(-8, 8, dtype=np.int8)]
    for terms, constant in (
        (((1, columns[0]),), 0),
        (((3, columns[0]), (1, columns[1])), -5),
        (((1, columns[1]),), 2),
    ):
        own = LinearCombination(terms, constant)
        expected = [constant + sum(c * int(kept[column.index][i]) for c, column in terms) for i in range(16)]
        assert as_signed(own.narrow(lambda column: kept[column.index])).tolist() == expected
        assert as_signed(own.part(lambda column: kept[column.index], [(9, 12), (0, 2)])).tolist() == [
            expected[i] for i in (9, 10, 11, 0, 1)
        ]
