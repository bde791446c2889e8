"""Receipts: their bytes, where two of them part, and of which proofs there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.disputes.dispute import (
    Difference,
    dispute_arguments,
    first_difference,
    row_disagrees,
    row_dispute_arguments,
)
from proofward.chain.disputes.receipt import Receipt, watched
from proofward.proof.errors import ProofRejected
from tests.chain.contract.anchored import Anchored, digest
from tests.chain.contract.disputed import Disputed, made_by_hand
from tests.vector_files import check, load


@pytest.fixture(params=range(3))
def any_receipt(request: pytest.FixtureRequest, real: Disputed, forged: Disputed) -> Iterator[Receipt]:
    hand = made_by_hand([1, 2, 3])
    yield (real.receipt, forged.receipt, Receipt.of(hand))[request.param]


def test_a_receipt_comes_back(any_receipt: Receipt):
    data = any_receipt.to_bytes()
    again = Receipt.from_bytes(data)
    assert again == any_receipt and again.digest() == any_receipt.digest() and first_difference(again, any_receipt) is None


def test_receipts_of_one_proof_are_equal_and_cost_a_verdict_nothing(real: Disputed):
    again = Receipt.of(real.opened)
    assert again == real.receipt and len(again.to_bytes()) < 4096


def test_what_is_no_receipt_is_refused(real: Disputed):
    good, data = real.receipt, real.receipt.to_bytes()
    for wrong in (b"", data[:1], data[:-1], data + b"\0", b"\0" + data[1:], b"\5" + data[1:], data[:1] + b"\0" + data[2:],
                  data[:162] + data[182:] + data[162:182], data[:-8] + b"\xff" * 8, data[:162]):  # fmt: skip
        with pytest.raises(ReceiptInvalid):
            Receipt.from_bytes(wrong)
    for change in ({"roots": ()}, {"roots": good.roots * 2}, {"depth": 29}, {"weights": b""}, {"row": b""}, {"claims": ()}):
        with pytest.raises(ReceiptInvalid):
            replace(good, **change)


def test_a_proof_beyond_the_contracts_bounds_has_no_receipt(real: Disputed):
    opened = real.opened
    wide = np.zeros((176, 1030), dtype=np.uint64)
    with pytest.raises(ReceiptInvalid, match="rows"):
        Receipt.of(replace(opened, columns=[wide, *opened.columns[1:]]))
    with pytest.raises(ReceiptInvalid, match="rows"):
        Receipt.of(replace(opened, weights=[np.zeros((2, 1030), dtype=np.uint64), *opened.weights[1:]]))


def test_where_receipts_part(real: Disputed):
    own = real.receipt
    assert first_difference(own, real.false_receipt(7)) == Difference("claims", 7, executable=True)
    for what in ("weights", "row"):
        assert first_difference(own, replace(own, **{what: digest("other")})) == Difference(what)
    assert first_difference(own, replace(own, roots=own.roots[:2])) == Difference("roots")
    assert first_difference(own, replace(own, depth=14)) == Difference("depth")
    assert first_difference(own, replace(own, claims=own.claims[:-1])) == Difference("claims", 175)
    assert first_difference(own, replace(own, claims=own.claims[1:])) == Difference("claims", 0)


def test_a_dispute_is_about_the_verdicts_receipt_and_an_opened_column(anchored: Anchored, real: Disputed):
    said, seal = real.said(anchored, real.receipt)
    other = real.false_receipt(3)
    for make in (dispute_arguments, row_dispute_arguments):
        with pytest.raises(ReceiptInvalid, match="digest"):
            make(real.opened, other, 3, said, seal)
    free = next(i for i in range(1 << real.receipt.depth) if i not in set(real.opened.indices))
    claims = tuple(sorted([*real.receipt.claims[1:], (free, 1)]))
    invented = replace(real.receipt, claims=claims)
    with pytest.raises(ReceiptInvalid, match="the proof opens"):
        dispute_arguments(real.opened, invented, [c for c, _ in claims].index(free), *real.said(anchored, invented))
    hand = made_by_hand([1])
    own = Disputed(hand, Receipt.of(hand))
    assert row_disagrees(hand) is None
    with pytest.raises(ReceiptInvalid, match="committed"):
        row_dispute_arguments(hand, own.receipt, 0, *own.said(anchored, own.receipt))


def test_nothing_is_seen_of_a_proof_that_is_refused_before_its_columns():
    vector = next(one for one in load() if one.relation == "toy" and one.verdict == "length")
    outcome, opened = watched(lambda: check("toy", vector.statement, vector.proof_bytes()))
    assert isinstance(outcome, ProofRejected) and opened is None
