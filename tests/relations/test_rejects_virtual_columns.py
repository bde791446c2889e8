"""What is looked up without being committed to: claims that make the lookups come out right, and are false.

The prover pretends entries in their ranges, with honest multiplicities, and sends what would fit them where the
lookups end. So the fraction tree and its leaves are right, and only the proof of the claim can stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest

from proofward.field.extension import ext_dot, lift
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.aggregation import quantise_update
from proofward.proof import lookup
from proofward.proof.forms import ZERO, Form
from proofward.proof.leaves import VirtualColumn
from proofward.proof.party import Party
from proofward.relations.blocks import blocks_of
from proofward.relations.prove import verify_round
from proofward.relations.training_round import RoundWitness
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, ciphertext_of, config, make_case, prove_with, round_witness

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


class Accounting(Forger):
    """A forger that lists which of its constraints are false, and which of these are those of the leaves.

    It adds 1 to the `target`-th message that a virtual column sends, where that is not negative.
    """

    target: ClassVar[int] = -1
    columns: ClassVar[dict[str, Signed]] = {}
    false: ClassVar[set[int]] = set()
    leaves: ClassVar[set[int]] = set()
    last: ClassVar[int] = 0
    said: ClassVar[int] = 0
    inside: ClassVar[bool] = False

    def alter(self, column, value):  # type: ignore[no-untyped-def]
        return to_field(self.columns[column.name]) if column.name in self.columns else value

    def _say(self, keys, values):  # type: ignore[no-untyped-def]
        sent, own = super()._say(keys, values), type(self)
        for index in range(len(sent) if own.inside else 0):
            if own.said == own.target:
                sent[index] = sent[index] + 1
                start = len(self._proof) - 16 * (len(sent) - index)
                self._proof[start : start + 16] = sent[index].to_bytes()
            own.said += 1
        return sent

    def run(self, script: Callable[[Party], None]) -> bytes:
        def counted(party: Party) -> None:
            script(party)
            own = type(self)
            own.false = {i for i, form in enumerate(self.constraints) if self._value(form) != ZERO}
            own.last = len(self.constraints) - 1

        return super().run(counted)

    def _value(self, form: Form) -> Any:
        value = form.constant
        for key, factor in form.pads.items():
            value = value + factor * self.pad(key)
        for factor, column, at in form.witness:
            table = self.values(column)
            known = evaluate(table, at) if isinstance(at, tuple) else ext_dot(at, lift(table))
            value = value + factor * known
        return value


@contextmanager
def watched(prover: type[Accounting]) -> Iterator[None]:
    """Notes the messages of virtual columns and the constraints of leaves."""
    honest_at, honest_assert = VirtualColumn.at, lookup._assert_leaves

    def at(self: VirtualColumn, point: Any) -> Form:
        prover.inside = True
        form = honest_at(self, point)
        prover.inside = False
        return form

    def assert_leaves(party: Party, *rest: Any) -> None:
        honest_assert(party, *rest)
        prover.leaves |= {len(party.constraints) - 2, len(party.constraints) - 1}

    with (
        mock.patch.object(VirtualColumn, "at", at),
        mock.patch.object(lookup, "_assert_leaves", assert_leaves),
    ):
        yield


def forge(
    case: Case,
    witness: RoundWitness,
    ciphertext: Array,
    columns: dict[str, Signed] | None = None,
    fallback: dict[tuple[int, int], Array] | None = None,
    target: int = -1,
) -> tuple[type[Accounting], tuple[Any, bytes]]:
    """A proof by a fresh forger class, with what it notes."""

    class Own(Accounting):
        false: ClassVar[set[int]] = set()
        leaves: ClassVar[set[int]] = set()

    Own.columns, Own.fallback, Own.target = columns or {}, fallback or {}, target
    with watched(Own):
        return Own, prove_with(case, witness, ciphertext, Own, seeded(4))


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
            self.kept[column.tableau, column.index] = value
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


def test_rejects_a_multiplier_that_is_not_the_committed_one(case: Case) -> None:
    """U is a quarter of what was trained, and the committed columns say that nothing was clipped."""
    rule = case.statement.rule
    witness, encryption = round_witness(case, seeded(3), multiplier=rule.full // 4)
    names = {"weight shortfall": 0, "weight room": 0, "clipped": 0}
    norm = int((witness.update.update.astype(object) ** 2).sum())
    bits = case.config.scales.table_bits
    columns: dict[str, Signed] = {}
    for name, value in {**names, "norm above low": norm}.items():
        for index in range(8):
            limb = np.array([(value >> (bits * index)) & ((1 << bits) - 1)], dtype=np.int64)
            columns[f"{name}, limb {index}"] = limb
    seen, proof = forge(case, witness, encryption.ciphertext, columns)
    assert len(seen.false) == len(blocks_of(case.config.model))
    assert not seen.false & seen.leaves and seen.last not in seen.false
    assert refused(case, encryption.ciphertext, proof)


SHAPES = {
    "logistic": config(widths=(3, 2), steps=1, batch=1),
    "a hidden unit": config(widths=(1, 1, 2), steps=1, batch=1),
    "two hidden layers": config(widths=(3, 2, 2, 2), steps=2, batch=2),
}


@pytest.mark.parametrize("two_trees", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_claim_of_a_virtual_column_is_proved(shape: str, two_trees: bool) -> None:
    """Besides the leaves, at least one constraint is false if a claim is another."""
    with mock.patch("proofward.proof.leaves._OWN_TREE_FROM", 1 if two_trees else 1 << 60):
        case = make_case(SHAPES[shape])
        witness, encryption = round_witness(case, seeded(3))
        honest, proof = forge(case, witness, encryption.ciphertext)
        verify_round(case.statement, encryption.ciphertext, *proof)
        hidden = len(case.config.model.widths) - 2
        blocks = len(blocks_of(case.config.model))
        # Z of every layer and of the head, Delta and mu of every block, and a s of the blocks and added entries
        assert honest.said == 2 * hidden + 1 + 2 * blocks + blocks + 1
        for target in range(honest.said):
            seen, proof = forge(case, witness, encryption.ciphertext, target=target)
            assert seen.false - seen.leaves, target
            assert refused(case, encryption.ciphertext, proof)
