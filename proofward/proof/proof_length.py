"""How long a proof is, before it is read.

Every part but the Merkle siblings has a length that follows from the plan of the script. The siblings depend
on which columns are queried, and the same columns are opened in every tableau, so with T tableaux

    length = fixed + 32 T s,    s = siblings of one tree, between two bounds.

With t opened leaves in a tree of depth m, let c_j be the number of nodes at depth j above an opened leaf. The
opening holds the children of these nodes that are not such nodes themselves:

    s = sum over j < m of (2 c_j - c_(j+1)) = 2 - t + c_1 + .. + c_(m-1).

Leaves far apart have c_j = min(t, 2^j), leaves side by side have c_j = ceil(t / 2^(m-j)): these are the
bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofward.proof.errors import ProofRejected
from proofward.proof.merkle import HASH_BYTES, SALT_BYTES
from proofward.proof.opening import opening_elements
from proofward.proof.soundness import CodeParameters
from proofward.proof.transcript import NONCE_BYTES

_ELEMENT_BYTES = 16


def fewest_siblings(leaves: int, depth: int) -> int:
    """Of an opening of this many leaves, in the best case."""
    return 2 - leaves + sum(-(-leaves >> (depth - j)) for j in range(1, depth)) if depth else 0


def most_siblings(leaves: int, depth: int) -> int:
    """Of an opening of this many leaves, in the worst case."""
    return 2 - leaves + sum(min(leaves, 1 << j) for j in range(1, depth)) if depth else 0


@dataclass(frozen=True, slots=True)
class ProofLength:
    """The lengths in bytes that a proof may have: `least`, `least + step`, .., `most`."""

    least: int
    most: int
    step: int

    def check(self, length: int) -> None:
        """Raise ProofRejected for a length that no proof of the plan has."""
        if not self.least <= length <= self.most or (length - self.least) % self.step:
            raise ProofRejected(
                "length",
                f"expected {self.least} to {self.most} bytes in steps of {self.step}, found {length}",
            )


def proof_length(
    code: CodeParameters,
    tableau_rows: Sequence[int],
    *,
    roots: int,
    nonces: int,
    messages: int,
    product_rows: int,
) -> ProofLength:
    """The lengths of the proofs of a script.

    tableau_rows: rows over F of every tableau, also of reopened ones.
    roots: the tableaux that are committed to in this proof. nonces: of work, see `grinding.py`.
    messages: hidden values that are sent.
    """
    trees = len(tableau_rows)
    elements = messages + opening_elements(code, product_rows)
    columns = code.queries * (8 * sum(tableau_rows) + SALT_BYTES * trees)
    fixed = HASH_BYTES * roots + NONCE_BYTES * nonces + _ELEMENT_BYTES * elements + columns
    step = HASH_BYTES * trees
    return ProofLength(
        fixed + step * fewest_siblings(code.queries, code.log_n),
        fixed + step * most_siblings(code.queries, code.log_n),
        step,
    )
