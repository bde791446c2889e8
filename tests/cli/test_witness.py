"""`proofward witness` and `proofward timestamp`: two witnesses cosign a run's ledger, and the audit checks it."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from proofward.cli.common.listening import listening
from proofward.ledger.database import Database
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteVerifier
from proofward.ledger.seal import SEAL_NAME
from proofward.witness.answering import Witness
from proofward.witness.cosignature import CosigningKey
from proofward.witness.memory import Memory
from proofward.witness.serving import application

pytestmark = pytest.mark.slow
TIME = 1_800_000_000


@contextmanager
def served(witness: Witness) -> Iterator[str]:
    """The address of a witness on this machine."""

    sock = listening("127.0.0.1", 0, "another witness")
    config = uvicorn.Config(application(witness), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def log_key(run: Path) -> NoteVerifier:
    database = Database(run / "ledger", writable=False)
    try:
        return NoteVerifier.parse(database.verifier())
    finally:
        database.close()


def swapped(line: bytes) -> bytes:
    """A signature's line with another signature of the same key, of the same length."""
    return line[:-20] + (b"A" if line[-20:-19] != b"A" else b"B") + line[-19:]


@pytest.fixture
def keys(proofward, tmp_path) -> list[CosigningKey]:
    """Two witnesses, made by the command."""
    made = []
    for name in ("one.example", "two.example"):
        path = tmp_path / f"{name}.key"
        shown = proofward.json("witness", "key", path, "--name", name)
        assert shown["did"] == "made" and shown["exit"] == 0
        again = proofward.json("witness", "key", path, "--name", name)
        assert (again["did"], again["key"]) == ("shown", shown["key"])
        made.append(CosigningKey(name, SigningKey.load(path)))
        assert str(made[-1].cosigner) == shown["key"]
    return made


def test_two_witnesses_cosign_and_the_audit_says_so(proofward, demo_run, keys, tmp_path):
    run, file = demo_run[0], tmp_path / "cosigned"
    assert proofward.json("witness", "log", run)["key"] == str(log_key(run))
    one, two = (Witness(Memory(tmp_path / key.name), key, [log_key(run)], lambda: TIME) for key in keys)
    vkeys = [str(key.cosigner) for key in keys]
    with served(one) as first, served(two) as second:
        both = ("--witness", first, vkeys[0], "--witness", second, vkeys[1])
        asked = proofward.json("witness", "ask", run, *both, "--to", file)
    assert asked["exit"] == 0 and asked["cosigned"] == ["one.example", "two.example"]
    named = ("--witness", vkeys[0], "--witness", vkeys[1])
    audit = proofward.json("audit", run, "--cosigned", file, *named)
    (verdict,) = [found for found in audit["verdicts"] if found["check"] == "ledger-cosigned"]
    assert audit["exit"] == 0 and verdict["detail"].startswith("all entries, cosigned by one.example 2027-01-15")
    assert "ledger-remembered" in {found["check"] for found in audit["verdicts"]}
    shown = proofward("audit", run, "--cosigned", file, *named).output
    assert "witnesses   all entries, cosigned by one.example 2027-01-15" in shown

    stranger = str(CosigningKey("three.example", SigningKey(bytes(32))).cosigner)
    asked = ("audit", run, "--cosigned", file, *named, "--witness", stranger)
    more = proofward.json(*asked)
    assert more["exit"] == 1 and more["consistent"] and more["rules_kept"] and not more["passed"]
    assert (audit["cosigned"], more["cosigned"], more["flaws"], len(more["sentences"])) == (True, False, 0, 3)
    assert "3 of 3 witnesses are asked for, found one.example, two.example; not three.example" in more["sentences"][2]
    told = proofward(*asked)
    assert told.exit_code == 1 and told.output.startswith("The record is consistent.")
    assert "Too FEW witnesses have cosigned" in told.output and "--least" in told.output
    enough = proofward.json("audit", run, "--cosigned", file, *named, "--witness", stranger, "--least", 2)
    assert enough["exit"] == 0 and enough["cosigned"] is True

    (tmp_path / "changed").write_bytes(b"".join([*(lines := file.read_bytes().splitlines(True))[:-1], swapped(lines[-1])]))
    changed = proofward.json("audit", run, "--cosigned", tmp_path / "changed", *named, "--least", 1)
    assert changed["exit"] == 1 and not changed["consistent"] and len(changed["sentences"]) == 2


def test_a_rewritten_ledger_does_not_continue_what_was_cosigned(proofward, demo_run, keys, tmp_path):
    """The server's key signs another history of the same size; the witness signs no second one."""
    from proofward.ledger.checkpoint import sign_checkpoint
    from proofward.ledger.note import NoteSigner, parse_note
    from proofward.witness.asking import Asked, NotCosigned, cosignature
    from proofward.witness.cosigned import with_lines

    run, log = demo_run[0], NoteSigner("log.example", SigningKey(bytes([3]) * 32))
    witness = Witness(Memory(tmp_path / "memory"), keys[0], [log.verifier], lambda: TIME)
    asked = Asked("http://one.example", keys[0].cosigner)
    database = Database(run / "ledger", writable=False)
    try:
        size = database.size()
        true, other = (sign_checkpoint(size, root, log) for root in (bytes(32), bytes([1]) * 32))
        cosignature(asked, true, size, database.node, lambda _, body: witness.add_checkpoint(body))
        with pytest.raises(NotCosigned, match="status 422"):
            cosignature(asked, other, size, database.node, lambda _, body: witness.add_checkpoint(body))
    finally:
        database.close()
    note = with_lines(true, [keys[0].line(parse_note(true)[0], TIME)])
    (tmp_path / "of another log").write_bytes(note)
    audit = proofward.json("audit", run, "--cosigned", tmp_path / "of another log", "--witness", keys[0].cosigner)
    failed = {found["check"] for found in audit["verdicts"] if not found["passed"]}
    assert audit["exit"] == 1 and {"ledger-cosigned", "ledger-remembered"} <= failed and not audit["consistent"]


def test_who_does_not_cosign_is_named(proofward, demo_run, keys, tmp_path):
    vkeys = [str(key.cosigner) for key in keys]
    one = Witness(Memory(tmp_path / "memory"), keys[0], [log_key(demo_run[0])], lambda: TIME)
    with served(one) as address:
        both = ("--witness", address, vkeys[0], "--witness", "http://127.0.0.1:9", vkeys[1])
        asked = proofward.json("witness", "ask", demo_run[0], *both, "--to", tmp_path / "f", "--timeout", 2)
        assert asked["exit"] == 1 and asked["cosigned"] == ["one.example"]
        assert asked["refused"]["two.example"].startswith("no answer")
        asked = proofward.json("witness", "ask", demo_run[0], *both, "--to", tmp_path / "f", "--least", 1, "--timeout", 2)
        assert asked["exit"] == 0


@pytest.mark.parametrize(("options", "said"), [
    (("--cosigned", "FILE"), "Give --witness VKEY"),
    (("--witness", "x"), "--cosigned FILE, which is missing"),
    (("--cosigned", "FILE", "--witness", "x"), "name+id+key"),
])  # fmt: skip
def test_wrong_use_of_the_audit(proofward, demo_run, tmp_path, options, said):
    note = demo_run[0] / "ledger" / SEAL_NAME
    result = proofward("audit", demo_run[0], *(note if part == "FILE" else part for part in options))
    assert result.exit_code == 2 and said in " ".join(result.stderr.split())


def test_a_witness_that_serves_needs_a_sound_name_and_key(proofward, keys, tmp_path):
    key = tmp_path / "one.example.key"
    for options, said in (
        (("--name", "two words", "--log", str(keys[0].cosigner)), "--log"),
        (("--name", "w", "--log", "x"), "--log"),
    ):
        result = proofward("witness", "serve", key, *options)
        assert result.exit_code == 2 and said in result.stderr
    assert proofward("witness", "key", key, "--name", "two words").exit_code == 2


def test_a_port_that_another_program_has_is_refused_in_words(proofward, demo_run, keys, tmp_path):
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        asked = ("--name", "one.example", "--log", log_key(demo_run[0]), "--port", port)
        result = proofward("witness", "serve", tmp_path / "one.example.key", *asked)
    assert result.exit_code == 1 and f"port {port} of 127.0.0.1 cannot be used" in result.stderr


def test_a_seal_is_stamped_completed_and_verified(proofward, demo_run, tmp_path, monkeypatch):
    """With a calendar of our own, and a block whose header has the work of Bitcoin's first."""
    pytest.importorskip("opentimestamps")
    from bitcoin.core import CBlockHeader
    from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
    from opentimestamps.core.op import OpPrepend
    from opentimestamps.core.timestamp import Timestamp

    from proofward.witness import timestamps

    url, file = "http://calendar.example", tmp_path / "ledger.seal.ots"
    digest = hashlib.sha256((demo_run[0] / "ledger" / SEAL_NAME).read_bytes()).digest()

    def submit(_: str, asked: bytes) -> Timestamp:
        made = Timestamp(asked)
        made.attestations.add(PendingAttestation(url))
        return made

    def fetch(_: str, asked: bytes) -> Timestamp:
        made = Timestamp(asked)
        made.ops.add(OpPrepend(b"block")).attestations.add(BitcoinBlockHeaderAttestation(7))
        return made

    monkeypatch.setattr(timestamps.stamp, "__defaults__", (submit,))
    monkeypatch.setattr(timestamps.upgrade, "__defaults__", (fetch,))
    stamped = proofward.json("timestamp", "stamp", demo_run[0], "--to", file, "--calendar", url)
    assert stamped["exit"] == 0 and stamped["digest"] == digest.hex()
    assert proofward("timestamp", "stamp", demo_run[0], "--to", file).exit_code == 2
    verified = proofward.json("timestamp", "verify", demo_run[0], file)
    assert [found["kind"] for found in verified["attestations"]] == ["pending"]
    assert proofward.json("timestamp", "upgrade", demo_run[0], file)["did"] == "unchanged"  # an address not asked
    assert proofward.json("timestamp", "upgrade", demo_run[0], file, "--calendar", url)["did"] == "upgraded"
    (bitcoin, _) = proofward.json("timestamp", "verify", demo_run[0], file)["attestations"]
    assert (bitcoin["kind"], bitcoin["detail"]) == ("bitcoin", "7")
    assert bitcoin["root"] == (b"block" + digest)[::-1].hex()
    other = CBlockHeader(2, bytes(32), bytes(32), 1_700_000_000, 0x1D00FFFF, 0).serialize().hex()
    result = proofward("timestamp", "verify", demo_run[0], file, "--block", other)
    assert result.exit_code == 1 and "expected a block with the root" in result.stderr


def test_a_timestamp_of_another_ledger_is_refused(proofward, demo_run, tmp_path):
    pytest.importorskip("opentimestamps")
    from proofward.witness.timestamps import TimestampRefused, read, stamp

    with pytest.raises(TimestampRefused, match="0 of 1 calendars answered"):
        stamp(bytes(32), ["http://127.0.0.1:9"], 1)
    for data in (b"", b"\x00OpenTimestamps", bytes(100), bytes(1 << 17)):
        with pytest.raises(TimestampRefused):
            read(data, bytes(32))
    (tmp_path / "f").write_bytes(b"nothing")
    result = proofward("timestamp", "verify", demo_run[0], tmp_path / "f")
    assert result.exit_code == 1 and "as `proofward timestamp stamp` writes one, found another file" in result.stderr
    copy = tmp_path / "run"
    shutil.copytree(demo_run[0] / "ledger", copy / "ledger")
    (copy / "ledger" / SEAL_NAME).unlink()
    result = proofward("timestamp", "stamp", copy, "--to", tmp_path / "g")
    assert result.exit_code == 1 and "no seal yet" in result.stderr
