"""A revocation that leaves too few hospitals ends a federation over `engines/remote`, by name of the reason."""

from __future__ import annotations

import pytest

from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.requests import request_revocation
from proofward.engines.remote.overview import look
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, Lost, agreement, topic

GONE = "hospital-2"
SITES = {"verifier-2": AUDITOR}


@pytest.mark.parametrize(
    ("word", "phase", "check"),
    [("upload", "upload", "uploaded-set"), ("shares-checked", "shares", "accepted-set")],
)
def test_the_run_stops_with_the_reason_at_every_member(tmp_path, word, phase, check):
    events: list = []

    def trouble(site, request, number):
        if site == GONE and topic(request) == word:
            raise Lost
        return 1, True

    with Consortium(tmp_path, agreement(rounds=2), deadline=3600, sites=SITES) as consortium:
        consortium.wire.trouble = trouble
        consortium.start(observe=events.append)
        consortium.until(lambda: consortium.phase(phase))
        for verifier, site in (
            ("verifier-0", "hospital-0"),
            ("verifier-1", "hospital-1"),
            ("verifier-3", AUDITOR),
        ):
            request_revocation(Home(tmp_path / site / "home").member(verifier), GONE, "gone")
        consortium.until(lambda: consortium.host_finished)
        members = {"hospital-0", "hospital-1", "verifier-0", "verifier-1", "verifier-2", "verifier-3"}
        consortium.until(lambda: members <= {event.party for event in events if event.kind == "ended"})
        consortium.stop(*consortium.names)
        reason = consortium.host.stopped
        assert reason is not None and (reason.check, reason.culprit) == (check, GONE)
        assert "at least 3" in reason.expected and f"revoked: {GONE}" in reason.actual
        for event in events:
            assert event.kind != "ended" or (event.refusal.check, event.refusal.culprit) == (check, GONE)
        for site in ("hospital-0", "hospital-1", AUDITOR):
            views = look(tmp_path / site / "home").members
            assert views and all(view.ended == str(reason) and not view.halted for view in views)
        ledger = look(tmp_path / SERVER / "home").ledger
        assert ledger is not None and ledger.ended == str(reason)
