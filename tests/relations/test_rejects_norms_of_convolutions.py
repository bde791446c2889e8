"""Forged norms of the gradients that pictures have at a convolution, one lie at a time.

A norm is twice or four times what it is, and the record is clipped as if it were so. The prover carries the lie
through the sumchecks that make a norm, as far as a case says; the one constraint behind that is left to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import add
from proofward.layers.convolutions.conv2d_relation import Conv2dRelation
from proofward.layers.gradient_clipping import example_clipping, norm_of_convolution
from proofward.layers.gradient_clipping.norm_of_convolution import prove_norms
from proofward.proof.party import Tables
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, make_case, prove_with
from tests.relations.otherwise import Prepared
from tests.relations.private_cases import clipped_update_of, prepare, rule_of, witness_with
from tests.relations.test_clipped_convolutions import BOTH_WAYS, rules_of
from tests.relations.test_rejects_clipping import ROWS, Known, broken

pytestmark = pytest.mark.slow
Change = Callable[[Any], Any]


def twice(values: Any) -> Any:
    flat = np.ascontiguousarray(values).reshape(-1)
    return add(flat, flat).reshape(values.shape)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(rules_of(*BOTH_WAYS, clip_bits=1), ROWS)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


@pytest.fixture(scope="module")
def known(case: Case) -> Known:
    assert [own.way.name for own in rule_of(case).scale.layers] == ["gradient", "positions", "product"]
    return Known(case, clipped_update_of(case), 0, 0)


class Within:
    """Whether the norms of the convolution are proved whose lie it is."""

    way = ""


@contextmanager
def doubling(method: str, way: str, first: bool = False) -> Iterator[None]:
    """What the prover of a convolution computes for norms made in this way is doubled; or every other time."""
    honest, called = getattr(Conv2dRelation, method), []

    def doubled(*known: Any) -> Any:
        found = honest(*known)
        if Within.way != way:
            return found
        called.append(method)
        return found if first and len(called) % 2 == 0 else twice(found)

    with mock.patch.object(Conv2dRelation, method, doubled):
        yield


@contextmanager
def with_other_squares() -> Iterator[None]:
    """Of a gradient g the product 4 g g, whose second factor is 4 g."""

    def tables(pairs: Any) -> Tables:
        ((left, right),) = pairs
        return Tables([(left, twice(twice(right)) if left is right else right)])

    with mock.patch.object(norm_of_convolution, "Tables", tables):
        yield


@contextmanager
def noting() -> Iterator[None]:
    def noted(party: Any, layer: Any, way: Any, *known: Any) -> None:
        Within.way = way.name
        prove_norms(party, layer, way, *known)
        Within.way = ""

    with mock.patch.object(example_clipping, "prove_norms", noted):
        yield


GRADIENT, POSITIONS = "gradient", "positions"
OF_GRADIENTS: dict[str, list[Callable[[], Any]]] = {
    "the norm alone": [],
    "two gradients": [with_other_squares],
    "the gradient": [lambda: doubling("gradients_of_samples", GRADIENT)],
    "what is sent back, too": [
        lambda: doubling("gradients_of_samples", GRADIENT), lambda: doubling("_outputs_over_samples", GRADIENT),
    ],
    "what is read, too": [
        lambda: doubling("gradients_of_samples", GRADIENT), lambda: doubling("_inputs_over_samples", GRADIENT),
    ],
}  # fmt: skip
OF_POSITIONS: dict[str, list[Callable[[], Any]]] = {
    "the norm alone": [],
    "products of inputs": [lambda: doubling("products_of_inputs", POSITIONS)],
    "products of what is sent back": [lambda: doubling("products_of_deltas", POSITIONS)],
    "one of two patches, too": [
        lambda: doubling("products_of_inputs", POSITIONS),
        lambda: doubling("patches_of_samples", POSITIONS, first=True),
    ],
    "one of two positions, too": [
        lambda: doubling("products_of_deltas", POSITIONS),
        lambda: doubling("deltas_of_samples", POSITIONS, first=True),
    ],
}


def refused(own: Known, prepared: Prepared, wholes: tuple[Any, ...], lies: list[Callable[[], Any]]) -> bool:
    update, case = own.of_norms(wholes=wholes), own.case
    assert broken(own, update) == {"norms of convolutions"}
    witness, encryption = witness_with(case, seeded(3), update)
    forger = type("Forging", (Forger,), {"fallback": prepared[2]})
    with ExitStack() as stack:
        for lie in (noting, *lies):
            stack.enter_context(lie())
        proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
    return refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


@pytest.mark.parametrize("lie", OF_GRADIENTS)
def test_rejects_a_norm_by_gradients_that_is_four_times_too_large(lie: str, known: Known, prepared: Prepared) -> None:
    first, second = known.honest.clipped.wholes
    assert refused(known, prepared, (4 * first, second), OF_GRADIENTS[lie])


@pytest.mark.parametrize("lie", OF_POSITIONS)
def test_rejects_a_norm_by_positions_that_is_twice_too_large(lie: str, known: Known, prepared: Prepared) -> None:
    first, second = known.honest.clipped.wholes
    assert refused(known, prepared, (first, 2 * second), OF_POSITIONS[lie])
