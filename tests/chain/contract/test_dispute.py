"""A step of a real proof's verification on chain: forged columns revert, false claims cost the seat, true ones do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.contract.keys import Seal
from proofward.chain.contract.typed_data import Verdict
from proofward.chain.dispute import (
    Difference,
    dispute_arguments,
    first_difference,
    row_disagrees,
    row_dispute_arguments,
)
from proofward.chain.receipt import Receipt, watched
from proofward.field.scalar import P
from proofward.proof.commitment.opened import OpenedColumns
from proofward.proof.errors import ProofRejected
from tests.chain.contract.anchored import Anchored, Reverted, digest, refused, verdict
from tests.chain.contract.disputed import Disputed, opened_of, wdbc, without_training
from tests.vector_files import check, load

GAS = json.loads((Path(__file__).parent / "gas.json").read_text())["disputes"]
COLUMN_LIMIT, ROW_LIMIT = 300_000, 2_000_000
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def real() -> Disputed:
    """Of an accepted proof."""
    outcome, opened = opened_of(wdbc())
    assert not isinstance(outcome, ProofRejected) and opened is not None
    return Disputed(opened, Receipt.of(opened))


@pytest.fixture(scope="module")
def forged() -> Disputed:
    """Of a proof of a round without training, which is refused at the columns."""
    return without_training()


def column(anchored: Anchored, real: Disputed, receipt: Receipt, position: int) -> list[Any]:
    return list(dispute_arguments(real.opened, receipt, position, *real.said(anchored, receipt)))


def row(anchored: Anchored, real: Disputed, receipt: Receipt, position: int) -> list[Any]:
    return list(row_dispute_arguments(real.opened, receipt, position, *real.said(anchored, receipt)))


def test_the_proof_is_the_preset_wdbc(real: Disputed):
    opened = real.opened
    assert len(opened.roots) == 3 and len(opened.indices) == 176
    assert sum(own.shape[1] for own in opened.columns) > 100 and len(opened.row or b"") > 40_000


@pytest.mark.parametrize("position", [0, 175])
def test_a_true_claim_leaves_the_seat(anchored: Anchored, real: Disputed, position: int):
    done = anchored.send("dispute_column", *column(anchored, real, real.receipt, position))
    assert (done.answer, done.events, anchored.get("gone")) == (False, [], 0)
    assert done.gas <= COLUMN_LIMIT and done.gas == pytest.approx(GAS["dispute_column, a true claim"], rel=0.02)


def test_a_true_value_of_the_row_leaves_the_seat(anchored: Anchored, real: Disputed):
    done = anchored.send("dispute_row", *row(anchored, real, real.receipt, 87))
    assert (done.answer, done.events, anchored.get("gone")) == (False, [], 0)
    assert done.gas <= ROW_LIMIT and done.gas == pytest.approx(GAS["dispute_row, a true claim"], rel=0.02)


@pytest.mark.parametrize(("function", "kind", "limit"), [("dispute_column", 3, COLUMN_LIMIT), ("dispute_row", 4, ROW_LIMIT)])
def test_a_false_claim_costs_the_seat(anchored: Anchored, real: Disputed, function: str, kind: int, limit: int):
    receipt = real.false_receipt(41)
    said, seal = real.said(anchored, receipt)
    make = column if function == "dispute_column" else row
    done = anchored.send(function, *make(anchored, real, receipt, 41))
    first = anchored.domain.digest(said)
    assert done.answer is True and done.gas <= limit and anchored.get("gone") == 0b010
    assert done.events == [("Fault", {"seat": 1, "kind": kind, "first": first, "second": receipt.digest()})]
    assert seal.number == 1
    with refused("signature"):
        anchored.send(function, *make(anchored, real, receipt, 41))
    with refused("seat twice or lost"):
        anchored.anchor(5)


@pytest.mark.parametrize("change", [1, 1 << 63, 1 << 64, 1 << 127])
def test_every_part_of_a_value_counts(anchored: Anchored, real: Disputed, change: int):
    try:
        receipt = real.false_receipt(3, change)
    except ReceiptInvalid:
        receipt = real.false_receipt(3, change >> 1)
    assert anchored.get("dispute_column", *column(anchored, real, receipt, 3)) is True


def with_part(arguments: list[Any], which: int, at: int, change: Change) -> list[Any]:
    """One part of the receipt (2) or of the opening (3) changed."""
    part = list(arguments[which])
    part[at] = change(part[at])
    return [*arguments[:which], tuple(part), *arguments[which + 1 :]]


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


FORGED: dict[str, tuple[int, int, Change, str]] = {
    "a column": (3, 6, lambda c: [c[0], c[1], flipped(c[2], 800)], "not the committed column"),
    "a short column": (3, 6, lambda c: [c[0], c[1], c[2][:-8]], "not the committed column"),
    "a longer column": (3, 6, lambda c: [c[0] + bytes(8), c[1], c[2]], "not the committed column"),
    "two columns in one": (3, 6, lambda c: [c[0] + c[1], c[1], c[2]], "not the committed column"),
    "a salt": (3, 5, lambda c: [flipped(c[0]), c[1], c[2]], "not the committed column"),
    "a node of a path": (3, 7, lambda p: [p[0], [flipped(p[1][0]), *p[1][1:]], p[2]], "not the committed column"),
    "a shorter path": (3, 7, lambda p: [p[0], p[1][:-1], p[2]], "depth"),
    "a longer path": (3, 7, lambda p: [p[0], [*p[1], bytes(32)], p[2]], "depth"),
    "a path of another tree": (3, 7, lambda p: [p[1], p[0], p[2]], "not the committed column"),
    "weights": (3, 4, lambda w: flipped(w, 40), "weights"),
    "fewer weights": (3, 4, lambda w: w[:-32], "weights"),
    "another claim": (3, 1, lambda claim: claim ^ 1, "claim"),
    "another column's number": (3, 0, lambda number: number ^ 1, "claim"),
    "another position": (3, 2, lambda position: position ^ 1, "claim"),
    "the claims' path": (3, 3, lambda path: [flipped(path[0]), *path[1:]], "claim"),
    "a claim without its path": (3, 3, lambda path: [], "claim"),
    "a root": (2, 0, lambda roots: [flipped(roots[0]), *roots[1:]], "receipt"),
    "fewer roots": (2, 0, lambda roots: roots[:-1], "receipt"),
    "the depth": (2, 1, lambda depth: depth - 1, "receipt"),
    "the weights' digest": (2, 2, flipped, "receipt"),
    "the row's digest": (2, 3, flipped, "receipt"),
    "the claims' root": (2, 4, flipped, "receipt"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_reverts(anchored: Anchored, real: Disputed, name: str):
    which, at, change, reason = FORGED[name]
    arguments = with_part(column(anchored, real, real.false_receipt(41), 41), which, at, change)
    with refused(reason):
        anchored.get("dispute_column", *arguments)


FORGED_ROW: dict[str, tuple[int, Change, str]] = {
    "the row": (7, lambda row: flipped(row, 1000), "row"),
    "a shorter row": (7, lambda row: row[:-16], "row"),
    "another claim": (4, lambda claim: claim ^ 1, "claim"),
    "another column": (3, lambda number: number ^ 1, "claim"),
    "another position": (5, lambda position: position ^ 1, "claim"),
    "the claims' path": (6, lambda path: [flipped(path[0]), *path[1:]], "claim"),
}


@pytest.mark.parametrize("name", FORGED_ROW)
def test_a_forged_row_reverts(anchored: Anchored, real: Disputed, name: str):
    at, change, reason = FORGED_ROW[name]
    arguments = row(anchored, real, real.false_receipt(41), 41)
    arguments[at] = change(arguments[at])
    with refused(reason):
        anchored.get("dispute_row", *arguments)


def test_nobody_loses_a_seat_by_a_receipt_that_it_did_not_sign(anchored: Anchored, real: Disputed):
    receipt = real.false_receipt(41)
    said, seal = real.said(anchored, receipt)
    good = column(anchored, real, receipt, 41)
    other = verdict(receipt=receipt.digest(), upload=digest("another"))
    elsewhere = replace(anchored.domain, contract=bytes(20))
    for wrong in (
        [other.as_tuple(), *good[1:]],
        [said.as_tuple(), Seal(2, seal.signature).as_tuple(), *good[2:]],
        [said.as_tuple(), anchored.seal(said, 1, elsewhere), *good[2:]],
    ):
        with refused("signature"):
            anchored.get("dispute_column", *wrong)
    plain = verdict()
    with refused("receipt"):
        anchored.get("dispute_column", plain.as_tuple(), anchored.seal(plain, 1), *good[2:])
    assert anchored.get("gone") == 0


class TestAFalseAcceptance:
    """A verifier accepts a round without training, which every honest one refuses."""

    def at(self, forged: Disputed) -> int:
        position = row_disagrees(forged.opened)
        assert position is not None
        return position

    def test_with_the_rows_values_for_the_columns_is_refuted(self, anchored: Anchored, forged: Disputed):
        position = self.at(forged)
        receipt = forged.false_receipt(position)
        difference = first_difference(forged.receipt, receipt)
        assert difference == Difference("claims", position, executable=True)
        assert anchored.send("dispute_column", *column(anchored, forged, receipt, position)).answer is True
        assert anchored.get("gone") == 0b010

    def test_with_the_honest_receipt_is_refuted_by_the_row(self, anchored: Anchored, forged: Disputed):
        position = self.at(forged)
        assert anchored.get("dispute_column", *column(anchored, forged, forged.receipt, position)) is False
        assert anchored.send("dispute_row", *row(anchored, forged, forged.receipt, position)).answer is True
        assert anchored.get("gone") == 0b010

    def test_costs_no_seat_where_it_is_a_refusal(self, anchored: Anchored, forged: Disputed):
        position = self.at(forged)
        said = Verdict(1, 1, 3, digest("upload"), False, digest("column queries"), forged.receipt.digest())
        seal = Seal(1, anchored.keys[1].sign(anchored.domain.digest(said)))
        with refused("refused"):
            anchored.send("dispute_row", *row_dispute_arguments(forged.opened, forged.receipt, position, said, seal))
        honest = dispute_arguments(forged.opened, forged.receipt, position, said, seal)
        assert anchored.send("dispute_column", *honest).answer is False and anchored.get("gone") == 0


def made_by_hand(elements: list[int]) -> OpenedColumns:
    """A column of one tree of two leaves, whatever its elements are."""
    from hashlib import sha256

    column, salt, other = np.array([elements], dtype=np.uint64), bytes(32), digest("other leaf")
    leaf = sha256(b"\0" + salt + column.astype("<u8").tobytes()).digest()
    root = sha256(b"\1" + leaf + other).digest()
    weights = np.ones((2, len(elements)), dtype=np.uint64)
    total = sum(elements) % P
    values = np.array([[total], [total]], dtype=np.uint64)
    return OpenedColumns([root], 1, [0], [weights], [column], [salt], values, None, lambda position: [[other]])


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8])
def test_any_number_of_rows(anchored: Anchored, rows: int):
    real = made_by_hand([P - 2 - 2 * i for i in range(rows)])
    own = Disputed(real, Receipt.of(real))
    assert anchored.get("dispute_column", *column(anchored, own, own.receipt, 0)) is False
    false = own.false_receipt(0)
    assert anchored.get("dispute_column", *column(anchored, own, false, 0)) is True


@pytest.mark.parametrize("at", range(4))
def test_a_column_with_what_is_no_element_has_no_value(anchored: Anchored, at: int):
    elements = [5, 6, 7, 8]
    elements[at] = P
    real = made_by_hand(elements)
    own = Disputed(real, Receipt.of(real))
    assert anchored.get("dispute_column", *column(anchored, own, own.receipt, 0)) is True


def test_a_column_beyond_the_trees_reverts(anchored: Anchored):
    real = made_by_hand([5])
    receipt = Receipt.of(real)
    leaf = replace(receipt, depth=2, claims=((3, receipt.claims[0][1]),))
    object.__setattr__(leaf, "depth", 1)
    said = verdict(receipt=leaf.digest())
    opening = (3, leaf.claims[0][1], 0, [], bytes(64), [bytes(32)], [bytes(8)], [[bytes(32)]])
    with pytest.raises(Reverted):
        anchored.get("dispute_column", said.as_tuple(), anchored.seal(said, 1), leaf.as_tuple(), opening)


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
