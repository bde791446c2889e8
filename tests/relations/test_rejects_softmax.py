"""The softmax head has one admissible value of everything that it commits to: any other is refused.

Each forgery is consistent in all that follows from it, and breaks exactly the statements that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from proofward.field.goldilocks import to_signed
from proofward.field.scalar import P
from proofward.layers.heads.softmax import Softmax, exponential_table, softmax
from proofward.layers.heads.softmax_columns import maximum_bits
from proofward.layers.networks.arrangement import Arrangement
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import refusal
from tests.relations.cases import Case
from tests.relations.softmax_cases import (
    FD,
    HALF_MAXIMUM,
    LOWEST,
    ROWS,
    SCALES,
    UNIT,
    Change,
    Told,
    broken,
    one_step,
    tell,
)

LOGITS = {"tie": [7, 7, -600], "near": [3, 10, -20]}


@lru_cache
def case(name: str) -> Case:
    return one_step(LOGITS[name])


def refused(about: Case, told: Told) -> bool:
    check = lambda: verify_round(about.statement, told.ciphertext, *told.proof)  # noqa: E731
    return refusal(check) == "column queries"


def test_the_cases_are_as_wide_as_they_are_read() -> None:
    for name in LOGITS:
        rules, bounds = case(name).config, case(name).statement.layer_bounds()
        limb = Arrangement.of(rules.model, rules.scales, ROWS, bounds).head
        assert limb.widths == (LOWEST, 10) and 1 << (maximum_bits(SCALES, limb) - 1) == HALF_MAXIMUM


@pytest.mark.parametrize("name", LOGITS)
def test_nothing_is_broken_and_accepted_without_a_change(name: str) -> None:
    told = tell(case(name))
    assert broken(told) == set() and told.seen.false == set()
    verify_round(case(name).statement, told.ciphertext, *told.proof)
    top = sorted(LOGITS[name])[-1]
    assert told.columns["head maximum, limb 0"][0] == (HALF_MAXIMUM + top) % 4096
    assert told.columns["head equal to the maximum"][:4].tolist() == [*(int(q == top) for q in LOGITS[name]), 1]
    assert told.columns["head exponentials"][3] == UNIT


def divided(own: Softmax) -> Softmax:
    """With total, probabilities and remainders that follow from the exponentials."""
    total = own.exponential.sum(axis=-1)
    scaled = (own.exponential << (FD + 1)) + total[:, None]
    probability, remainder = np.divmod(scaled, 2 * total[:, None])
    return replace(own, total=total, probability=probability, remainder=remainder)


def from_maximum(change: int) -> Change:
    """Another maximum of record 0; distances and exponentials follow, that of -1 is taken for that of 0."""

    def changed(own: Softmax) -> Softmax:
        own.maximum[0] += change
        own.distance[0] += change
        own.exponential[0] = exponential_table(SCALES)[np.clip(own.distance[0], 0, 512)]
        return divided(own)

    return changed


def distance(name: int, change: int) -> Change:
    """Another distance of one class of record 0, and what follows."""

    def changed(own: Softmax) -> Softmax:
        own.distance[0, name] += change
        own.exponential[0, name] = exponential_table(SCALES)[min(own.distance[0, name], 512)]
        return divided(own)

    return changed


def exponential(name: int, change: int) -> Change:
    def changed(own: Softmax) -> Softmax:
        own.exponential[0, name] += change
        return divided(own)

    return changed


def quotient(name: int, change: int, *, remainder: Callable[[int], int]) -> Change:
    """Another probability; its remainder by the total of record 0."""

    def changed(own: Softmax) -> Softmax:
        own.probability[0, name] += change
        own.remainder[0, name] += remainder(2 * int(own.total[0]))
        return own

    return changed


FORGERIES: dict[str, tuple[str, Change, set[str]]] = {
    "the second largest for the maximum": ("near", from_maximum(-7), {"key"}),
    "one less than the maximum": ("near", from_maximum(-1), {"key", "one maximum"}),
    "one less than a tie": ("tie", from_maximum(-1), {"key", "one maximum"}),
    "one more than the maximum": ("near", from_maximum(1), {"one maximum"}),
    "one more than a tie": ("tie", from_maximum(1), {"one maximum"}),
    "a smaller distance": ("near", distance(0, -1), {"remainder"}),
    "a larger distance": ("near", distance(2, 1), {"remainder"}),
    "a distance to a tie": ("tie", distance(1, 1), {"remainder"}),
    "a far class taken for near": ("tie", distance(2, -600), {"remainder"}),
    "a larger exponential": ("near", exponential(0, 1), {"exponential"}),
    "a smaller exponential of the maximum": ("near", exponential(1, -1), {"exponential"}),
    "an exponential beyond the table": ("tie", exponential(2, 1), {"exponential"}),
    "a quotient one more": ("near", quotient(0, 1, remainder=lambda whole: -whole), {"remainder of the division"}),
    "a quotient one less": ("near", quotient(0, -1, remainder=lambda whole: whole), {"room"}),
    "a remainder one more": ("near", quotient(1, 0, remainder=lambda whole: 1), {"division"}),
    "a remainder one less": ("near", quotient(1, 0, remainder=lambda whole: -1), {"division"}),
    "another probability": ("tie", quotient(0, 1, remainder=lambda whole: 0), {"division"}),
    "a probability of a far class": ("tie", quotient(2, 1, remainder=lambda whole: 0), {"division"}),
    "a probability below 0": (
        "tie", quotient(2, -1, remainder=lambda whole: whole), {"probability", "room"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_forged_value(name: str) -> None:
    about, change, expected = FORGERIES[name]
    told = tell(case(about), change)
    assert broken(told) == expected
    assert told.seen.false and refused(case(about), told)


ENTRIES: dict[str, tuple[str, dict[str, dict[int, int]], set[str]]] = {
    "a class that is not the maximum called equal": ("near", {"equal to the maximum": {0: 1}}, {"equal"}),
    "a maximum that is not called equal": ("tie", {"equal to the maximum": {0: 0}}, {"equal"}),
    "the only maximum not called equal": ("near", {"equal to the maximum": {1: 0}}, {"equal", "one maximum"}),
    "a class in padding that is not equal": ("near", {"equal to the maximum": {3: 0}}, {"equal"}),
    "the sign of a far class": ("tie", {"distances sign": {2: 0}}, {"sign", "exponential"}),
    "the sign from the top limb": ("tie", {"distances high, sign from limb 1": {2: 1}}, {"sign of the top limb"}),
    "y by other limbs": (
        "tie",
        {"distances high, limb 0": {2: 5}, "distances high, limb 1": {2: -1}, "distances high, sign from limb 1": {2: -1}},
        {"lowest limb"},
    ),
    "x by another y": (
        "tie", {"distances low": {2: 607}, "distances high, limb 0": {2: 0}, "distances sign": {2: 0}}, {"low limb"},
    ),
    "an exponential in padding": ("near", {"exponentials": {3: 0}}, {"exponential"}),
    "a probability in padding": ("near", {"probability, limb 0": {3: 1}}, {"division", "error"}),
    "a gradient in padding": ("near", {"errors": {3: 1}}, {"error"}),
    "another gradient": ("near", {"errors": {0: 1}}, {"error"}),
    "a limb of the maximum": ("near", {"maximum, limb 1": {0: (1 << 8) + 1}}, {"remainder"}),
    "a limb of the remainder": ("near", {"remainder of the division, limb 1": {0: 0}}, {"division"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_rejects_a_changed_entry(name: str) -> None:
    about, change, expected = ENTRIES[name]
    told = tell(case(about), columns={f"head {title}": entries for title, entries in change.items()})
    assert broken(told) == expected
    assert told.seen.false and refused(case(about), told)


def test_rejects_a_probability_that_divides_in_the_field_only() -> None:
    """With any remainder in its range some element of F satisfies the division: that of P is needed as well."""
    about = case("near")
    own = softmax(tell(about).sums.reshape(ROWS, -1)[:, :3], SCALES)
    total, scaled = int(own.total[0]), (int(own.exponential[0, 0]) << (FD + 1)) + int(own.total[0])
    remainder = int(own.remainder[0, 0]) ^ 1
    forged = (scaled - remainder) * pow(2 * total, -1, P) % P
    entry = int(to_signed(np.array([forged], dtype=np.uint64))[0])
    changed = {
        "probability, limb 0": {0: entry},
        "remainder of the division, limb 0": {0: remainder & 4095},
        "errors": {0: entry - (1 << FD)},
    }
    told = tell(about, columns={f"head {title}": entries for title, entries in changed.items()})
    assert 0 <= remainder < 2 * total and forged >= 2 << FD and (2 * total * forged + remainder - scaled) % P == 0
    assert "probability" in broken(told)
    assert told.seen.false & told.seen.leaves and refused(about, told)


@pytest.mark.parametrize("label", [1, 2])
def test_rejects_gradients_of_another_label(label: int) -> None:
    told = tell(case("near"), labels=np.full(ROWS, label, dtype=np.int64))
    assert broken(told) == {"error"}
    assert told.seen.false and not told.seen.false & told.seen.leaves and refused(case("near"), told)


def test_every_column_of_the_head_is_forged() -> None:
    """By a changed value or by a changed entry; the lower limbs of remainders by the sweep of all columns."""
    columns = tell(case("tie")).columns
    names = {name.removeprefix("head ") for name in columns if name.startswith("head ")}
    forged = {name for _, change, _ in ENTRIES.values() for name in change}
    by_value = {
        "remainders, limb 0", "room above the remainder, limb 0", "maximum, limb 0",
        "remainder of the division, limb 0",
    }  # fmt: skip
    assert names == forged | by_value
