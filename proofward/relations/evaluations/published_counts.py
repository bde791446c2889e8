"""A hospital's own counts that it publishes beside a proof of them: the ciphertext is proved to hold these.

They stand before the proof (`count_header`), and are part of the statement.

What is proved: for every block of the vector, with U what is encrypted (`relations.uploads.encryption`) and c
the counts, U = c at a random point that is drawn after U was committed to. All is linear in committed
columns.
Soundness: log(size) / |E| for each block. How it hides: no message is added, and c is public.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.multilinear import evaluate
from proofward.proof.forms import Point
from proofward.proof.party import Party
from proofward.relations.rules.blocks import Entries
from proofward.relations.uploads.encryption import Encrypted


def prove_published(
    party: Party, blocks: Sequence[Entries], encrypted: Sequence[Encrypted], counts: Sequence[int]
) -> None:
    """What is encrypted in each block are these counts."""
    for block, own in zip(blocks, encrypted, strict=True):
        point = party.challenges(block.log_size)
        party.soundness.add("published counts", "Schwartz-Zippel", len(point))
        party.assert_zero(own.at(point) - party.public(partial(_at, block, counts, point)))


def _at(block: Entries, counts: Sequence[int], point: Point) -> Ext:
    values: npt.NDArray[np.int64] = np.array(counts, dtype=np.int64)
    return evaluate(block.field_values(values), point)
