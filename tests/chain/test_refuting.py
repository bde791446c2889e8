"""`proofward chain dispute`: what each recorded verdict comes to, and the seats that false ones cost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proofward.chain.basics.anchor import anchor_of
from proofward.chain.disputes import refuting
from proofward.chain.disputes.receipt import Receipt
from proofward.chain.disputes.refuting import HOLDS, examined
from proofward.chain.disputes.verdicts import typed_verdict
from proofward.chain.key_files import kept_key
from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.relay import relay, state_of
from proofward.cli.evidence.anchor import chain
from proofward.cli.evidence.anchor import dispute as chain_dispute
from proofward.engines.run_folder import private_of
from proofward.federation.messages.records.catalogue import VerdictReceipt
from tests.chain.contract.disputed import Disputed, without_training

pytestmark = pytest.mark.slow
BY, ON = "verifier-1", "hospital-0"


@pytest.fixture(scope="module")
def forged() -> Disputed:
    """The columns of a proof without training, in the place of those of a recorded proof."""
    return without_training()


class Told:
    """The run's ledger with what one seat has signed of the first round."""

    def __init__(self, run) -> None:
        self.history, self.folder = run.history, run.folder
        self.state, self.anchor = self.history.closed[0], anchor_of(self.history)

    def say(self, receipt: bytes, signed: bytes | None = None, by: str = BY, on: str = ON) -> VerdictReceipt:
        """signed: the receipt that the seal is over, if it is another one."""
        key, said = kept_key(private_of(self.folder) / by), self.state.verdicts[by, on]
        verdict = typed_verdict(self.history, self.state, said, receipt if signed is None else signed)
        record = VerdictReceipt(on, said.upload, receipt, key.sign(self.anchor.domain.digest(verdict)).to_bytes())
        self.state.receipts[by, on] = record
        return record

    def words(self, record: VerdictReceipt, opened, by: str = BY) -> tuple[str, str | None]:
        """What it comes to, and the function that refutes it."""
        found = examined(self.history, self.state, by, record, opened)
        return found.words, found.transaction and found.transaction.what.partition(":")[0]


def test_what_a_verdict_comes_to(run, forged: Disputed) -> None:
    told, honest = Told(run), forged.receipt
    false, other = forged.false_receipt(5), replace(honest, weights=bytes(32))
    column, row = honest.claims[5][0], honest.claims[refuting.row_disagrees(forged.opened)][0]
    agreeing = replace(forged.opened, row=None)
    expected = {
        f"FALSE: it claims another value than the proof has for column {column}": (false.to_bytes(), forged.opened),
        f"FALSE: it accepts a proof whose row has another value at column {row}": (honest.to_bytes(), forged.opened),
        HOLDS: (Receipt.of(agreeing).to_bytes(), agreeing),
        "another receipt than the proof gives (weights), which verifiers have to look at": (other.to_bytes(), forged.opened),
        "no receipt goes with it, so that the contract has nothing to execute": (b"", forged.opened),
        "the proof opens no columns, so that the contract has nothing to execute": (honest.to_bytes(), None),
    }
    functions = ["dispute_column", "dispute_row", None, None, None, None]
    for (words, (receipt, opened)), function in zip(expected.items(), functions, strict=True):
        assert told.words(told.say(receipt), opened) == (words, function)
    unsigned = told.say(honest.to_bytes(), signed=false.to_bytes())
    assert told.words(unsigned, forged.opened)[0].startswith("not signed by the seat's key")
    refused = replace(told.state.verdicts[BY, ON], accepted=False, check="column queries")
    told.state.verdicts[BY, ON] = refused
    assert told.words(told.say(honest.to_bytes()), forged.opened) == (HOLDS, None)


def test_false_verdicts_are_shown_tried_written_and_sent(run, forged, proofward, tmp_path, monkeypatch) -> None:
    """One seat claims a false value, another accepts with the true ones; both lose their seats, once."""
    told, node, due, key = Told(run), LocalNode(), tmp_path / "due.json", tmp_path / "account.key"
    told.say(forged.false_receipt(5).to_bytes())
    told.say(forged.receipt.to_bytes(), by="verifier-2")
    key.write_text("11" * 32)
    key.chmod(0o600)
    monkeypatch.setattr(chain_dispute, "followed_of", lambda source: (told.history, None))
    monkeypatch.setattr(refuting, "opened_again", lambda *rest: forged.opened)
    for module in (chain, chain_dispute):
        monkeypatch.setattr(module, "node_at", lambda *rest: node)
    asked, rpc = ("chain", "dispute", run.folder), ("--rpc", "http://127.0.0.1:1")
    shown = json.loads(proofward(*asked, "--json").output)
    assert [one["false"] for one in shown["verdicts"]] == [True, True] and shown["did"] == "examined"
    assert proofward(*asked).exit_code == 1 and proofward(*asked, "--key", key).exit_code == 2
    assert "not on the chain yet" in proofward(*asked, *rpc).stderr
    list(relay(run.history, node))
    tried = proofward(*asked, *rpc)
    assert tried.exit_code == 1 and f"{BY} would lose its seat" in tried.output and " gas, at most 0.0" in tried.output
    written = proofward(*asked, *rpc, "--verifier", BY, "--to", due)
    assert written.exit_code == 0 and "1 dispute, not signed" in written.output and due.exists()
    assert "name another file" in proofward(*asked, "--to", due).stderr
    unasked = proofward(*asked, *rpc, "--key", key, "--json")
    assert unasked.exit_code == 1 and "--yes" in unasked.output and state_of(run.history, node).gone == 0
    sent = json.loads(proofward("chain", "anchor", due, *rpc, "--key", key, "--json").output)
    assert [one["what"] for one in sent["sent"]] == [f"dispute_column: round 1, {BY} on {ON}"]
    assert state_of(run.history, node).gone == 0b010
    again = json.loads(proofward("chain", "anchor", due, *rpc, "--key", key, "--json").output)
    assert again["skipped"] and not again["sent"]
    other = proofward(*asked, *rpc, "--key", key, "--yes")
    assert other.exit_code == 0 and f"{BY} has lost its seat already" in other.output, other.output
    assert "verifier-2 has lost its seat, " in other.output and state_of(run.history, node).gone == 0b110
    assert proofward(*asked, *rpc, "--key", key).exit_code == 0
    assert "no such verdict" in proofward(*asked, "--hospital", "nobody").stderr
