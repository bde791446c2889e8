"""The evaluations of a federation, from its ledger and objects alone: one for each round that counted."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.federation.history.counted import counted_sums
from proofward.federation.history.history import History
from proofward.federation.storage.objects import Objects
from proofward.relations.score_counting import NOT_PROVED, layout_in
from proofward.report.histograms.evaluated import Evaluated


@dataclass(frozen=True)
class Evaluation:
    """The sum of one round.

    round: of the ledger. after: how many rounds of training the model had seen. model: digest of its weights.
    hospitals: whose counts are in the sum.
    """

    round: int
    after: int
    model: bytes
    hospitals: tuple[str, ...]
    evaluated: Evaluated

    @property
    def words(self) -> str:
        """Of which records the figures are."""
        rows = self.evaluated.blocks[0].rows
        return f"{rows:,} validation records of {len(self.hospitals)} hospitals"

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "round": self.round,
            "after_rounds_of_training": self.after,
            "model": self.model.hex(),
            "hospitals": list(self.hospitals),
            "counts": NOT_PROVED,
            **self.evaluated.to_plain(),
        }


def evaluations(history: History, objects: Objects, classes: tuple[str, ...]) -> tuple[Evaluation, ...]:
    """Those of all closed rounds, in their order; raises Refusal and ConfigurationError."""
    found = []
    for own in counted_sums(history, objects):
        layout = layout_in(own.counting)
        if layout is not None:
            after = history.rules.training_round(own.round)
            evaluated = Evaluated(layout, classes, own.counts)
            found.append(Evaluation(own.round, after, own.model, own.hospitals, evaluated))
    return tuple(found)
