"""The evaluations of a federation, from its ledger and objects alone: one for each round that counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from proofward.federation.history.progress.stopping import stand_of, which_model
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.own_counts import published_counts
from proofward.federation.history.sums.counted import CountedSum, counted_sums
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.storage.objects import Objects
from proofward.layers.rules.model import Int64Array
from proofward.privacy.words import EXACT_COUNTS, NOISY_COUNTS
from proofward.relations.scores.noisy_scores import deviation_of_area, readable
from proofward.relations.scores.score_counting import NOT_PROVED, PROVED, layout_in
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.histograms.evaluated import Evaluated

NO_COUNTS, OTHERS = "no counts that records have", "other counts than it has proved"
"""Of counts that a hospital has published, where they are signed and where they are proved."""
IMPOSSIBLE = "no records have these counts: a hospital has told others than its own"


@dataclass(frozen=True)
class Evaluation:
    """The sum of one round.

    round: of the ledger. after: how many rounds of training the model had seen. model: digest of its weights.
    hospitals: whose counts are in the sum. sites: what hospitals published of their own counts, by name; None
    where that is no vector that records have, or, where counts are proved, not what the hospital has proved.
    stopping: what the rule on stopping says behind it, "" without. impossible: whether no records have the
    counts of the sum, which a hospital has then spoilt; `evaluated` is of none.
    proved: whether the counts are proved to be those of the model on the validation parts.
    outside_budget: whether sums of training have differential privacy, and these exact counts have none.
    noise: the variance of the noise in every count of the sum, 0 of exact ones; `evaluated` is their reading.
    trained: who was in a sum of training since the evaluation before.
    """

    round: int
    after: int
    model: bytes
    hospitals: tuple[str, ...]
    evaluated: Evaluated
    sites: Mapping[str, Evaluated | None] = field(default_factory=dict)
    stopping: str = ""
    impossible: bool = False
    proved: bool = False
    outside_budget: bool = False
    noise: int = 0
    trained: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Of which records the figures are."""
        rows, what = self.evaluated.blocks[0].rows, "records" if self.outside else "validation records"
        return f"{rows:,} {what} of {len(self.hospitals)} hospitals"

    @property
    def standing(self) -> str:
        """How far the counts are proved, in a sentence."""
        return PROVED if self.proved else NOT_PROVED

    @property
    def none_published(self) -> str:
        """Of a hospital whose own counts are none, for people."""
        return OTHERS if self.proved else NO_COUNTS

    @property
    def noise_words(self) -> str:
        """What noise does to the counts and to the AUC, in a sentence; "" of exact counts."""
        if not self.noise:
            return ""
        block = self.evaluated.blocks[0]
        moved = deviation_of_area(block, self.noise) if len(self.evaluated.layout.scored) == 1 else None
        area = "" if moved is None else f", and the AUC by about {moved:.3f}"
        return (
            f"{NOISY_COUNTS}: noise moves each count by about {sqrt(self.noise):.0f}{area}, which no "
            "interval here has in it; counts below 0 are shown as 0, histograms as the nearest that records "
            "can have"
        )

    @property
    def without(self) -> str:
        """Why there are no figures, for people."""
        return IMPOSSIBLE if self.impossible else "nothing was counted"

    @property
    def outside(self) -> str:
        """The digest of an outside model's file, "" for the federation's own."""
        return self.evaluated.layout.outside

    @property
    def of_model(self) -> str:
        """Which model is evaluated, for people."""
        return f"model {self.outside}" if self.outside else which_model(self.after)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        least = self.evaluated.layout.least_count
        return {
            "round": self.round,
            "after_rounds_of_training": self.after,
            "model": self.outside or self.model.hex(),
            "outside_model": bool(self.outside),
            "hospitals": list(self.hospitals),
            "counts": self.standing,
            **({"stopping": self.stopping} if self.stopping else {}),
            **({"privacy": EXACT_COUNTS} if self.outside_budget else {}),
            **({"noise": self.noise_words, "noise_deviation": sqrt(self.noise)} if self.noise else {}),
            **({"impossible": True} if self.impossible else {}),
            **self.evaluated.to_plain(),
            "sites": {
                name: None if own is None else own.whole.to_plain(least) for name, own in self.sites.items()
            },
        }


def evaluations(history: HistoryState, objects: Objects, classes: tuple[str, ...]) -> tuple[Evaluation, ...]:
    """Those of all closed rounds, in their order; raises Refusal, ConfigurationError for other classes."""
    found, stand, before = [], stand_of(history, objects), 0
    for own in counted_sums(history, objects):
        layout = layout_in(own.counting)
        if layout is not None:
            after = history.rules.training_round(own.round)
            counts = readable(layout, own.counting, own.counts)
            possible = layout.fits(counts)
            evaluated = Evaluated(layout, classes, counts if possible else np.zeros_like(counts))
            sites = _published(history, objects, own, layout, classes)
            words = "" if stand is None else stand.until(own.round).words
            private = history.rules.accountant is not None and not own.counting.noise
            said = after, own.model, own.hospitals, evaluated, sites, words, not possible
            noise = own.counting.noise * len(own.hospitals)
            trained = _trained(history, before, own.round)
            found.append(Evaluation(own.round, *said, own.counting.proved, private, noise, trained))
            before = own.round
    return tuple(found)


def _trained(history: HistoryState, before: int, number: int) -> tuple[str, ...]:
    """The hospitals in sums of training of the rounds between two, by name."""
    rounds = (each for each in range(before + 1, number) if history.rules.counting_in(each) is None)
    return tuple(sorted({name for each in rounds for name in history.accepted_in(each)}))


def _published(
    history: HistoryState, objects: Objects, total: CountedSum, layout: ScoreLayout, classes: tuple[str, ...]
) -> dict[str, Evaluated | None]:
    """Of the hospitals in the sum: what another one has published is in no figure."""
    return {
        name: _readable(said, layout, classes, total.counts) if true else None
        for name, (said, true) in published_counts(history, objects, total.round).items()
    }


def _readable(
    data: bytes, layout: ScoreLayout, classes: tuple[str, ...], total: Int64Array
) -> Evaluated | None:
    """Counts that some records have and that can be part of the sum, else None."""
    counts = integers_from_bytes(data, layout.length)
    if counts is None or (counts > total).any() or not layout.fits(counts):
        return None
    found = Evaluated(layout, classes, counts)
    return found if found.counted else None
