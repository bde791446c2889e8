"""What a verifier sees of a proof's opened columns, for those who want to show one of them to others.

The step that can be shown: at an opened column, the elements of all commitments are in their committed trees,
and combine to a value. A scheme tells of it while it verifies, after the columns were found in the trees and
before their values are compared, so that a refused proof has its columns too. Without `watching` there is no
work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from proofward.proof.commitment.contract import Array


@dataclass(frozen=True)
class OpenedColumns:
    """The opened columns of all trees of a proof.

    Attributes:
        roots: Of each tree.
        depth: Of every tree.
        indices: Of the columns, ascending.
        weights: Of each tree's rows, as E-arrays: what they count for in a column's value.
        columns: Of each tree the elements of F, a column in a line.
        salts: Of each tree one after another, 32 bytes a column.
        values: What each column combines to, as an E-array.
        row: The combined row's coefficients as the proof says them, None where they are committed instead.
        paths: By the position of a column, of each tree the sibling hashes from its leaf upwards.
    """

    roots: Sequence[bytes]
    depth: int
    indices: Sequence[int]
    weights: Sequence[Array]
    columns: Sequence[Array]
    salts: Sequence[bytes]
    values: Array
    row: bytes | None
    paths: Callable[[int], list[list[bytes]]]


Watch = Callable[[OpenedColumns], None]
_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Tell what is opened in the verifications inside."""
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


def tell(opened: Callable[[], OpenedColumns]) -> None:
    """A scheme's: what has been opened, asked for when somebody watches."""
    watch = _WATCH.get()
    if watch is not None:
        watch(opened())
