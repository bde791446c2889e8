"""All subgroups of an evaluation in a proof: which records are of which level, and what is told of levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.proof.party import Party
from proofward.relations.evaluations.counted_scores import CountedScores
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.level_codes import LevelCodes
from proofward.relations.evaluations.level_counts import LevelCounts
from proofward.relations.evaluations.told_levels import Levels
from proofward.relations.records.dataset import SelectedRows

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LevelsOfSubgroups:
    """counts: one, or none where there are no subgroups."""

    codes: tuple[LevelCodes, ...]
    counts: tuple[LevelCounts, ...]

    @staticmethod
    def declare(
        ranges: RangeChecks,
        statement: EvaluationStatement,
        scores: CountedScores,
        selected: SelectedRows,
        counts: Callable[[], Signed],
    ) -> LevelsOfSubgroups:
        """Declare the columns and their lookups; `counts` are the whole vector, a prover's."""
        subgroups, scales = statement.layout.subgroups, statement.config.scales
        if not subgroups:
            return LevelsOfSubgroups((), ())
        log_samples = statement.forward_pass.log_records
        codes = tuple(
            LevelCodes.declare(ranges, f"subgroup {number}", scales, own.places, selected, log_samples)
            for number, own in enumerate(subgroups, 1)
        )
        spans = tuple(pairwise((0, *accumulate(len(own.levels) for own in subgroups))))
        levels = Levels(spans, statement.layout.least_count, statement.arc.length)
        made = LevelCounts.declare(
            ranges, scores.block, scores.cells, codes, levels, statement.records, counts
        )
        return LevelsOfSubgroups(codes, (made,))

    def prove(self, party: Party) -> None:
        """What the lookups left open."""
        for own in self.codes:
            own.prove(party)
        for counts in self.counts:
            counts.prove(party)
