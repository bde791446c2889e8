"""Provers that keep as little as those of the largest statements, whatever the size of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from proofward.field import narrow, threads
from proofward.proof import leaf_values, leaves, parts, sumcheck
from proofward.proof.commitment.ligero import tableau, words


@contextmanager
def keeping_little(*, nodes: int, bound: int, low: int, pieces: bool = True, part: int = 4) -> Iterator[None]:
    """Levels of at most so many nodes, bound tables of so many entries and weights of so many variables.

    pieces: neither code words nor polynomials of a tableau. part: entries that are made at a time.
    """
    with ExitStack() as stack:

        def change(module: object, name: str, value: int) -> None:
            stack.enter_context(mock.patch.object(module, name, value))

        change(narrow, "_FROM", 1)
        change(leaves, "_OWN_TREE_FROM", 8)
        change(leaf_values, "_KEPT_NODES", nodes)
        change(sumcheck, "_BOUND_AT_MOST", bound)
        change(sumcheck, "_LOW_VARIABLES", 1)
        change(sumcheck, "AT_ONCE_VARIABLES", 2)
        change(parts, "_LOW_VARIABLES", low)
        change(threads, "_ONE_PART", part)
        change(threads, "_PART", part)
        if pieces:
            change(words, "_KEPT_BYTES", 0)
            change(words, "_PIECE_BYTES", 1)
            change(tableau, "_KEPT_POLYNOMIALS", 0)
            change(tableau, "_PIECE_BYTES", 1)
        yield


LITTLE = [
    {"nodes": 1, "bound": 1, "low": 0},
    {"nodes": 4, "bound": 2, "low": 3},
    {"nodes": 16, "bound": 1 << 20, "low": 2, "pieces": False},
    {"nodes": 1 << 20, "bound": 8, "low": 14},
]
