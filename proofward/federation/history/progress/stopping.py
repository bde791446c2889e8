"""What the rule on stopping says of a ledger: whether it is met, and which round is the best so far.

It is computed from the sums of closed evaluations, which everybody has recomputed. Verifiers vote for an end
at once when it is met, as anybody may vote for one (see `ending`); nothing else follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.sums.counted import counted_objects, counted_sums
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.objects import Objects
from proofward.relations.scores.noisy_scores import readable
from proofward.relations.scores.score_counting import layout_in
from proofward.relations.scores.stopping import WORDS, Course, Stopping

BY_RULE = "the consortium's rule on stopping is met"
"""The reason of a vote that the rule casts; the audit computes again whether it was true."""


@dataclass(frozen=True)
class Stand:
    """rounds, figures: of the closed evaluations, in their order. after: rounds of training before each."""

    rule: Stopping
    rounds: tuple[int, ...]
    after: tuple[int, ...]
    figures: tuple[Fraction | None, ...]

    def until(self, number: int) -> Stand:
        """How it stood behind round `number`."""
        count = sum(own <= number for own in self.rounds)
        return Stand(self.rule, self.rounds[:count], self.after[:count], self.figures[:count])

    @property
    def course(self) -> Course:
        """What the figures come to."""
        return self.rule.course(self.figures)

    @property
    def met(self) -> bool:
        """Whether training is to end."""
        return self.course.met is not None

    @property
    def best(self) -> int | None:
        """The round that evaluated the best model; None where no evaluation has a figure."""
        place = self.course.best
        return None if place is None else self.rounds[place]

    @property
    def words(self) -> str:
        """For people."""
        found, figure = self.course, WORDS[self.rule.figure]
        if found.best is None:
            return f"no evaluation has a figure for {figure} yet"
        value = self.figures[found.best]
        assert value is not None
        best = f"the best {figure}, {float(value):.4f}"
        said = f"{best}, is that {which_model(self.after[found.best])}"
        if self.rule.stop_after == 0:
            return said
        if found.met is None:
            return f"{said}; the rule on stopping is not met"
        return f"{said}; the rule on stopping was met after round {self.after[found.met]}"


def which_model(after: int) -> str:
    """The model behind so many rounds of training, for people."""
    return f"after round {after} of training" if after else "of the first model, before training"


def results(history: HistoryState, objects: Objects) -> set[bytes]:
    """The objects that members take home: the last confirmed model, the best one, sums that were counted.

    Where the sums are not here yet, all but the best model.
    """
    found = {history.model, *counted_objects(history)}
    try:
        stand = stand_of(history, objects)
    except Refusal:
        return found
    if stand is not None and stand.best is not None:
        said = history.closed[stand.best - 1].aggregate
        assert said is not None
        found.add(said.record.model)
    return found


def stand_of(history: HistoryState, objects: Objects) -> Stand | None:
    """Where the ledger stands; None without such a rule. Raises Refusal for a sum that is not there."""
    rules = history.rules
    if rules.stopping is None:
        return None
    rounds, after, figures = [], [], []
    for own in counted_sums(history, objects):
        layout = layout_in(own.counting)
        if layout is not None and not layout.outside:
            rounds.append(own.round)
            after.append(rules.training_round(own.round))
            figures.append(rules.stopping.figure_of(layout, readable(layout, own.counting, own.counts)))
    return Stand(rules.stopping, tuple(rounds), tuple(after), tuple(figures))
