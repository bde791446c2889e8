"""Typed errors of the proof system."""

from __future__ import annotations


class ProofRejected(Exception):
    """A proof is refused: `check` names the check that failed, `detail` gives expected and actual."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check
        self.detail = detail


class WitnessError(Exception):
    """The prover's own values do not satisfy the relation; nothing was sent."""


class OpeningsExhausted(Exception):
    """A commitment has been opened as often as it hides its columns; commit to them afresh."""
