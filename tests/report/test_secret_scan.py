"""Known secrets are found wherever they begin, in every form, and nothing else is."""

from __future__ import annotations

import base64
import random
from io import BytesIO

import numpy as np
import pytest

from proofward.federation.storage.state_store import StateStore, stored_secrets
from proofward.ledger.keys import SigningKey
from proofward.report.handover.secrets import secret_scan
from proofward.report.handover.secrets.known_secrets import known_secrets
from proofward.report.handover.secrets.secret_scan import Scanner, Secret, telling

SEED = random.Random(3).randbytes(32)
NOISE = random.Random(4).randbytes(5000)


def found(secrets, data: bytes) -> set[str]:
    return Scanner(secrets).scan(BytesIO(data))


@pytest.mark.parametrize(
    "form",
    [SEED, SEED.hex().encode(), SEED.hex().upper().encode(), base64.b64encode(SEED),
     base64.urlsafe_b64encode(SEED).rstrip(b"=")],
)  # fmt: skip
def test_a_key_in_every_form_at_every_place(form):
    scanner = Scanner([Secret.key("a key", SEED), Secret.key("another", NOISE[:32][::-1])])
    for at in (*range(20), 4999, 5000):
        assert scanner.scan(BytesIO(NOISE[:at] + form + NOISE[at:])) == {"a key"}
    assert scanner.scan(BytesIO(form)) == {"a key"}
    for position in range(0, len(form), 7):
        other = form[:position] + bytes([form[position] ^ 1]) + form[position + 1 :]
        assert scanner.scan(BytesIO(NOISE + other)) == set()


@pytest.mark.slow
def test_across_the_ends_of_pieces(monkeypatch):
    monkeypatch.setattr(secret_scan, "_PIECE", 64)
    scanner = Scanner([Secret.key("a key", SEED)])
    for at in range(0, 200, 7):
        assert scanner.scan(BytesIO(NOISE[:at] + SEED + NOISE[at:])) == {"a key"}
    assert scanner.scan(BytesIO(NOISE)) == set() == scanner.scan(BytesIO(b""))


def test_short_and_long_secrets():
    short, long = Secret("short", (SEED[:17],)), Secret("long", (NOISE[:4001],))
    assert found([short, long], NOISE + SEED[:17]) == {"short", "long"}
    assert found([short, long], NOISE[:4000] + SEED[:16]) == set()
    assert found([], NOISE) == set()
    with pytest.raises(ValueError):
        Scanner([Secret("too short", (b"abc",))])


def test_a_window_that_tells_is_taken():
    row = np.zeros(30, dtype="<i8")
    row[20:23] = (5, -7, 9)
    secret = Secret("a record", (row.tobytes(),))
    assert telling(row.tobytes()) and not telling(np.full(30, 5, "<i8").tobytes())
    assert found([secret], bytes(100_000)) == set()
    assert found([secret], bytes(1003) + row.tobytes()) == {"a record"}


@pytest.mark.slow
def test_what_the_parties_of_a_folder_keep(tmp_path):
    member = tmp_path / "members" / "hospital-1"
    member.mkdir(parents=True)
    SigningKey(SEED).save(member / "identity.key")
    SigningKey(NOISE[:32]).save(member / "next.key", b"a passphrase")
    features = np.array([[1, -2, 3, 40], [5, 5, 5, 5], [-7, 80, 9, 10]], dtype=np.int64)
    np.savez(member / "dataset.npz", features=features, labels=np.zeros(3, np.int64))
    state = StateStore(member / "state.sqlite")
    with state.transaction():
        state.secrets.put("sealing/1/0", NOISE[100:132])
        state.secrets.put("beacon/own-share", NOISE[200:232])
    body = base64.encodebytes(NOISE[300:400])
    (tmp_path / "client.key").write_bytes(
        b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"
    )
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "state.sqlite").write_bytes(b"no database")
    known = known_secrets(tmp_path, tmp_path / "nowhere")
    state.close()
    assert (len(known.keys), len(known.records)) == (3, 2)
    assert known.unread == [tmp_path / "broken" / "state.sqlite"]
    for data, what in (
        (SEED, "the key of hospital-1/identity.key"),
        ((member / "next.key").read_bytes(), "the key of hospital-1/next.key"),
        (features[0].tobytes(), "a record of hospital-1/dataset.npz"),
        (np.array([2**64 - 2**32 + 1 - 7, 80, 9, 10], "<u8").tobytes(), "a record of hospital-1/dataset.npz"),
        (NOISE[100:132], "the secret sealing/1/0 of hospital-1/state.sqlite"),
        (NOISE[300:400], f"the key of {tmp_path.name}/client.key"),
        (body.splitlines()[0], f"the key of {tmp_path.name}/client.key"),
    ):
        assert found(known.all, b"xyz" + data + b"xyz") == {what}
    assert found(known.all, features[1].tobytes() + NOISE[200:232]) == set()  # a pattern; said openly


def test_secrets_are_read_without_a_change(tmp_path):
    path = tmp_path / "state.sqlite"
    state = StateStore(path)
    with state.transaction():
        state.secrets.put("one", b"secret")
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    kept = stored_secrets(path)
    assert kept["one"] == b"secret" and len(kept) == 2
    assert {file: file.read_bytes() for file in before} == before
    state.secrets.keep_only(set())
    assert "one" not in stored_secrets(path)
    state.close()
