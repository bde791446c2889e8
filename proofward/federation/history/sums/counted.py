"""The sums of a federation's counting rounds, as its ledger has them."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.basics.values import Signed, integers_from_bytes
from proofward.federation.storage.objects import Objects
from proofward.relations.rules.counting import Counting


@dataclass(frozen=True)
class CountedSum:
    """The sum of one round: what was counted, whose counts are in it, and counts, int64 (length,).

    It is public, and everybody has recomputed it. That each hospital's counts are true is proved where the
    counting says so; else the hospital signs it, and proved is only that they are in their ranges. model:
    digest of the weights that the round had.
    """

    round: int
    counting: Counting
    hospitals: tuple[str, ...]
    counts: Signed
    model: bytes

    @property
    def groups(self) -> tuple[Signed, ...]:
        """The counts, group by group."""
        return tuple(self.counts[first:stop] for first, stop in self.counting.spans)


def counted_sums(history: HistoryState, objects: Objects) -> tuple[CountedSum, ...]:
    """Those of all closed rounds that count, in order; raises Refusal for an object that is not there."""
    found = []
    for state in history.counted_rounds():
        counting = history.rules.counting_in(state.round)
        assert counting is not None
        data = objects.get(state.counts)
        counts = integers_from_bytes(data, counting.length)
        if counts is None:
            expected = f"{8 * counting.length} bytes"
            raise Refusal("object-size", history.rules.aggregator, expected, f"{len(data)} bytes")
        names = history.accepted_in(state.round)
        found.append(CountedSum(state.round, counting, names, counts, state.model))
    return tuple(found)


def counted_objects(history: HistoryState) -> set[bytes]:
    """The objects that `counted_sums` reads."""
    return {state.counts for state in history.counted_rounds()}
