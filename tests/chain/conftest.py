"""One anchored run for all tests of this folder, a fork of it, and the commands called in this process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from proofward.chain.basics.anchor import anchor_of
from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.nodes.node import Receipt
from proofward.chain.relay import relay
from proofward.chain.state.state_proof import StateProof, slots_for
from proofward.cli.main import main
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.run_folder import private_of
from proofward.federation.history.history import History
from proofward.federation.messages.records.catalogue import RoundSeal
from proofward.federation.parties.verifier import Verifier
from proofward.report.handover.models.model_source import read_ledger
from tests.chain.anchored import anchored_plan
from tests.federation.adopted import adopt
from tests.federation.fakes import FakeProofs, datasets


@pytest.fixture(scope="session")
def proofward():
    def call(*arguments: object):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call


class Garbled(Verifier):
    """Says the seal of another outcome."""

    def say(self, record, *rest, **more):
        if isinstance(record, RoundSeal):
            record = RoundSeal(record.round, record.aggregate, record.weights, record.outcome[:-65] + bytes(65))
        return super().say(record, *rest, **more)


@dataclass
class AnchoredRun:
    """folder: a finished run of which one verifier seals something else; fork: another after the first round."""

    folder: Path
    fork: Path
    node: LocalNode
    receipts: list[Receipt]
    proof: StateProof

    @property
    def history(self) -> History:
        """The ledger's meaning, read from the folder alone, anew."""
        return read_ledger(self.folder / "ledger")[0]

    @property
    def fork_history(self) -> History:
        """That of the fork."""
        return read_ledger(self.fork / "ledger")[0]


def engine(folder: Path) -> InProcessFederation:
    agreed = anchored_plan()
    parties = Parties(verifiers={"verifier-2": Garbled})
    return InProcessFederation(folder, agreed, datasets(agreed), proofs=FakeProofs(), parties=parties)


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> AnchoredRun:
    folder = tmp_path_factory.mktemp("anchored") / "run"
    fork, first = folder.with_name("fork"), engine(folder)
    first.run(lambda: len(first.aggregator.history.closed) == 1)
    first.close()
    for source, copy in ((folder, fork), (private_of(folder), private_of(fork))):
        shutil.copytree(source, copy)
        adopt(copy)
    for place in (folder, fork):
        result = engine(place).run()
        assert result.finished and not result.refusals and not result.halted
    node, history = LocalNode(), read_ledger(folder / "ledger")[0]
    receipts = list(relay(history, node))
    proof = node.state_proof(anchor_of(history).address, slots_for(2, 3))
    return AnchoredRun(folder, fork, node, receipts, proof)
