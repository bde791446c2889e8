"""What an audit finds of the evaluations on a ledger: their figures, computed again from the sums of counts.

The sums are those that the audit has recomputed. Whether each hospital's counts are proved, its line of the
rules says; the figures of sums that are spoilt by a hospital which signs other counts are missing, and the
record is in order all the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.progress.stopping import which_model
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.own_counts import published_counts
from proofward.federation.history.sums.counted import CountedSum, counted_sums
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import ConfigurationError
from proofward.relations.scores.noisy_scores import readable
from proofward.relations.scores.score_counting import layout_in
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import FIGURES, WORDS

MOST_SHOWN = 4
"""Classes up to which the confusion table is told."""


def evaluations_again(history: HistoryState, objects: Objects) -> Iterator[AuditVerdict]:
    """At the end: a verdict for each evaluation, with its figures."""
    try:
        sums = counted_sums(history, objects)
    except Refusal as refusal:
        yield AuditVerdict("evaluation", "sums of counts", refusal)
        return
    for own in sums:
        layout = layout_in(own.counting)
        if layout is not None:
            yield AuditVerdict("evaluation", f"round {own.round}", detail=_words(history, own, layout))
        if own.counting.proved:
            yield from _published(history, objects, own.round)


def _published(history: HistoryState, objects: Objects, number: int) -> Iterator[AuditVerdict]:
    """Whether the counts that hospitals in the sum have published are those that they have proved."""
    try:
        said = published_counts(history, objects, number)
    except Refusal as refusal:
        yield AuditVerdict("own-counts", f"round {number}", refusal)
        return
    for name, (_, true) in said.items():
        lie = Refusal("own-counts", name, "the counts that its proof shows", "other counts")
        yield AuditVerdict("own-counts", f"round {number}: by {name}", None if true else lie)


def _words(history: HistoryState, own: CountedSum, layout: ScoreLayout) -> str:
    """Of which model and records, and the figures of all of them together."""
    after = history.rules.training_round(own.round)
    of = f"model {layout.outside}" if layout.outside else which_model(after)
    try:
        whole = layout.blocks(readable(layout, own.counting, own.counts))[0]
    except ConfigurationError:
        return f"{of}: no records have these counts"
    if not whole.rows:
        return f"{of}: nothing was counted"
    figures = {name: figure(whole) for name, figure in FIGURES.items()}
    told = [f"{WORDS[name]} {float(value):.4f}" for name, value in figures.items() if value is not None]
    if layout.classes <= MOST_SHOWN:
        rows = (" ".join(map(str, row)) for row in whole.confusion.tolist())
        told.append(f"confusion {' / '.join(rows)}")
    basis = "proved" if own.counting.proved else "signed"
    noise = " with noise" if own.counting.noise else ""
    start = f"{of}, {whole.rows} records of {len(own.hospitals)} hospitals, counts {basis}{noise}"
    return f"{start}: {', '.join(told)}"
