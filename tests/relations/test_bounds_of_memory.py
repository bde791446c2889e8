"""A round's proof is the same bytes whatever its prover keeps, with every kind of layer that has parts."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest

from proofward.layers.activations.choice_of_maxima import over_windows, part_over_windows
from proofward.proof import leaves
from tests.proof.bounds_of_memory import LITTLE, keeping_little
from tests.relations.cases import make_case
from tests.relations.pooled_cases import pooled_rules


@pytest.mark.slow
@pytest.mark.parametrize("kept", LITTLE[:2])
def test_a_pooled_round_is_the_same_bytes_whatever_is_kept(kept: dict[str, Any]) -> None:
    rules = pooled_rules((2, 4, 8), outputs=2, kernel=2, batch=2, steps=2)
    with mock.patch.object(leaves, "_OWN_TREE_FROM", 8):
        expected = make_case(rules, rows=5)
    with keeping_little(**{**kept, "part": 1 << 10}):
        found = make_case(rules, rows=5)
    assert found.result.proof == expected.result.proof
    assert found.result.dataset.root == expected.result.dataset.root


@pytest.mark.parametrize("axes", [(1, 2, 2), (3, 4, 8), (2, 8, 2)])
def test_values_of_windows_by_parts(axes: tuple[int, ...]) -> None:
    windows = np.arange(2 * int(np.prod(axes)) // 4, dtype=np.uint64)
    whole = over_windows(windows, axes)
    for start, stop in ((0, whole.size), (1, 2), (3, whole.size - 1), (whole.size // 2, whole.size)):
        for kept in (windows, windows.astype(np.uint16)):
            assert np.array_equal(part_over_windows(kept, axes, (start, stop)), whole[start:stop])
