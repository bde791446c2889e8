"""Records with a row beside what the first layer reads: where it lies, and what a claim on a part is."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.record import FIRST, ROW, RecordLayout
from proofward.proof.forms import ZERO
from tests.field.values import point as random_point

PLACES = {  # first part, row, where the row begins, and the whole's length
    "one channel of powers of two: twice the picture": ((1, 8, 8), 5, 64, 128),
    "the fourth plane of three": ((3, 4, 4), 5, 48, 64),
    "the end of a picture's padding": ((1, 6, 6), 5, 48, 64),
    "beyond a padding that is too short": ((1, 6, 6), 30, 64, 128),
    "longer than the first part": ((3,), 5, 8, 16),
    "of one value": ((4,), 1, 4, 8),
    "beside one value": ((1,), 1, 1, 2),
    "usual pictures of 28 x 28": ((1, 28, 28), 100, 896, 1024),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_row_lies_behind_the_first_part(name: str) -> None:
    axes, row, start, size = PLACES[name]
    layout, first = RecordLayout(Layout(axes), row), Layout(axes)
    assert (layout.block, layout.padded_size) == ((start, start + row), size)
    values = np.arange(1, 2 * layout.size + 1).reshape(2, -1)
    whole = layout.pad(values)
    assert whole.shape == (2, size) and np.count_nonzero(whole) == values.size
    assert np.array_equal(first.unpad(whole[:, : first.padded_size]), values[:, : first.size])
    assert np.array_equal(whole[:, start : start + row], values[:, first.size :])
    parts = layout.parts(values)
    assert set(parts) == {FIRST, ROW} == set(layout.layouts)
    for place, part in parts.items():
        assert np.array_equal(layout.part(whole, place), part)
        assert part.shape == (2, layout.layouts[place].padded_size)


@pytest.mark.parametrize("name", PLACES)
def test_a_claim_on_a_part_is_one_on_the_whole(name: str) -> None:
    axes, row, _, _ = PLACES[name]
    layout, rng = RecordLayout(Layout(axes), row), np.random.default_rng(3)
    whole = to_field(layout.pad(rng.integers(-100, 100, layout.size)))
    for place, own in layout.layouts.items():
        point = tuple(random_point(5, own.log_size))
        said = sum((evaluate(whole, at) * factor for factor, at in layout.terms(place, point)), ZERO)
        assert said == evaluate(np.ascontiguousarray(layout.part(whole, place)), point)


def test_records_without_a_row_are_as_before() -> None:
    layout, own = RecordLayout(Layout((3, 5))), Layout((3, 5))
    values = np.arange(30).reshape(2, 15)
    assert np.array_equal(layout.pad(values), own.pad(values)) and list(layout.layouts) == [FIRST]
    assert layout.padded_size == own.padded_size and layout.block == (0, 0) and layout.words == "3x5"
    point: tuple[Ext, ...] = (ZERO,) * 5
    assert layout.terms(FIRST, point)[0][1] == point and layout.part(values, FIRST) is values
