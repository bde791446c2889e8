"""A table's row that is concatenated to what a Linear layer reads, as a shortcut through a layer of its own.

    W (h, x) + b = (W_h h + b) + (W_x x + 0),

with the columns of W parted. The layer of the row has a bias too, which starts at zeros and is trained: the
network computes the same, and what acts as the layer's bias is the sum of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from proofward.layers.basics.record import ROW
from proofward.models.graph.parts.refusals import CONCAT, SECOND
from proofward.models.graph.parts.steps import AddStep, ConcatStep, LinearStep, RowStep, Shape, Step

Steps = tuple[Step, ...]


def row_of(shapes: Sequence[Shape]) -> tuple[int, list[str]]:
    """Which of two inputs of these shapes, without the batch, is the row; and why there is none."""
    rows = [at for at, shape in enumerate(shapes) if len(shape) == 1]
    if len(shapes) != 2 or not rows:
        return -1, [f"{len(shapes)} inputs of shapes {list(shapes)}: {SECOND}"]
    return rows[-1], []


def concatenated(where: str, one: Steps, other: Steps) -> Steps | None:
    """What a Linear layer behind the two reads, None unless one of them is the row as it is."""
    for chain, branch, row_first in ((one, other, False), (other, one, True)):
        is_row = len(branch) == 1 and isinstance(branch[0], RowStep)
        if is_row and not (chain and isinstance(chain[0], RowStep)):
            return (*chain, ConcatStep(where, row_first))
    return None


def parted(steps: Sequence[Step], row: int) -> tuple[list[Step], list[str], list[str]]:
    """The steps without concatenations, of records with a row of this length; notes, and problems."""
    made, notes, problems = list[Step](), list[str](), list[str]()
    before: ConcatStep | None = None
    for place, step in enumerate(steps):
        if isinstance(step, ConcatStep):
            ahead = steps[place + 1 : place + 3]
            last = len(ahead) < 2 or isinstance(ahead[1], AddStep)
            if before is not None or last or not isinstance(ahead[0], LinearStep):
                problems.append(f"{step.where}: {CONCAT}")
                return list(steps), notes, problems
            before = step
        elif before is not None and isinstance(step, LinearStep):
            own, of_row = _halves(step, row, before.row_first)
            made += [own, AddStep(before.where, ROW, (of_row,))]
            notes.append(f"{step.where}: its columns of the row are a layer of their own, joined to its sums")
            before = None
        else:
            made.append(step)
    if row and not any(isinstance(step, AddStep) and step.source == ROW for step in made):
        problems.append(f"an input of rows, which no layer reads: leave it out, or join it: {CONCAT}")
    return made, notes, problems


def _halves(step: LinearStep, row: int, row_first: bool) -> tuple[LinearStep, LinearStep]:
    """The layer on what is below it, with the bias, and the layer on the row."""
    rest = step.weight.shape[1] - row
    own, of_row = (slice(row, None), slice(row)) if row_first else (slice(rest), slice(rest, None))
    where, key = (f"{text} of the row" for text in (step.where, step.key))
    through = LinearStep(where, key, step.weight[:, of_row], np.zeros(len(step.weight)))
    return replace(step, weight=step.weight[:, own]), through
