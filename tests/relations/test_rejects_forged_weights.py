"""Every weight that saturates has one admissible witness at every step: any other is refused.

Each forgery is consistent in all that follows from it, and breaks exactly the statement that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import refusal
from tests.relations.cases import Case
from tests.relations.forged_weights import HALF, Change, Table, broken, forge
from tests.relations.otherwise import Prepared, prepare
from tests.relations.saturating_cases import rules_of, saturating, trace_of, weight_columns

pytestmark = pytest.mark.slow

LIMBS = {"one limb": "eight outputs", "two limbs": "eight outputs that move far"}
OWN_SIGN = "a range that one step does not leave far"
KINDS = ("weights", "biases")


@lru_cache
def case(name: str) -> tuple[Case, Prepared]:
    """With layer 1 in limbs of one kind or the other, and five steps of eight."""
    own = saturating(rules_of(LIMBS.get(name, name)), seed=5)
    return own, prepare(own)


class At:
    """A place in a table: the first one in some steps whose X is as asked for."""

    def __init__(self, table: Table, chosen: Callable[[np.ndarray], np.ndarray], steps: slice) -> None:
        values = table.stepped(trace_of(table.case))
        met = np.argwhere(chosen(values)[steps])
        assert len(met), "no weight is where a forgery would have it"
        first = steps.start or 0
        self.table, self.position = table, int((first + met[0][0]) * values.shape[1] + met[0][1])
        self.honest = {name: int(own) for name, own in table.entries(values.reshape(-1)[self.position]).items()}

    def change(self, **entries: int) -> Change:
        """Entries by the column: inside, above, low_0, high_0, sign_1 and so on."""
        words = {"low": "low, limb {}", "high": "high, limb {}", "sign": "high, sign from limb {}"}
        result = {}
        for short, value in entries.items():
            kind, _, index = short.partition("_")
            result[f"{self.table.name} {words.get(kind, kind).format(index)}"] = {self.position: value}
        return result

    def __getattr__(self, short: str) -> int:
        """What an honest prover has there."""
        (name,) = self.change(**{short: 0})
        return self.honest[name]

    @property
    def top(self) -> int:
        """One more than the greatest top low limb."""
        return 1 << self.table.low_widths[-1][1]

    @property
    def part(self) -> int:
        """One more than the greatest lowest limb of the high limb."""
        return 1 << self.table.way.widths[0]


def beyond(table: Table, above: bool) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: (x > table.limit) if above else (x < -table.limit)


def within(table: Table) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: (abs(x) < table.limit // 2) & (x % 1024 > 3) & (x % 1024 < 1000) & (x != 0)


def at(place: str, table: Table, steps: slice) -> At:
    """An X above or below the range, inside of it, or at one of its ends."""
    chosen = {"above": beyond(table, True), "below": beyond(table, False), "inside": within(table)}
    return At(table, chosen[place], steps)


FORGERIES: dict[str, tuple[str, Callable[[At], Change], str]] = {
    # a weight that does not saturate, saturates where it should not, or to another end
    "above, taken for inside": ("above", lambda a: a.change(inside=1, above=0), "sign"),
    "below, taken for inside": ("below", lambda a: a.change(inside=1), "sign"),
    "above, taken for below": ("above", lambda a: a.change(above=0), "sign"),
    "below, taken for above": ("below", lambda a: a.change(above=1), "sign"),
    "inside, taken for above": ("inside", lambda a: a.change(inside=0, above=1), "sign"),
    "inside, taken for below": ("inside", lambda a: a.change(inside=0), "sign"),
    "inside and above": ("inside", lambda a: a.change(above=1), "sign"),
    # bits that give the right sign and are none
    "inside 2, above -1/2": ("inside", lambda a: a.change(inside=2, above=HALF), "bits"),
    "inside -1, above 1": ("inside", lambda a: a.change(inside=-1, above=1), "bits"),
    "inside 2, above -1, of what is below": ("below", lambda a: a.change(inside=2, above=-1), "bits"),
    "above 3/2, inside -1, of what is above": ("above", lambda a: a.change(inside=-1, above=-HALF + 1), "bits"),
    # the same X from other limbs
    "a low limb of 2^10 more": ("inside", lambda a: a.change(low_0=a.low_0 + 1024, low_1=a.low_1 - 1), "low limb"),
    "a low limb below 0": ("inside", lambda a: a.change(low_0=a.low_0 - 1024, low_1=a.low_1 + 1), "low limb"),
    "limbs of the top shifted": ("inside", lambda a: a.change(low_1=a.low_1 + 1024, low_2=a.low_2 - 1), "low limb"),
    # another X
    "X one more": ("inside", lambda a: a.change(low_0=a.low_0 + 1), "step"),
    "X 2^10 more": ("inside", lambda a: a.change(low_1=a.low_1 ^ 1), "step"),
    "X of the other half": ("inside", lambda a: a.change(low_2=a.low_2 ^ 1), "step"),
    "X far above, but less": ("above", lambda a: a.change(low_0=a.low_0 ^ 1), "step"),
    "X far below, but less": ("below", lambda a: a.change(low_1=a.low_1 ^ 1), "step"),
}  # fmt: skip

ONE_LIMB: dict[str, tuple[str, Callable[[At], Change], str]] = {
    "another high limb": ("above", lambda a: a.change(high_0=a.high_0 % 63 + 1), "step"),
    "another high limb below": ("below", lambda a: a.change(high_0=-(-a.high_0 % 64) - 1), "step"),
    "a high limb beyond its table": ("above", lambda a: a.change(high_0=1 << 40), "high limb, step"),
    "a high limb below its table": ("below", lambda a: a.change(high_0=-65), "high limb, step"),
    "above, from a low limb of two ranges": (
        "above", lambda a: a.change(low_2=a.low_2 + a.top * a.high_0, high_0=0, inside=1, above=0), "low limb",
    ),
    "below, from a low limb below 0": (
        "below", lambda a: a.change(low_2=a.low_2 + a.top * a.high_0, high_0=0, inside=1), "low limb",
    ),
    "inside, from a high limb above": (
        "inside", lambda a: a.change(low_2=a.low_2 - a.top, high_0=1, inside=0, above=1), "low limb",
    ),
}  # fmt: skip

TWO_LIMBS: dict[str, tuple[str, Callable[[At], Change], str]] = {
    "the sign of the top limb": ("above", lambda a: a.change(sign_1=-1), "sign of the top limb, sign"),
    "the sign of the top limb, and bits": ("above", lambda a: a.change(sign_1=-1, above=0), "sign of the top limb"),
    "the sign of the top limb below": ("below", lambda a: a.change(sign_1=1, above=1), "sign of the top limb"),
    "a lower part of the high limb that is too large": (
        "below", lambda a: a.change(high_0=a.high_0 + a.part, high_1=a.high_1 - 1), "low part of the high limb",
    ),
    "another lower part": ("above", lambda a: a.change(high_0=a.high_0 ^ 8), "step"),
    "another top limb": ("below", lambda a: a.change(high_1=a.high_1 - 1), "step"),
    "bits of another sign": ("above", lambda a: a.change(above=0, inside=1), "sign"),
}  # fmt: skip

SIGN_ALONE: dict[str, tuple[str, Callable[[At], Change], str]] = {
    "inside, taken for above": ("inside", lambda a: a.change(inside=0, above=1), "step"),
    "inside, taken for below": ("inside", lambda a: a.change(inside=0), "step"),
    "inside 2, above -1/2": ("inside", lambda a: a.change(inside=2, above=HALF), "bits"),
    "a sign of 2": ("inside", lambda a: a.change(above=1), "step"),
    "inside, from a low limb above": (
        "inside", lambda a: a.change(low_2=a.low_2 - a.top, inside=0, above=1), "low limb",
    ),
}  # fmt: skip
BY_LIMBS = {"one limb": {**FORGERIES, **ONE_LIMB}, "two limbs": TWO_LIMBS, OWN_SIGN: SIGN_ALONE}


def refuse(table: Table, place: str, make: Callable[[At], Change], expected: str, steps: slice, prepared: Prepared) -> None:
    forged = forge(table, make(at(place, table, steps)), prepared)
    assert broken(table, forged) == set(expected.split(", "))
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, *forged.proof))
    assert check == "column queries"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*LIMBS, OWN_SIGN])
def test_nothing_is_broken_and_accepted_without_a_change(name: str, kind: str) -> None:
    own, prepared = case(name)
    table = Table(own, 0, kind)
    assert len(table.way.widths) == {"one limb": 1, "two limbs": 2}.get(name, 0)
    forged = forge(table, {}, prepared)
    assert broken(table, forged) == set()
    verify_round(own.statement, forged.ciphertext, *forged.proof)
    entries = table.entries(table.stepped(forged.trace).reshape(-1))
    assert set(entries) == {column.name for column in weight_columns(own) if column.name.startswith(table.name)}
    assert all(np.array_equal(forged.columns[column], values) for column, values in entries.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limbs", "name"), [(limbs, name) for limbs, own in BY_LIMBS.items() for name in own])
def test_rejects_a_forged_weight(limbs: str, name: str, kind: str) -> None:
    own, prepared = case(limbs)
    refuse(Table(own, 0, kind), *BY_LIMBS[limbs][name], slice(0, 5), prepared)


@pytest.mark.parametrize("name", ["above, taken for inside", "X one more", "another high limb below"])
def test_rejects_a_forged_weight_in_the_padding(name: str) -> None:
    """Of the steps behind those whose weights are the update's, which says the same."""
    own, prepared = case("one limb")
    refuse(Table(own, 0, "weights"), *BY_LIMBS["one limb"][name], slice(5, 8), prepared)


def test_every_column_of_weights_is_forged() -> None:
    for limbs, forgeries in BY_LIMBS.items():
        own, _ = case(limbs)
        names = {column.name for column in weight_columns(own) if column.name.startswith("layer 1 ")}
        changed = {name for kind in KINDS for place, make, _ in forgeries.values()
                   for name in make(at(place, Table(own, 0, kind), slice(0, 5)))}  # fmt: skip
        assert changed <= names
        assert limbs != "one limb" or changed == names
        assert limbs != "two limbs" or {name for name in names if "high" in name} <= changed


@pytest.mark.parametrize("name", ["inside", "low, limb 0"])
def test_rejects_a_weight_that_does_not_exist(name: str) -> None:
    """Of the padding of a kernel: what is said of it is the step's too."""
    own, prepared = case("one limb")
    table = Table(own, 0, "weights")
    real = table.layout.pad(np.ones((1, table.layout.size), np.int64))[0]
    position = int(np.flatnonzero(real == 0)[0])
    honest = int(prepared[2][next((c.commitment, c.index) for c in weight_columns(own) if c.name == f"{table.name} {name}")][position])
    forged = forge(table, {f"{table.name} {name}": {position: honest - 1}}, prepared)
    assert broken(table, forged) == {"sign" if name == "inside" else "step"}
    assert refusal(lambda: verify_round(own.statement, forged.ciphertext, *forged.proof)) == "column queries"
