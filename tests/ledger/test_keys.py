"""Identities: RFC 8032 vector, files with their permissions, contexts kept apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proofward.encoding import MalformedMessage
from proofward.ledger.errors import KeyFileInvalid, SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, open_record, sign, sign_record, verify

KEY = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))


def test_rfc_8032_test_1() -> None:
    assert KEY.public.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert KEY.sign_raw(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_file_round_trip_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "north.key"
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(path).public == KEY.public
    assert [file.name for file in tmp_path.iterdir()] == ["north.key"]
    with pytest.raises(KeyFileInvalid, match="not overwritten"):
        KEY.save(path)
    os.chmod(path, 0o640)
    with pytest.raises(KeyFileInvalid, match="0600"):
        SigningKey.load(path)


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(KeyFileInvalid, match="readable"):
        SigningKey.load(path)
    KEY.save(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-1])
    with pytest.raises(KeyFileInvalid, match="key file"):
        SigningKey.load(path)
    with pytest.raises(KeyFileInvalid):
        SigningKey(b"short")


def test_signatures_are_bound_to_payload_key_and_context() -> None:
    signature = sign(b"payload", KEY, b"upload")
    verify(b"payload", signature, KEY.public, b"upload")
    other = SigningKey.generate(lambda count: bytes(count))
    for arguments in [
        (b"payloae", signature, KEY.public, b"upload"),
        (b"payload", signature, other.public, b"upload"),
        (b"payload", signature, KEY.public, b"uploae"),
        (b"dpayload", signature, KEY.public, b"uploa"),
        (b"payload", signature[:-1], KEY.public, b"upload"),
        (b"payload", bytes(64), KEY.public, b"upload"),
    ]:
        with pytest.raises(SignatureInvalid):
            verify(*arguments)


def test_signed_record() -> None:
    data = sign_record(b"payload", KEY, b"c")
    assert open_record(data, b"c") == (b"payload", KEY.public)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises((MalformedMessage, SignatureInvalid)):
            open_record(bytes(changed), b"c")
    with pytest.raises(SignatureInvalid):
        open_record(data, b"d")


def test_secrets_are_not_shown() -> None:
    assert repr(KEY) == f"SigningKey({KEY.public.fingerprint})"
    assert len(KEY.public.fingerprint) == 64
    assert len({KEY.public, PublicKey(KEY.public.raw)}) == 1
    with pytest.raises(SignatureInvalid, match="32 bytes"):
        PublicKey(b"short")
