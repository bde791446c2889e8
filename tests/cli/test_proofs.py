"""Proofs as files: verified and described from the bytes alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from proofward.encoding import encode
from proofward.relations.proofs.prove import prove_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.report.handover.proof_file import ProofFile, is_proof_file
from tests.proof.toy import seeded
from tests.relations.cases import records, sealed


@pytest.fixture(scope="module")
def proof(demo_run):
    return demo_run[0] / "proofs" / "hospital-1-round-2.proof"


def test_a_proof_of_the_run_verifies(proofward, proof, demo_run):
    result = proofward.json("verify", proof)
    assert result["exit"] == 0 and result["valid"]
    assert (result["hospital"], result["round"]) == ("hospital-1", 2)
    assert result["consortium"] == demo_run[1]["consortium"]
    assert result["soundness_bits"] >= 100
    assert result["policy_bits"] == 100
    text = proofward("verify", proof).stdout.replace("\n", "")
    assert text.startswith("VALID: hospital-1") and "bits (the rules demand 100)" in text


def test_inspection_tells_what_is_public(proofward, proof):
    found = proofward.json("inspect", proof)
    assert found["exit"] == 0 and found["public"]["model"] == "4-4-2"
    assert found["bytes"]["file"] == proof.stat().st_size > found["bytes"]["proof"]
    sources = [source["log2_error"] for source in found["soundness"]["sources"]]
    assert len(sources) > 5 and max(sources) <= -found["soundness"]["bits"] <= -100
    text = proofward("inspect", proof).stdout
    assert "the rules' policy" in text and "-100" in text
    assert "Soundness" in text and "unique decoding" in text and "Hidden" in text


def test_a_proof_with_work_is_told_with_both_figures(proofward, proof, tmp_path):
    """Under a policy that the same round reaches with work only."""
    file = ProofFile.from_bytes(proof.read_bytes())
    rules = replace(file.consortium, config=replace(file.consortium.config, security_bits=112))
    features, labels = records(rules.config, file.rows)
    enrolled = EnrolmentStatement(rules.digest, file.hospital, file.rows, features.shape[1], rules.config)
    secret = prove_enrolment(enrolled, features, labels, seeded(1))[1]
    file = replace(file, rules=rules.data, dataset_root=secret.root)
    made = prove_round(file.statement, secret, seeded(2), sealed)
    words = made.ciphertext.astype("<u8").tobytes()
    worked = tmp_path / "worked.proof"
    worked.write_bytes(replace(file, ciphertext=words, sealed_shares=made.sealed_shares, proof=made.proof).data)
    found, told = proofward.json("verify", worked), proofward.json("inspect", worked)["soundness"]
    assert (found["exit"], found["grinding_bits"], told["grinding_bits"]) == (0, 12, 12)
    assert found["soundness_bits"] == told["bits"] < 112 == told["policy_bits"]
    assert found["soundness_bits_with_work"] == told["bits_with_work"] >= 112
    figures = f"{told['bits']:.1f} bits, {told['bits_with_work']:.1f} with 12 bits of work before alpha, beta"
    assert f"{figures} (the rules demand 112)" in proofward("verify", worked).stdout.replace("\n", "")
    text = proofward("inspect", worked).stdout
    assert re.search(rf"all \(union bound\) +-{told['bits']:.1f}", text)
    assert re.search(rf"all, with work +12 bits before alpha, beta +-{told['bits_with_work']:.1f}", text)


@pytest.mark.slow
def test_another_statement_is_refused(proofward, proof, tmp_path):
    file = ProofFile.from_bytes(proof.read_bytes())
    other = tmp_path / "other.proof"
    for changed in (
        replace(file, hospital="hospital-0"), replace(file, hospital="nobody"), replace(file, round=1),
        replace(file, rows=file.rows - 1), replace(file, beacon=bytes(32)), replace(file, ciphertext=b""),
        replace(file, initial_weights=bytes(len(file.initial_weights))), replace(file, initial_weights=b""),
        replace(file, rules=file.rules[:-1]), replace(file, proof=b""), replace(file, rows=1 << 24),
    ):  # fmt: skip
        other.write_bytes(encode(changed))
        result = proofward.json("verify", other)
        assert result["exit"] == 1 and not result["valid"] and result["check"]


def test_rules_for_tests_are_refused_unless_asked_for(proofward, proof, tmp_path):
    file = ProofFile.from_bytes(proof.read_bytes())
    weak = replace(file.consortium.config, security_bits=40, weak_security_for_tests=True)
    other = tmp_path / "weak.proof"
    other.write_bytes(encode(replace(file, rules=replace(file.consortium, config=weak).data)))
    result = proofward.json("verify", other)
    assert (result["exit"], result["check"]) == (1, "security policy")
    assert "at least 80 bits, found 40" in result["detail"]
    # what is refused then is the proof, which is one of other rules
    assert proofward.json("verify", other, "--accept-weak")["check"] not in ("security policy", "rules")


@pytest.mark.slow
def test_changed_bytes_are_refused(proofward, proof, tmp_path, rng):
    data, other = proof.read_bytes(), tmp_path / "other.proof"
    for _ in range(40):
        position = rng.randrange(len(data))
        other.write_bytes(
            data[:position] + bytes([data[position] ^ 1 << rng.randrange(8)]) + data[position + 1 :]
        )
        assert proofward("verify", other).exit_code == (1 if is_proof_file(other.read_bytes()) else 2)
    for other_data in (data[:-1], data + b"\x00", data[:100]):
        other.write_bytes(other_data)
        assert proofward("verify", other).exit_code == 1
        assert "REFUSED by file" in proofward("inspect", other).stdout


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_what_is_no_proof_file_is_wrong_use(proofward, tmp_path, rng, command):
    other = tmp_path / "README.md"
    for data in (b"", b"\xff", b"# Words\n" * 50, rng.randbytes(1000), b"\xa0"):
        other.write_bytes(data)
        result = proofward(command, other)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"Error: {other}: not a proof file\n"
        told = proofward.json(command, other)
        assert (told["exit"], told["error"]) == (2, f"{other}: not a proof file")


def test_wrong_usage(proofward, tmp_path):
    assert proofward("verify", tmp_path / "nothing").exit_code == 2
    assert proofward("inspect", tmp_path).exit_code == 2
