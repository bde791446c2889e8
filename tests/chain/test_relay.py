"""A ledger anchored on a chain in one process: by anyone, from the ledger alone, and never against it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proofward.chain.basics.abi import calldata
from proofward.chain.basics.anchor import anchor_of
from proofward.chain.basics.errors import NoAnchor, NotAnchored
from proofward.chain.carried import carried_of, from_json, is_there, to_json
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keys import ChainKey, Seal
from proofward.chain.contract.typed_data import Checkpoint
from proofward.chain.key_files import kept_key
from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.nodes.node import Transaction
from proofward.chain.relay import NOTHING_YET, relay, require_continued, state_of, transactions
from proofward.chain.seals import KeySealer, outcome_record, seals_of
from proofward.chain.standing import standing_of
from proofward.cli.evidence.anchor import chain
from proofward.engines.run_folder import private_of
from proofward.federation.messages.records.catalogue import RoundSeal
from proofward.ledger.merkle_log import consistency_proof
from proofward.report.handover.models.model_source import read_ledger
from tests.chain.anchored import anchored_plan, federation
from tests.federation.harness import Withholding

pytestmark = pytest.mark.slow


def test_everything_due_is_sent_once_and_proved(run) -> None:
    history = run.history
    assert [receipt.what for receipt in run.receipts] == ["deploy", "weights of round 1", "round 1", "round 2"]
    state = state_of(history, run.node)
    assert state.closed == 2 and state.model == history.model and state.deployed
    assert state.size == history.outcomes[2].size and state.root == history.roots[state.size]
    assert list(state.outcomes) == [outcome_record(history.outcomes[number]).struct_hash() for number in (1, 2)]
    assert not list(relay(history, run.node))


class Failing(LocalNode):
    """Takes so many transactions more, then answers nothing."""

    left = 0

    def send(self, transaction):
        if not self.left:
            raise NotAnchored("the node", "a node that answers", "no answer")
        self.left -= 1
        return super().send(transaction)


@pytest.mark.parametrize("before", [0, 2])
def test_a_file_goes_on_wherever_it_was_interrupted(run, before: int, tmp_path, proofward, monkeypatch) -> None:
    """Of a file's four transactions so many are sent; given again, the command sends the others, and no more."""
    history, node, file, key = run.history, Failing(), tmp_path / "due.json", tmp_path / "account.key"
    key.write_text("11" * 32)
    key.chmod(0o600)
    due, anchor = list(transactions(history, NOTHING_YET)), anchor_of(history)
    carried = carried_of(history, due)
    file.write_text(to_json(carried))
    assert from_json(file.read_text()) == carried and carried.seats == 3 and from_json(
        file.read_text().replace('"seats": 3,', "")) == replace(carried, seats=0)  # fmt: skip
    assert carried.due == due and not any(is_there(one, anchor.address, NOTHING_YET) for one in due)
    monkeypatch.setattr(chain, "node_at", lambda *rest: node)
    asked = ("chain", "anchor", file, "--rpc", "http://127.0.0.1:1", "--key", key)
    names, node.left = [one.what for one in due], before
    stopped = proofward(*asked)
    assert stopped.exit_code == 1 and "repeat the command" in stopped.stderr
    assert (f"has {', '.join(names[:before])} of" in " ".join(stopped.stderr.split())) == (before > 0)
    node.left = 9
    told = json.loads(proofward(*asked, "--json").output)
    assert [told["skipped"], [one["what"] for one in told["sent"]]] == [names[:before], names[before:]]
    assert state_of(history, node).closed == 2
    again = proofward(*asked)
    assert again.exit_code == 0 and f"the chain has it: {', '.join(names)}" in again.output and node.left == 5 + before


def test_a_seal_over_something_else_is_ignored_with_the_reason(run) -> None:
    history = run.history
    found = seals_of(history, anchor_of(history), 1)
    assert [seal.number for seal in found.outcome] == [0, 1] and set(found.ignored) == {"verifier-2"}
    lost = seals_of(history, anchor_of(history), 1, gone=1)
    assert [seal.number for seal in lost.outcome] == [1] and "lost" in lost.ignored["verifier-0"]
    plain, lines = standing_of(history, run.node)
    assert plain["anchored"] == 2 and plain["due"] == [] and any("verifier-2 does not count" in line for line in lines)


def test_too_few_seals_anchor_nothing_more(run) -> None:
    history = run.history
    del history.seals[2, "verifier-0"]
    assert [one.what for one in transactions(history, NOTHING_YET)][-1] == "round 1"


def test_a_ledger_rewritten_under_all_seals_is_refused_by_relay_and_by_chain(run) -> None:
    """The fork is a whole ledger of the same members, who sign everything in it."""
    history = read_ledger(run.fork / "ledger")[0]
    anchor, state = anchor_of(history), state_of(history, run.node)
    assert anchor.address == anchor_of(run.history).address
    with pytest.raises(NotAnchored, match="rewritten"):
        list(relay(history, run.node))
    with pytest.raises(NotAnchored, match="entries, as anchored"):
        require_continued(history, replace(state, size=history.size + 1))
    record = Checkpoint(history.size, history.root)
    keys = [kept_key(private_of(run.fork) / name) for name in anchor.names]
    seals = [Seal(place, key.sign(anchor.domain.digest(record))).as_tuple() for place, key in enumerate(keys)]
    proof = consistency_proof(state.size, history.size, history.tree.node)
    data = calldata(anchor_artifact().abi, "anchor", (record.size, record.root, proof, seals))
    with pytest.raises(NotAnchored, match="consistency"):
        run.node.send(Transaction("another history", anchor.address, data))


def test_another_chain_or_none_is_refused_by_name(run) -> None:
    history = run.history
    with pytest.raises(NotAnchored, match="number 31337"):
        list(relay(history, LocalNode(chain_id=5)))
    other = replace(history.rules, chain=replace(history.rules.chain, contract=bytes(32)))
    history.rules, kept = other, history.rules
    with pytest.raises(NoAnchor, match="digest"):
        anchor_of(history)
    history.rules = replace(kept, chain=None)
    with pytest.raises(NoAnchor, match="no anchor"):
        anchor_of(history)
    history.rules = kept
    history.closed = []
    with pytest.raises(NoAnchor, match="first round"):
        anchor_of(history)
    history.chain_keys.clear()
    with pytest.raises(NoAnchor, match="verifier-0, verifier-1"):
        anchor_of(history)


def test_seals_that_never_come_hold_nobody_up(tmp_path) -> None:
    """Not one seal arrives: the federation ends as ever, and only the contract is due."""
    engine = federation(tmp_path, anchored_plan(), network=Withholding("verifier", RoundSeal.kind))
    assert engine.run().finished
    history = engine.aggregator.history
    assert not history.seals
    assert [one.what for one in transactions(history, NOTHING_YET)] == ["deploy"]


def test_a_seal_is_made_only_where_there_is_an_anchor(run) -> None:
    sealer, history = KeySealer(ChainKey("p256", (7).to_bytes(32, "big"))), run.history
    assert sealer.seal(history, 1) is not None
    history.chain_keys.clear()
    assert sealer.seal(history, 1) is None
