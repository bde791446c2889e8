"""What a hospital counts in the rounds of an evaluation: the global model on its validation part.

The sum alone is opened. A hospital publishes its own counts only if it was told to: they are then an object
of the ledger that it signs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.values import Signed
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.records.catalogue import OwnCounts
from proofward.federation.parties.contributing.uploader import Uploader
from proofward.federation.parties.equipment.counting import (
    CountingTask,
    CountSource,
    CountsUnavailable,
    secret_name,
)
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.ledger.keys import SigningKey
from proofward.relations.scores.score_counting import layout_in
from proofward.relations.scores.score_counts import score_counts


class Evaluator(Uploader):
    """A hospital, as far as it evaluates models."""

    def __init__(
        self, name: str, key: SigningKey, around: Surroundings, next_key: SigningKey | None = None
    ) -> None:
        super().__init__(name, key, around, next_key)
        self.counts = with_evaluations(self.rules, around.counts)
        self.publishes_counts = around.publishes_counts

    def publish_counts(self) -> Iterator[bytes]:
        """The packet with its own counts, once its upload is recorded, if it publishes them."""
        if not self.publishes_counts or not owes_counts(self.history, self.name):
            return
        if (earlier := self.sent(OwnCounts)) is not None:
            yield earlier
        elif (counts := self.state.secrets.get(secret_name(self.history.round.number))) is not None:
            yield self.say(OwnCounts(hashlib.sha256(counts).digest()), (counts,))


def owes_counts(history: HistoryState, hospital: str) -> bool:
    """Whether the round under way has exact counts, the hospital's upload, and not yet its own counts."""
    current = history.current
    counting = None if current is None else history.counting
    if current is None or counting is None or counting.noise or hospital not in current.uploads:
        return False
    return (current.number, hospital) not in history.own_counts


def with_evaluations(rules: Rules, others: CountSource) -> CountSource:
    """Counts the federation's own model on the validation part; `others` counts everything else."""

    def count(task: CountingTask) -> Signed:
        layout = layout_in(task.counting)
        if layout is None or layout.outside:
            return others(task)
        own = task.validation()
        if own is None:
            raise CountsUnavailable("there is no validation part to count on")
        config = rules.config
        return score_counts(layout, config.model, config.scales, task.weights, own.features, own.labels)

    return count
