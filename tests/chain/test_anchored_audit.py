"""The audit of an anchor: proofs of a chain's state, altered ones, and a ledger rewritten since."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

import pytest

from proofward.chain.anchored_audit import anchor_verdicts
from proofward.chain.basics.anchor import anchor_of
from proofward.chain.basics.errors import ProofOfStateInvalid
from proofward.chain.contract.errors import ChainError
from proofward.chain.contract.keccak import keccak256
from proofward.chain.state.rlp import rlp_decode, rlp_encode
from proofward.chain.state.state_proof import StateProof, proved_state, slots_for
from proofward.chain.state.state_trie import value_at
from proofward.cli.evidence.ledgers.audit_words import screen
from proofward.dossier.parts.paper import Facts
from proofward.dossier.record.evidence import evidence
from proofward.dossier.sections.digests import digests
from proofward.federation.history.state.outcomes import roster_digest
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import PROOF_OF_ANCHOR, RunAudit
from proofward.report.handover.models.model_source import read_ledger
from tests.federation.fakes import FakeProofs

pytestmark = pytest.mark.slow


def audited(folder, *proofs) -> AuditSummary:
    auditor = RunAudit(folder, FakeProofs(), anchors=proofs)
    return AuditSummary(list(auditor.run()), auditor.history)


def test_the_audit_compares_every_anchored_round_and_says_where(run) -> None:
    summary = audited(run.folder / "ledger", run.proof)
    assert summary.passed and summary.counts()["anchor"]["passed"] == 3
    text = "\n".join(screen(summary, None))
    assert "anchor      134 of 146 entries and 2 rounds anchored on chain 31337 at 0x" in text
    plain = "\n".join(screen(audited(run.folder / "ledger"), None))
    assert "nothing compared without --chain-proof or --rpc" in plain


def test_the_report_says_what_is_anchored(run) -> None:
    for proofs, words in (((run.proof,), "2 rounds anchored"), ((), "not compared")):
        auditor = RunAudit(run.folder / "ledger", FakeProofs(), anchors=proofs)
        summary = AuditSummary(list(auditor.run()), auditor.history)
        facts = next(block for block in digests(evidence(auditor, summary)).blocks if isinstance(block, Facts))
        (line,) = [row for row in facts.rows if row.term == "Anchor"]
        assert words in str(line)


def test_a_ledger_rewritten_after_the_anchor_is_named(run) -> None:
    """The fork passes every other check: all that it holds is signed."""
    assert audited(run.fork / "ledger").passed
    summary = audited(run.fork / "ledger", run.proof)
    assert not summary.passed and [flaw.check for flaw in summary.failed] == ["anchor"]
    assert "rewritten" in summary.failed[0].refusal.actual
    assert "NOT the anchored ledger" in "\n".join(screen(summary, None))


def test_a_proof_kept_beside_the_ledger_is_read(run, tmp_path, proofward) -> None:
    copy, file = tmp_path / "copy", tmp_path / "proof.json"
    shutil.copytree(run.folder, copy)
    file.write_text(run.proof.to_json())
    assert proofward("chain", "import", copy, file).exit_code == 0
    assert [one.passed for one in RunAudit(copy, FakeProofs()).run() if one.check == "anchor"] == [True] * 3
    (copy / PROOF_OF_ANCHOR).write_text("{}")
    assert [one.passed for one in RunAudit(copy, FakeProofs()).run() if one.check == "anchor"] == [False]
    done = proofward("chain", "verify", run.fork, "--chain-proof", file)
    assert done.exit_code == 1 and "DOES NOT HOLD" in done.output and "rewritten" in done.output
    assert "refused" in proofward("chain", "import", run.fork, file).output


def test_transactions_are_carried_from_a_site_without_a_network(run, tmp_path, proofward) -> None:
    from proofward.chain.carried import from_json

    out = tmp_path / "due.json"
    done = proofward("chain", "export", run.folder, out)
    assert done.exit_code == 0 and "deploy, weights of round 1, round 1, round 2" in done.output, done.output
    found = from_json(out.read_text())
    assert (found.chain_id, found.rounds, found.seats, len(found.due)) == (31337, 2, 3, 4)
    assert proofward("chain", "export", run.folder, out).exit_code == 1
    many = out.read_text().replace('"seats": 3', '"seats": 65')
    for text in ("", "[]", "{}", out.read_text().replace("v1", "v2"), many):
        with pytest.raises(ChainError):
            from_json(text)
    assert "2 of 2 seals" in proofward("chain", "status", run.folder).output


@pytest.mark.parametrize("changes, named", [
    ({"chain_id": 1}, "chain 31337"), ({"address": bytes(20)}, "follows from this ledger"), ({"storage": {}}, "storage"),
    ({"account": ()}, "node"), ({"header": b"\xc0"}, "header"), ({"header": b"\x00\x00"}, "RLP"),
])  # fmt: skip
def test_rejects_proofs_of_something_else(run, changes, named) -> None:
    (verdict,) = anchor_verdicts(run.history, replace(run.proof, **changes))
    assert not verdict.passed and named in str(verdict.refusal)


def test_rejects_a_proof_with_any_altered_node(run) -> None:
    state, draw = proved_state(run.proof), random.Random(5)
    assert StateProof.from_json(run.proof.to_json()) == run.proof
    for slot, nodes in run.proof.storage.items():
        for place, node in enumerate(nodes):
            at = draw.randrange(len(node))
            altered = node[:at] + bytes([node[at] ^ 1 << draw.randrange(8)]) + node[at + 1 :]
            storage = {**run.proof.storage, slot: (*nodes[:place], altered, *nodes[place + 1 :])}
            with pytest.raises(ProofOfStateInvalid):
                proved_state(replace(run.proof, storage=storage))
    for place, node in enumerate(run.proof.account):
        account = (*run.proof.account[:place], node[:-1] + bytes([node[-1] ^ 1]), *run.proof.account[place + 1 :])
        with pytest.raises(ProofOfStateInvalid):
            proved_state(replace(run.proof, account=account))
    other = replace(run.proof, header=run.proof.header[:-1] + bytes([run.proof.header[-1] ^ 1]))
    assert proved_state(other).block_hash != state.block_hash


def test_a_closed_count_without_its_outcomes_is_refused(run) -> None:
    storage = {slot: nodes for slot, nodes in run.proof.storage.items() if slot != slots_for(2)[-1]}
    with pytest.raises(ProofOfStateInvalid, match="slot"):
        proved_state(replace(run.proof, storage=storage))


def test_a_proof_may_leave_out_whose_the_seats_are(run) -> None:
    shown, whole = slots_for(2, 3), proved_state(run.proof)
    assert whole.seats == anchor_of(run.history).seats and whole.roster == roster_digest(run.history)
    plain = proved_state(replace(run.proof, storage={slot: run.proof.storage[slot] for slot in slots_for(2)}))
    assert plain == replace(whole, seats=(), roster=b"")
    without_first = {slot: nodes for slot, nodes in run.proof.storage.items() if slot != shown[-3]}
    assert proved_state(replace(run.proof, storage=without_first)).seats == ()


def test_an_outcome_of_another_round_is_named(run) -> None:
    history = run.history
    history.outcomes[1] = replace(history.outcomes[1], attempt=7)
    failed = [verdict.subject for verdict in anchor_verdicts(history, run.proof) if not verdict.passed]
    assert failed == ["round 1"]
    del history.outcomes[2]
    assert "2 rounds, as anchored" in str(list(anchor_verdicts(history, run.proof)))


def test_a_chain_without_the_contract_is_named(run) -> None:
    empty = import_module("proofward.chain.nodes.local_node").LocalNode()
    proof = empty.state_proof(run.proof.address, list(run.proof.storage))
    assert not proved_state(proof).deployed
    (verdict,) = anchor_verdicts(run.history, proof)
    assert "not anchored there" in str(verdict.refusal)


def test_ways_through_a_tree_are_those_of_the_usual_package() -> None:
    trees, draw = import_module("trie"), random.Random(3)
    tree = trees.HexaryTrie({})
    values = {draw.randbytes(draw.randrange(1, 5)): draw.randbytes(draw.randrange(1, 60)) for _ in range(60)}
    for key, value in values.items():
        tree.set(keccak256(key), value)
    encode = import_module("rlp").encode
    for key in [*values, *(draw.randbytes(6) for _ in range(30))]:
        nodes = tuple(encode(node) for node in tree.get_proof(keccak256(key)))
        assert value_at(tree.root_hash, key, nodes) == values.get(key)
    with pytest.raises(ProofOfStateInvalid):
        value_at(tree.root_hash, next(iter(values)), ())
    assert value_at(keccak256(b"\x80"), b"anything", ()) is None


def test_rlp_has_one_encoding() -> None:
    draw = random.Random(4)
    for item in (b"", b"\x00", b"\x7f", b"\x80", bytes(55), bytes(56), bytes(300), [], [[b"a"], b"", [bytes(60)] * 9]):
        assert rlp_decode(rlp_encode(item)) == item
    for data in (b"", b"\x81\x00", b"\xb8\x01a", b"\xc1", b"\x82a", b"\xf8\x00", b"aa", b"\xc9" * 9):
        with pytest.raises(ProofOfStateInvalid):
            rlp_decode(data)
    good = rlp_encode([bytes(60), [b"a", b"bc"], bytes(2)])
    for _ in range(200):
        at = draw.randrange(len(good))
        altered = good[:at] + draw.randbytes(1) + good[at + 1 :]
        with suppress(ProofOfStateInvalid):
            assert rlp_encode(rlp_decode(altered)) == altered


def test_the_fork_is_a_whole_ledger(run) -> None:
    fork = read_ledger(run.fork / "ledger")[0]
    assert fork.size == run.history.size and fork.root != run.history.root and len(fork.seals) == 6
