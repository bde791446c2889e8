"""Functions of single entries, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field import pieces, threads
from proofward.field.pieces import by_pieces


@pytest.mark.parametrize("shape", [(0,), (3,), (5, 7), (64,), (65, 3)])
def test_pieces_are_the_whole(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_PART", 4)
    monkeypatch.setattr(threads, "_ONE_PART", 31)
    sizes: list[int] = []

    def compute(own: pieces.Signed) -> pieces.Signed:
        sizes.append(own.size)
        return own // 3 - 1

    values = np.random.default_rng(1).integers(-(2**62), 2**62, shape)
    for given in (values, values.T):
        assert np.array_equal(by_pieces(compute, given), given // 3 - 1)
    assert max(sizes) <= 4 or values.size < 32
