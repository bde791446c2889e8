"""A dishonest aggregator that shows two ledgers: one federation becomes two, from one common past.

Every honest member follows one of the two ledgers. Dishonest members have a copy of their state on each, and do
there whatever helps. The aggregator chooses which of the messages that it holds back are recorded where.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.engines.run_folder import Plan, private_of
from tests.federation.adopted import adopt
from tests.federation.fakes import FakeProofs, datasets
from tests.federation.harness import Withholding, opened


class Side(FaithfulNetwork):
    """Lets only some members speak, and loses the given (member, topic) pairs in attempt 0."""

    def __init__(self, members: Collection[str], lost: Collection[tuple[str, str]] = ()) -> None:
        self.members, self.lost = set(members), set(lost)

    def to_aggregator(self, member, message):
        envelope = opened(message)
        lost = envelope.attempt == 0 and (member, envelope.topic) in self.lost
        return () if lost or member not in self.members else (message,)

    def to_member(self, member, message):
        return (message,) if member in self.members else ()


@dataclass
class Past:
    """A federation that has stopped, and the packets that the aggregator has and has not recorded."""

    directory: Path
    agreed: Plan
    kept: list[tuple[str, bytes]]

    def fork(
        self,
        directory: Path,
        members: Collection[str],
        recorded: Iterable[str],
        lost: Collection[tuple[str, str]] = (),
        **options,
    ) -> InProcessFederation:
        """One of the ledgers: `members` follow it, and what those in `recorded` had said is recorded first."""
        for source, copy in ((self.directory, directory), tuple(map(private_of, (self.directory, directory)))):
            shutil.copytree(source, copy)
            adopt(copy)
        engine = InProcessFederation(
            directory,
            self.agreed,
            datasets(self.agreed),
            seed=b"s",
            network=Side(members, lost),
            proofs=FakeProofs(),
            **options,
        )
        for name, packet in self.kept:
            if name in recorded:
                engine.aggregator.handle(packet)
        engine.run()
        return engine


def past(directory: Path, agreed: Plan, topic: str, **options) -> Past:
    """Runs until every hospital has said `topic` in round 1, none of which is recorded."""
    network = Withholding("hospital", topic)
    engine = InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", network=network, proofs=FakeProofs(), **options
    )
    count = len(agreed.hospitals)
    engine.run(lambda: len({opened(packet).sender for packet in network.kept}) == count)
    engine.close()
    return Past(directory, agreed, [(opened(packet).sender, packet) for packet in network.kept])


def opened_sets(engine: InProcessFederation) -> list[tuple[str, ...]]:
    """The accepted sets of round 1 whose sum was opened: those that t + 1 holders have answered.

    One set opened on both ledgers is one sum: all training from one model is the same.
    """
    history = engine.aggregator.history
    states = [*history.earlier, *history.closed, *([history.current] if history.current else [])]
    needed = engine.rules.config.threshold + 1
    return [
        state.accepted.record.hospitals
        for state in states
        if state.number == 1 and state.accepted is not None and len(state.share_sums) >= needed
    ]
