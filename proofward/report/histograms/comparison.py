"""Whose counts are unlike the others', and where a model got worse: what evaluations show of false records.

Proofs bind a hospital to the records that it enrolled; whether these are true nobody can prove. Evaluations
say something of it where hospitals publish their own counts, since every hospital counts on its own labels.

* A hospital's scores, class by class, against those of all others (`unlike`), at each border of bins. Those
  that publish nothing are one group, whose counts are the sum less what the others published. The group that
  is most unlike is left out, and the others are compared once more.
* How often the model was right, against the evaluation before, on the same records (`fallen`): on all, and at
  each hospital that publishes. Named is who was in the sums of training between, and not in those before.
* Whether what was published can be part of the sum at all.

Error: each chance is multiplied by the number of tests (Bonferroni), and what is then at most LEVEL is told.
If every class's records might as well have been dealt to the hospitals at random, and no model is less often
right than the one before it, anything at all is told with probability LEVEL at most, whatever the models are.
Hospitals whose patients differ are told apart rightly, and so no rule is broken by it, and nothing follows
from it. Counts with noise are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from proofward.layers.rules.model import Int64Array
from proofward.relations.scores.score_layout import Block
from proofward.report.histograms.evaluated import Evaluated, Group
from proofward.report.histograms.exact_tests import fallen, unlike
from proofward.report.histograms.of_run import Evaluation

LEVEL = 0.01
MOST_BORDERS = 32
"""Of more bins not every border is tested."""
Names = tuple[str, ...]


@dataclass(frozen=True)
class Unlike:
    """after: rounds of training. names: whose counts; several where these published none.

    own, others: the figures of both. chance: of so much by chance, for all tests together.
    """

    after: int
    names: Names
    published: bool
    own: Group
    others: Group
    chance: float

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "after_rounds_of_training": self.after, "hospitals": list(self.names),
            "published": self.published, "accuracy": self.own.accuracy.value, "auc": self.own.auc,
            "accuracy_of_others": self.others.accuracy.value, "auc_of_others": self.others.auc,
            "chance": self.chance,
        }  # fmt: skip


@dataclass(frozen=True)
class Fall:
    """before, after: rounds of training. name: at whom, "" of all records. right: of `rows`, then and now.

    joined: who was in a sum of training between, and in none before it, back to the evaluation before.
    """

    before: int
    after: int
    name: str
    right: tuple[int, int]
    rows: int
    joined: Names
    chance: float

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "from_rounds_of_training": self.before, "to": self.after, "hospital": self.name or None,
            "right": list(self.right), "records": self.rows, "joined": list(self.joined),
            "chance": self.chance,
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What stands out in so many tests. contradictions: rounds, and who published what cannot all be true."""

    unlike: tuple[Unlike, ...]
    falls: tuple[Fall, ...]
    contradictions: tuple[tuple[int, Names], ...]
    tests: int

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "tests": self.tests,
            "level": LEVEL,
            "unlike": [own.to_plain() for own in self.unlike],
            "falls": [own.to_plain() for own in self.falls],
            "contradictions": [
                {"after_rounds_of_training": after, "hospitals": list(names)}
                for after, names in self.contradictions
            ],
        }


def compared(found: Sequence[Evaluation]) -> Comparison:
    """Of all evaluations of a federation, in their order."""
    usable = [own for own in found if own.evaluated.counted and not own.noise]
    groups = [(own, *_groups(own)) for own in usable]
    falls = list(_falls(usable))
    tests = len(falls) + sum(_tests(own, parts) for own, parts, _ in groups)
    told = [entry for own, parts, _ in groups for entry in _unlike(own, parts, tests)]
    certain = [replace(own, chance=own.chance * tests) for own in falls]
    spoilt = tuple((own.after, tuple(own.sites)) for own, _, contradicts in groups if contradicts)
    return Comparison(tuple(told), tuple(own for own in certain if own.chance <= LEVEL), spoilt, tests)


def _groups(own: Evaluation) -> tuple[dict[Names, Int64Array], bool]:
    """Counts by group, none where there is one only; and whether what was published cannot be true."""
    layout, total = own.evaluated.layout, own.evaluated.counts
    published: dict[Names, Int64Array] = {
        (name,): known.counts for name, known in own.sites.items() if known is not None
    }
    if not published:
        return {}, False
    silent = tuple(name for name in own.hospitals if (name,) not in published)
    rest = total - np.sum(list(published.values()), axis=0)
    contradicts = not layout.fits(rest) or (not silent and bool(rest.any()))
    groups = dict(published)
    if silent and not contradicts:
        groups[silent] = rest
    groups = {names: counts for names, counts in groups.items() if layout.blocks(counts)[0].rows}
    return (groups if len(groups) > 1 else {}), contradicts


def _strata(block: Block) -> Iterator[Int64Array]:
    """The scores of each class's records, for their own class; of two classes for the second."""
    if len(block.histograms) == 1:
        yield from block.histograms[0]
    else:
        yield from (pair[1] for pair in block.histograms)


def _pairs(own: Block, others: Block) -> Iterator[tuple[int, int, int, int]]:
    """Records above each border and records, of both; none of classes or borders that tell nothing."""
    for first, second in zip(_strata(own), _strata(others), strict=True):
        above = [np.cumsum(counts[::-1])[::-1] for counts in (first, second)]
        step = max(1, len(first) // MOST_BORDERS)
        for border in range(step, len(first), step):
            hits, other = int(above[0][border]), int(above[1][border])
            of, total = int(above[0][0]), int(above[1][0])
            if of and total and 0 < hits + other < of + total:
                yield hits, of, other, total


def _tests(own: Evaluation, groups: Mapping[Names, Int64Array]) -> int:
    layout, total = own.evaluated.layout, sum(groups.values())
    return sum(
        1
        for counts in groups.values()
        for _ in _pairs(layout.blocks(counts)[0], layout.blocks(np.asarray(total - counts))[0])
    )


def _unlike(own: Evaluation, groups: Mapping[Names, Int64Array], tests: int) -> Iterator[Unlike]:
    """The group that is most unlike the others, and so on among these, while it is unlikely enough."""
    layout, classes, left = own.evaluated.layout, own.evaluated.classes, dict(groups)
    while len(left) > 1:
        total = np.sum(list(left.values()), axis=0)
        chances = {}
        for names, counts in left.items():
            pairs = _pairs(layout.blocks(counts)[0], layout.blocks(total - counts)[0])
            chances[names] = min((unlike(*pair) for pair in pairs), default=1.0)
        names = min(chances, key=lambda each: chances[each])
        chance, counts = chances[names] * tests, left.pop(names)
        if chance > LEVEL:
            return
        figures = [Evaluated(layout, classes, each).whole for each in (counts, total - counts)]
        yield Unlike(own.after, names, own.sites.get(names[0]) is not None, figures[0], figures[1], chance)


def _falls(found: Sequence[Evaluation]) -> Iterator[Fall]:
    """All candidates, fallen or not; of evaluations that follow one another, of the same hospitals."""
    for first, second in pairwise(found):
        if first.hospitals != second.hospitals or second.outside:
            continue
        known_before = set(first.trained or second.trained)
        joined = tuple(name for name in second.trained if name not in known_before)
        known = [(first.evaluated, second.evaluated, "")]
        for name, now in second.sites.items():
            if now is not None and (then := first.sites.get(name)) is not None:
                known.append((then, now, name))
        for then, now, name in known:
            tables = [each.blocks[0].confusion for each in (then, now)]
            if (tables[0].sum(axis=1) != tables[1].sum(axis=1)).any():
                continue
            rows, right = int(tables[0].sum()), (int(tables[0].trace()), int(tables[1].trace()))
            yield Fall(first.after, second.after, name, right, rows, joined, fallen(*right, rows))
