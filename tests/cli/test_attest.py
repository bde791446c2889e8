"""`proofward attest`: the demonstration, evidence in files, what is on a ledger, collecting for a kit."""

from __future__ import annotations

import json

import pytest

from proofward.attestation.claims import GPU, SNP, TDX
from proofward.cli.run.attest_demo import demo
from proofward.encoding import encode
from proofward.engines.attacks.evidence import WAYS
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.prepared_evidence import ASKED, attester, kept
from proofward.federation.messages.basics.clock import REPEATABLE_TIME
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import FederationOpened
from tests.attestation.machines import bound, machine, made, policy, roots
from tests.attestation.tsm import fake_tsm
from tests.federation.fakes import plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(proofward, tmp_path_factory):
    """The folder of a demonstration, and what it printed."""
    folder = tmp_path_factory.mktemp("attest") / "run"
    return folder, proofward("attest", "demo", "--out", folder)


def test_the_demonstration_refuses_each_way_by_name_and_ends(run):
    _, result = run
    assert result.exit_code == 0, result.stdout
    for way in WAYS:
        assert f"refused: {way.name} ({way.what}): {way.check}" in result.stdout
    assert "rounds closed with proofs of everybody in the sum: 1 of 1" in result.stdout
    assert "everything came out as it has to" in result.stdout
    assert "no vendor stands behind" in result.stdout


def test_an_audit_of_the_demonstration_names_who_was_barred(proofward, run):
    folder, _ = run
    result = proofward("audit", folder, "--now")
    assert result.exit_code == 1 and "The record is consistent" in result.stdout
    assert (
        "evidence    of nvidia-gpu or snp or tdx required of aggregator, hospital, verifier" in result.stdout
    )
    for way in WAYS:
        assert f"{way.name} was barred from enrolling: {way.check}" in result.stdout
    assert result.stdout.count(", today: would hold") == 6
    document = proofward.json("audit", folder)
    assert set(document["evidence"]["barred"]) == {way.name for way in WAYS}
    assert {entry["member"] for entry in document["broke_rules"]} == {way.name for way in WAYS}


def test_what_is_on_a_ledger_is_shown_with_todays_collateral_if_given(proofward, run, tmp_path):
    folder, _ = run
    shown = proofward.json("attest", "show", folder)
    assert len(shown["members"]) == 10 and set(shown["barred"]) == {way.name for way in WAYS}
    other = tmp_path / "other.pem"
    other.write_bytes(made(SNP).collateral)
    lines = proofward("attest", "show", folder, "--now", "--collateral", "hospital-0", "snp", other).stdout
    assert "would not hold: evidence-root" in lines and "accepted by verifier-0, verifier-1" in lines
    assert proofward("attest", "show", folder, "--collateral", "hospital-0", "snp", other).exit_code == 2


@pytest.mark.parametrize("kind", [SNP, TDX, GPU])
def test_evidence_in_files_is_verified_by_itself(proofward, tmp_path, kind):
    evidence, collateral = tmp_path / "evidence", tmp_path / "collateral"
    item = made(kind)
    evidence.write_text(item.evidence.hex()) if kind == GPU else evidence.write_bytes(item.evidence)
    collateral.write_bytes(item.collateral)
    root = roots(kind)[0].hex()
    given = ("attest", "verify", kind, evidence, "--collateral", collateral)
    found = proofward.json(
        *given, "--root", root, "--bound-to", bound(kind).hex(), "--at", "2026-01-02T03:04:05"
    )
    assert (found["exit"], found["did"], found["bound_to"]) == (0, "verified", bound(kind).hex())
    for more, check in (((), "evidence-root"), (("--root", root, "--bound-to", "00"), "evidence-binding"),
                        (("--root", root, "--at", "2060-01-01"), "evidence-time")):  # fmt: skip
        result = proofward(*given, *more)
        assert result.exit_code == 1 and check in result.stderr, result.stderr
    assert proofward(*given, "--at", "soon").exit_code == 2


def test_a_folder_without_samples_is_wrong_use(proofward, tmp_path):
    result = proofward("attest", "demo", "--samples", tmp_path)
    assert result.exit_code == 2 and "none of tdx_quote" in result.stderr
    assert demo.name == "demo"


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """What stands for a kit whose site has followed a ledger with rules that ask for evidence."""
    from dataclasses import replace

    from proofward.cli.kit import attest_collect
    from proofward.engines.remote.agreement.terms import Seat, Terms
    from proofward.engines.run_folder import RunFolder
    from proofward.federation.history.history import History

    folder = RunFolder(tmp_path / "run", b"s")
    agreed = replace(
        plan(hospitals=4, verifiers=1, rounds=1, threshold=1), attestation=policy(kinds=(GPU, SNP))
    )
    rules = folder.rules(agreed)
    seats = tuple(Seat(member.name, member.role, member.name) for member in rules.members)
    terms = Terms.of(rules.config, federation=rules.federation, seats=seats, accepting_verdicts=1, minimum_updates=3,
                     abandonments=3, rounds=1, initial_model=b"", deadline=60, upload_slot=0)  # fmt: skip
    home = Home.create(tmp_path / "home", "hospital-0", terms, None, b"seed")
    home.pin(rules)
    history = History(rules)
    unsigned = Envelope(rules.digest, "aggregator", "aggregator", 0, 0, 0, history.root, REPEATABLE_TIME,
                        encode(FederationOpened(rules.data)), b"")  # fmt: skip
    history.apply(seal_envelope(unsigned, folder.key("aggregator")).data)
    monkeypatch.setattr(attest_collect, "opened", lambda kit: home)
    monkeypatch.setattr(attest_collect, "_followed", lambda *given: history)
    monkeypatch.setattr(attest_collect, "_certificate", lambda kit: b"t" * 32)
    (tmp_path / "kit" / "proofward").mkdir(parents=True)
    return tmp_path / "kit", home, history


def test_evidence_is_collected_kept_and_shown_by_the_kit(proofward, kit, monkeypatch, tmp_path):
    place, home, history = kit
    fake_tsm(monkeypatch, machine(SNP))
    collateral = tmp_path / "snp.pem"
    collateral.write_bytes(machine(SNP).collateral())
    found = proofward.json("attest", "collect", place, "--collateral", "snp", collateral, "--tsm", tmp_path)
    assert (found["exit"], found["did"], found["kinds"]) == (0, "kept", ["snp"]), found
    prepared = kept(home, "hospital-0")
    assert prepared is not None and prepared.binding.report_data().hex() == found["report_data"]
    assert prepared.binding.tls == b"t" * 32 and (prepared.binding.size, prepared.binding.root) == (1, history.root)
    give = attester(home, "hospital-0")
    assert give(prepared.binding, 5) == prepared
    history.keys["hospital-0"] = bytes(32)
    from dataclasses import replace

    assert give(replace(prepared.binding, key=bytes(32)), 5) is None


def test_a_card_is_asked_with_what_was_prepared(proofward, kit, tmp_path):
    place, home, _ = kit
    asked = proofward.json("attest", "collect", place, "--prepare")
    assert asked["did"] == "prepared" and kept(home, "hospital-0", ASKED) is not None
    data, nonce = bytes.fromhex(asked["report_data"]), bytes.fromhex(asked["gpu_nonce"])
    options = []
    for item in (machine(SNP).item(data), machine(GPU).item(nonce)):
        for name, content in (("evidence", item.evidence), ("collateral", item.collateral)):
            path = tmp_path / f"{item.kind}.{name}"
            path.write_bytes(content)
            options += [f"--{name}", item.kind, path]
    found = proofward.json("attest", "collect", place, *options)
    assert (found["did"], found["kinds"]) == ("kept", [GPU, SNP]), found


def test_what_would_be_refused_is_not_kept(proofward, kit, monkeypatch, tmp_path):
    place, home, history = kit
    collateral, quote = tmp_path / "snp.pem", tmp_path / "quote"
    collateral.write_bytes(machine(SNP).collateral())
    quote.write_bytes(made(SNP).evidence)
    given = ("attest", "collect", place, "--collateral", "snp", collateral)
    for more, words in (((), "configfs-tsm"), (("--evidence", "snp", quote), "evidence-binding"),
                        (("--evidence", "tdx", quote), "not of tdx")):  # fmt: skip
        found = proofward.json(*given, "--tsm", tmp_path / "no", *more)
        assert found["exit"] == 1 and words in found["reason"], found
    found = proofward.json("attest", "collect", place, "--evidence", "snp", quote)
    assert "no collateral for snp" in found["reason"]
    assert kept(home, "hospital-0") is None
    history.keys.pop("hospital-0")
    assert "not admitted" in json.dumps(proofward.json(*given))
