"""What is looked up without being committed to: claims that make the lookups come out right, and are false.

The prover pretends entries in their ranges, with honest multiplicities, and sends what would fit them where the
lookups end. So the fraction tree and its leaves are right, and only the proof of the claim can stop it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.layers.averaging.aggregation import quantise_update
from proofward.proof import lookup
from proofward.proof.leaves import Query
from proofward.relations.proofs import measure
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.blocks import Block, blocks_of
from proofward.relations.training_rounds.training_round import RoundWitness
from tests.proof.cheats import refusal
from tests.proof.toy import seeded
from tests.relations.accounting import Accounting, Array, Signed, forge, watched
from tests.relations.cases import Case, ciphertext_of, config, make_case, prove_with, round_witness
from tests.relations.pooled_cases import pooled_rules


def refused(case: Case, ciphertext: Array, proof: tuple[Any, bytes]) -> bool:
    return refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(config())


def ring_only(case: Case, witness: RoundWitness, ciphertext: Array) -> None:
    """The pretended errors fit the lookups, and nothing but the last constraint, the ring equation, is false."""
    seen, proof = forge(case, witness, ciphertext)
    assert seen.false == {seen.last}
    assert refused(case, ciphertext, proof)


@pytest.mark.slow
def test_nothing_is_false_for_an_honest_witness(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    seen, proof = forge(case, witness, encryption.ciphertext)
    assert seen.false == set() and seen.leaves and seen.said > 8
    verify_round(case.statement, encryption.ciphertext, *proof)


@pytest.mark.parametrize("entry", [0, 20, -1, -2048])
@pytest.mark.parametrize("added", [43, -43, 1 << 18, P - (1 << 18), 1 << 40])
def test_rejects_another_ciphertext_with_a_fitting_claim(case: Case, entry: int, added: int) -> None:
    """The errors are at their end at the entry; the ciphertext has what is added beyond, a parameter's or not."""
    witness, encryption = round_witness(case, seeded(3))
    if abs(added) == 43:
        error = encryption.error.astype(np.int64)
        error[entry] = added
        other = ciphertext_of(case.statement, encryption.secret, error, witness.update.update)
        error[entry] = 42 if added > 0 else -42
        witness = replace(witness, encryption=replace(witness.encryption, error=error.astype(np.int8)))
    else:
        other = encryption.ciphertext.copy()
        other[entry] = (int(other[entry]) + added) % P
    ring_only(case, witness, other)


def test_rejects_another_update_encrypted_with_a_fitting_claim(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    error = encryption.error.astype(np.int64)
    other = ciphertext_of(case.statement, encryption.secret, error, -witness.update.update)
    ring_only(case, witness, other)


def test_rejects_another_secret_with_a_fitting_claim(case: Case) -> None:
    """The ciphertext is of a key that is not the one that is committed to and shared."""
    witness, encryption = round_witness(case, seeded(3))
    error, key = encryption.error.astype(np.int64), -encryption.secret
    other = ciphertext_of(case.statement, key, error, witness.update.update)
    ring_only(case, witness, other)


@pytest.mark.slow
def test_rejects_errors_out_of_range_that_are_not_pretended_away(case: Case) -> None:
    """The ring equation holds; it is the tree that is false."""
    honest, encryption = round_witness(case, seeded(3))
    fallback = _columns(case, honest, encryption.ciphertext)
    for entry, value in ((0, 43), (-1, -43)):
        error = encryption.error.copy()
        error[entry] = value
        witness = replace(honest, encryption=replace(honest.encryption, error=error))
        other = ciphertext_of(case.statement, encryption.secret, error, honest.update.update)
        seen, proof = forge(case, witness, other, fallback=fallback)
        assert seen.false and seen.last not in seen.false
        assert refused(case, other, proof)


def _columns(case: Case, witness: RoundWitness, ciphertext: Array) -> dict[tuple[int, int], Array]:
    """The columns of an honest round, for multiplicities that cannot be counted."""

    class Keeps(Accounting):
        kept: ClassVar[dict[tuple[int, int], Array]] = {}

        def alter(self, column, value):  # type: ignore[no-untyped-def]
            self.kept[column.commitment, column.index] = value
            return value

    with watched(Keeps):
        prove_with(case, witness, ciphertext, Keeps, seeded(4))
    return dict(Keeps.kept)


@pytest.mark.parametrize("change", ["negated", "nothing", "one entry"])
def test_rejects_a_fitting_claim_on_another_trained_update(case: Case, change: str) -> None:
    """Delta is another, U its rounding and encrypted: the leaves are right, the layers' claims are false."""
    witness, _ = round_witness(case, seeded(3))
    known = witness.update
    delta = {"negated": -known.delta, "nothing": 0 * known.delta, "one entry": known.delta.copy()}[change]
    if change == "one entry":
        delta[0] += 1 << 20
    multiplier = case.statement.rule.submit(delta)[0]
    update = replace(
        known,
        delta=delta,
        update=quantise_update(delta, multiplier, case.statement.rule.shift),
        multiplier=multiplier,
    )
    assert (update.update != known.update).any()
    error = witness.encryption.error.astype(np.int64)
    ciphertext = ciphertext_of(case.statement, witness.encryption.secret, error, update.update)
    seen, proof = forge(case, replace(witness, update=update), ciphertext)
    assert seen.false and not seen.false & seen.leaves and seen.last not in seen.false
    assert len(seen.false) == (1 if change == "one entry" else len(blocks_of(case.config.model)))
    assert refused(case, ciphertext, proof)


def limbs_named(case: Case, name: str, value: int) -> dict[str, Signed]:
    """The limb columns of a scalar; those that are not declared do no harm."""
    bits = case.config.scales.table_bits
    parts = [(value >> (bits * index)) & ((1 << bits) - 1) for index in range(8)]
    return {f"{name}, limb {index}": np.array([part]) for index, part in enumerate(parts)}


def test_rejects_a_multiplier_that_is_not_the_committed_one(case: Case) -> None:
    """U is a quarter of what was trained, and the committed columns say that nothing was clipped."""
    rule = case.statement.rule
    witness, encryption = round_witness(case, seeded(3), multiplier=rule.full // 4)
    norm = int((witness.update.update.astype(object) ** 2).sum())
    columns: dict[str, Signed] = limbs_named(case, "norm above low", norm)
    for name in ("weight shortfall", "weight room", "clipped"):
        columns |= limbs_named(case, name, 0)
    seen, proof = forge(case, witness, encryption.ciphertext, columns)
    assert len(seen.false) == len(blocks_of(case.config.model))
    assert not seen.false & seen.leaves and seen.last not in seen.false
    assert refused(case, encryption.ciphertext, proof)


def test_rejects_an_update_in_padding(case: Case) -> None:
    """U is 1 where there is no parameter; Delta, the norm and a s are said to be what fits it."""
    witness, encryption = round_witness(case, seeded(3))
    rule, position = case.statement.rule, 5
    name, half = "layer 1 weights update, limb 0", 1 << (rule.message_bits - 1)
    block = blocks_of(case.config.model)[0]
    assert block.layout.padded_axes == (4, 8) and block.layout.axes == (4, 5)
    shifted = block.pad(witness.update.update) + half
    shifted[position] += 1
    changed = (shifted & ((1 << case.config.scales.table_bits) - 1)).astype(np.int64)
    norm = int((witness.update.update.astype(object) ** 2).sum()) + 1
    columns = {
        name: changed,
        **limbs_named(case, "norm below bound", rule.bound**2 - norm),
        **limbs_named(case, "norm above low", norm - (witness.update.multiplier != rule.full) * rule.low**2),
    }
    honest = Block.field_values

    def fitting(self: Block, flat: Signed) -> Array:
        values = honest(self, flat)
        if self == block and flat is witness.update.delta:
            values[position] = (1 << rule.shift) * pow(witness.update.multiplier, -1, P) % P
        return values

    with mock.patch.object(Block, "field_values", fitting):
        seen, proof = forge(case, witness, encryption.ciphertext, columns)
    assert len(seen.false) == 2 and seen.last in seen.false and not seen.false & seen.leaves
    assert refused(case, encryption.ciphertext, proof)


def split_in_two(queries: list[Query], tables: list[Any]) -> list[list[Any]]:
    """Queries of 2^a leaves in a tree of their own, whether or not that saves anything."""
    ordered = sorted(queries, key=lambda query: -query.log_size)
    own, taken, count = 1 << (sum(1 << query.log_size for query in ordered).bit_length() - 1), 0, 0
    while taken < own:
        taken += 1 << ordered[count].log_size
        count += 1
    return [ordered[:count], [*ordered[count:], *tables]]


SHAPES = {
    "logistic": config(widths=(3, 2), steps=1, batch=1),
    "a hidden unit": config(widths=(1, 1, 2), steps=1, batch=1),
    "two hidden layers": config(widths=(3, 2, 2, 2), steps=2, batch=2),
    "a pooled layer": pooled_rules((1, 2, 2), batch=1),
}


ONE_EACH = ("a hidden unit", "a pooled layer", "two hidden layers")
TREES = [
    pytest.param(shape, two, marks=[] if shape in ONE_EACH and two == (shape == ONE_EACH[0]) else [pytest.mark.exhaustive])
    for shape in SHAPES
    for two in (False, True)
]
"""How lookups are split does not depend on the shape: two trees for one of them, for the others as a sweep."""


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "two_trees"), TREES)
def test_every_claim_of_a_virtual_column_is_proved(shape: str, two_trees: bool) -> None:
    """Besides the leaves, at least one constraint is false if a claim is another."""
    split = split_in_two if two_trees else lookup.split_blocks
    case = make_case(SHAPES[shape])
    with mock.patch.object(lookup, "split_blocks", split), mock.patch.object(measure, "_plans", {}):
        witness, encryption = round_witness(case, seeded(3))
        honest, proof = forge(case, witness, encryption.ciphertext)
        verify_round(case.statement, encryption.ciphertext, *proof)
        assert len(honest.leaves) == (4 if two_trees else 2)
        hidden = len(case.config.model.widths) - 2
        blocks = len(blocks_of(case.config.model))
        # Z of every layer and of the head, Delta and mu of every block, and a s of the blocks and added entries
        assert honest.said == 2 * hidden + 1 + 2 * blocks + blocks + 1
        for target in range(honest.said):
            seen, proof = forge(case, witness, encryption.ciphertext, target=target)
            assert seen.false - seen.leaves, target
            assert refused(case, encryption.ciphertext, proof)
