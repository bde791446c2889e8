"""A revocation that leaves too few over `engines/remote`: the reason, an end by vote, the mark of a stop."""

from __future__ import annotations

import pytest

from proofward.engines.flare.condition.health import health
from proofward.engines.remote.agreement.home import STOPPED, Home
from proofward.engines.remote.agreement.requests import request_revocation
from proofward.engines.remote.overview import look
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, Lost, agreement, topic
from tests.engines.remote_kits import as_kit

GONE = "hospital-2"
SITES = {"verifier-2": AUDITOR}
VOTERS = (("verifier-0", "hospital-0"), ("verifier-1", "hospital-1"), ("verifier-3", AUDITOR))


@pytest.mark.parametrize(
    ("word", "phase", "check"),
    [("upload", "upload", "uploaded-set"), ("shares-checked", "shares", "accepted-set")],
)
def test_every_member_learns_why_no_round_can_be_finished(tmp_path, word, phase, check):
    events: list = []

    def trouble(site, request, number):
        if site == GONE and topic(request) == word:
            raise Lost
        return 1, True

    with Consortium(tmp_path, agreement(rounds=2), deadline=3600, sites=SITES) as consortium:
        consortium.wire.trouble = trouble
        consortium.start(observe=events.append)
        consortium.until(lambda: consortium.phase(phase))
        for verifier, site in VOTERS:
            request_revocation(Home(tmp_path / site / "home").member(verifier), GONE, "gone")
        consortium.until(lambda: consortium.host.stuck is not None)
        members = {"hospital-0", "hospital-1", "verifier-0", "verifier-1", "verifier-2", "verifier-3"}
        consortium.until(lambda: members <= {event.party for event in events if event.kind == "ended"})
        consortium.stop(*consortium.names)
        reason = consortium.host.stuck
        assert consortium.host.stopped is None and not consortium.host_finished
        assert reason is not None and (reason.check, reason.culprit) == (check, GONE)
        assert "at least 3" in reason.expected and f"revoked: {GONE}" in reason.actual
        for event in events:
            assert event.kind != "ended" or (event.refusal.check, event.refusal.culprit) == (check, GONE)
        for site in ("hospital-0", "hospital-1", AUDITOR):
            views = look(tmp_path / site / "home").members
            assert views and all(view.ended == str(reason) and not view.halted for view in views)
        ledger = look(tmp_path / SERVER / "home").ledger
        assert ledger is not None and ledger.ended == str(reason)


def test_with_too_few_verifiers_for_an_end_the_host_stops_and_leaves_a_mark(tmp_path):
    def trouble(site, request, number):
        if site == GONE and topic(request) == "upload":
            raise Lost
        return 1, True

    mark = tmp_path / SERVER / "home" / STOPPED
    with Consortium(tmp_path, agreement(rounds=2), deadline=3600, sites=SITES) as consortium:
        consortium.wire.trouble = trouble
        consortium.start()
        consortium.until(lambda: consortium.phase("upload"))
        folders = [Home(tmp_path / site / "home").member(name) for name, site in VOTERS]
        for folder in folders:
            request_revocation(folder, GONE, "gone")
        consortium.until(lambda: consortium.host.stuck is not None)
        assert not consortium.host_finished and not mark.exists()
        for folder in folders[1:]:
            request_revocation(folder, folder.name, "it leaves")
        consortium.until(lambda: consortium.host_finished)
        reason = consortium.host.stopped
        assert reason is not None and reason.check == "uploaded-set"
        assert consortium.noted("stopped for good", check="uploaded-set")
        assert mark.read_text() == str(reason) and f"revoked: {GONE}" in str(reason)
        place = as_kit(tmp_path / SERVER, tmp_path / "kit")
    seen = {problem.check: problem.sentence for problem in health(place).problems}
    assert str(reason) in seen["halted"] and "standstill" not in seen
