"""One small federation for all tests of the report: hostile words in it, and a hospital that cheats."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.dossier.filing import file_report
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.run_folder import RunFolder
from proofward.federation.messages.consortium.declarations import Declarations, LegalMember
from proofward.federation.parties.hospital import Hospital
from tests.dossier.words import HOSTILE, SHEET
from tests.federation.fakes import FakeProofs, datasets, plan

NOON = 1_780_000_000
DECLARED = Declarations(
    purpose=("To find sepsis earlier.", "<b>bold</b>"),
    members=(LegalMember("hospital-0", HOSTILE, "dpo@one.example", "Dr. A. Ärztin"),),
)


class ProvesNothing(Hospital):
    """Sends what is no proof."""

    def prove_round(self, statement, secret):
        made, sealed = super().prove_round(statement, secret)
        return replace(made, proof=made.proof[:32] + bytes(32) + made.proof[64:]), sealed


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A federation of four hospitals and two rounds, of which one cheats; its ledger and its history."""
    folder, clock = tmp_path_factory.mktemp("federation"), Clock()
    agreed = replace(plan(hospitals=4, verifiers=1, rounds=2, threshold=1), declarations=DECLARED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "clock", lambda *_: clock)
        engine = InProcessFederation(
            folder, agreed, datasets(agreed), seed=b"r", proofs=FakeProofs(),
            parties=Parties({"hospital-3": ProvesNothing}), data_sheets={"hospital-1": SHEET},
        )  # fmt: skip
        assert engine.run().finished
    return folder / "ledger", engine.aggregator.history


@pytest.fixture(scope="session")
def filed(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    return file_report(run[0], path, proofs=FakeProofs())


@pytest.fixture(scope="session")
def page(filed) -> str:
    return filed.files[0].read_text()
