"""`proofward chain seat`: a seat is given another key by its member, a quorum and the contract, and by nobody else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from proofward.chain.basics.anchor import anchor_of
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.keys import ChainKey
from proofward.chain.key_files import kept_key, next_key
from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.relay import asked_proof, relay, state_of, transactions
from proofward.chain.replacing import SeatRequest, checked, replacement, request, sealed
from proofward.chain.seals import KeySealer, seals_of
from proofward.chain.standing import standing_of
from proofward.cli.evidence.anchor import seat as chain_seat
from proofward.engines.run_folder import private_of
from proofward.federation.messages.consortium.usual import P256, SECP256K1
from proofward.ledger.keys import SigningKey
from tests.federation.adopted import adopt

pytestmark = pytest.mark.slow
WHO = "verifier-0"


class Replaced:
    """A copy of the run whose first round alone is anchored on a chain of its own."""

    def __init__(self, run, folder) -> None:
        self.folder, self.private = folder, private_of(folder)
        for source, copy in ((run.folder, folder), (private_of(run.folder), self.private)):
            shutil.copytree(source, copy)
            adopt(copy)
        self.node, self.history = LocalNode(p256=True), run.history
        self.seals = {who: self.history.seals.pop((2, who)) for _, who in list(self.history.seals) if _ == 2}
        list(relay(self.history, self.node))
        self.key = SigningKey.load(self.private / WHO / "identity.key")

    @property
    def state(self):
        return state_of(self.history, self.node)

    def asked(self, new: ChainKey) -> SeatRequest:
        return request(self.history, self.state, WHO, new, self.key)


@pytest.fixture
def replaced(run, tmp_path) -> Replaced:
    return Replaced(run, tmp_path / "run")


NEW = ChainKey(SECP256K1, (77).to_bytes(32, "big"))
WRONG = {
    "consortium": (lambda asked: replace(asked, consortium=bytes(32)), "consortium"),
    "member": (lambda asked: replace(asked, member="hospital-0"), "member: expected one of"),
    "another member": (lambda asked: replace(asked, member="verifier-1"), "new key: expected its signature"),
    "number": (lambda asked: replace(asked, number=1), "make a new request"),
    "roster": (lambda asked: replace(asked, roster=bytes(32)), "make a new request"),
    "curve": (lambda asked: replace(asked, curve="p521"), "kind of key"),
    "other curve": (lambda asked: replace(asked, curve=P256), "new key: expected its signature"),
    "point": (lambda asked: replace(asked, point=bytes(64)), "new key: expected its signature"),
    "proof": (lambda asked: replace(asked, proof=bytes(64)), "new key: expected its signature"),
    "no proof": (lambda asked: replace(asked, proof=b""), "new key: expected its signature"),
    "signature": (lambda asked: replace(asked, signature=bytes(64)), "a signature by verifier-0"),
}


def test_what_is_not_the_members_own_request_is_refused(replaced) -> None:
    asked, now = replaced.asked(NEW), replaced.state
    assert SeatRequest.from_json(asked.to_json()) == asked
    for name, (change, words) in WRONG.items():
        with pytest.raises(NotAnchored, match=words):
            checked(replaced.history, now, change(asked))
            pytest.fail(name)
    assert checked(replaced.history, replace(now, gone=2), asked)[1].key == NEW.seat
    with pytest.raises(NotAnchored, match="which is"):
        checked(replaced.history, replace(now, gone=1), asked)
    with pytest.raises(NotAnchored, match="one that no seat has"):
        replaced.asked(kept_key(replaced.private / "verifier-1"))
    with pytest.raises(NotAnchored, match="shows the seats"):
        checked(replaced.history, replace(now, seats=()), asked)
    for text in ("{}", "[]", "x", asked.to_json().replace("/v1", "/v2"), asked.to_json().replace('"number": 0', '"number": -1')):
        with pytest.raises(NotAnchored, match="a request of format"):
            SeatRequest.from_json(text)


def test_only_seals_of_other_present_seats_count(replaced) -> None:
    history, state, asked = replaced.history, replaced.state, replaced.asked(NEW)
    keys = {name: kept_key(replaced.private / name) for name in anchor_of(history).names}
    with pytest.raises(NotAnchored, match="the one that has the seat of verifier-1"):
        sealed(history, state, asked, "verifier-1", NEW)
    one = sealed(history, state, asked, "verifier-1", keys["verifier-1"])
    garbage = replace(one, seals={**one.seals, "verifier-2": bytes(160), "nobody": bytes(160), WHO: one.seals["verifier-1"]})
    for few in (asked, one, garbage):
        with pytest.raises(NotAnchored, match="seals: expected 2 that count"):
            replacement(history, state, few)
    both = sealed(history, state, one, "verifier-2", keys["verifier-2"])
    with pytest.raises(NotAnchored, match="seals: expected 2 that count, found 1"):
        replacement(history, replace(state, gone=0b100), both)
    assert replaced.node.send(replacement(history, state, both)).gas < 120_000
    with pytest.raises(NotAnchored, match="signature"):
        replaced.node.send(replacement(history, state, both))
    with pytest.raises(NotAnchored, match="make a new request"):
        replacement(history, replaced.state, both)


def test_a_seat_has_another_key_by_command_and_rounds_go_on_with_it(replaced, proofward, tmp_path, monkeypatch) -> None:
    file, key, history, node = tmp_path / "seat.json", tmp_path / "account.key", replaced.history, replaced.node
    key.write_text("11" * 32)
    key.chmod(0o600)
    monkeypatch.setattr(chain_seat, "history_of", lambda source: history)
    monkeypatch.setattr(chain_seat, "proof_at", lambda *rest: asked_proof(history, node))
    monkeypatch.setattr(chain_seat, "node_at", lambda *rest: node)
    rpc, run = ("--rpc", "http://127.0.0.1:1"), replaced.folder

    def told(*asked: object) -> dict:
        result = proofward("chain", "seat", *asked, *rpc, "--json")
        return json.loads(result.output) | {"exit": result.exit_code}

    assert "--member" in told("new", run, file)["reason"]
    made = told("new", run, file, "--member", WHO, "--curve", P256)
    assert made["kind"] == P256 and next_key(replaced.private / WHO, None).seat.hex() == made["seat"]
    assert "another file" in told("new", run, file, "--member", WHO)["reason"]
    sending = ("send", run, file, "--key", key, "--yes")
    assert "expected 2 that count, found 0" in told(*sending)["reason"]
    assert "--yes" in told("seal", run, file, "--member", "verifier-1")["reason"]
    assert told("seal", run, file, "--member", "verifier-1", "--yes")["seals"] == 1
    assert told("seal", run, file, "--member", "verifier-2", "--yes")["seals"] == 2
    assert "has another key in the seat" in told("take", run, "--member", WHO)["reason"]
    assert "--yes" in told(*sending[:-1])["reason"]
    with monkeypatch.context() as patch:
        patch.setitem(history.seals, (2, WHO), replaced.seals[WHO])
        patch.setitem(history.seals, (2, "verifier-1"), replaced.seals["verifier-1"])
        assert "`proofward chain anchor` first" in told(*sending)["reason"]
    sent = told(*sending)
    assert sent["did"] == "sent" and replaced.state.seats[0].hex() == made["seat"] and replaced.state.replacements == 1
    assert standing_of(history, node)[0]["replaced"] == [WHO]
    before = kept_key(replaced.private / WHO)
    assert told("take", run, "--member", WHO)["did"] == "taken"
    new = kept_key(replaced.private / WHO)
    assert new.seat.hex() == made["seat"] and next_key(replaced.private / WHO, None) is None
    assert (replaced.private / WHO / f"chain.secp256k1.{before.seat.hex()[-8:]}.key").exists()
    assert "no member here has such a key" in told("take", run)["reason"]

    history.seals[2, WHO], history.seals[2, "verifier-1"] = replaced.seals[WHO], replaced.seals["verifier-1"]
    assert not list(transactions(history, replaced.state))  # the seal of the key before counts no more
    history.seals[2, WHO] = KeySealer(new).seal(history, 2)
    present = anchor_of(history).as_seated(replaced.state.seats)
    assert [seal.number for seal in seals_of(history, present, 2).outcome] == [0, 1]
    assert [one.what for one in relay(history, node)] == ["round 2"] and replaced.state.closed == 2
    wrong = proofward("chain", "seat", "seal", run, key, *rpc)
    assert wrong.exit_code == 2 and "no request of" in wrong.stderr
    assert proofward("chain", "seat", "take", run).exit_code == 2
