"""A step of a real proof's verification on chain: forged columns revert, false claims cost the seat, true ones do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.contract.keys import Seal
from proofward.chain.contract.typed_data import Verdict
from proofward.chain.disputes.dispute import (
    Difference,
    dispute_arguments,
    first_difference,
    row_disagrees,
    row_dispute_arguments,
)
from proofward.chain.disputes.receipt import Receipt, weight_words
from proofward.field.scalar import P
from tests.chain.contract.anchored import Anchored, digest, refused, verdict
from tests.chain.contract.disputed import Disputed, column, made_by_hand, row

GAS = json.loads((Path(__file__).parent / "gas.json").read_text())["disputes"]
COLUMN_LIMIT, ROW_LIMIT = 300_000, 2_000_000
Change = Callable[[Any], Any]


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
    beyond = replace(Receipt.of(real), depth=2, claims=((3, 5 | 5 << 64),))
    object.__setattr__(beyond, "depth", 1)  # no receipt of ours, but one that a seat might sign
    said = verdict(receipt=beyond.digest())
    opening = (3, 5 | 5 << 64, 0, [], weight_words(real.weights), [bytes(32)], [(5).to_bytes(8, "little")], real.paths(0))
    with refused("column"):
        anchored.get("dispute_column", said.as_tuple(), anchored.seal(said, 1), beyond.as_tuple(), opening)

