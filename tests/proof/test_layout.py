"""Placements never overlap, are aligned, and cover the tableau; pads have places of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field.goldilocks import random_field
from proofward.proof.commitment.ligero import words
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import FIRST_PAD_ROW, ExtensionRows, Layout
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.forms import LEFT, PAD, PRODUCT, RIGHT, pad_key, split_pad_key
from tests.proof.tableaux import place
from tests.proof.toy import seeded


@pytest.mark.slow
@settings(max_examples=200)
@given(st.integers(1, 5), st.lists(st.integers(0, 8), min_size=1, max_size=20))
def test_columns_do_not_overlap(log_k: int, sizes: list[int]) -> None:
    layout = Layout(log_k, sizes)
    k = 1 << log_k
    taken = np.zeros((layout.rows, k), dtype=int)
    for size, where in zip(sizes, layout.placements, strict=True):
        if size >= log_k:
            assert where.offset == 0
            taken[where.row : where.row + (1 << (size - log_k))] += 1
        else:
            assert where.offset % (1 << size) == 0
            taken[where.row, where.offset : where.offset + (1 << size)] += 1
    assert taken.max() == 1
    assert taken.sum() == sum(1 << size for size in sizes)
    # no row is empty, and only the last may be filled in part
    assert taken[:-1].all() and taken[-1].any()


@settings(max_examples=50)
@given(st.integers(1, 4), st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_values_are_found_where_they_are_placed(log_k: int, sizes: list[int]) -> None:
    layout = Layout(log_k, sizes)
    columns = [
        np.arange(1 << size, dtype=np.uint64) + np.uint64(1000 * (i + 1)) for i, size in enumerate(sizes)
    ]
    data = place(layout, columns, layout.rows + 2)
    flat = data.reshape(-1)
    for column, where in zip(columns, layout.placements, strict=True):
        start = (where.row << log_k) + where.offset
        assert np.array_equal(flat[start : start + column.size], column)
    assert not data[layout.rows :].any()
    assert int(np.count_nonzero(flat)) == sum(column.size for column in columns)


def test_refuses_columns_of_another_length() -> None:
    with pytest.raises(ValueError, match="declared length 8"):
        place(Layout(2, [3]), [np.zeros(4, dtype=np.uint64)], 2)


@pytest.mark.parametrize(("pads", "products"), [(0, 0), (1, 0), (8, 1), (9, 9), (23, 17)])
def test_pads_have_places_of_their_own(pads: int, products: int) -> None:
    rows = ExtensionRows(3, pads, products)
    places = [rows.position(pad_key(PAD, i)) for i in range(pads)]
    for kind in (LEFT, RIGHT, PRODUCT):
        places += [rows.position(pad_key(kind, i)) for i in range(products)]
    assert len(set(places)) == len(places) == pads + 3 * products
    keys = [pad_key(PAD, i) for i in range(pads)]
    keys += [pad_key(kind, i) for kind in (PRODUCT, LEFT, RIGHT) for i in range(products)]
    assert rows.flat_all(np.array(keys, dtype=np.int64)).tolist() == [rows.flat(key) for key in keys]
    assert all(FIRST_PAD_ROW <= row < rows.count and 0 <= position < 8 for row, position in places)
    for i in range(products):
        left, right, product = (rows.position(pad_key(kind, i)) for kind in (LEFT, RIGHT, PRODUCT))
        assert left[1] == right[1] == product[1]
        assert [left[0], right[0], product[0]] == [
            rows.product_row(kind, i >> 3) for kind in (LEFT, RIGHT, PRODUCT)
        ]


def test_keys_are_taken_apart_again() -> None:
    for kind in (PAD, LEFT, RIGHT, PRODUCT):
        for index in (0, 1, (1 << 40) - 1):
            assert split_pad_key(pad_key(kind, index)) == (kind, index)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_tableau_s_data_are_what_was_committed(rows: int) -> None:
    code = CodeParameters(log_k=3, log_n=6, queries=4, openings=2)
    values = random_field(rows * code.k, seeded(1)).reshape(rows, code.k)
    kept = Ligero(code)._commit_rows(values, seeded(2))
    coefficients = kept.polynomials(0, rows).copy()
    for _ in range(2):
        assert np.array_equal(kept.data, values)
        assert np.array_equal(kept.polynomials(0, rows), coefficients)
    again = CommittedTableau(code, kept.data, kept.blinding, kept.salt_seed)
    assert again.root == kept.root


@pytest.mark.parametrize("rows", [1, 4, 5, 12, 30])
def test_a_tableau_in_pieces_is_the_same(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    code = CodeParameters(log_k=3, log_n=6, queries=4, openings=2)
    values = random_field(rows * code.k, seeded(1)).reshape(rows, code.k)
    whole = Ligero(code)._commit_rows(values, seeded(2))
    assert whole._kept is not None and whole._pieces() == [(0, rows)]
    monkeypatch.setattr(words, "_KEPT_BYTES", 0)
    monkeypatch.setattr(words, "_PIECE_BYTES", 8 * code.n * 8)
    pieces = Ligero(code)._commit_rows(values, seeded(2))
    assert pieces._kept is None and len(pieces._pieces()) == 1 + (rows > 12) + (rows > 20) + (rows > 28)
    assert pieces.root == whole.root
    for indices in ([0], [3, 17, 63], list(range(64))):
        assert np.array_equal(pieces.opened(indices), whole.opened(indices))
        assert pieces.tree.open(indices) == whole.tree.open(indices)
