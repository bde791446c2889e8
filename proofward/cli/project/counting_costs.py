"""What a hospital's counts cost in the rounds that count, in exact measures of their proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proofward.cli.common.usual import ROWS

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.proof.counter import Plan

ENTRY_BYTES = 8


@dataclass(frozen=True)
class CountingCosts:
    """label: what is counted. rounds: in which. numbers: how many are encrypted. policy: bits demanded."""

    label: str
    rounds: tuple[int, ...]
    numbers: int
    plan: Plan
    policy: int

    @property
    def ciphertext_bytes(self) -> int:
        """Of a hospital's counts."""
        from proofward.lattice.parameters import ciphertext_length

        return ENTRY_BYTES * ciphertext_length(self.numbers)


def counting_costs(project: Project, rows: int = ROWS) -> list[CountingCosts]:
    """Of a completed project; rows: of the hospital. Raises ProjectError, ConfigurationError."""
    from proofward.cli.project.consortium_file.evaluated_rounds import agreed_rounds
    from proofward.relations.proofs.measure import plan_of_counts

    config, _, counted = agreed_rounds(project)
    return [
        CountingCosts(
            own.label, own.rounds, own.length, plan_of_counts(config, own, rows), config.security_bits
        )
        for own in counted
    ]


def counting_lines(found: list[CountingCosts], *, alone: bool) -> Iterator[str]:
    """For people. alone: whether nobody trains."""
    if alone:
        yield "nobody trains and no records are enrolled: all rounds count"
    for own in found:
        rounds = "1 round" if len(own.rounds) == 1 else f"{len(own.rounds):,} rounds"
        yield f"{own.label}: {rounds}, {own.numbers:,} numbers; ciphertext {own.ciphertext_bytes:,} bytes"
        length = own.plan.proof_length
        yield (
            f"  a hospital's proof: {own.plan.values:,} committed values, {own.plan.soundness.words} (the "
            f"rules demand {own.policy}), "
            f"about {length.expected:,} bytes ({length.least:,} to {length.most:,})"
        )


def plain_counting(found: list[CountingCosts]) -> list[dict[str, Any]]:
    """All figures, by name."""
    return [
        {
            "label": own.label,
            "rounds": list(own.rounds),
            "numbers": own.numbers,
            "ciphertext_bytes": own.ciphertext_bytes,
            "committed_values": own.plan.values,
            "soundness_bits_with_work": round(own.plan.bits_with_work, 2),
            "proof_bytes": {
                "least": own.plan.proof_length.least,
                "expected": own.plan.proof_length.expected,
                "most": own.plan.proof_length.most,
            },
        }
        for own in found
    ]
