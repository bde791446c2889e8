"""Runs a federation and kills its own process at a given step: argv = folder, step, fake or real."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.history.proofs import RelationProofs
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


if __name__ == "__main__":
    counter = Countdown(int(sys.argv[2]))
    build(Path(sys.argv[1]), counter, sys.argv[3]).run()
    print(-counter.left)
