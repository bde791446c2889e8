"""What a hospital counts in the rounds of an evaluation: the global model on its validation part."""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.messages.rules import Rules
from proofward.federation.messages.values import Signed
from proofward.federation.parties.counting import CountingTask, CountSource, CountsUnavailable
from proofward.federation.parties.own_records import ValidationRecords
from proofward.relations.score_counting import layout_in
from proofward.relations.score_counts import score_counts

Records = Callable[[], ValidationRecords | None]


def with_evaluations(rules: Rules, records: Records, others: CountSource) -> CountSource:
    """Counts evaluations of the federation's own model on these records; `others` counts everything else."""

    def count(task: CountingTask) -> Signed:
        layout = layout_in(task.counting)
        if layout is None or layout.outside:
            return others(task)
        own = records()
        if own is None:
            raise CountsUnavailable("there is no validation part to count on")
        config = rules.config
        return score_counts(layout, config.model, config.scales, task.weights, own.features, own.labels)

    return count
