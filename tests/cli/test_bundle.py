"""`proofward bundle`: a round by commands alone.

Old sticks come in between, an object is lost and a key is new. Two air-gapped members are of one site. Wrong
usage is told.
"""

from __future__ import annotations

import shutil
import time

import pytest

from proofward.engines.remote import site
from proofward.engines.remote.agreement.home import NEXT_KEY
from proofward.ledger.keys import SigningKey
from tests.engines.remote_harness import AUDITOR, Consortium, agreement
from tests.engines.test_bundle import ALONE, BEACON, SITES, Carrier
from tests.federation.fakes import FakeProofs
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setattr(site, "RelationProofs", FakeProofs)


@pytest.fixture
def consortium(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1), sites=SITES) as running:
        for name in (*running.names, "server"):
            (tmp_path / name / "proofward").symlink_to(tmp_path / name / "home")
        running.start("hospital-0", "hospital-1", AUDITOR)
        yield running
        for started in running.sites.values():
            started.stop.set()


class Commands:
    """The four commands of a trip."""

    def __init__(self, proofward, consortium: Consortium) -> None:
        self.call, self.consortium, self.stick = proofward, consortium, consortium.root / "stick"
        self.alone, self.gateway = consortium.root / ALONE, consortium.root / AUDITOR
        self.stick.mkdir()
        self.messages: list[str] = []

    def out(self) -> dict:
        said = self.call.json("bundle", "export", self.alone, self.stick / "out")
        taken = self.call.json("bundle", "import", self.gateway, self.stick / "out")
        assert (said["exit"], said["did"]) == (0, "exported"), said
        assert (taken["exit"], taken["did"]) == (0, "accepted"), taken
        assert taken["messages"] == len(said["messages"]) and taken["objects"] == said["objects"]
        self.messages += said["messages"]
        return said

    def answer(self) -> dict:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            given = self.call.json("bundle", "export", self.gateway, self.stick / "back", "--for", ALONE)
            if given["exit"] == 0 and (given["awaited"] or given["phase"] == "closed"):
                return given
            assert given["exit"] == 0 or given["did"] == "failed", given
            time.sleep(0.02)
        raise AssertionError("no answer")

    def back(self, name: str = "back") -> dict:
        return self.call.json("bundle", "import", self.alone, self.stick / name)


def test_a_round_by_commands(proofward, consortium):
    commands = Commands(proofward, consortium)
    member = consortium.root / ALONE / "home" / "members" / ALONE
    for number in range(40):
        commands.out()
        if number:  # a stick that was used before, at either end
            old = proofward("bundle", "import", commands.gateway, commands.stick / "out-before")
            assert old.exit_code == 0 and "accepted for delivery" in old.stdout
        if number == 3:
            consortium.stop(AUDITOR)
            consortium.start(AUDITOR)
        answer = commands.answer()
        if number:
            again = commands.back("back-before")
            assert again["exit"] == 0 and again["halted"] is None and (again["messages"] or again["missing"])
        if answer["phase"] == "upload":
            shutil.rmtree(member / "objects")
        taken = commands.back()
        assert (taken["exit"], taken["halted"]) == (0, None) and taken["followed"] == answer["followed"]
        if taken["phase"] == "upload" and "upload" not in taken["messages"]:
            assert len(taken["missing"]) == 1 and taken["messages"] == []
        if taken["phase"] == "enrolment" and not (member / NEXT_KEY).exists():
            SigningKey(b"the hospital's next signing key.").save(member / NEXT_KEY)
        if taken["phase"] == "closed":
            break
        for name in ("out", "back"):
            shutil.copy(commands.stick / name, commands.stick / f"{name}-before")
    consortium.join()
    assert consortium.audit() == [] and consortium.host.aggregator.history.refusals == []
    assert commands.messages == [
        "join", "key-rotation", "enrolment", *BEACON, "holder-keys", "upload", "shares-checked", "consent",
        "lock", "share-sum", "confirmation",
    ]  # fmt: skip
    words = proofward("bundle", "import", commands.alone, commands.stick / "back").stdout
    assert "the federation is closed: nothing more is to be carried" in words


def test_words_of_a_trip(proofward, consortium):
    commands = Commands(proofward, consortium)
    said = proofward("bundle", "export", commands.alone, commands.stick / "out")
    assert "of hospital-2: join; 0 objects" in said.stdout and "next: carry it" in said.stdout
    nothing = proofward("bundle", "export", commands.gateway, commands.stick / "back", "--for", ALONE)
    assert nothing.exit_code == 1 and "no bundle of hospital-2" in nothing.stdout
    taken = proofward("bundle", "import", commands.gateway, commands.stick / "out")
    assert "1 messages and 0 objects accepted" in taken.stdout and "--for hospital-2" in taken.stdout
    commands.answer()
    given = proofward("bundle", "export", commands.gateway, commands.stick / "back", "--for", ALONE)
    assert "next: carry it; the federation waits for hospital-2" in given.stdout
    back = proofward("bundle", "import", commands.alone, commands.stick / "back")
    assert "ready to be sent: enrolment" in back.stdout and "export again and carry it back" in back.stdout


def test_wrong_usage_and_refusals(proofward, consortium):
    commands = Commands(proofward, consortium)
    (commands.stick / "noise").write_bytes(b"proofward bundle 1\n" + bytes(100))
    both = proofward(
        "bundle", "export", commands.alone, commands.stick / "out", "--for", "a", "--member", "b"
    )
    assert both.exit_code == 2
    refused = proofward.json("bundle", "import", commands.alone, commands.stick / "noise")
    assert (refused["exit"], refused["did"], refused["failed_check"]) == (1, "refused", "malformed")
    for kit, code in ((commands.gateway, 1), (commands.stick, 2)):
        assert proofward("bundle", "export", kit, commands.stick / "out").exit_code == code
    named = proofward("bundle", "export", commands.gateway, commands.stick / "out")
    assert "name one member of this site with --member: verifier-2, verifier-3" in named.stdout
    missing = proofward("bundle", "import", commands.alone, commands.stick / "nothing")
    assert missing.exit_code == 2 and "no such file" in missing.stderr and not missing.stdout
    commands.out()
    server = proofward("bundle", "import", consortium.root / "server", commands.stick / "out")
    assert server.exit_code == 1 and "the server is no gateway" in server.stdout


def test_a_hospital_and_a_verifier_of_one_site(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        consortium.start("hospital-0", "hospital-1", AUDITOR)
        carriers = [Carrier(consortium, ALONE), Carrier(consortium, ALONE)]
        carriers[1].member = "verifier-2"
        open_, said = {carrier.member: carrier for carrier in carriers}, []
        for _ in range(60):
            for name, carrier in open_.items():
                said += [(name, topic) for topic in carrier.out()]
            for name, carrier in list(open_.items()):
                carrier.answered(due=False)
                trip = carrier.absorbed()
                assert trip.halted is None
                if trip.finished:
                    del open_[name]
            if not open_:
                break
        consortium.join()
        assert consortium.audit() == []
        assert {refusal.check for refusal in consortium.host.aggregator.history.refusals} <= {"phase"}  # late
        topics = [topic for name, topic in said if name == "verifier-2"]
        assert sorted(set(topics)) == sorted({
            "join", "enrolment-verdict", "beacon-deal", "verdict", "confirmation",
        })  # fmt: skip
