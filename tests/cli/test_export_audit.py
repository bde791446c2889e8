"""What an auditor is given passes the audit, and holds no key and no record: planted ones are refused."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import zipfile

import numpy as np
import pytest

from proofward.federation.storage.state_store import StateStore
from proofward.ledger.keys import SigningKey
from proofward.report.audits.run_audit import RunAudit
from proofward.report.handover.audit_pack import PackRefused, check_pack
from proofward.report.handover.secrets.known_secrets import known_secrets
from proofward.report.handover.secrets.secret_scan import Scanner
from proofward.statistics.counts import ColumnValues, TableValues
from proofward.statistics.source import VALUES, values_to_bytes
from tests.cli.test_enrol import furnish
from tests.engines.remote_harness import SERVER, Consortium
from tests.federation.fakes import FakeProofs

PRIME = 2**64 - 2**32 + 1
RECORD = np.array([[-49, 16, -38, 1201]], dtype=np.int64)


@pytest.fixture
def run(demo_run, tmp_path):
    """A run with its parties' states, of the test's own."""
    folder = tmp_path / "run"
    shutil.copytree(demo_run[0], folder)
    shutil.copytree(demo_run[0].with_name("run.private"), tmp_path / "run.private")
    return folder


def names(path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_a_pack_passes_the_audit(proofward, demo_run, tmp_path):
    folder, metrics = demo_run
    packed, there = tmp_path / "pack.zip", tmp_path / "there"
    said = proofward.json("export-audit", folder, "--out", packed)
    assert (said["exit"], said["did"], said["finished"]) == (0, "packed", True)
    assert said["consortium"] == metrics["consortium"] and said["searched"]["keys"] == 7
    assert said["unread"] == []
    with zipfile.ZipFile(packed) as file:
        file.extractall(there)
    report = proofward.json("audit", there, "--consortium", metrics["consortium"])
    assert report["passed"] and report["no_evidence"] == ["classes.json", "features.json"]
    same = tmp_path / "folder"
    assert proofward("export-audit", folder, "--out", same).exit_code == 0
    assert names(same) == names(there) and len(names(same)) == said["files"]
    for name in names(same):
        assert (same / name).read_bytes() == (there / name).read_bytes()
    assert sum((same / name).stat().st_size for name in names(same)) == said["bytes"]
    assert {name for name in names(folder) if name.startswith(("ledger", "proofs", "model"))} <= names(same)
    again = tmp_path / "again.zip"
    proofward("export-audit", folder, "--out", again)
    assert again.read_bytes() == packed.read_bytes()
    assert proofward("model", "export", there, "--to", "json", "--out", tmp_path / "m.json").exit_code == 0


@pytest.mark.slow
def test_nothing_of_the_parties_is_in_a_pack(proofward, demo_run, tmp_path):
    folder, _ = demo_run
    proofward("export-audit", folder, "--out", tmp_path / "pack")
    whole = b"".join((tmp_path / "pack" / name).read_bytes() for name in sorted(names(tmp_path / "pack")))
    seeds = [SigningKey.load(path)._seed for path in folder.with_name("run.private").rglob("identity.key")]
    assert len(seeds) == 7 and not any(seed in whole or seed.hex().encode() in whole for seed in seeds)


def seed_of(run) -> bytes:
    return SigningKey.load(run.with_name("run.private") / "hospital-1" / "identity.key")._seed


def planted(run, data: bytes) -> str:
    """An object of these bytes, under its proper name; the name."""
    digest = hashlib.sha256(data).hexdigest()
    path = run / "ledger" / "objects" / digest[:2] / digest[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return f"ledger/objects/{digest[:2]}/{digest[2:]}"


def refused(proofward, run, *words: str) -> None:
    """The command refuses in these words, and leaves nothing behind."""
    for out in (run.with_name("pack.zip"), run.with_name("pack")):
        said = proofward.json("export-audit", run, "--out", out)
        assert (said["exit"], said["did"]) == (1, "refused")
        assert all(word in said["reason"] for word in words), said["reason"]
        assert "nothing was written" in said["reason"]
    left = {path.name for path in run.parent.iterdir()}
    assert left <= {"run", "run.private", "thesis"}


FORMS = {
    "bytes": lambda seed: seed,
    "hexadecimal": lambda seed: seed.hex().encode(),
    "capitals": lambda seed: seed.hex().upper().encode(),
    "base64": base64.b64encode,
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_key_in_an_object_is_refused(proofward, run, form):
    name = planted(run, b"odd" + FORMS[form](seed_of(run)) + b"rest")
    refused(proofward, run, name, "the key of hospital-1/identity.key")


@pytest.mark.parametrize("where", ["ledger/ledger.db", "ledger/ledger.seal", "features.json"])
def test_a_key_in_another_file_is_refused(proofward, run, where):
    path = run / where
    path.write_bytes(path.read_bytes() + seed_of(run).hex().encode())
    if where.endswith(".db"):
        path.write_bytes((run / where).read_bytes() + bytes(4096))
    refused(proofward, run, where, "hospital-1/identity.key")


def test_a_record_is_refused(proofward, run):
    kept = run.with_name("run.private") / "hospital-2" / "dataset.npz"
    np.savez(kept, features=RECORD, labels=np.zeros(1, np.int64))
    planted(run, b"??" + RECORD.tobytes())
    refused(proofward, run, "a record of hospital-2/dataset.npz")


def binary_column() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, (40, 1)) * 64


def picture() -> np.ndarray:
    return np.random.default_rng(2).integers(-90, 90, (1, 784))


FORMS_OF_RECORDS = {
    "words": (RECORD, lambda rows: rows.tobytes()),
    "field elements": (RECORD, lambda rows: b"".join((int(value) % PRIME).to_bytes(8, "little") for value in rows[0])),
    "floats": (RECORD, lambda rows: rows.astype("<f8").tobytes()),
    "narrow words": (picture()[:, :30], lambda rows: rows.astype("<i2").tobytes()),
    "text": (picture()[:, :30], lambda rows: ", ".join(map(str, rows[0].tolist())).encode()),
    "one column of two values": (binary_column(), lambda rows: rows[:24].tobytes()),
    "categories": (binary_column()[:30].T, lambda rows: rows.tobytes()),
    "part of a picture": (picture(), lambda rows: rows[0, :400].tobytes()),
    "a picture in bytes": (picture(), lambda rows: rows.astype("i1").tobytes()),
}


@pytest.mark.parametrize("form", sorted(FORMS_OF_RECORDS))
def test_records_are_refused_in_every_form(form, tmp_path):
    rows, plant = FORMS_OF_RECORDS[form]
    member = tmp_path / "hospital-2"
    member.mkdir()
    np.savez(member / "dataset.npz", features=rows, labels=np.zeros(len(rows), np.int64))
    known = known_secrets(tmp_path)
    assert known.untold == 0 and known.unread == []
    pack = tmp_path / "pack"
    path = pack / "ledger" / "objects" / "ab" / ("c" * 62)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"?????" + bytes(100))
    check_pack(pack, known)
    path.write_bytes(b"?????" + plant(rows) + b"!")
    with pytest.raises(PackRefused, match=r"a record of hospital-2/dataset\.npz"):
        check_pack(pack, known)


def test_values_for_statistics_are_refused(tmp_path):
    values = np.random.default_rng(3).normal(10, 3, 60)
    folder = tmp_path / "hospital-2"
    folder.mkdir()
    (folder / VALUES).write_bytes(values_to_bytes(TableValues(60, (ColumnValues(values, 0, 0),))))
    known = known_secrets(tmp_path)
    assert Scanner(known.all).scan(io.BytesIO(values[4:40].astype("<f8").tobytes())) == {f"values of hospital-2/{VALUES}"}


def test_records_of_a_named_file_are_refused(proofward, run, tmp_path):
    """A federation that is over keeps none; whoever has the file can have it searched for."""
    path, values = run.with_name("thesis"), [[-1.25, 0.5, 2.75, 1.5], [0.25, -0.75, 3.5, -2.5]]
    path = path.with_suffix(".csv")
    names = [f"feature-{number}" for number in range(1, 5)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *values]) + "\n")
    said = proofward.json("export-audit", run, "--out", tmp_path / "pack", "--records", path)
    assert said["exit"] == 0 and said["searched"]["records"] >= 4
    for data in (
        (np.array(values[1]) * 64).astype("<i8").tobytes(),
        np.array(values[0]).tobytes(),
        path.read_bytes().split(b"\n", 1)[1],
    ):
        name = planted(run, b"?" + data)
        found = proofward.json("export-audit", run, "--out", tmp_path / "other", "--records", path)
        assert found["exit"] == 1 and f"a record of {path}" in found["reason"], found
        (run / name).unlink()
    without = proofward("export-audit", run, "--out", tmp_path / "other")
    assert "no records are kept here" in without.stdout and "--records FILE" in without.stdout


def test_a_secret_that_a_state_still_keeps_is_refused(proofward, run):
    folder = run.with_name("run.private") / "hospital-9"
    folder.mkdir()
    state = StateStore(folder / "state.sqlite")
    secret = hashlib.sha512(b"a sealing seed").digest()
    with state.transaction():
        state.secrets.put("sealing/2/0", secret)
    state.close()
    planted(run, secret)
    refused(proofward, run, "the secret sealing/2/0 of hospital-9/state.sqlite")


@pytest.mark.parametrize(
    "name",
    ["identity.key", "state.sqlite", "state.sqlite-wal", "state.ratchet", "dataset.npz", "records.csv",
     "seed-for-repeatable-runs", "objects/ab/client.key", "parties/x", "passphrase.txt", "log.jsonl"],
)  # fmt: skip
def test_files_of_keys_and_records_are_refused_by_name(proofward, run, name):
    path = run / "ledger" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"whatever")
    refused(proofward, run, f"ledger/{name}", "keys or records")


def test_other_files_are_refused(proofward, run, tmp_path):
    (run / "ledger" / "thesis.txt").write_text("mine")
    refused(proofward, run, "ledger/thesis.txt", "no part of a ledger")
    (run / "ledger" / "thesis.txt").unlink()
    (tmp_path / "thesis").write_text("mine")
    (run / "ledger" / "ledger.db-link").symlink_to(tmp_path / "thesis")
    refused(proofward, run, "ledger.db-link", "no ordinary file")


def test_what_lies_beside_the_ledger_is_not_taken(proofward, run, tmp_path):
    (run / "identity.key").write_bytes(b"x")
    (run / "notes.txt").write_text("mine")
    assert proofward("export-audit", run, "--out", tmp_path / "pack").exit_code == 0
    assert not {"identity.key", "notes.txt", "metrics.json", "auc.png", "report.md", "roc.png"} & names(tmp_path / "pack")


def test_without_the_states_only_names_can_be_checked(proofward, run, tmp_path):
    shutil.rmtree(run.with_name("run.private"))
    result = proofward("export-audit", run, "--out", tmp_path / "pack")
    assert result.exit_code == 0 and "no party's state is here" in result.stdout


def test_what_cannot_be_packed(proofward, run, tmp_path):
    assert proofward("export-audit", run, "--out", run).exit_code == 1
    nothing = proofward("export-audit", tmp_path / "run.private")
    assert nothing.exit_code == 2 and "no ledger" in nothing.stderr
    (run / "ledger" / "ledger.seal").unlink()
    refused(proofward, run, "not sealed")


@pytest.mark.slow
def test_kits(proofward, tmp_path):
    root = tmp_path / "consortium"
    with Consortium(root) as running:
        furnish(root)
        running.start()
        running.join()
        assert running.audit() == []
        rules = running.host.aggregator.rules
    packed = tmp_path / "pack"
    said = proofward.json("export-audit", root / SERVER, "--out", packed)
    assert (said["exit"], said["consortium"]) == (0, rules.digest.hex()) and said["searched"]["keys"] >= 2
    audit = RunAudit(packed, FakeProofs(), rules.digest)
    verdicts = list(audit.run())
    assert all(verdict.passed for verdict in verdicts) and len(verdicts) > 100
    assert {"model.safetensors", "model.json", "features.json"} <= names(packed)
    member = proofward("export-audit", root / "hospital-0", "--out", tmp_path / "other")
    assert member.exit_code == 1 and "server's kit" in member.stderr and not (tmp_path / "other").exists()
    key = SigningKey.load(root / SERVER / "home" / "members" / "aggregator" / "identity.key")._seed
    planted(root / SERVER / "home", key)
    again = proofward("export-audit", root / SERVER, "--out", tmp_path / "other")
    assert again.exit_code == 1 and "the key of aggregator/identity.key" in again.stderr
