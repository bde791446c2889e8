"""What an opening costs, before there is one: its errors, its bytes and its work.

With n points, code dimension K, t queries and R rows of products, the errors are

    constraints, products   d / |E| (Schwartz-Zippel), d the number of either
    point outside F         2 (k + K) / |E| (Schwartz-Zippel), and (2 + 3 R) / |E| for the values there
    proximity               n / |E| for a uniform point of an affine space of Reed-Solomon words, and
                            d n / |E| for a point of a curve of degree d = 2 + 3 R through such words
                            (Ben-Sasson, Carmon, Ishai, Kopparty, Saraf 2020/654, Theorems 1.6 and 1.5,
                            unique decoding)
    column queries          ((n + K) / 2n)^t for t distinct columns, see `CodeParameters.query_error`

No conjecture about list decoding up to the Johnson bound or up to capacity enters. The curve's term is not
needed against an interactive prover: rho alone makes the combination uniform. It bounds the error of the
round of beta by itself, which a prover that computes its challenges may repeat for a fixed rho.

All lengths but those of the Merkle siblings follow from the plan. The siblings depend on which columns are
queried, and the same columns are opened in every tableau, so with T tableaux

    length = fixed + 32 T s,    s = siblings of one tree, between two bounds.

Where the polynomials are committed, errors and siblings of their vector come to these, see `committed.py` and
`vector_code.py`.

With t opened leaves in a tree of depth m, let c_j be the number of nodes at depth j above an opened leaf.
The opening holds the children of these nodes that are not such nodes themselves:

    s = sum over j < m of (2 c_j - c_(j+1)) = 2 - t + c_1 + .. + c_(m-1).

Leaves far apart have c_j = min(t, 2^j), leaves side by side have c_j = ceil(t / 2^(m-j)): these are the
bounds. Columns are drawn at random, which gives every c_j its expected value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from proofward.field.extension import ELEMENT_BYTES
from proofward.proof.commitment.contract import Commitment, Counts, PadCounts
from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.committed import enter_claim_errors, place_blocks
from proofward.proof.commitment.ligero.layout import OpenedRows
from proofward.proof.commitment.ligero.merkle import HASH_BYTES, SALT_BYTES
from proofward.proof.commitment.ligero.tableau import kept_bytes, made_again
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.proof_length import ProofLength
from proofward.proof.soundness import Soundness

_ENTRY_BYTES = 8


def enter_errors(
    soundness: Soundness,
    code: CodeParameters,
    vector: VectorCode | None,
    constraints: int,
    product_rows: int,
) -> None:
    """Enter the error sources of an opening, whose polynomials are committed where there is a vector's code.

    Of p and q, a false statement has one that is wrong for a known reason. The difference between the two
    sides of its identity has degree at most max(k + K, 2K) - 1 < 2 (k + K).
    """
    values = 2 + 3 * product_rows  # the powers of beta that weigh p, q and the values at z
    soundness.add("linear constraints", "Schwartz-Zippel", constraints)
    soundness.add("products", "Schwartz-Zippel", product_rows)
    soundness.add("out-of-domain point", "Schwartz-Zippel", 2 * (code.k + code.dimension))
    soundness.add("values at the out-of-domain point", "Schwartz-Zippel", values)
    soundness.add("proximity", "Ben-Sasson et al. 2020/654, Theorem 1.6 (unique decoding)", code.n)
    soundness.add(
        "proximity, challenge beta",
        "Ben-Sasson et al. 2020/654, Theorem 1.5 (unique decoding)",
        values * code.n,
    )
    soundness.add_log2("column queries", "distance of distinct codewords (unique decoding)", code.query_error)
    if vector is not None:
        enter_claim_errors(soundness, code.queries, place_blocks(polynomial_lengths(code))[1])
        vector.enter_errors(soundness)


def count_opening(
    code: CodeParameters, vector: VectorCode | None, commitments: Sequence[Commitment], pads: PadCounts
) -> Counts:
    """Bytes and work."""
    opened = OpenedRows(code.log_k, commitments, pads)
    rows = sum(opened.counts)
    fresh = sum(count for count, own in zip(opened.counts, commitments, strict=True) if not own.earlier)
    symbols, coefficients = fresh * code.n, rows * code.dimension
    symbols_of_vector = 0 if vector is None else 2 * sum(_vector_rows(code, vector)) * vector.n
    return Counts(
        length=_length(code, vector, opened),
        bytes_per_value=_ENTRY_BYTES * code.queries / code.k,
        facts={
            "tableau_rows": ", ".join(map(str, opened.counts)),
            "row_length": code.k,
            "code_length": code.n,
            "opened_columns": code.queries,
            "openings_of_a_dataset": code.openings,
            **({} if vector is None else _facts(vector)),
        },
        commit={
            "code symbol by depth": symbols * math.log2(code.n),
            "code symbol": symbols,
            "column": code.n,
        },
        opening={
            "coefficient": coefficients,
            "coefficient made again": sum(made_again(code, count) for count in opened.counts),
            "polynomials' symbol": symbols_of_vector,
        },
        verify={"opened symbol": code.queries * rows, "row": rows, "column": code.n},
        memory={"byte of a tableau": sum(kept_bytes(code, count) for count in opened.counts)},
    )


def _facts(vector: VectorCode) -> dict[str, int | str]:
    return {
        "polynomials_row_length": vector.k,
        "polynomials_code_length": vector.n,
        "polynomials_opened_columns": vector.queries,
    }


def _length(code: CodeParameters, vector: VectorCode | None, opened: OpenedRows) -> ProofLength:
    trees = len(opened.layouts)
    columns = code.queries * (_ENTRY_BYTES * sum(opened.counts) + SALT_BYTES * trees)
    values = ELEMENT_BYTES * (1 + 3 * opened.extension.product_rows)
    length = _with_siblings(columns + values, trees, code.queries, code.log_n)
    if vector is None:
        return length.plus(ELEMENT_BYTES * sum(polynomial_lengths(code)))
    return length.and_then(committed_length(code, vector))


@lru_cache(maxsize=4096)
def committed_length(code: CodeParameters, vector: VectorCode) -> ProofLength:
    """Of all that stands in place of p, q and V where they are committed."""
    variables, rows = place_blocks(polynomial_lengths(code))[1], _vector_rows(code, vector)
    elements = 2 * variables + 2 + vector.k + vector.queries * sum(rows)
    fixed = ELEMENT_BYTES * elements + HASH_BYTES * len(rows)
    return _with_siblings(fixed, len(rows), vector.queries, vector.log_n)


def _vector_rows(code: CodeParameters, vector: VectorCode) -> tuple[int, int]:
    """How many rows over E the matrix of p and q and that of V have."""
    p, q, combined = (-(-length // vector.k) for length in polynomial_lengths(code))
    return p + q, combined


def _with_siblings(fixed: int, trees: int, leaves: int, depth: int) -> ProofLength:
    """Fixed bytes, and the siblings of the same leaves in some trees."""
    step = HASH_BYTES * trees
    return ProofLength(
        fixed + step * fewest_siblings(leaves, depth),
        fixed + step * most_siblings(leaves, depth),
        step,
        fixed + round(step * expected_siblings(leaves, depth)),
    )


def fewest_siblings(leaves: int, depth: int) -> int:
    """Of an opening of this many leaves, in the best case."""
    return 2 - leaves + sum(-(-leaves >> (depth - j)) for j in range(1, depth)) if depth else 0


def most_siblings(leaves: int, depth: int) -> int:
    """Of an opening of this many leaves, in the worst case."""
    return 2 - leaves + sum(min(leaves, 1 << j) for j in range(1, depth)) if depth else 0


def expected_siblings(leaves: int, depth: int) -> float:
    """Of an opening of this many leaves at random places, on average."""
    return 2 - leaves + sum(_expected_nodes(1 << depth, 1 << j, leaves) for j in range(1, depth))


def _expected_nodes(leaves: int, nodes: int, opened: int) -> float:
    """Of so many nodes of one depth, how many have a leaf that is opened, on average."""
    below = leaves // nodes
    if leaves - below < opened:
        return nodes
    missed = _log_choose(leaves - below, opened) - _log_choose(leaves, opened)
    return nodes * (1 - math.exp(missed))


def _log_choose(among: int, chosen: int) -> float:
    return math.lgamma(among + 1) - math.lgamma(chosen + 1) - math.lgamma(among - chosen + 1)
