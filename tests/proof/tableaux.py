"""How tests look behind the contract: at the code of a plan, at its rows, and by schemes that cheat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proofward.field.narrow import Narrow
from proofward.proof.commitment.contract import Array, Rng, Scheme
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import ExtensionRows, Layout
from proofward.proof.commitment.ligero.rows import PlacedRows
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Plan
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger


def code_of(plan: Plan) -> CodeParameters:
    """The code of a plan's tableaux."""
    assert isinstance(plan.scheme, Ligero)
    return plan.scheme.code


def like(scheme: type[Ligero], other: Scheme) -> Ligero:
    """Another scheme with the same codes."""
    assert isinstance(other, Ligero)
    return scheme(other.code, other.vector)


def tableau_rows(plan: Plan) -> list[int]:
    """The rows over F of every tableau."""
    return [int(count) for count in str(plan.counts.facts["tableau_rows"]).split(", ")]


def extension_rows(plan: Plan) -> ExtensionRows:
    """The rows over E of the padded one."""
    return ExtensionRows(code_of(plan).log_k, plan.pads, plan.products)


def committing_by(scheme: type[Ligero], prover: type[Prover] = Prover) -> type[Prover]:
    """A prover whose commitments are made by another scheme of the same code."""

    class CommittingBy(prover):  # type: ignore[misc,valid-type]
        def __init__(self, challenger: Challenger, plan: Plan, rng: Rng, *rest: Any) -> None:
            super().__init__(challenger, replace(plan, scheme=like(scheme, plan.scheme)), rng, *rest)

    return CommittingBy


def place(layout: Layout, values: Sequence[Narrow], rows: int) -> Array:
    """The data of a tableau as a matrix of `rows` rows; those behind the layout's are zero."""
    return PlacedRows(layout, values, rows - layout.rows).part(0, rows)
