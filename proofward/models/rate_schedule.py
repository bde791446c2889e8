"""Schedules of the learning rate over the rounds, as people write them, and the exact rates that they mean.

    step      the rate times factor^k behind k times `every` rounds
    cosine    from the rate down to `least` along half a cosine, over all rounds or over so many
    list      from each of these rounds on the rate beside it

Rates are integers, multiples of batch / 2^k. A step or a cosine is rounded to the nearest one, halves up, and
never to less than 1. All of it is integer arithmetic, so every machine makes the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION, millionths, shown
from proofward.layers.rules.later_rates import LAST_ROUND, MOST_LATER_RATES, LaterRates
from proofward.models.keys import Alternatives, Integer, Key, Keys, Number, Pair, Several, Text

FIELD = "training.schedule"
STEP, COSINE, LIST = "step", "cosine", "list"
SCHEDULE = Alternatives(
    Key("kind", Text(options=(STEP, COSINE, LIST)), "step, cosine or list", needed=True),
    {
        STEP: Keys((
            Key("every", Integer(1, LAST_ROUND), "rounds between the steps", needed=True),
            Key("factor", Number(above=0, below=1), "by which a step multiplies it", needed=True),
        )),
        COSINE: Keys((
            Key("least", Number(above=0), "the learning rate at the end", needed=True),
            Key("rounds", Integer(2, LAST_ROUND), "until then, all of them where it is not there"),
        )),
        LIST: Keys((
            Key("rates", Several(Pair(Integer(2, LAST_ROUND), Number(above=0)), 1, MOST_LATER_RATES),
                "pairs of a round, ascending, and the learning rate from it on", needed=True),
        )),
    },
)  # fmt: skip
_BITS = 96
_PI = 248902613312231085230521944622
"""pi * 2^96, rounded."""
Units = Callable[[float], int]
"""A learning rate as the trainer's integer; raises ConfigurationError."""


@dataclass(frozen=True)
class StepSchedule:
    """factor: in millionths, below 1."""

    every: int
    factor: int

    def rates(self, first: int, rounds: int, units: Units) -> Iterable[tuple[int, int]]:
        """(round, rate) wherever another rate begins."""
        numerator, denominator = first, 1
        for number in range(self.every + 1, rounds + 1, self.every):
            numerator, denominator = numerator * self.factor, denominator * MILLION
            yield number, rounded(numerator, denominator)
            if 2 * numerator < denominator:
                return

    def to_plain(self) -> dict[str, object]:
        """As the file has it."""
        return {"kind": STEP, "every": self.every, "factor": float(shown(self.factor))}


@dataclass(frozen=True)
class CosineSchedule:
    """rounds: 0 for all of the federation."""

    least: float
    rounds: int = 0

    def rates(self, first: int, rounds: int, units: Units) -> Iterable[tuple[int, int]]:
        """See StepSchedule."""
        least, last = units(self.least), (self.rounds or rounds) - 1
        if least > first:
            raise ConfigurationError(f"{FIELD}.least", "at most the learning rate", self.least)
        for number in range(2, min(last + 1, rounds) + 1):
            raised = (first - least) * ((1 << _BITS) + cosine(number - 1, last))
            yield number, rounded((least << (_BITS + 1)) + raised, 1 << (_BITS + 1))

    def to_plain(self) -> dict[str, object]:
        """See StepSchedule."""
        return {"kind": COSINE, "least": self.least, **({"rounds": self.rounds} if self.rounds else {})}


@dataclass(frozen=True)
class ListSchedule:
    """pairs: (round, learning rate), rounds ascending from 2 on."""

    pairs: tuple[tuple[int, float], ...]

    def rates(self, first: int, rounds: int, units: Units) -> Iterable[tuple[int, int]]:
        """See StepSchedule."""
        return ((number, units(rate)) for number, rate in self.pairs)

    def to_plain(self) -> dict[str, object]:
        """See StepSchedule."""
        return {"kind": LIST, "rates": [list(pair) for pair in self.pairs]}


RateSchedule = StepSchedule | CosineSchedule | ListSchedule


def schedule_from_plain(plain: object) -> RateSchedule:
    """The schedule in a table of the file; raises ConfigurationError."""
    kinds = ", ".join(SCHEDULE.tables)
    if not isinstance(plain, Mapping):
        expected = f'a table such as {{ kind = "cosine", least = 0.01 }}, of kind {kinds}'
        raise ConfigurationError(FIELD, expected, plain)
    kind = plain.get("kind")
    if not isinstance(kind, str) or kind not in SCHEDULE.tables:
        raise ConfigurationError(f"{FIELD}.kind", f"one of {kinds}", kind)
    names = SCHEDULE.of(kind).names
    for name in plain:
        if name not in names:
            raise ConfigurationError(f"{FIELD}.{name}", f"one of {', '.join(names)}", "an unknown key")
    if kind == STEP:
        return StepSchedule(_integer(plain, kind, "every"), _factor(plain.get("factor")))
    if kind == COSINE:
        least = plain.get("least")
        if not isinstance(least, int | float) or isinstance(least, bool):
            raise ConfigurationError(f"{FIELD}.least", "a learning rate", least)
        return CosineSchedule(float(least), _integer(plain, kind, "rounds") if "rounds" in plain else 0)
    return ListSchedule(_pairs(plain.get("rates")))


def later_rates_of(schedule: RateSchedule | None, first: int, rounds: int, units: Units) -> LaterRates:
    """The exact rates of the rounds behind the first; raises ConfigurationError."""
    found: list[tuple[int, int]] = []
    if schedule is None:
        return ()
    for number, rate in schedule.rates(first, rounds, units):
        if number > rounds:
            raise ConfigurationError(FIELD, f"rounds up to {rounds}, the last one", number)
        if rate != (found[-1][1] if found else first):
            found.append((number, rate))
        if len(found) > MOST_LATER_RATES:
            raise ConfigurationError(FIELD, f"at most {MOST_LATER_RATES} different rates", "more")
    return tuple(found)


def rounded(numerator: int, denominator: int) -> int:
    """The nearest integer, halves up; at least 1."""
    return max(1, (2 * numerator + denominator) // (2 * denominator))


def cosine(part: int, whole: int) -> int:
    """cos(pi part / whole) * 2^96 for 0 <= part <= whole, within 2^-80, the same on every machine."""
    mirrored = 2 * part > whole
    angle = _PI * (whole - part if mirrored else part) // whole
    square, term, total = (angle * angle) >> _BITS, 1 << _BITS, 1 << _BITS
    for place in range(1, 40, 2):
        term = -((term * square) >> _BITS) // (place * (place + 1))
        total += term
    return -total if mirrored else total


def _integer(plain: Mapping[str, Any], kind: str, name: str) -> int:
    value, limits = plain.get(name), SCHEDULE.tables[kind][name].kind
    assert isinstance(limits, Integer)
    if type(value) is not int or not limits.low <= value <= limits.high:
        raise ConfigurationError(f"{FIELD}.{name}", f"an integer in [{limits.low}, {limits.high}]", value)
    return value


def _factor(value: object) -> int:
    found = millionths(value)
    if found is None or not 1 <= found < MILLION:
        raise ConfigurationError(f"{FIELD}.factor", "a multiple of 0.000001 in (0, 1)", value)
    return found


def _pairs(value: object) -> tuple[tuple[int, float], ...]:
    expected = "a list of pairs of a round, ascending from 2 on, and its learning rate, such as [[11, 0.125]]"
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_LATER_RATES:
        raise ConfigurationError(f"{FIELD}.rates", expected, value)
    found: list[tuple[int, float]] = []
    for pair in value:
        proper = isinstance(pair, list | tuple) and len(pair) == 2
        if not proper or type(pair[0]) is not int or type(pair[1]) not in (int, float):
            raise ConfigurationError(f"{FIELD}.rates", expected, pair)
        if not (found[-1][0] if found else 1) < pair[0] <= LAST_ROUND:
            raise ConfigurationError(f"{FIELD}.rates", expected, pair[0])
        found.append((pair[0], float(pair[1])))
    return tuple(found)
