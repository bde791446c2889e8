"""[committees] of consortium.toml: who holds shares of keys and who judges proofs, where they are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.federation.committees.choice import LIVENESS_BITS
from proofward.federation.committees.populations import SECRECY_BITS
from proofward.federation.messages.consortium.committees import EVERYBODY, MOST_REDRAWS, Committees, chosen
from proofward.federation.messages.consortium.thresholds import in_words
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.keys import Flag, Integer, Key, Keys, Text

WHERE = "committees."
ALL, DRAWN, SAMPLED = "all", "drawn", "sampled"
CORRUPT, ABSENT = 20, 10
COMMITTEES = Keys((
    Key("corrupt", Integer(0, 99), "per cent of the hospitals, and of the verifiers, that collude at most",
        CORRUPT),
    Key("absent", Integer(0, 99), "per cent of the hospitals that are honest and missing at most", ABSENT),
    Key("holders", Text(options=(ALL, DRAWN)),
        "who holds shares of a round's keys: all hospitals, or a committee that the beacon draws", DRAWN),
    Key("size", Integer(2, 3000), "hospitals in a committee of holders; without it the least number"),
    Key("threshold", Integer(1, 2999), "so many of them learn nothing together; without it the least number"),
    Key("verification", Text(options=(ALL, SAMPLED)),
        "who judges a proof: all verifiers, or some that the beacon draws, and all where these disagree",
        SAMPLED),
    Key("sample", Integer(1, 4096), "verifiers that judge a proof; without it the least number"),
    Key("redraws", Integer(0, MOST_REDRAWS), "further draws that whoever influences a beacon is granted", 0),
    Key("unsafe", Flag(),
        f"keep bounds above 2^-{SECRECY_BITS} and 2^-{LIVENESS_BITS}: for experiments only", False),
))  # fmt: skip


@dataclass(frozen=True)
class CommitteesTable:
    """The keys of the table; size, threshold, sample: 0 stands for the least number, until `completed`."""

    corrupt: int = CORRUPT
    absent: int = ABSENT
    holders: str = DRAWN
    size: int = 0
    threshold: int = 0
    verification: str = SAMPLED
    sample: int = 0
    redraws: int = 0
    unsafe: bool = False

    def completed(self, hospitals: int, verifiers: int) -> CommitteesTable:
        """With the least numbers for so many members in place of what was left open; raises ProjectError."""
        try:
            least, threshold = chosen(hospitals, verifiers, self.corrupt, self.absent, self.redraws)
        except ConfigurationError as error:
            raise ProjectError("committees", error.expected, error.actual) from error
        drawn, sampled = self.holders == DRAWN, self.verification == SAMPLED
        if ((self.size or self.threshold) and not drawn) or (self.sample and not sampled):
            words = f'holders = "{DRAWN}" for size and threshold, verification = "{SAMPLED}" for sample'
            raise ProjectError("committees", words, f"{self.holders}, {self.verification}")
        if bool(self.size) != bool(self.threshold):
            raise ProjectError("committees", "size and threshold together, or neither", "one of them")
        return replace(
            self,
            size=(self.size or least.holders) if drawn else 0,
            threshold=(self.threshold or threshold) if drawn else 0,
            sample=(self.sample or least.sample) if sampled else 0,
        )

    @property
    def committees(self) -> Committees:
        """What rules have, of a completed table; raises ConfigurationError."""
        numbers = self.size or EVERYBODY, self.sample or EVERYBODY, self.redraws, self.unsafe
        return Committees(self.corrupt, self.absent, *numbers)

    def holding(self, hospitals: int, threshold: int) -> tuple[int, int]:
        """How many hospitals hold shares, and how many of these learn nothing together."""
        return (self.size, self.threshold) if self.size else (hospitals, threshold)

    def collusion(self, hospitals: int) -> int:
        """How many of all hospitals may collude, where a committee holds shares; else 0."""
        return self.committees.corrupt_hospitals(hospitals) if self.size else 0

    def abandonments(self, hospitals: int) -> int:
        """Hospitals that give a set up, where a committee holds shares: all but who may be missing."""
        if not self.size:
            return 0
        return hospitals - self.collusion(hospitals) - self.committees.hospitals(hospitals).absent

    def lines(self, hospitals: int, verifiers: int) -> Iterator[str]:
        """The table of a completed project."""
        yield from ("", "[committees]")
        for name, value in vars(self).items():
            if value or COMMITTEES[name].usual is not None:
                yield f"{name} = {json.dumps(value)}  # {COMMITTEES[name].meaning}"
        threshold = self.threshold or 1
        yield from (
            f"# {line}" for line in in_words(tuple(self.committees.bounds(hospitals, verifiers, threshold)))
        )


def read_committees(values: Mapping[str, Any]) -> CommitteesTable:
    """The table, an empty one with all that is usual; raises ProjectError."""
    table = Table(values, WHERE, COMMITTEES)
    found = CommitteesTable(
        corrupt=table.integer("corrupt"),
        absent=table.integer("absent"),
        holders=_option(table, "holders"),
        size=_least(table, "size"),
        threshold=_least(table, "threshold"),
        verification=_option(table, "verification"),
        sample=_least(table, "sample"),
        redraws=table.integer("redraws"),
        unsafe=table.flag("unsafe"),
    )
    if found.holders == ALL and found.verification == ALL:
        raise ProjectError("committees", "a committee of holders, or of verifiers", "neither")
    return found


def _least(table: Table, name: str) -> int:
    return table.integer(name) if table.has(name) else 0


def _option(table: Table, name: str) -> str:
    kind = COMMITTEES[name].kind
    assert isinstance(kind, Text)
    value = table.text(name)
    if value not in kind.options:
        raise ProjectError(f"{WHERE}{name}", f"one of {', '.join(kind.options)}", repr(value)[:80])
    return value
