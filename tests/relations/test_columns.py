"""How data, parameters and sums over steps are laid out and combined, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext, ext_mul
from proofward.field.goldilocks import random_field, to_signed
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.arithmetic.ranges import limbs
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.record import RecordLayout
from proofward.layers.basics.record_pieces import committed_size, pieces_of
from proofward.layers.columns.stack import Shape, suffix_sums, sum_last, zero_product
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.momentum import Rates
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, ZERO
from proofward.relations.records.dataset import DatasetShape, scatter
from proofward.relations.records.zero_padding import Kept
from proofward.relations.rules.blocks import blocks_of
from tests.field.values import point
from tests.proof.toy import seeded

CONV = {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1}
LINEAR = {"kind": "linear", "outputs": 2}


def table(count: int, seed: int) -> np.ndarray:
    return random_field(2 * count, seeded(seed)).reshape(2, count)


@pytest.mark.parametrize("widths", [(5, 4, 2), (3, 2), (7, 11, 5, 2), (1, 1, 2)])
def test_blocks_partition_the_parameters(widths: tuple[int, ...]) -> None:
    model = mlp(widths)
    flat = np.arange(1, model.parameters + 1)
    blocks = blocks_of(model)
    assert len(blocks) == 2 * len(model.layers)
    assert np.array_equal(np.concatenate([flat[b.offset : b.offset + b.size] for b in blocks]), flat)
    seen = []
    for block in blocks:
        padded = block.pad(flat)
        assert padded.shape == (1 << block.log_size,)
        seen += [value for value in padded.tolist() if value]
        wide = np.stack([padded.astype(np.uint64)] * 2)
        assert np.array_equal(block.unpad(wide)[0], flat[block.offset : block.offset + block.size])
        assert np.array_equal(to_signed(block.field_values(-flat)), -padded)
    assert seen == flat.tolist()


def test_blocks_agree_with_padded_weights() -> None:
    model = chain((2, 5, 6), [CONV, LINEAR])
    flat = np.arange(-10, model.parameters - 10)
    blocks = blocks_of(model)
    for index, (layer, (weights, biases)) in enumerate(zip(model.layers, model.unflatten(flat), strict=True)):
        relation = layer.relation(Shape(0, 0), (weights.reshape(-1), biases), Rates((1,)), 6, None, None)  # type: ignore[arg-type]
        assert np.array_equal(relation.weights.reshape(-1), blocks[2 * index].field_values(flat))  # type: ignore[attr-defined]
        assert np.array_equal(relation.biases, blocks[2 * index + 1].field_values(flat))  # type: ignore[attr-defined]


def test_pictures_are_padded_along_each_axis() -> None:
    shape = DatasetShape(3, RecordLayout(Layout((3, 5, 2))), Layout(()))
    features = np.arange(1, 91).reshape(3, 30)
    padded = to_signed(shape.pad_features(features)).reshape(4, 4, 8, 2)
    assert np.array_equal(padded[:3, :3, :5], features.reshape(3, 3, 5, 2))
    assert np.count_nonzero(padded) == 90
    assert shape.kept == (Kept(3, 2, ((2, 1), (5, 3), (2, 1))), Kept(3, 2, ((1, 0), (5, 3), (2, 1))))
    assert DatasetShape(3, RecordLayout(Layout((3, 5))), Layout(())).kept == (Kept(3, 2, ((3, 2), (5, 3))),)


@pytest.mark.parametrize(("axes", "row"), [((3, 5, 2), 0), ((1, 3, 3), 3), ((1, 2, 2), 3), ((3,), 5), ((3, 3, 2), 4)])
def test_what_has_to_be_zero_is_what_records_do_not_fill(axes: tuple[int, ...], row: int) -> None:
    shape = DatasetShape(3, RecordLayout(Layout(axes), row), Layout(()))
    whole = to_signed(shape.pad_features(np.ones((3, shape.layout.size), np.int64)))
    assert whole.sum() == 3 * shape.layout.size
    for kept, piece in zip(shape.kept, shape.pieces, strict=True):
        filled = whole.reshape(-1, 1 << shape.log_features)[:, piece.places].reshape(-1)
        assert np.array_equal(kept.inside, filled)
        left, right = (tuple(point(seed, shape.log_rows + piece.log_size)) for seed in (1, 2))
        products = ext_mul(eq_table(left), eq_table(right))
        outside = np.stack([np.where(filled, 0, part).astype(np.uint64) for part in products])
        assert kept.weight_outside(left, right) == element(sum_last(outside)[:, None], 0)


@pytest.mark.parametrize("channels", range(1, 9))
def test_pieces_are_the_record_and_have_no_channel_too_many(channels: int) -> None:
    record = RecordLayout(Layout((channels, 3, 2)))
    pieces, whole = pieces_of(record), table(record.padded_size, channels)[0]
    whole = record.pad(record.first.unpad(whole))
    assert committed_size(record) == channels * 8 == sum(1 << own.log_size for own in pieces)
    assert len({own.name for own in pieces}) == len(pieces) == channels.bit_count()
    assert (pieces[0].name == "features") == (channels.bit_count() == 1)
    at = tuple(point(channels, record.log_size))
    total = ZERO
    for own in pieces:
        factor, rest = own.term(at)
        total = total + factor * evaluate(np.ascontiguousarray(whole[own.places]), rest)
    assert total == evaluate(whole, at)
    for other in (RecordLayout(Layout((channels, 3, 2)), 2), RecordLayout(Layout((channels, 3)))):
        assert len(pieces_of(other)) == 1 and committed_size(other) == other.padded_size


def test_datasets_are_padded_with_zeros() -> None:
    shape = DatasetShape(11, RecordLayout(Layout((5,))), Layout(()))
    features = np.arange(-20, 35).reshape(11, 5)
    padded = to_signed(shape.pad_features(features)).reshape(16, 8)
    assert np.array_equal(padded[:11, :5], features)
    assert not padded[11:].any() and not padded[:, 5:].any()
    labels = to_signed(shape.pad_labels(np.ones((11, 1), np.int64)))
    assert labels.tolist() == [1] * 11 + [0] * 5


def test_scatter_sums_what_goes_to_each_target() -> None:
    values = table(50, 1)
    values[:, 0] = P - 1
    values[:, 1] = P - 1
    targets = np.random.default_rng(1).integers(0, 7, 50)
    targets[:2] = 3
    expected = [ZERO] * 8
    for i, target in enumerate(targets.tolist()):
        expected[target] = expected[target] + element(values, i)
    found = scatter(values, targets, 8)
    assert [element(found, i) for i in range(8)] == expected


def test_suffix_sums_leave_out_their_own_entry() -> None:
    values = table(9, 2)
    found = suffix_sums(values)
    for i in range(9):
        total = ZERO
        for j in range(i + 1, 9):
            total = total + element(values, j)
        assert element(found, i) == total


def test_sums_over_the_last_axis_are_exact() -> None:
    values = table(24, 3).reshape(2, 4, 6)
    values[0, 0] = P - 1
    found = sum_last(values)
    assert found.shape == (2, 4)
    for plane in range(2):
        for row in range(4):
            assert int(found[plane, row]) == sum(int(v) for v in values[plane, row]) % P


def test_zero_product_is_eq_with_zero() -> None:
    a, b = Ext(3, 4), Ext(5, 6)
    assert zero_product((a, b)) == (ONE - a) * (ONE - b)
    assert zero_product(()) == ONE


@pytest.mark.parametrize("bits", range(1, 31))
@pytest.mark.parametrize("table_bits", [2, 9, 12, 18])
def test_limbs_cover_exactly_the_bits(bits: int, table_bits: int) -> None:
    parts = limbs(bits, table_bits)
    assert [shift for shift, _ in parts] == list(range(0, bits, table_bits))
    assert sum(width for _, width in parts) == bits
    assert all(width == table_bits for _, width in parts[:-1]) and 0 < parts[-1][1] <= table_bits
    largest = sum(((1 << width) - 1) << shift for shift, width in parts)
    assert largest == (1 << bits) - 1
