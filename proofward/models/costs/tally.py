"""Exact counts of a proof by part: the counter that interprets the relation's own script, and notes names.

Nothing is estimated here. Every column that the script declares and every value that it looks up is counted
for the part that its name begins with; a name of no known part is an error, so that none can be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.proof.commitment.contract import Scheme
from proofward.proof.counter import Counter, Plan
from proofward.proof.forms import Column
from proofward.proof.leaf_values import most_nodes
from proofward.proof.lookup import LEAVES, LOOKUPS
from proofward.proof.party import Party
from proofward.relations.proofs.measure import blank_statement, round_script
from proofward.relations.records.enrolment import EnrolmentStatement, enrolment
from proofward.relations.rules.config import RoundConfig

DATASET, TABLES, HEAD, UPDATE, ENCRYPTION = "dataset", "tables", "head", "update", "encryption"
CLIPPING, NOISE = "clipping", "noise"
_OF_PARAMETERS = {"errors": ENCRYPTION, "noise,": NOISE, "fine": NOISE, "coarse": NOISE}
_BEGINNINGS = (
    ("features", DATASET),
    ("labels", DATASET),
    ("multiplicities of ", TABLES),
    ("head ", HEAD),
    ("weight shortfall", UPDATE),
    ("weight room", UPDATE),
    ("clipped", UPDATE),
    ("clipping ", CLIPPING),
    ("norm ", UPDATE),
    ("coarse norm ", UPDATE),
    ("secret", ENCRYPTION),
    ("sharing coefficient ", ENCRYPTION),
    ("added entries", ENCRYPTION),
)


@dataclass(frozen=True)
class Part:
    """What a part of a proof commits to and looks up; `columns` of the committed values."""

    name: str
    committed: int = 0
    columns: int = 0
    lookups: int = 0

    def plus(self, committed: int = 0, columns: int = 0, lookups: int = 0) -> Part:
        """With more of it."""
        return Part(self.name, self.committed + committed, self.columns + columns, self.lookups + lookups)


@dataclass(frozen=True)
class Tally:
    """The plan of a script, and its counts by part.

    leaves: of all fraction trees, padded. nodes: of their levels that a prover keeps.
    """

    plan: Plan
    parts: dict[str, Part]
    leaves: int
    nodes: int

    @property
    def lookups(self) -> int:
        """Values that are looked up."""
        return sum(part.lookups for part in self.parts.values())

    def part(self, name: str) -> Part:
        """Counts of a part, zeros where the script has nothing of it."""
        return self.parts.get(name, Part(name))


class TallyingCounter(Counter):
    """A counter that keeps what columns and lookups are called."""

    def __init__(self, scheme: Scheme, policy_bits: float) -> None:
        super().__init__(scheme, policy_bits)
        self.parts: dict[str, Part] = {}
        self.leaves = self.nodes = 0

    def declare(self, name: str, log_size: int, values: Callable[[], npt.NDArray[np.uint64]]) -> Column:
        self._count(name, committed=1 << log_size, columns=1)
        return super().declare(name, log_size, values)

    def note(self, what: str, name: str, count: int) -> None:
        if what == LOOKUPS:
            self._count(name, lookups=count)
        elif what == LEAVES:
            self.leaves += count
            self.nodes += most_nodes(count)

    def _count(self, name: str, committed: int = 0, columns: int = 0, lookups: int = 0) -> None:
        part = part_of(name)
        own = self.parts.get(part, Part(part))
        self.parts[part] = own.plus(committed, columns, lookups)


def part_of(name: str) -> str:
    """The part that a column is of, by its name: `layer 2`, or `layer 2 update` for its parameters."""
    words = name.split()
    if words[:1] == ["layer"]:
        own = " ".join(words[:2])
        if words[2] not in ("weights", "biases"):
            return own
        part = _OF_PARAMETERS.get(words[3], UPDATE)
        return part if part == NOISE else f"{own} {part}"
    for beginning, part in _BEGINNINGS:
        if name.startswith(beginning):
            return part
    raise AssertionError(f"column {name!r} is of no known part")


def tally(script: Callable[[Party], None], scheme: Scheme, policy_bits: float) -> Tally:
    """The counts of any script whose proofs have to reach a policy."""
    counter = TallyingCounter(scheme, policy_bits)
    plan = counter.run(script)
    found = Tally(plan, counter.parts, counter.leaves, counter.nodes)
    if sum(part.committed for part in found.parts.values()) != plan.values:
        raise AssertionError(f"parts commit to other values than the plan's {plan.values}")
    return found


def tally_round(config: RoundConfig, rows: int) -> Tally:
    """The counts of a round's proof; raises a TrainingError where there is no such statement."""
    return tally(round_script(blank_statement(config, rows)), config.scheme(rows), config.security_bits)


def tally_enrolment(config: RoundConfig, rows: int) -> Tally:
    """The counts of an enrolment's proof; raises a TrainingError where there is no such statement."""
    statement = EnrolmentStatement(bytes(32), "", rows, config.model.features, config)
    return tally(lambda party: enrolment(party, statement, None), config.scheme(rows), config.security_bits)
