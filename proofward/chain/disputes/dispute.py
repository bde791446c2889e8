"""A false receipt refuted: the first claim that differs, and the transaction that shows it.

Who has a proof makes its receipt. Another's receipt of the same proof that differs is false, or one's own is.
What differs first decides where that is settled: claims by the contract, which executes the step
(`dispute_column`); roots, weights and the row, of which the step takes the receipt's word, by all verifiers,
who look at the proof.

A receipt may also be the honest one, and the verdict false: it accepts a proof whose columns do not combine
to its row. Then the other step (`dispute_row`) shows it, which evaluates the row at the column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proofward.chain.contract.errors import ReceiptInvalid
from proofward.chain.contract.keys import Seal
from proofward.chain.contract.typed_data import Verdict
from proofward.chain.disputes.receipt import Receipt, weight_words
from proofward.field.ntt import low_degree_extend
from proofward.proof.commitment.opened import OpenedColumns

SALT_BYTES = 32
CLAIMS = "claims"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs first. position: of the claim, else 0. executable: whether the contract can tell."""

    what: str
    position: int = 0
    executable: bool = False


def first_difference(own: Receipt, other: Receipt) -> Difference | None:
    """Where two receipts of one proof part, None if they are equal."""
    for what in ("depth", "roots", "weights", "row"):
        if getattr(own, what) != getattr(other, what):
            return Difference(what)
    for position, (mine, theirs) in enumerate(zip(own.claims, other.claims, strict=False)):
        if mine != theirs:
            return Difference(CLAIMS, position, executable=mine[0] == theirs[0])
    if len(own.claims) != len(other.claims):
        return Difference(CLAIMS, min(len(own.claims), len(other.claims)))
    return None


def dispute_arguments(
    opened: OpenedColumns, other: Receipt, position: int, verdict: Verdict, seal: Seal
) -> tuple[Any, ...]:
    """The arguments of `dispute_column` against a receipt's claim at this position.

    Raises ReceiptInvalid where the column is none that was opened, or the verdict is not about the receipt.
    """
    _check_signed(verdict, other)
    column, claim = other.claims[position]
    if column not in opened.indices:
        raise ReceiptInvalid("column", "one that the proof opens", str(column))
    line = list(opened.indices).index(column)
    salts = [own[SALT_BYTES * line : SALT_BYTES * (line + 1)] for own in opened.salts]
    columns = [own[line].astype("<u8").tobytes() for own in opened.columns]
    words, paths = weight_words(opened.weights), opened.paths(line)
    opening = (column, claim, position, other.claim_path(position), words, salts, columns, paths)
    return verdict.as_tuple(), seal.as_tuple(), other.as_tuple(), opening


def row_disagrees(opened: OpenedColumns) -> int | None:
    """The position of the first column that does not combine to the row, None if all do or no row is said."""
    if opened.row is None:
        return None
    coefficients = np.frombuffer(opened.row, dtype="<u8").astype(np.uint64).reshape(-1, 2).T
    values = low_degree_extend(np.ascontiguousarray(coefficients), 1 << opened.depth)[:, list(opened.indices)]
    wrong = np.flatnonzero((values != opened.values).any(axis=0))
    return int(wrong[0]) if wrong.size else None


def row_dispute_arguments(
    opened: OpenedColumns, other: Receipt, position: int, verdict: Verdict, seal: Seal
) -> tuple[Any, ...]:
    """The arguments of `dispute_row` against an accepting verdict with this receipt, at this position.

    Raises ReceiptInvalid where the proof does not say its row, or the verdict is not about the receipt.
    """
    _check_signed(verdict, other)
    if opened.row is None:
        raise ReceiptInvalid("combined row", "one that the proof says", "one that is committed")
    column, claim = other.claims[position]
    claimed = (column, claim, position, other.claim_path(position))
    return verdict.as_tuple(), seal.as_tuple(), other.as_tuple(), *claimed, opened.row


def _check_signed(verdict: Verdict, receipt: Receipt) -> None:
    if verdict.receipt != receipt.digest():
        raise ReceiptInvalid("receipt", f"digest {verdict.receipt.hex()}", receipt.digest().hex())
