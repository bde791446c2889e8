"""Values that cannot be above their range have one bit, and no other witness than theirs: any other is refused.

As in `test_rejects_forged_values`, each forgery is consistent in all that follows from it, and breaks exactly the
statements that it names. The bounds are those of weights in their range.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.rules.model import FixedPoint
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import refusal
from tests.relations.cases import Case
from tests.relations.forged_values import HALF, ROWS, Change, Forged, forge, limbs_of, one_step

pytestmark = pytest.mark.slow

SCALES = FixedPoint(6, 8, 24, 12, 9, 9, 16, (15,), (12,), weight_range_bits=26)
TOP, BACK = 1 << 15, 1 << 12
LOW, INSIDE, BACK_LOW = "layer 1 low, limb 0", "layer 1 inside", "layer 1 gradient low, limb 0"
REST, REST_TOP = "layer 1 remainders, limb 0", "layer 1 remainders, limb 1"
BACK_REST, BACK_REST_TOP = "layer 1 gradient remainders, limb 0", "layer 1 gradient remainders, limb 1"
COLUMNS = {LOW, INSIDE, BACK_LOW, REST, REST_TOP, BACK_REST, BACK_REST_TOP}


@lru_cache
def case() -> Case:
    """Rounded sums -8, 0, 4 and 2000; gradients 0, -1, 0 and 1023."""
    return one_step([-8, 0, 4, 2000], [0, -1, 0, 1023], 250, scales=SCALES)


def broken(forged: Forged) -> set[str]:
    """Which statements about the hidden layer's values the committed columns do not satisfy."""
    columns, found, trace = forged.columns, set(), forged.trace.hidden[0]

    def check(name: str, holds: object) -> None:
        if not bool(np.all(holds)):
            found.add(name)

    def sums(where: str, exact: np.ndarray, values: np.ndarray, name: str) -> None:
        rest, in_range = limbs_of(columns, name, 16)
        check(f"{where}: remainder", in_range)
        same = (values * (1 << 24) + rest - (1 << 23) - exact.reshape(-1).astype(object)) % P == 0
        check(f"{where}: sum", same)

    low, inside = columns[LOW].astype(object), columns[INSIDE].astype(object)
    check("forward: low limb", (low >= 0) & (low < TOP))
    check("forward: bit", (inside == 0) | (inside == 1))
    sums("forward", trace.sums, 1 + low + TOP * (inside - 1), "layer 1 remainders")
    low = columns[BACK_LOW].astype(object)
    check("backward: low limb", (low >= 0) & (low < 2 * BACK))
    sums("backward", trace.back_sums, low - BACK, "layer 1 gradient remainders")
    return found


def test_values_cannot_be_above_their_range() -> None:
    rules = case().config
    (found,) = Arrangement.of(rules.model, rules.scales, ROWS, case().statement.layer_bounds()).hidden
    assert [isinstance(way, HighLimb) and way.is_own_sign for way in found] == [True, True]
    assert found[0].span == (-1, 0) and found[1].span == (0, 0)
    columns = forge(case(), {}).columns
    own = {name for name in columns if name.startswith("layer 1") and "weights" not in name and "biases" not in name}
    assert own == COLUMNS
    assert columns[LOW][:4].tolist() == [TOP - 9, TOP - 1, 3, 1999]
    assert columns[INSIDE][:4].tolist() == [0, 0, 1, 1]
    assert columns[BACK_LOW][:4].tolist() == [BACK, BACK - 1, BACK, BACK + 1023]


def test_nothing_is_broken_and_accepted_without_a_change() -> None:
    forged = forge(case(), {})
    assert broken(forged) == set()
    verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof)


FORGERIES: dict[str, tuple[Change, str]] = {
    # rounded sums -8, 0, 4 and 2000 in units 0 to 3
    "-8 taken for inside": ({INSIDE: {0: 1}}, "forward: sum"),
    "0 taken for inside": ({INSIDE: {1: 1}}, "forward: sum"),
    "4 taken for 0": ({INSIDE: {2: 0}}, "forward: sum"),
    "2000 from above the range": ({INSIDE: {3: 2}}, "forward: bit, forward: sum"),
    "2000 from a bit of 2": ({INSIDE: {3: 2}, LOW: {3: 1999 - TOP}}, "forward: bit, forward: low limb"),
    "4 from a bit of 1/2": ({INSIDE: {2: -HALF}, LOW: {2: 3 + TOP // 2}}, "forward: bit"),
    "-8 from a bit of 1/2": ({INSIDE: {0: -HALF}, LOW: {0: TOP // 2 - 9}}, "forward: bit"),
    "-8 from a bit of -1": ({INSIDE: {0: -1}, LOW: {0: 2 * TOP - 9}}, "forward: bit, forward: low limb"),
    "0 from a low limb below 0": ({INSIDE: {1: 1}, LOW: {1: -1}}, "forward: low limb"),
    "4 from a low limb of 2^15 more": ({INSIDE: {2: 0}, LOW: {2: TOP + 3}}, "forward: low limb"),
    "a value of another sum": ({LOW: {2: 4}}, "forward: sum"),
    "a value of another sum below": ({LOW: {0: 0}}, "forward: sum"),
    "a remainder of another sum": ({REST: {3: 1}}, "forward: sum"),
    "limbs of the remainder shifted": ({REST: {3: 1 << 16}, REST_TOP: {3: 127}}, "forward: remainder"),
    "a value one more, remainder 2^24 less": ({LOW: {2: 4}, REST_TOP: {2: 128 - 256}}, "forward: remainder"),
    # gradients 0, -1, 0 and 1023
    "another gradient": ({BACK_LOW: {0: BACK + 1}}, "backward: sum"),
    "a gradient of 2^13 more": ({BACK_LOW: {1: 3 * BACK - 1}}, "backward: low limb, backward: sum"),
    "a gradient of 2^13 less": ({BACK_LOW: {3: 1023 - BACK}}, "backward: low limb, backward: sum"),
    "another remainder of a gradient": ({BACK_REST: {2: 1}}, "backward: sum"),
    "limbs of its remainder shifted": ({BACK_REST: {3: 1 << 16}, BACK_REST_TOP: {3: 127}}, "backward: remainder"),
    "a gradient one more, remainder 2^24 less": (
        {BACK_LOW: {3: BACK + 1024}, BACK_REST_TOP: {3: 128 - 256}}, "backward: remainder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_forged_value(name: str) -> None:
    change, expected = FORGERIES[name]
    forged = forge(case(), change)
    assert broken(forged) == set(expected.split(", "))
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))
    assert check == "column queries"


@pytest.mark.parametrize("name", [name for name, (_, expected) in FORGERIES.items() if expected.endswith("ward: sum") and ", " not in expected])
def test_rejects_a_claim_on_sums_that_fits_a_forged_value(name: str) -> None:
    """What it says of the sums is the rounding of the columns: but other sums."""
    change, expected = FORGERIES[name]
    forged = forge(case(), change, fitting=True)
    assert broken(forged) == {expected}
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))
    assert check == "column queries"


def test_every_column_of_these_values_is_forged() -> None:
    assert {name for change, _ in FORGERIES.values() for name in change} == COLUMNS
