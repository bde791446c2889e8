"""The opened columns of a tableau as a verifier hears them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.merkle import SALT_BYTES, leaf_hash, path
from proofward.proof.commitment.opened import OpenedColumns


@dataclass(frozen=True, slots=True)
class HeardColumns:
    """Elements of F, a column in a line, with the salts and the siblings in the tree."""

    columns: Array
    salts: bytes
    siblings: bytes

    def leaves(self) -> list[bytes]:
        """The hashes of the columns."""
        salts = [self.salts[i : i + SALT_BYTES] for i in range(0, len(self.salts), SALT_BYTES)]
        columns = self.columns.astype("<u8", copy=False)
        return [leaf_hash(salt, column.tobytes()) for salt, column in zip(salts, columns, strict=True)]


def opened_columns(
    depth: int,
    roots: Sequence[bytes],
    indices: list[int],
    weights: Sequence[Array],
    heard: Sequence[HeardColumns],
    values: Array,
    combined: Array | None,
) -> OpenedColumns:
    """All that was heard of a proof's tableaux, for whoever watches."""

    def paths(position: int) -> list[list[bytes]]:
        return [path(depth, indices, own.leaves(), own.siblings, indices[position]) for own in heard]

    columns, salts = [own.columns for own in heard], [own.salts for own in heard]
    row = None if combined is None else np.ascontiguousarray(combined.T).astype("<u8", copy=False).tobytes()
    return OpenedColumns(roots, depth, indices, weights, columns, salts, values, row, paths)
