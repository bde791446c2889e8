"""`proofward end`: a federation that cannot go on is ended by vote, sealed, audited, and its model taken home."""

from __future__ import annotations

import pytest

from proofward.cli.evidence.ledgers.audit_words import screen, to_document
from proofward.engines.remote.agreement.end_requests import pending_ends, request_end
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.request_files import MAX_REASON, REQUESTS
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.test_enrol import furnish
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, Lost, agreement, set_up, topic
from tests.federation.fakes import FakeProofs

REASON = "hospital-2 has left and nobody follows"
GONE = "hospital-2"
SITES = {"verifier-2": AUDITOR}
VOTERS = (("hospital-0", "verifier-0"), ("hospital-1", "verifier-1"), (AUDITOR, "verifier-3"))

EXACT = "Sums are exact: no differential privacy."


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Kits of a consortium in which nobody has joined."""
    place = tmp_path_factory.mktemp("kits")
    set_up(place, agreement())
    furnish(place)
    return place


def test_who_may_ask_and_for_what(proofward, root):
    ask = ("--reason", REASON, "--yes")
    early = proofward("end", root / AUDITOR, *ask)
    assert early.exit_code == 1 and "not everybody has joined" in early.stderr
    server = proofward("end", root / SERVER, *ask)
    assert server.exit_code == 1 and "no member of this kit is a verifier" in server.stderr
    for reason in ("", "  ", "x" * (MAX_REASON + 1)):
        assert proofward("end", root / AUDITOR, "--reason", reason, "--yes").exit_code == 2
        with pytest.raises(ValueError, match="reason"):
            request_end(root, reason.strip(), True)
    assert proofward("end", root / AUDITOR).exit_code == 2
    assert pending_ends(Home(root / AUDITOR / "home").member("verifier-3")) == []


def test_what_is_no_request_is_passed_over(tmp_path):
    assert pending_ends(tmp_path) == []
    assert request_end(tmp_path, "enough", False) and not request_end(tmp_path, "another", False)
    good = (tmp_path / REQUESTS / "end-after-the-round").read_bytes()
    for data in (good, b"", b"[" * 5000, b"\xff", b'{"at_once": true, "reason": 3}', b'{"at_once": true}'):
        (tmp_path / REQUESTS / "end-at-once").write_bytes(data)
        assert pending_ends(tmp_path) == [("enough", False)]
    assert request_end(tmp_path, "now", True) and pending_ends(tmp_path) == [("enough", False), ("now", True)]


@pytest.fixture(scope="module")
def trial(proofward, tmp_path_factory):
    """Three hospitals, one revoked in round 2 of 4, then three votes for an end: what the commands said."""
    root = tmp_path_factory.mktemp("ended")
    said: dict = {}

    def trouble(site, request, number):
        if site == GONE and topic(request) == "upload" and running.phase("upload", 2):
            raise Lost
        return 1, True

    with Consortium(root, agreement(rounds=4), deadline=3600, sites=SITES) as running:
        furnish(root)
        running.wire.trouble = trouble
        running.start()
        running.until(lambda: running.phase("upload", 2))
        for site, name in VOTERS:
            words = ("revoke", root / site, GONE, "--reason", "gone", "--as", name, "--yes")
            assert proofward(*words).exit_code == 0
        running.until(lambda: running.host.stuck is not None)
        said["stuck"] = proofward("status", root / SERVER)
        (site, name), *others = VOTERS
        said["unasked"] = proofward.json("end", root / site, "--reason", REASON, "--as", name)
        said["first"] = proofward.json("end", root / site, "--reason", REASON, "--as", name, "--yes")
        said["again"] = proofward.json("end", root / site, "--reason", "x", "--as", name, "--yes")
        running.until(lambda: (name, False) in running.host.aggregator.history.end_votes)
        said["asked"] = proofward("status", root / SERVER)
        for site, name in others:
            assert proofward("end", root / site, "--reason", REASON, "--as", name, "--yes").exit_code == 0
        running.until(lambda: running.host_finished)
        running.join("hospital-0", "hospital-1", AUDITOR)
        said["flaws"] = running.audit()
    return root, running.host.aggregator.history, said


@pytest.mark.slow
def test_while_it_cannot_go_on_status_says_why_and_who_wants_an_end(trial):
    _, _, said = trial
    assert said["stuck"].exit_code == 1 and "proofward end KIT" in said["stuck"].stdout
    assert f"revoked: {GONE}" in said["stuck"].stdout and "end:  " not in said["stuck"].stdout
    assert said["unasked"]["exit"] == 1 and "--yes" in said["unasked"]["reason"]
    assert (said["first"]["did"], said["first"]["closed"], said["first"]["rounds"]) == ("asked", 1, 4)
    assert said["again"]["did"] == "nothing"
    assert f"asked for by verifier-0 (1 of 3 votes): {REASON}" in said["asked"].stdout


@pytest.mark.slow
def test_the_end_is_sealed_and_no_problem(proofward, trial):
    root, history, said = trial
    assert said["flaws"] == [] and history.ended.verifiers == ("verifier-0", "verifier-1", "verifier-3")
    words = f"ended by vote of verifier-0, verifier-1, verifier-3 after round 1: {REASON}"
    for site in (SERVER, "hospital-0", "hospital-1", AUDITOR):
        found = proofward("status", root / site)
        assert found.exit_code == 0 and words in found.stdout and "TO DO" not in found.stdout, found.stdout
    after = proofward("end", root / AUDITOR, "--reason", "once more", "--as", "verifier-3", "--yes")
    assert after.exit_code == 1 and "closed" in after.stderr


def test_every_member_takes_the_model_of_the_last_closed_round_home(proofward, trial):
    root, history, _ = trial
    files = set()
    for site in (SERVER, "hospital-0", "hospital-1", AUDITOR):
        out = root / f"{site}.json"
        assert proofward("model", "export", root / site, "--to", "json", "--out", out).exit_code == 0
        files.add(out.read_bytes())
    assert len(files) == 1
    model = read_exported(files.pop())
    assert model.digest == history.closed[0].aggregate.record.model == history.ended.model
    assert (model.origin.round, model.origin.rounds) == (1, 4)


def test_the_audit_says_who_voted_and_why(trial):
    root, history, _ = trial
    auditor = RunAudit(root / SERVER / "home" / "ledger", FakeProofs(), None, [])
    summary = AuditSummary(list(auditor.run()), auditor.history)
    assert summary.passed
    found, lines = to_document(summary), list(screen(summary, None))
    assert found["consistent"] and found["rounds"] == {"closed": 1, "agreed": 4, "ended": True}
    reasons = dict.fromkeys(history.ended.verifiers, REASON)
    assert found["end"] == {"by": list(history.ended.verifiers), "reasons": reasons}
    assert lines[:2] == [f"The record is consistent. {EXACT}", "Everybody kept the rules."]
    assert "rounds      1 of 4 closed" in lines and f"revoked     {GONE}, by vote" in lines
    voters = "verifier-0, verifier-1, verifier-3"
    assert f"end         ended by vote of {voters} after round 1: {REASON}" in lines
