"""[validation] of consortium.toml: the rows on which nobody trains, and when and how they are evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.federation.messages.consortium.usual import MAX_ROUNDS
from proofward.layers.basics.plain import MILLION, millionths, shown
from proofward.layers.rules.validation_part import LARGEST_SHARE
from proofward.models.keys import Flag, Integer, Key, Keys, Number, Several, Text
from proofward.relations.rules.counting import MOST_LEFT_OUT
from proofward.relations.scores.stopping import FIGURES, MOST_STOP_AFTER, Stopping

WHERE = "validation."
BINS, LEAST_COUNT = 32, 10
MOST_BINS, MOST_LEAST_COUNT = 1024, 1 << 20
_MILLIONTHS = ("share", "least_gain")
VALIDATION = Keys((
    Key("share", Number(above=0, high=LARGEST_SHARE / MILLION),
        "of each hospital's rows, on which it never trains, as the proofs of its rounds show", needed=True),
    Key("every", Integer(1, MAX_ROUNDS), "so many rounds it is evaluated, and behind the last one", 1),
    Key("bins", Integer(2, MOST_BINS), "of a score, from 0 to 1, in what is counted", BINS),
    Key("least_count", Integer(1, MOST_LEAST_COUNT), "a smaller count of records is not told", LEAST_COUNT),
    Key("subgroups", Several(Text(1), distinct=True),
        'columns with kind = "category" by whose levels it is counted apart', ()),
    Key("figure", Text(options=tuple(FIGURES)), "of the evaluations, by which the best round is named"),
    Key("stop_after", Integer(0, MOST_STOP_AFTER),
        "evaluations in a row without improvement end the training; 0 for never", 0),
    Key("least_gain", Number(0, high=1), "a figure that is not better by more than this does not improve", 0),
    Key("proved", Flag(), "whether hospitals prove their counts; usually where that costs about a round"),
    Key("patient_rows", Integer(1, MOST_LEFT_OUT + 1),
        "the most rows of a patient; one less can be left out at each end of a proved part", 1),
    Key("first", Flag(), "whether the first model is evaluated too, before any training", False),
))  # fmt: skip


@dataclass(frozen=True)
class ValidationTable:
    """share: in millionths. every, bins, least_count, subgroups: of the evaluations.

    figure, stop_after, least_gain: of the rule on stopping, see Stopping; figure "" where there is none.
    proved: whether counts are proved, None for where that costs about a round. patient_rows: the most rows of
    one patient. first: whether the first model is evaluated before any training.
    """

    share: int
    every: int = 1
    bins: int = BINS
    least_count: int = LEAST_COUNT
    subgroups: tuple[str, ...] = ()
    figure: str = ""
    stop_after: int = 0
    least_gain: int = 0
    proved: bool | None = None
    patient_rows: int = 1
    first: bool = False

    @property
    def stopping(self) -> Stopping | None:
        """The rule on stopping."""
        return Stopping(self.figure, self.stop_after, self.least_gain) if self.figure else None

    def evaluated_after(self, rounds: int) -> tuple[int, ...]:
        """The rounds of training behind which it is evaluated, of so many: each `every`-th and the last.

        0 stands for the first model, before any.
        """
        before = [0] if self.first else []
        return tuple(sorted({*before, *range(self.every, rounds + 1, self.every), rounds}))

    def counting_rounds(self, rounds: int) -> tuple[int, ...]:
        """The evaluations' numbers among all rounds, where each is a round of its own behind training."""
        return tuple(number + place for place, number in enumerate(self.evaluated_after(rounds), 1))

    def round_among_all(self, number: int, rounds: int) -> int:
        """The number among all rounds of a round of training, where the evaluations count as rounds."""
        return number + sum(before < number for before in self.evaluated_after(rounds))


def read_validation(values: Mapping[str, Any]) -> ValidationTable | None:
    """The table, None where it is empty or not there; raises ProjectError."""
    table = Table(values, WHERE, VALIDATION)
    if not values:
        return None
    share = millionths(table.peek("share"))
    if share is None or not 1 <= share <= LARGEST_SHARE:
        expected = f"a multiple of 0.000001 above 0 and up to {shown(LARGEST_SHARE)}"
        found = "nothing" if table.peek("share") is None else repr(table.peek("share"))[:80]
        raise ProjectError(f"{WHERE}share", expected, found)
    subgroups = tuple(table.texts("subgroups"))
    if len(set(subgroups)) != len(subgroups):
        raise ProjectError(f"{WHERE}subgroups", "distinct names of columns", "a name twice")
    return ValidationTable(
        share,
        table.integer("every"),
        table.integer("bins"),
        table.integer("least_count"),
        subgroups,
        *_stopping(table),
        None if table.peek("proved") is None else table.flag("proved"),
        table.integer("patient_rows"),
        table.flag("first"),
    )


def _stopping(table: Table) -> tuple[str, int, int]:
    """figure, stop_after, least_gain."""
    figure, stop_after = table.peek("figure") or "", table.integer("stop_after")
    gain = millionths(table.peek("least_gain"))
    if gain is None or not 0 <= gain <= MILLION:
        found = repr(table.peek("least_gain"))[:80]
        raise ProjectError(f"{WHERE}least_gain", "a multiple of 0.000001 in [0, 1]", found)
    needed = stop_after > 0 or gain > 0
    if not (isinstance(figure, str) and figure in (*FIGURES, *([] if needed else [""]))):
        expected = f"one of {', '.join(FIGURES)}"
        raise ProjectError(f"{WHERE}figure", expected, repr(figure)[:80] if figure else "nothing")
    return figure, stop_after, gain


def plain_validation(validation: ValidationTable) -> dict[str, Any]:
    """Plain values, as the file has them."""
    plain = {name: getattr(validation, name) for name in VALIDATION.names}
    plain |= {name: float(shown(plain[name])) for name in _MILLIONTHS}
    ruled = [] if validation.figure else ["figure", "stop_after", "least_gain"]
    ruled += [] if validation.proved is not None else ["proved"]
    ruled += [] if validation.first else ["first"]
    plain = {name: value for name, value in plain.items() if name not in ruled}
    return {**plain, "subgroups": list(validation.subgroups)}


def validation_lines(validation: ValidationTable | None) -> Iterator[str]:
    """The table of a completed project."""
    if validation is None:
        return
    yield from ("", "[validation]")
    for name, value in plain_validation(validation).items():
        exact = name in _MILLIONTHS
        text = shown(getattr(validation, name)) if exact else json.dumps(value, ensure_ascii=False)
        yield f"{name} = {text}  # {VALIDATION[name].meaning}"
