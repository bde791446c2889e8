"""Signed notes and checkpoints: a published example, round trips, and every changed byte noticed."""

from __future__ import annotations

import base64

import pytest

from proofward.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from proofward.ledger.errors import NoteInvalid
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import EMPTY_ROOT, leaf_hash
from proofward.ledger.note import NoteSigner, NoteVerifier, open_note, sign_note

# The example in the documentation of golang.org/x/mod/sumdb/note, where the format comes from.
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
SIGNED = (
    TEXT
    + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

SIGNER = NoteSigner("example.org/log", SigningKey(bytes(range(32))))


def test_published_example() -> None:
    signer = NoteSigner("PeterNeumann", SigningKey(base64.b64decode(PRIVATE)[1:]))
    assert str(signer.verifier) == VERIFIER
    assert NoteVerifier.parse(VERIFIER) == signer.verifier
    assert sign_note(TEXT, signer) == SIGNED.encode()
    assert open_note(SIGNED.encode(), signer.verifier) == TEXT


def test_checkpoint_round_trip() -> None:
    note = sign_checkpoint(7, leaf_hash(b"x"), SIGNER)
    assert note.startswith(b"example.org/log\n7\n")
    assert open_checkpoint(note, SIGNER.verifier) == Checkpoint("example.org/log", 7, leaf_hash(b"x"))


def test_every_changed_bit_is_noticed() -> None:
    note = sign_checkpoint(70, leaf_hash(b"x"), SIGNER)
    for position in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[position] ^= 1 << bit
            with pytest.raises(NoteInvalid):
                open_checkpoint(bytes(changed), SIGNER.verifier)


def test_signatures_of_others() -> None:
    witness = NoteSigner("witness", SigningKey(bytes(32)))
    note = sign_checkpoint(3, EMPTY_ROOT, SIGNER)
    line = sign_note(Checkpoint("example.org/log", 3, EMPTY_ROOT).text, witness).rpartition(b"\n\n")[2]
    assert open_checkpoint(note + line, SIGNER.verifier, others=True).size == 3
    assert open_checkpoint(line.join([note, b""]), SIGNER.verifier, others=True).size == 3
    with pytest.raises(NoteInvalid, match="one signature of"):
        open_checkpoint(note + line, SIGNER.verifier)
    with pytest.raises(NoteInvalid, match="one signature of"):
        open_checkpoint(note + note.rpartition(b"\n\n")[2], SIGNER.verifier, others=True)
    with pytest.raises(NoteInvalid, match="origin"):
        open_checkpoint(note + line, witness.verifier, others=True)


@pytest.mark.parametrize(
    "text", ["example.org/log\n07\n{root}\n", "example.org/log\n-7\n{root}\n", "example.org/log\n7\n{root}\nmore\n",
             "example.org/log\n7\nAAAA\n", "other\n7\n{root}\n", "example.org/log\n\u0667\n{root}\n", "example.org/log\n7\n",
             "example.org/log\n99999999999999999999\n{root}\n", "example.org/log\n7\n{root} \n"]
)  # fmt: skip
def test_signed_but_no_checkpoint(text: str) -> None:
    note = sign_note(text.format(root=base64.b64encode(EMPTY_ROOT).decode()), SIGNER)
    with pytest.raises(NoteInvalid):
        open_checkpoint(note, SIGNER.verifier)


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\n\n", b"a\n\n", b"a\n\nb\n", b"\xff\n\n\xe2\x80\x94 x AAAA\n", bytes(70000)]
)
def test_bytes_that_are_no_note(data: bytes) -> None:
    with pytest.raises(NoteInvalid):
        open_note(data, SIGNER.verifier)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u2003b"])
def test_names(name: str) -> None:
    with pytest.raises(NoteInvalid, match="key name"):
        NoteSigner(name, SIGNER.key)


@pytest.mark.parametrize(
    "text", ["", "x", VERIFIER + "=", VERIFIER.replace("c74f", "c74e"), "a+b", "a+00000000+AAAA"]
)
def test_verifier_keys_that_are_none(text: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteVerifier.parse(text)


def test_text_with_control_characters_is_not_signed() -> None:
    for text in ("a\x00\n", "a\r\n", "no newline"):
        with pytest.raises(NoteInvalid):
            sign_note(text, SIGNER)
