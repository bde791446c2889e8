"""The commands on a real node, anvil: deploy, anchor, status, verify, the air gap, and a rewritten ledger."""

from __future__ import annotations

import json
import shutil

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import private_of
from proofward.ledger.files import write_file
from tests.chain.anchored import anchored_plan, federation
from tests.chain.contract.anvil import ANVIL, WITHOUT, AnvilChain

pytestmark = [pytest.mark.slow, pytest.mark.skipif(ANVIL is None, reason=WITHOUT)]
ACCOUNT = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first account of every anvil: public, and worth nothing anywhere else."""


@pytest.fixture(scope="module")
def node():
    chain = AnvilChain()
    yield chain
    chain.stop()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> InProcessFederation:
    folder = tmp_path_factory.mktemp("on-a-node")
    assert federation(folder / "run", anchored_plan()).run().finished
    return folder / "run"


@pytest.fixture
def asked(node, tmp_path):
    key = tmp_path / "account.key"
    write_file(key, ACCOUNT.encode(), tmp_path / "account.tmp", mode=0o600)
    return ("--rpc", node._url, "--dev-chain"), ("--key", str(key))


def test_a_ledger_is_anchored_and_audited_over_rpc_and_from_a_file(proofward, run, asked, tmp_path) -> None:
    rpc, key = asked
    proof, due = tmp_path / "proof.json", tmp_path / "due.json"
    done = proofward("chain", "deploy", run, *rpc, *key)
    assert done.exit_code == 0 and done.output.startswith("deploy: block"), done.output
    before = proofward("chain", "status", run, *rpc, "--json")
    assert json.loads(before.output)["due"] == ["weights of round 1", "round 1", "round 2"]
    done = proofward("chain", "anchor", run, *rpc, *key, "--proof", proof, "--json")
    assert [one["what"] for one in json.loads(done.output)["sent"]] == ["weights of round 1", "round 1", "round 2"]
    assert "nothing is due" in proofward("chain", "anchor", run, *rpc, *key).output
    for shown in (rpc, ("--chain-proof", proof)):
        done = proofward("chain", "verify", run, *shown)
        assert done.exit_code == 0 and "2 rounds anchored on chain 31337" in done.output, done.output
    assert proofward("chain", "export", run, due, "--chain-proof", proof).output.endswith("nothing is due\n")
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    assert "kept as" in proofward("chain", "import", copy, proof).output
    whole = tmp_path / "whole.json"
    assert proofward("chain", "export", run, whole).exit_code == 0
    for again in (proofward("chain", "anchor", whole, *rpc, *key), proofward("chain", "anchor", run, *rpc[:2], *key)):
        assert again.exit_code == 0 and "nothing is due" in again.output, again.output
    assert (copy / "chain-proof.json").read_text() == proof.read_text()


def test_a_seat_has_another_key(proofward, run, asked, tmp_path) -> None:
    """After the rounds are anchored, whose seals are of the keys before."""
    rpc, key = asked
    request, copy, proof = tmp_path / "seat.json", tmp_path / "run", tmp_path / "proof.json"
    for source, target in ((run, copy), (private_of(run), private_of(copy))):
        shutil.copytree(source, target)
    who = ("--member", "verifier-0")
    assert proofward("chain", "anchor", copy, *rpc, *key).exit_code == 0
    assert "asks for a p256 key" in proofward("chain", "seat", "new", copy, request, *rpc, *who, "--curve", "p256").output
    assert proofward("chain", "verify", copy, *rpc, "--proof", proof).exit_code == 0
    shown = ("--chain-proof", proof)
    assert "3 of 2 seals" in proofward("chain", "seat", "seal", copy, request, *shown, "--yes").output
    dear = proofward("chain", "seat", "send", copy, request, *rpc[:2], *key, "--yes", "--max-fee", "0.0000001")
    assert dear.exit_code == 1 and "as the node names it: nothing was sent" in " ".join(dear.stderr.split())
    sent = proofward("chain", "seat", "send", copy, request, *rpc[:2], *key, "--yes")
    assert sent.exit_code == 0 and "has another key in its seat: block" in sent.output, sent.output
    assert "another key than in the ledger: verifier-0" in proofward("chain", "status", copy, *rpc).output
    assert "seals with the p256 key" in proofward("chain", "seat", "take", copy, *rpc, *who).output


def test_finality_is_waited_for_unless_it_is_a_chain_for_development(proofward, run, asked) -> None:
    rpc, _ = asked
    done = proofward("chain", "status", run, *rpc[:2], "--json")
    assert done.exit_code == 0 and json.loads(done.output)["anchored"] == 0


def test_a_node_that_is_none_and_wrong_keys_are_refused_in_words(proofward, run, asked, tmp_path) -> None:
    rpc, _ = asked
    assert "a node that answers" in proofward("chain", "status", run, "--rpc", "http://127.0.0.1:9").output
    other = tmp_path / "open.key"
    other.write_text(ACCOUNT)
    other.chmod(0o644)
    assert "chmod 600" in proofward("chain", "anchor", run, *rpc, "--key", other).output
    write_file(tmp_path / "no.key", b"12", tmp_path / "no.tmp", mode=0o600)
    assert "64 hexadecimal digits" in proofward("chain", "anchor", run, *rpc, "--key", tmp_path / "no.key").output
