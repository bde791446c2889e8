"""What the pages say: of kits in every state, and of a run's folder."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from contextlib import closing

import pytest

from proofward.console.views.entries import PAGE
from proofward.engines.remote.agreement.home import Home
from proofward.federation.storage.state_store import stored_secrets
from tests.console.pages import PATHS, TestClient, entered, page, state_of
from tests.engines import remote_harness as harness
from tests.engines import remote_kits

SITES = ("hospital-0", harness.AUDITOR, harness.SERVER)


def words(text: str) -> str:
    """What a page says, spaces joined."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.mark.parametrize("site", SITES)
def test_every_page_of_a_finished_kit(kit, site):
    state = state_of(kit(site))
    with closing(state):
        asked = entered(state)
        for path in PATHS:
            answer = asked.get(path)
            assert answer.status_code == 200 and "<h1>" in answer.text and "Not shown" not in answer.text, path
        text = words(asked.get("/").text)
    assert "The federation is over." in text and "1 of 1 rounds closed" in text and f"site {site}" in text


def test_a_run(run):
    assert "2 of 2 rounds closed" in words(page(run))
    assert "nothing has left this machine" in words(page(run, "/sent"))
    assert "proofward audit" in page(run, "/findings")


def test_before_everybody_has_joined(new_kit):
    assert "Not everybody has joined yet" in words(page(new_kit))
    text = words(page(new_kit, "/members"))
    assert "not joined yet" in text and "hospital-1" in text
    for path in PATHS:
        if path != "/ledger/5":
            page(new_kit, path)


def test_the_coordinators_kit_says_why_it_has_no_rounds(coordinator):
    text = words(page(coordinator))
    assert "follows no ledger" in text and "server's and the sites' consoles" in text
    assert "no members" in words(page(coordinator, "/sent"))
    for path in set(PATHS) - {"/ledger/5"}:
        page(coordinator, path)


def silent(site: str, kind: str):
    """Whatever the site says on this topic is lost."""

    def trouble(sender, request, number):
        if sender == site and harness.topic(request) == kind:
            raise harness.Lost
        return 1, True

    return trouble


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """A federation in which the verdicts of one verifier do not get through: the others wait for them."""
    root = tmp_path_factory.mktemp("waiting")
    with harness.Consortium(root, harness.agreement(rounds=1)) as consortium:
        consortium.wire.trouble = silent("auditor", "enrolment-verdict")
        consortium.start()
        consortium.until(lambda: consortium.phase("enrolment", 0))
        consortium.until(lambda: len(consortium.host.aggregator.history.enrolment_verdicts) == 9)
        for site in (*consortium.names, harness.SERVER):
            remote_kits.furnish_kit(root / site)
        yield root


def test_who_waits_for_whom_and_for_what(waiting):
    text = words(page(waiting / harness.SERVER))
    assert "Before the first round: enrolment" in text
    named = text.split("Who is waited for")[1]
    assert "verifier-3 verifier its verdicts on enrolments" in named and "hospital-0" not in named
    assert "waits for its verdicts on enrolments" in words(page(waiting / harness.SERVER, "/members"))


def test_members_and_their_keys(kit):
    text = words(page(kit("hospital-0"), "/members"))
    for name in ("aggregator", "hospital-0", "hospital-1", "verifier-3"):
        assert name in text
    assert "this site" in text and "enrolled" in text and "auditor" in text


def test_the_ledger_by_pages_kinds_and_senders(whole_run):
    state = state_of(whole_run)
    with closing(state):
        asked, size = entered(state), len(state.followed.lines)
        assert size > PAGE
        numbers = []
        for number in range(1, -(-size // PAGE) + 1):
            numbers += re.findall(r'href="/ledger/(\d+)"', asked.get(f"/ledger?page={number}").text)
        assert list(map(int, numbers)) == list(range(size))[::-1]
        uploads = asked.get("/ledger?kind=upload&sender=hospital-1").text
        assert len(re.findall(r'href="/ledger/\d+"', uploads)) == 2
        for odd in ("0", "-1", "99999999999999999999", "x", "\u0662"):
            assert asked.get("/ledger", params={"page": odd}).status_code == 200
        assert " 0 of " in words(asked.get("/ledger?kind=<script>alert(1)</script>").text)
        assert "<script>alert" not in asked.get("/ledger?kind=<script>alert(1)</script>&sender=\"><b>").text


@pytest.mark.parametrize("site", [harness.SERVER, "hospital-0"])
def test_every_entry_has_its_fields_and_its_proof(kit, site):
    state = state_of(kit(site))
    with closing(state):
        asked = entered(state)
        for number in range(len(state.followed.lines)):
            text = words(asked.get(f"/ledger/{number}").text)
            assert f"Entry {number}" in text and "Checked: with" in text, text
        assert asked.get(f"/ledger/{len(state.followed.lines)}").status_code == 404
        assert asked.get("/ledger/x").status_code == 404


def test_what_was_sent_has_its_size_digest_and_time(kit):
    place = kit("hospital-0")
    text = words(page(place, "/sent?page=1") + page(place, "/sent?page=2"))
    assert "Upload hospital-0" in text and "Enrolment hospital-0" in text and "hospital-1" not in text
    assert re.search(r"ciphertext: [\d.]+ kB, 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC [0-9a-f]{64}", text)
    server = words(page(kit(harness.SERVER), "/sent"))
    assert re.search(r"ciphertext sum: [\d.]+ kB", server)


def test_what_is_not_recorded_yet(kit):
    place = kit("hospital-0")
    path = place / "proofward" / "members" / "hospital-0" / "state.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO outbox VALUES ('upload/7/0/hospital-0', ?)", (bytes(1234),))
    database.close()
    assert "Not recorded yet Upload of hospital-0, 1.2 kB" in words(page(place, "/sent"))


def test_no_page_shows_a_secret_or_a_record(waiting):
    place = waiting / "hospital-0"
    home, secrets = Home(place / "proofward"), []
    for seat in home.seats:
        folder = home.root / "members" / seat.member
        secrets += [data for data in stored_secrets(folder / "state.sqlite").values() if len(data) >= 16]
        secrets.append(home.key(seat.member)._key.private_bytes_raw())
    secrets += [path.read_bytes()[40:80] for path in (place / "startup").glob("*.key")]
    assert len(secrets) > 5
    features, _ = home.dataset("hospital-0")
    rows = [", ".join(map(str, row)) for row in features] + [str(row.tolist()) for row in features]
    state = state_of(place)
    with closing(state):
        asked = entered(state)
        entries = [f"/ledger/{number}" for number in range(len(state.followed.lines))]
        assert len(entries) > 9
        text = "".join(asked.get(path).text for path in [*PATHS, *entries])
    for data in secrets:
        assert data[:16].hex() not in text and data[:16].decode("latin-1") not in text
    assert not any(row in text for row in rows)


def test_reasons_that_may_hold_a_value_are_not_shown(kit):
    place = kit("hospital-0")
    state = state_of(place)
    with closing(state):
        history = state.followed.history
        assert history is not None
        number, attempt = history.position()
        path = place / "proofward" / "members" / "hospital-0" / "state.sqlite"
        with sqlite3.connect(path) as database:
            database.execute("INSERT INTO facts VALUES (?, ?)", (f"unable/{number}/{attempt}", b"row 7 holds 98.6"))
        database.close()
        state._look()
        text = words(entered(state).get("/").text)
    assert "hospital-0 could not do its part." in text and "98.6" not in text and "proofward status" in text


def test_the_pages_leave_the_kit_as_it_is(kit):
    place = kit("hospital-0")
    state = state_of(place)

    def files():
        return {path: path.read_bytes() for path in sorted(place.rglob("*"))
                if path.is_file() and not path.name.endswith(("-shm", "-wal"))}  # fmt: skip

    before = files()
    with closing(state):
        asked = entered(state)
        for path in PATHS:
            asked.get(path)
    assert files() == before


def test_a_fault_of_the_consoles_own_is_said_and_the_pages_go_on(run, monkeypatch):
    state = state_of(run)
    with closing(state):
        monkeypatch.setattr(state.followed, "advance", lambda: 1 / 0)
        state.start()
        asked, text = entered(state), ""
        for _ in range(200):
            text = words(asked.get("/").text)
            if "a fault of ProofWard" in text:
                break
            time.sleep(0.01)
        assert "a fault of ProofWard (ZeroDivisionError)" in text and "2 of 2 rounds closed" in text
        monkeypatch.setattr("proofward.console.web.pages.overview", lambda state: 1 / 0)
        answer = TestClient(asked.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        answer.cookies.update(dict(asked.cookies))
        broken = answer.get("/")
        assert broken.status_code == 500 and "a fault of ProofWard" in broken.text and "Traceback" not in broken.text
        assert broken.headers["x-frame-options"] == "DENY"
