"""Runs a federation and kills its own process at a given step."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.history.proving.proofs import RelationProofs
from tests.federation.fakes import FakeProofs, datasets, plan


class Countdown(FaithfulNetwork):
    """Every event and every delivery is a step."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def to_member(self, member, message):
        self.step()
        return (message,)

    def to_aggregator(self, member, message):
        self.step()
        return (message,)


def build(folder: Path, countdown: Countdown, proofs: str = "fake") -> InProcessFederation:
    agreed = plan(hospitals=3, verifiers=1, rounds=2, threshold=1)
    return InProcessFederation(
        folder,
        agreed,
        datasets(agreed),
        seed=b"k",
        observe=countdown.step,
        network=countdown,
        proofs=FakeProofs() if proofs == "fake" else RelationProofs(),
    )


def main(said: Connection, folder: Path, step: int, proofs: str) -> None:
    """In a process of its own; `proofs` are fake or real."""
    build(folder, Countdown(step), proofs).run()
