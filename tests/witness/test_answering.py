"""A witness's answers: it cosigns what continues the log that it has seen, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.errors import LedgerUnavailable
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import EMPTY_ROOT, completed_nodes, consistency_proof, tree_root
from proofward.ledger.note import NoteSigner, parse_note, signature_lines
from proofward.witness.answering import SIZE, Answer, Witness
from proofward.witness.asking import Asked, NotCosigned, cosignature
from proofward.witness.cosignature import CosigningKey
from proofward.witness.memory import Memory
from proofward.witness.request import MAX_REQUEST_BYTES, read_request, write_request

LOG = NoteSigner("log.example", SigningKey(bytes([1]) * 32))
KEY = CosigningKey("w.example", SigningKey(bytes([2]) * 32))


class Tree:
    """A log of made entries."""

    def __init__(self, size: int, word: str = "entry") -> None:
        self.values: dict[tuple[int, int], bytes] = {}
        from proofward.ledger.merkle_log import leaf_hash

        for number in range(size):
            for level, place, value in completed_nodes(
                number, leaf_hash(f"{word} {number}".encode()), self.node
            ):
                self.values[level, place] = value

    def node(self, level: int, place: int) -> bytes:
        return self.values[level, place]

    def note(self, size: int, signer: NoteSigner = LOG) -> bytes:
        return sign_checkpoint(size, tree_root(size, self.node), signer)

    def request(self, old: int, size: int) -> bytes:
        return write_request(old, consistency_proof(old, size, self.node), self.note(size))


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(12)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(Memory(tmp_path / "memory"), KEY, [LOG.verifier], lambda: 1_700_000_000)


def test_it_cosigns_a_log_that_grows(witness: Witness, tree: Tree) -> None:
    for old, size in ((0, 3), (3, 3), (3, 7), (7, 8), (8, 12)):
        answer = witness.add_checkpoint(tree.request(old, size))
        assert answer.status == 200, answer
        text = parse_note(tree.note(size))[0]
        assert KEY.cosigner.time_of(text, signature_lines(answer.body)) == 1_700_000_000
    shown = witness.checkpoint("0" * 64)
    assert shown.status == 404
    import hashlib

    shown = witness.checkpoint(hashlib.sha256(b"log.example").hexdigest())
    assert (
        shown.status == 200 and shown.body.startswith("log.example\n12\n") and shown.body.count("\u2014") == 2
    )


def test_it_never_cosigns_two_histories(witness: Witness, tree: Tree) -> None:
    other = Tree(12, "another")
    assert witness.add_checkpoint(tree.request(0, 7)).status == 200
    assert witness.add_checkpoint(other.request(7, 12)).status == 422
    assert witness.add_checkpoint(other.request(7, 7)).status == 422
    assert witness.add_checkpoint(other.request(0, 12)) == Answer(409, "7\n", SIZE)
    assert witness.add_checkpoint(tree.request(3, 5)) == Answer(409, "7\n", SIZE)
    assert witness.add_checkpoint(tree.request(7, 12)).status == 200


def test_every_hash_of_a_proof_counts(witness: Witness, tree: Tree) -> None:
    assert witness.add_checkpoint(tree.request(0, 7)).status == 200
    proof = consistency_proof(7, 12, tree.node)
    for number in range(len(proof)):
        altered = [*proof[:number], bytes(32), *proof[number + 1 :]]
        assert witness.add_checkpoint(write_request(7, altered, tree.note(12))).status == 422
    assert witness.add_checkpoint(write_request(7, proof[:-1], tree.note(12))).status == 422
    assert witness.add_checkpoint(write_request(7, [*proof, bytes(32)], tree.note(12))).status == 422
    assert witness.add_checkpoint(write_request(7, proof, tree.note(12))).status == 200


def test_what_is_not_the_logs_is_refused(witness: Witness, tree: Tree) -> None:
    stranger = NoteSigner("other.example", SigningKey(bytes([5]) * 32))
    forger = NoteSigner("log.example", SigningKey(bytes([6]) * 32))
    assert witness.add_checkpoint(write_request(0, (), tree.note(3, stranger))).status == 404
    assert witness.add_checkpoint(write_request(0, (), tree.note(3, forger))).status == 403
    spoiled = tree.note(3).replace(b"\n3\n", b"\n4\n")
    assert witness.add_checkpoint(write_request(0, (), spoiled)).status == 403
    assert witness.add_checkpoint(write_request(4, (), tree.note(3))).status == 400
    assert witness.add_checkpoint(write_request(0, (bytes(32),), tree.note(3))).status == 422


def test_a_log_of_no_entries_has_the_root_of_none(witness: Witness) -> None:
    assert witness.add_checkpoint(write_request(0, (), sign_checkpoint(0, bytes(32), LOG))).status == 422
    assert witness.add_checkpoint(write_request(0, (), sign_checkpoint(0, EMPTY_ROOT, LOG))).status == 200


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda body: b"",
    "no old": lambda body: body.removeprefix(b"old "),
    "leading zero": lambda body: body.replace(b"old 3", b"old 03"),
    "sign": lambda body: body.replace(b"old 3", b"old +3"),
    "no empty line": lambda body: body.replace(b"\n\n", b"\n"),
    "short hash": lambda body: body.replace(b"=\n", b"\n", 1),
    "too many hashes": lambda body: b"old 3\n" + 64 * (44 * b"A" + b"\n") + body[body.index(b"\n\n") :],
    "not UTF-8": lambda body: body + b"\xff",
    "no text": lambda body: b"old 3\n\n\n",
    "carriage return": lambda body: body.replace(b"\n", b"\r\n"),
    "too long": lambda body: body + bytes(MAX_REQUEST_BYTES),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_rejects_malformed(witness: Witness, tree: Tree, what: str) -> None:
    assert witness.add_checkpoint(tree.request(0, 3)).status == 200
    assert witness.add_checkpoint(MALFORMED[what](tree.request(3, 7))).status == 400


def test_extension_lines_are_part_of_what_is_cosigned(witness: Witness) -> None:
    from proofward.ledger.note import sign_note, to_base64

    note = sign_note(f"log.example\n0\n{to_base64(EMPTY_ROOT)}\nextension\n", LOG)
    answer = witness.add_checkpoint(write_request(0, (), note))
    assert answer.status == 200
    assert KEY.cosigner.time_of(parse_note(note)[0], signature_lines(answer.body)) is not None


def test_of_two_requests_at_once_one_wins(witness: Witness, tree: Tree) -> None:
    assert witness.add_checkpoint(tree.request(0, 3)).status == 200
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda s=size: answers.append(witness.add_checkpoint(tree.request(3, s)).status)
        )
        for size in (7, 8, 9, 12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]


def test_what_cannot_be_remembered_is_not_signed(tmp_path: Path, tree: Tree) -> None:
    memory = Memory(tmp_path / "memory")
    witness = Witness(memory, KEY, [LOG.verifier], lambda: 1)
    memory.path = tmp_path / "missing" / "memory"
    with pytest.raises(LedgerUnavailable):
        witness.add_checkpoint(tree.request(0, 3))


def test_requests_are_read_as_they_are_written(tree: Tree) -> None:
    asked = read_request(tree.request(3, 7))
    assert (asked.old, asked.size, asked.origin) == (3, 7, "log.example")
    assert write_request(asked.old, asked.proof, asked.note) == tree.request(3, 7)


def test_asking_finds_the_size_by_itself(witness: Witness, tree: Tree) -> None:
    bodies: list[bytes] = []

    def post(url: str, body: bytes) -> Answer:
        assert url == "http://w.example/add-checkpoint"
        bodies.append(body)
        return witness.add_checkpoint(body)

    asked = Asked("http://w.example/", KEY.cosigner)
    for size in (3, 12):
        line = cosignature(asked, tree.note(size), size, tree.node, post)
        assert KEY.cosigner.time_of(parse_note(tree.note(size))[0], signature_lines(line))
    assert len(bodies) == 3
    with pytest.raises(NotCosigned, match="it has cosigned 12 entries"):
        cosignature(asked, tree.note(7), 7, tree.node, post)


@pytest.mark.parametrize("answer", [
    Answer(200, "nonsense"), Answer(200, ""), Answer(500, "down \x1b[2J"), Answer(409, "many\n"), Answer(409, ""),
    Answer(200, CosigningKey("w.example", SigningKey(bytes([7]) * 32)).line("other\n", 7)),
])  # fmt: skip
def test_a_witness_that_answers_otherwise_is_named(tree: Tree, answer: Answer) -> None:
    with pytest.raises(NotCosigned) as caught:
        cosignature(Asked("https://w.example", KEY.cosigner), tree.note(3), 3, tree.node, lambda *_: answer)
    assert str(caught.value).isprintable()


def test_addresses_are_of_the_web() -> None:
    for url in ("ftp://w.example", "w.example", "http://", "http://w.example?x", "file:///etc/passwd"):
        with pytest.raises(ValueError, match="http"):
            Asked(url, KEY.cosigner)
