"""What the product's comparison of hospitals' counts finds of poison, and how often it is wrong.

Every hospital evaluates on a fifth of its rows, drawn from what it enrolled, on which nobody trains: a
hospital with poisoned records has poisoned validation records, and counts them truly, as proofs make it. All
but the poisoner publish their counts. Evaluated is after a third, two thirds and all of the rounds. Three
kinds of hospitals:

* alike: five of equal size, divided at random; the last one poisons, in every round
* late: the same, where the last one is in no sum of the second third of the rounds
* different: by size and by the first feature; the last and largest one poisons

A federation counts as warned where anything is told, and as right where the poisoner is named and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from privacy_attacks.federation import follow

from poisoning_cases.poisons import POISONS
from poisoning_cases.tables import Line, divided
from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split, hospital_split
from proofward.models.settings import Preset
from proofward.relations.scores.score_counts import score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.histograms.comparison import LEVEL, Comparison, compared
from proofward.report.histograms.evaluated import Evaluated
from proofward.report.histograms.of_run import Evaluation

LAYOUT, CLASSES = ScoreLayout(2, 32, 1), ("benign", "malignant")
NAMES = tuple(f"hospital-{number}" for number in range(5))
SHOWN = ("none", "half of the labels turned", "labels turned", "turned and scaled", "trigger")
KINDS = ("alike", "late", "different")


def hospitals(setup: Preset, records: Records, kind: str, poison: str, seed: int) -> list[Records]:
    """What the five enrol."""
    own = divided(records) if kind == "different" else hospital_split(records, len(NAMES), seed, 0)
    return [*own[:-1], POISONS[poison](own[-1], setup)]


def told(setup: Preset, enrolled: Sequence[Records], rounds: int, late: bool, seed: int) -> Comparison:
    """What the product tells of one federation."""
    pairs = [held_out_split(own, seed) for own in enrolled]
    third, last = max(1, rounds // 3), len(NAMES) - 1
    absent = dict.fromkeys(range(third, 2 * third), last) if late else {}
    seen = follow(setup, [kept for kept, _ in pairs], rounds, seed, absent=absent)
    found = []
    for before, after in zip((0, third, 2 * third), (third, 2 * third, rounds), strict=True):
        known = [
            score_counts(LAYOUT, setup.model, setup.scales, seen.models[after], own.features, own.labels)
            for _, own in pairs
        ]
        rounds_between = range(before, after)
        trained = [
            name for at, name in enumerate(NAMES) if any(absent.get(each) != at for each in rounds_between)
        ]
        sites = {
            name: Evaluated(LAYOUT, CLASSES, counts)
            for name, counts in zip(NAMES[:-1], known[:-1], strict=True)
        }
        total = Evaluated(LAYOUT, CLASSES, np.sum(known, axis=0))
        found.append(Evaluation(after + 1, after, bytes(32), NAMES, total, sites, trained=tuple(trained)))
    return compared(found)


def of_detection(setup: Preset, records: Records, rounds: int, seeds: int, few: bool) -> Iterator[Line]:
    """One line for each kind of hospitals and each poison, of so many federations; of like ones of more."""
    for kind in KINDS[:1] if few else KINDS:
        for poison in SHOWN:
            count = seeds * (4 if kind == "alike" and poison == "none" and not few else 1)
            results = [
                told(setup, hospitals(setup, records, kind, poison, seed), rounds, kind == "late", seed)
                for seed in range(count)
            ]
            named = [{name for own in each.unlike for name in own.names} for each in results]
            joined = [any(NAMES[-1] in own.joined for own in each.falls) for each in results]
            yield {
                "hospitals": kind, "poison": poison, "published_by": "all but the last", "federations": count,
                "warned": sum(bool(each.unlike or each.falls) for each in results),
                "right": sum(names == {NAMES[-1]} for names in named),
                "others_named": sum(bool(names - {NAMES[-1]}) for names in named),
                "falls": sum(bool(each.falls) for each in results), "falls_that_name_it": sum(joined),
                "false_alarms_at_most": LEVEL if poison == "none" and kind != "different" else None,
            }  # fmt: skip
