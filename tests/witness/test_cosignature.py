"""Cosignatures of checkpoints: what is signed, and what is refused."""

from __future__ import annotations

import hashlib

import pytest

from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.errors import NoteInvalid
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner, parse_note, signature_line, signature_lines
from proofward.witness.cosignature import Cosigner, CosigningKey
from proofward.witness.cosigned import Witnesses, open_cosigned, with_lines

LOG = NoteSigner("log.example", SigningKey(bytes([1]) * 32))
KEYS = [CosigningKey(f"w{number}.example", SigningKey(bytes([number + 2]) * 32)) for number in range(3)]
NOTE = sign_checkpoint(5, hashlib.sha256(b"root").digest(), LOG)
TEXT = parse_note(NOTE)[0]


def note_with(*numbers: int, time: int = 1_700_000_000) -> bytes:
    """The checkpoint with cosignatures of these witnesses."""
    return with_lines(NOTE, [KEYS[number].line(TEXT, time + number) for number in numbers])


def test_the_message_is_the_one_of_the_specification() -> None:
    ((name, raw),) = signature_lines(KEYS[0].line(TEXT, 1_679_315_147))
    cosigner = KEYS[0].cosigner
    assert (name, raw[:4]) == (
        "w0.example",
        hashlib.sha256(b"w0.example\n\x04" + cosigner.key.raw).digest()[:4],
    )
    assert int.from_bytes(raw[4:12], "big") == 1_679_315_147
    message = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert cosigner.key.verify_raw(message, raw[12:])


def test_keys_are_written_and_read_in_one_form() -> None:
    text = str(KEYS[0].cosigner)
    assert Cosigner.parse(text) == KEYS[0].cosigner
    name, identifier, rest = text.split("+", 2)
    for wrong in (
        f"{name}+{identifier}",
        f"x+{identifier}+{rest}",
        f"{name}+{'0' * 8}+{rest}",
        str(LOG.verifier),
        "",
    ):
        with pytest.raises(NoteInvalid):
            Cosigner.parse(wrong)


def test_enough_witnesses_are_found_with_their_times() -> None:
    witnesses = Witnesses(tuple(key.cosigner for key in KEYS), 2)
    found = open_cosigned(note_with(0, 2), LOG.verifier, witnesses)
    assert found.checkpoint.size == 5
    assert found.times == (("w0.example", 1_700_000_000), ("w2.example", 1_700_000_002))
    with pytest.raises(NoteInvalid, match=r"2 of 3 witnesses, found w1\.example"):
        open_cosigned(note_with(1), LOG.verifier, witnesses)


def test_a_witness_does_not_count_twice() -> None:
    one = KEYS[0].cosigner
    for pair in (
        (one, one),
        (one, Cosigner("other.example", one.key)),
        (one, Cosigner(one.name, KEYS[1].key.public)),
    ):
        with pytest.raises(NoteInvalid):
            Witnesses(pair, 2)
    twice = with_lines(NOTE, [KEYS[0].line(TEXT, 5), KEYS[0].line(TEXT, 6)])
    assert open_cosigned(twice, LOG.verifier, Witnesses((one,), 1)).times == (("w0.example", 6),)
    with pytest.raises(NoteInvalid, match="1 to 1"):
        Witnesses((one,), 2)


@pytest.mark.parametrize("what", ["time", "signature", "short", "zero time", "other text", "long"])
def test_rejects_a_changed_cosignature(what: str) -> None:
    ((name, raw),) = signature_lines(KEYS[0].line(TEXT, 7))
    other = TEXT.replace("\n5\n", "\n6\n")
    changed = {
        "time": raw[:11] + bytes([raw[11] ^ 1]) + raw[12:],
        "signature": raw[:-1] + bytes([raw[-1] ^ 1]),
        "short": raw[:-1],
        "long": raw + b"\0",
        "zero time": raw[:4] + bytes(8) + raw[12:],
        "other text": signature_lines(KEYS[0].line(other, 7))[0][1],
    }[what]
    note = with_lines(NOTE, [signature_line(name, changed)])
    with pytest.raises(NoteInvalid, match=r"cosignature of w0\.example"):
        open_cosigned(note, LOG.verifier, Witnesses((KEYS[0].cosigner,), 1))


def test_the_logs_own_signature_is_needed() -> None:
    other = NoteSigner(LOG.name, SigningKey(bytes([9]) * 32))
    note = with_lines(sign_checkpoint(5, hashlib.sha256(b"root").digest(), other), [KEYS[0].line(TEXT, 7)])
    with pytest.raises(NoteInvalid, match=r"one signature of log\.example"):
        open_cosigned(note, LOG.verifier, Witnesses((KEYS[0].cosigner,), 1))
