"""The contract's promises that no proof shows: what is stored, what is refused, and what is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.encoding import MalformedMessage, decode, encode
from proofward.field.extension import ext_mul
from proofward.field.goldilocks import random_field
from proofward.field.scalar import P
from proofward.proof.commitment.contract import ROOT_BYTES, PadCounts
from proofward.proof.commitment.ligero import tableau, words
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.counter import Counter
from proofward.proof.forms import LEFT, PAD, PRODUCT, RIGHT, pad_key
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from tests.proof.toy import prove, seeded, toy_witness

SCHEME_OF_TESTS = Ligero(CodeParameters(log_k=3, log_n=6, queries=4, openings=2))
COLUMNS = [random_field(16, seeded(1)), random_field(4, seeded(2))]


def test_what_is_kept_comes_back_from_its_bytes() -> None:
    kept = SCHEME_OF_TESTS.commit(COLUMNS, seeded(3))
    again = SCHEME.from_bytes(kept.to_bytes())
    assert again.root == kept.root and len(kept.root) == ROOT_BYTES
    assert again.to_bytes() == kept.to_bytes()
    assert SCHEME_OF_TESTS.reopen(again, [4, 2]).opened([1, 5]).tolist() == kept.opened([1, 5]).tolist()


def test_rejects_stored_bytes_that_are_of_no_tableau() -> None:
    stored = decode(SCHEME_OF_TESTS.commit(COLUMNS, seeded(3)).to_bytes(), tableau._Stored)
    modulus = P.to_bytes(8, "little")
    bad = {
        "code": [(3, 6, 4, 0), (4, 6, 4, 2), (3, 6, 60, 2)],
        "data": [stored.data[:-1], stored.data[:-8], modulus + stored.data[8:]],
        "blinding": [stored.blinding[:-8], modulus + stored.blinding[8:], b""],
    }
    for field, values in bad.items():
        for value in values:
            with pytest.raises(MalformedMessage, match="commitment"):
                SCHEME.from_bytes(encode(replace(stored, **{field: value})))
    unsalted = encode(replace(stored, salt_seed=bytes(32)))
    assert SCHEME.from_bytes(unsalted).root != SCHEME.from_bytes(encode(stored)).root


def test_refuses_to_reopen_what_is_of_other_sizes_or_parameters() -> None:
    kept = SCHEME_OF_TESTS.commit(COLUMNS, seeded(3))
    assert SCHEME_OF_TESTS.reopen(kept, [4, 2]) is kept
    with pytest.raises(ValueError, match="3 rows"):
        SCHEME_OF_TESTS.reopen(kept, [5, 2])
    with pytest.raises(ValueError, match="openings=3"):
        Ligero(replace(SCHEME_OF_TESTS.code, openings=3)).reopen(kept, [4, 2])


def test_refuses_a_column_that_is_no_power_of_two() -> None:
    with pytest.raises(ValueError, match="declared length 8"):
        SCHEME_OF_TESTS.commit([np.zeros(5, dtype=np.uint64)], seeded(1))


def test_a_prover_refuses_a_column_of_another_length_than_declared() -> None:
    def script(party: Party) -> None:
        party.declare("a", 3, lambda: np.zeros(4, dtype=np.uint64))
        party.commit("data", padded=True)

    plan = Counter(SCHEME_OF_TESTS).run(script)
    with pytest.raises(ValueError, match="column a of shape"):
        Prover(Transcript(b"s"), plan, seeded(1)).run(script)


def test_a_prover_says_nothing_before_the_pads_are_committed() -> None:
    def script(party: Party) -> None:
        party.declare("a", 3, lambda: np.zeros(8, dtype=np.uint64))
        party.send(None)
        party.commit("data", padded=True)

    plan = Counter(SCHEME_OF_TESTS).run(script)
    with pytest.raises(AssertionError, match="before the pads"):
        Prover(Transcript(b"s"), plan, seeded(1)).run(script)


def test_pads_are_uniform_and_triples_are_products() -> None:
    counts = PadCounts(9, 9)
    kept, pads = SCHEME_OF_TESTS.commit_padded(COLUMNS, counts, seeded(3))
    assert len(kept.root) == ROOT_BYTES
    assert len({tuple(pair) for pair in pads.values(pad_key(PAD, 0), 9).T.tolist()}) == 9
    left, right, product = (pads.values(pad_key(kind, 0), 9) for kind in (LEFT, RIGHT, PRODUCT))
    whole = [np.ascontiguousarray(values) for values in (left, right)]
    assert np.array_equal(ext_mul(*whole), product)


def test_proofs_do_not_depend_on_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prove(toy_witness(3))
    monkeypatch.setattr(words, "_KEPT_BYTES", 0)
    monkeypatch.setattr(words, "_PIECE_BYTES", 1)
    assert prove(toy_witness(3)) == whole
