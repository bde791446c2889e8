"""Hostile runs and proof files on the command line: a typed refusal each, and no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proofward.encoding import decode_item, encode, encode_item
from proofward.ledger.log import Log
from proofward.report.handover.proof_file import HEADER_BYTES, MAX_FILE_BYTES, ProofFile
from tests.ledger.conftest import SIGNER
from tests.ledger.hostile import FOLDERS, _deep, _many, _terabyte, _to_device
from tests.patience import PATIENCE
from tests.peak_memory import begin_peak, peak_megabytes

ROOT = Path(__file__).parents[2]
EARLIER = json.loads((ROOT / "tests" / "vectors" / "protocol1.json").read_text())
QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def run(demo_run, tmp_path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("ledger", "proofs", "model.safetensors", "model.json"):
        source = demo_run[0] / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


@pytest.fixture
def proof(demo_run, tmp_path) -> Path:
    return Path(shutil.copy(demo_run[0] / "proofs" / "hospital-1-round-2.proof", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FOLDERS if "many" not in name])
def test_a_hostile_ledger_is_a_flaw(proofward, run, name) -> None:
    FOLDERS[name](run / "ledger")
    started, before = time.process_time(), begin_peak()
    report = proofward.json("audit", run)
    assert report["exit"] == 1 and not report["passed"]
    assert time.process_time() - started < 5
    assert peak_megabytes() - before < 500


@pytest.mark.parametrize(
    "name, make",
    [
        ("model.safetensors", _terabyte), ("model.json", os.mkfifo), ("model.json", _to_device),
        ("proofs/other.proof", _terabyte), ("proofs/other.proof", os.mkfifo), ("proofs", os.mkfifo),
        ("proofs/d", _deep), ("proofs/d", _many), ("proofs", lambda path: path.symlink_to("/")),
    ],
)  # fmt: skip
def test_hostile_files_beside_the_ledger(proofward, run, name, make) -> None:
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make(path)
    report = proofward.json("audit", run)
    failed = {verdict["check"] for verdict in report["verdicts"] if not verdict["passed"]}
    assert report["exit"] == 1 and failed == {"file"}


def test_many_files_beside_the_ledger_are_not_listed(proofward, run) -> None:
    for number in range(1500):
        (run / f"note-{number}").touch()
    report = proofward.json("audit", run)
    assert report["exit"] == 0 and report["no_evidence"] == ["more than 1000 files"]


@pytest.mark.parametrize("command", ["verify", "inspect"])
@pytest.mark.parametrize("kind", ["pipe", "sparse", "longer", "device"])
def test_a_proof_file_of_another_kind(proofward, tmp_path, command, kind) -> None:
    path = tmp_path / "x.proof"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, MAX_FILE_BYTES if kind == "sparse" else 1 << 40)
    report = proofward.json(command, path)
    if kind == "sparse":  # a file that can be read, and is none of ours
        assert report["exit"] == 2 and "not a proof file" in report["error"]
    else:
        assert report["exit"] == 1 and report["check"] == "file"


def test_a_link_to_a_proof_is_the_user_s_own_choice(proofward, proof, tmp_path) -> None:
    (tmp_path / "link").symlink_to(proof)
    assert proofward("verify", tmp_path / "link").exit_code == 0


def test_the_policy_s_bits_are_printed(proofward, proof, run) -> None:
    assert "(the rules demand 100)" in proofward("verify", proof).stdout
    assert "the rules demand 100 bits" in proofward("inspect", proof).stdout
    assert "proofs of at least 100 bits" in proofward("audit", run).stdout


def test_a_run_of_protocol_1_names_its_release(proofward, tmp_path) -> None:
    folder = tmp_path / "run"
    with Log(folder / "ledger", SIGNER.verifier, SIGNER, create=True, kind_of=lambda entry: "x") as log:
        log.append(bytes.fromhex(EARLIER["ledger entry 0"]))
    report = proofward.json("audit", folder)
    (verdict,) = report["verdicts"]
    assert report["exit"] == 2 and verdict["failed_check"] == "version"
    assert verdict["actual"] == "one of protocol 1, which needs version 1 of ProofWard: use release 0.1.0"


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_proof_file_of_protocol_1_names_its_release(proofward, tmp_path, command) -> None:
    path = tmp_path / "old.proof"
    path.write_bytes(bytes.fromhex(EARLIER["proof file"]))
    report = proofward.json(command, path)
    assert (report["exit"], report["check"]) == (2, "version")
    assert report["detail"].endswith("needs version 1 of ProofWard: use release 0.1.0")


def _changed_rules(rules: bytes, path: tuple, value: object) -> bytes:
    """The rules with one value of their structure replaced."""
    found = decode_item(rules)

    def put(item, rest):
        if not rest:
            return value
        if isinstance(item, dict):
            return {**item, rest[0]: put(item[rest[0]], rest[1:])}
        return tuple(put(part, rest[1:]) if i == rest[0] else part for i, part in enumerate(item))

    return encode_item(put(found, path))


def _paths(item, path=()) -> list[tuple]:
    inner = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, tuple) else ()
    return [path] * bool(path) + [found for key, part in inner for found in _paths(part, (*path, key))]


VALUES = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1), st.sampled_from([0, 1, -1, 1 << 20, 1 << 24, 1 << 31, 1 << 62]),
    st.binary(max_size=40), st.text(max_size=10), st.booleans(), st.none(),
    st.lists(st.integers(0, 1 << 40), max_size=5),
)  # fmt: skip


@pytest.mark.slow
@given(data=st.data())
@QUICK
def test_fuzzed_rules_are_refused_or_verified(proofward, proof, tmp_path, data) -> None:
    file = ProofFile.from_bytes(proof.read_bytes())
    path = data.draw(st.sampled_from(_paths(decode_item(file.rules))))
    try:
        rules = _changed_rules(file.rules, path, data.draw(VALUES))
    except ValueError:
        return
    other = tmp_path / "fuzzed.proof"
    other.write_bytes(encode(replace(file, rules=rules)))
    for command in ("verify", "inspect"):
        assert proofward.json(command, other)["exit"] in (
            (0, 1) if command == "inspect" or rules == file.rules else (1,)
        )


@pytest.mark.slow
@given(
    rows=st.one_of(st.integers(1, 1 << 24), st.sampled_from([1 << 17, 1 << 20, 1 << 22, 1 << 24])),
    proof_bytes=st.binary(max_size=60), ciphertext=st.sampled_from([b"", None]), number=st.integers(1, 1 << 20),
)  # fmt: skip
@QUICK
def test_fuzzed_claims_are_refused_quickly(
    proofward, proof, tmp_path, rows, proof_bytes, ciphertext, number
) -> None:
    file = ProofFile.from_bytes(proof.read_bytes())
    kept = file.ciphertext if ciphertext is None else ciphertext
    other = tmp_path / "claim.proof"
    other.write_bytes(encode(replace(file, rows=rows, proof=proof_bytes, ciphertext=kept, round=number)))
    started = time.process_time()
    assert proofward("verify", other).exit_code == 1
    proofward("inspect", other)
    assert time.process_time() - started < 5


@given(data=st.binary(max_size=300))
@example(data=b"[[site]]")
@QUICK
def test_random_bytes_are_no_proof_file(proofward, tmp_path, data) -> None:
    path = tmp_path / "random.proof"
    path.write_bytes(data)
    for command in ("verify", "inspect"):
        report = proofward.json(command, path)
        assert report["exit"] == 2 and "not a proof file" in report["error"]


@given(data=st.binary(max_size=300))
@QUICK
def test_random_bytes_after_the_beginning_of_a_proof_file_are_refused(proofward, proof, data) -> None:
    path = proof.with_name("random.proof")
    path.write_bytes(proof.read_bytes()[:HEADER_BYTES] + data)
    for command in ("verify", "inspect"):
        assert proofward.json(command, path)["check"] == "file"


MEASURE = """
import sys, time
from proofward.cli.main import main
from tests.peak_memory import peak_megabytes
for path in sys.argv[1:]:
    for command in ("verify", "inspect"):
        before = time.process_time()
        try:
            main([command, path])
        except SystemExit as ended:
            code = ended.code
        print("MEASURED", command, code, time.process_time() - before, peak_megabytes())
"""


@pytest.mark.slow
def test_a_small_proof_file_with_a_huge_claim(proof, tmp_path) -> None:
    """In a process of its own, so that the memory is that of these files."""
    file, paths = ProofFile.from_bytes(proof.read_bytes()), []
    for rows in (1 << 17, 1 << 20, 1 << 24):
        paths.append(tmp_path / f"huge-{rows}.proof")
        paths[-1].write_bytes(encode(replace(file, rows=rows, proof=b"x" * 100)))
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=ROOT,
    )  # fmt: skip
    measured = [line.split()[1:] for line in ended.stdout.split("\n") if line.startswith("MEASURED ")]
    assert [command for command, *_ in measured] == ["verify", "inspect"] * 3
    for command, code, seconds, megabytes in measured:
        assert code == "1" or command == "inspect"
        assert float(seconds) < 5 and float(megabytes) < 500, measured
