"""`proofward consortium add-site` and `proofward admit`: from the kit to a hospital that takes part in mid-run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography import x509

from proofward.cli.evidence.ledgers.audit_words import screen, to_document
from proofward.cli.kit.admit import key_in_words
from proofward.data.columns.schema import FEATURES_NAME
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.requests import pending_admissions
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.parties.auditor import Auditor
from proofward.ledger.keys import SigningKey
from proofward.report.audits.audit_summary import AuditSummary
from tests.cli.test_enrol import furnish
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, agreement, set_up
from tests.engines.remote_kits import furnish_kit
from tests.engines.test_remote_admission import NEW, add_site
from tests.federation.fakes import FakeProofs
from tests.federation.test_admission import records

pytestmark = pytest.mark.slow

KIT, KEY = "hospital-0", key_in_words(SigningKey(bytes(range(32))).public.raw)


def test_a_hospital_is_admitted_in_mid_run_and_takes_part(proofward, tmp_path):
    with Consortium(tmp_path, agreement(rounds=3)) as running:
        furnish(tmp_path)
        home = add_site(tmp_path, running.terms)
        furnish_kit(tmp_path / NEW)
        home.make_key(NEW, None)
        home.save_dataset(NEW, *records())
        key = key_in_words(home.key(NEW).public.raw)
        running.start()
        running.until(lambda: running.phase("keys") or running.phase("upload"))
        running.stop("hospital-1")  # for which the others wait
        running.start(NEW)
        running.until(lambda: home.rules is not None)
        running.until(lambda: "not admitted yet" in proofward("status", tmp_path / NEW).stdout)
        early = proofward("rotate-key", tmp_path / NEW)
        assert early.exit_code == 1 and "not admitted yet" in early.stderr
        history = running.host.aggregator.history
        said = proofward.json("admit", tmp_path / KIT, NEW, "--key", key)
        assert (said["exit"], said["did"], said["by"], said["needed"]) == (0, "asked", "verifier-0", 3), said
        again = proofward.json("admit", tmp_path / KIT, NEW, "--key", key)
        assert (again["exit"], again["did"]) == (0, "nothing")
        running.until(lambda: bool(history.admission_votes))
        for place in (SERVER, AUDITOR):
            running.until(
                lambda place=place: (
                    "verifier-0 asked, 3 verifiers" in proofward("status", tmp_path / place).stdout
                )
            )
        assert history.admitted == {}
        for place in ("hospital-2", AUDITOR):
            assert proofward("admit", tmp_path / place, NEW, "--key", key).exit_code == 0
        running.until(lambda: NEW in history.admitted)
        running.until(lambda: NEW in history.acceptable_enrolments())
        assert f"admitted:    {NEW}, by vote" in proofward("status", tmp_path / SERVER).stdout
        late = proofward.json("admit", tmp_path / AUDITOR, NEW, "--key", key)
        assert late["did"] == "nothing" and late["admitted"]
        running.start("hospital-1")
        running.join()
        assert [NEW in state.accepted.record.hospitals for state in history.closed] == [False, True, True]
        assert running.audit() == []
        auditor = Auditor(tmp_path / "audited", FakeProofs())
        summary = AuditSummary(list(auditor.run()), auditor.history)
        voters = "verifier-0, verifier-2, verifier-3"
        assert f"admitted    {NEW}, by vote of {voters}" in list(screen(summary, None))
        assert to_document(summary)["admitted"] == [NEW]


@pytest.fixture
def root(tmp_path):
    set_up(tmp_path, agreement())
    furnish(tmp_path)
    return tmp_path


def test_who_may_vote_when(proofward, root):
    early = proofward("admit", root / AUDITOR, NEW, "--key", KEY)
    assert early.exit_code == 1 and "not everybody has joined" in early.stderr
    terms = Home(root / AUDITOR / "home").terms
    keys = {
        seat.member: SigningKey(seat.member.encode().ljust(32, b"-")[:32]).public.raw for seat in terms.seats
    }
    rules = terms.rules(keys)
    for site in (AUDITOR, KIT, SERVER):
        Home(root / site / "home").pin(rules)
    for name, key, words in (
        ("hospital-1", KEY, "a name that nobody has"), ("aggregator", KEY, "a name that nobody has"),
        ("true", KEY, "read as a value"), ("server", KEY, "keeps for itself"), ("No", KEY, "lower-case"),
        (NEW, key_in_words(keys["hospital-1"]), "a key that nobody has or had"),
    ):  # fmt: skip
        refused = proofward("admit", root / AUDITOR, name, "--key", key)
        assert refused.exit_code == 1 and words in refused.stderr, (name, refused.stderr)
    for key in ("", KEY.removeprefix("ed25519:"), KEY[:-1], "ed25519:" + "g" * 64):
        assert proofward("admit", root / AUDITOR, NEW, "--key", key).exit_code == 2
    server = proofward("admit", root / SERVER, NEW, "--key", KEY)
    assert server.exit_code == 1 and "no member of this kit may vote" in server.stderr
    assert pending_admissions(Home(root / AUDITOR / "home").member("verifier-3")) == []
    said = proofward.json("admit", root / AUDITOR, NEW, "--key", KEY)
    assert (said["exit"], said["did"], said["by"], said["votes"]) == (0, "asked", "verifier-3", [])
    assert f"asked for admission of {NEW}" in proofward("status", root / AUDITOR).stdout


@pytest.fixture(scope="module")
def consortium(proofward, tmp_path_factory) -> Path:
    pytest.importorskip("nvflare")
    folder = tmp_path_factory.mktemp("made") / "consortium"
    sites = [word for name in "abc" for word in ("--hospital", name, "--verifier", name)]
    said = proofward.json("consortium", "init", folder, "--no-dp", "--title", "T", "--server", "fl.example.org", *sites)
    assert said["exit"] == 0
    return folder


@pytest.fixture
def folder(consortium, tmp_path) -> Path:
    shutil.copytree(consortium, tmp_path / "consortium")
    return tmp_path / "consortium"


def certificate(kit: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((kit / "startup" / "client.crt").read_bytes())


def test_add_site_makes_a_kit_by_the_same_authority_and_changes_no_other(proofward, folder):
    before = {path: path.read_bytes() for path in (folder / "kits").rglob("*") if path.is_file()}
    said = proofward.json("consortium", "add-site", folder, "new")
    assert (said["exit"], said["did"], said["needed"]) == (0, "provisioned", 2), said
    kit, known = folder / "kits" / "new", folder / "kits" / "a"
    root = x509.load_pem_x509_certificate((known / "startup" / "rootCA.pem").read_bytes())
    made = certificate(kit)
    made.verify_directly_issued_by(root)
    names = [entry.value for entry in made.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    assert (
        names == ["new"]
        and (kit / "startup" / "rootCA.pem").read_bytes() == before[known / "startup" / "rootCA.pem"]
    )
    assert all(path.read_bytes() == data for path, data in before.items())
    home, other = Home(kit / "proofward"), Home(known / "proofward")
    assert home.added and home.terms.digest == other.terms.digest and home.site == "new"
    assert home.read(FEATURES_NAME) == other.read(FEATURES_NAME)
    assert not [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]
    assert not (folder / ".adding").exists() and not list(folder.rglob("prod_01"))
    joined = proofward.json("join", kit)
    assert joined["exit"] == 0 and joined["public_key"] == key_in_words(home.key("new").public.raw)
    assert joined["public_key"] in proofward("join", kit).stdout
    second = proofward.json("consortium", "add-site", folder, "newer")
    certificate(folder / "kits" / "newer").verify_directly_issued_by(root)
    assert second["exit"] == 0 and certificate(kit) == made
    renewed = proofward.json("certificates", "renew", folder, "--site", "new")
    assert renewed["exit"] == 0 and renewed["sites"] == ["new"]
    assert proofward.json("consortium", "status", folder)["sites"].keys() >= {"a", "new", "newer"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a", "is a site or member"), ("a-verifier", "is a site or member"), ("aggregator", "is a site or member"),
        ("server", "keeps for itself"), ("null", "read as a value"), ("1e3", "read as a value"), ("-x", ""),
        ("Nord", "lower-case"), ("x" * 41, "no site can have this name"), ("transport", "no site can have this name"),
    ],
)  # fmt: skip
def test_add_site_refuses_names(proofward, folder, name, words):
    before = sorted(folder.rglob("*"))
    refused = proofward("consortium", "add-site", folder, name)
    assert refused.exit_code in (1, 2) and words in refused.stderr
    assert sorted(folder.rglob("*")) == before


def test_add_site_refuses_too_many_hospitals_a_lost_authority_and_other_terms(proofward, folder, monkeypatch):
    with monkeypatch.context() as changed:
        changed.setattr(Rules, "most_hospitals", 3)
        refused = proofward("consortium", "add-site", folder, "new")
        assert refused.exit_code == 1 and "at most 3 updates" in refused.stderr
    path = folder / "consortium.toml"
    text = path.read_text()
    path.write_text(text.replace("rounds = 15", "rounds = 16"))
    assert path.read_text() != text
    refused = proofward("consortium", "add-site", folder, "new")
    assert refused.exit_code == 1 and "put back the file" in refused.stderr
    path.write_text(text)
    shutil.move(folder / "authority", folder / "offline")
    refused = proofward("consortium", "add-site", folder, "new")
    assert refused.exit_code == 1 and "bring the authority's folder back" in refused.stderr
    shutil.move(folder / "offline", folder / "authority")
    assert proofward("consortium", "add-site", folder, "new").exit_code == 0
    again = proofward("consortium", "add-site", folder, "new")
    assert again.exit_code == 1 and "already" in again.stderr
