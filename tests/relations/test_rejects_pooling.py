"""A pooled layer has one admissible choice of its maxima: any other is refused.

Each forgery is consistent in all that follows from it, and breaks exactly the statements that it names.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import mul, to_field
from proofward.layers.activations import relu_maxpool2d, relu_maxpool2d_relation
from proofward.layers.activations.windows import spread, taps
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import changing_entry, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, make_case, prove_with, round_witness
from tests.relations.pooled_cases import (
    AXES,
    FORGERIES,
    Parts,
    Told,
    broken,
    choice,
    choosing,
    columns_of,
    pooled_case,
    pooled_rules,
    tell,
)


@pytest.fixture(scope="module")
def case() -> Case:
    return pooled_case()


def refused(case: Case, told: Told) -> bool:
    about = lambda: verify_round(case.statement, told.ciphertext, *told.proof)  # noqa: E731
    return refusal(about) == "column queries"


@pytest.mark.slow
def test_the_case_has_the_windows_and_is_accepted(case: Case) -> None:
    told = tell(case)
    assert broken(told) == set() and told.seen.false == set()
    verify_round(case.statement, told.ciphertext, *told.proof)
    chosen = taps(told.columns["layer 1 chosen"], AXES)
    found = [[int(own[0, 0, 0, window]) for own in chosen] for window in range(4)]
    assert found == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    assert (told.columns["layer 1 gradient low, limb 0"] != 512).all()


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_another_choice(case: Case, name: str) -> None:
    window, greatest, chosen, expected = FORGERIES[name]
    forged = partial(choosing, partial(choice, window, greatest, chosen))
    told = tell(case, forged, forged)
    assert broken(told) == expected
    assert told.seen.false and refused(case, told)


@pytest.mark.parametrize("name", [name for name, own in FORGERIES.items() if "range" in own[3]])
def test_rejects_another_choice_with_distances_in_their_range(case: Case, name: str) -> None:
    """The remainders are then false; the lookups count honest ones."""
    window, greatest, chosen, expected = FORGERIES[name]
    forged = partial(choosing, partial(choice, window, greatest, chosen), pretend=True)
    told = tell(case, forged, forged)
    assert broken(told) == expected - {"range", "product"} | {"sum"}
    assert told.seen.false and refused(case, told)


def last_tap(parts: Parts) -> Parts:
    return [np.full(part.shape, tap == 3, dtype=np.int64) for tap, part in enumerate(parts)]


@contextmanager
def routing_to_the_last():  # type: ignore[no-untyped-def]
    """The trainer, or the prover's table of dZ, routes gradients to the last tap; the columns are honest."""
    one = np.zeros((1, 1, 1, 4), dtype=np.int64)
    wrong = to_field(spread(last_tap([one] * 4), AXES).reshape(-1))

    def routed(chosen, gradients):  # type: ignore[no-untyped-def]
        return mul(np.tile(wrong, chosen.size // wrong.size), gradients)

    with (
        mock.patch.object(relu_maxpool2d, "first_maximum", last_tap),
        mock.patch.object(relu_maxpool2d_relation, "mul", routed),
    ):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("proving", [None, routing_to_the_last])
def test_rejects_gradients_that_are_routed_elsewhere(case: Case, proving) -> None:  # type: ignore[no-untyped-def]
    right, told = tell(case), tell(case, routing_to_the_last, proving)
    assert broken(told) == set()
    assert all((told.columns[name] == own).all() for name, own in right.columns.items() if "layer 1 " in name
               and "update" not in name)  # fmt: skip
    assert told.seen.false and not told.seen.false & told.seen.leaves and refused(case, told)
    if proving is not None:
        assert len(told.seen.false) == 1


@pytest.mark.parametrize("axes", [(2, 5, 4), (1, 4, 7)])
def test_rounds_of_odd_pictures_are_accepted(axes: tuple[int, ...]) -> None:
    case = make_case(pooled_rules(axes, outputs=3, kernel=2, batch=2, steps=3), rows=4)
    verify_round(case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof)


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column_of_a_pooled_layer(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    honest_columns, found = columns_of(case, witness, encryption.ciphertext), set()
    for column in honest_columns:
        name = column.name
        if not name.startswith("layer 1 ") or "weights" in name or "biases" in name:
            continue
        found.add(name.removeprefix("layer 1 "))
        for position in (0, (1 << column.log_size) - 1):
            values = {(c.commitment, c.index): value for c, value in honest_columns.items()}
            prover = changing_entry((column.commitment, column.index), position, values)
            proof = prove_with(case, witness, encryption.ciphertext, prover, seeded(4))
            check = refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof))
            assert check == "column queries", (name, position)
    assert {"chosen", "distances, limb 0", "distances, limb 1", "remainders, limb 0", "low, limb 0"} <= found
    assert {"inside", "above", "high, limb 0", "gradient low, limb 0", "gradient remainders, limb 0"} <= found
