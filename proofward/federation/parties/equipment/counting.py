"""What a hospital counts in a counting round comes from its surroundings, through one function.

It is asked once for a round. What it says is kept as a secret until the round is over, so another attempt,
or the same one after a restart, encrypts the same counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.history.sums.counted import CountedSum, counted_sums
from proofward.federation.messages.basics.values import Signed, integers_from_bytes, integers_to_bytes
from proofward.federation.parties.equipment.own_records import ValidationRecords
from proofward.federation.storage.objects import Objects
from proofward.federation.storage.state_store import StateStore
from proofward.layers.basics.errors import ConfigurationError
from proofward.relations.rules.counting import Counting


class CountsUnavailable(Exception):
    """A hospital cannot count what a round asks for; why, in words for its log."""


@dataclass(frozen=True)
class CountingTask:
    """What a round asks of a hospital.

    counting: the rule; round, hospital: for which it counts
    weights: int64 (parameters,), the global model that the round has, which all have confirmed
    model: its digest; rows: that the hospital has enrolled, 0 where nobody enrols
    validation: gives the enrolled records on which nobody trains; None where the rules have no such part
    sums: of the counting rounds before
    """

    counting: Counting
    round: int
    hospital: str
    weights: Signed
    model: bytes
    rows: int
    validation: Callable[[], ValidationRecords | None]
    sums: tuple[CountedSum, ...]


CountSource = Callable[[CountingTask], Signed]
"""Gives the counts, int64 (length,) from 0 to the rule's bound, or raises CountsUnavailable."""


def no_counts(task: CountingTask) -> Signed:
    """The source of a hospital that was given none."""
    raise CountsUnavailable(f"nothing here counts {task.counting.label}")


def task_of(
    history: HistoryState,
    objects: Objects,
    hospital: str,
    validation: Callable[[], ValidationRecords | None],
) -> CountingTask:
    """What the round under way asks of a hospital; raises Refusal for an object that is not there."""
    counting, current = history.counting, history.round
    assert counting is not None
    return CountingTask(
        counting=counting,
        round=current.number,
        hospital=hospital,
        weights=model_weights(history, objects, current.model),
        model=current.model,
        rows=history.enrolled[hospital],
        validation=validation,
        sums=counted_sums(history, objects),
    )


def counts_of(source: CountSource, task: CountingTask, state: StateStore) -> Signed:
    """The counts that are kept of this round, or else new ones, kept; small ones moved as the rule says.

    Raises CountsUnavailable.
    """
    name = secret_name(task.round)
    if (kept := state.secrets.get(name)) is not None:
        counts = integers_from_bytes(kept, task.counting.length)
        assert counts is not None
        return counts
    try:
        counts = task.counting.told(task.counting.check_counts(source(task), task.rows))
        task.counting.check_counts(counts, task.rows)
    except ConfigurationError as error:
        raise CountsUnavailable(str(error)) from error
    with state.transaction():
        state.secrets.put(name, integers_to_bytes(counts))
    return counts


def secret_name(number: int) -> str:
    """Of a round's counts, among the hospital's secrets."""
    return f"counts/{number}"
