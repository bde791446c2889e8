"""When a hospital that follows heads says that newer ones do not come, and what it has chosen, in its folder."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from proofward.engines.flare.condition.health import _withheld
from proofward.engines.remote.agreement.following import Following, keep, kept, why_not, witness
from proofward.engines.remote.agreement.home import HomeError
from proofward.engines.remote.heads_watch import SLACK, HeadsWatch
from proofward.engines.remote.views import MemberView
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner, parse_note
from proofward.witness.answering import Answer
from proofward.witness.cosignature import CosigningKey
from proofward.witness.seen import NotSeen, seen
from tests.engines.remote_harness import agreement, terms_of

WITNESS = CosigningKey("witness.example", SigningKey(bytes(32)))
ASKED = witness("https://witness.example/", str(WITNESS.cosigner))


class Member:
    """What the watch knows of a hospital."""

    name, follows_lightly = "hospital-0", True

    def __init__(self):
        self.history = SimpleNamespace(size=40, phase="upload")
        self.rules = terms_of(agreement(), 100).check()
        self.told: list[int | None] = []

    def notice_withheld(self, size):
        self.told.append(size)

    def notice_silence(self):
        self.told.append(None)


def signed(member: Member, size: int, key: SigningKey) -> bytes:
    return sign_checkpoint(size, bytes(32), NoteSigner(f"proofward/{member.rules.digest.hex()}", key))


@pytest.fixture
def member():
    return Member()


def watched(member, *witnesses, get=None):
    now, notes = [0.0], []
    watch = HeadsWatch(member, 100, witnesses, lambda kind, **more: notes.append(kind), get, lambda: now[0])
    return watch, now, notes


def test_it_is_said_once_for_a_head_and_when_the_time_of_its_phases_is_up(member):
    watch, now, _ = watched(member)
    for now[0] in (0, 200 + SLACK, 201 + SLACK, 300 + SLACK):
        watch.look()
    assert member.told == [None]
    member.history.size, member.history.phase = 50, "shares"
    for now[0] in (301 + SLACK, 401 + 2 * SLACK, 402 + 2 * SLACK):
        watch.look()
    assert member.told == [None, None]
    member.follows_lightly = False
    for now[0] in (1000, 5000):
        watch.look()
    assert member.told == [None, None]


def test_what_a_witness_has_cosigned_is_told_if_it_is_more(member):
    key = SigningKey(b"k" * 32)
    member.rules = SimpleNamespace(digest=bytes(32), aggregator="aggregator", find=lambda name: SimpleNamespace(key=key.public.raw))
    said = {}

    def get(url):
        said["url"] = url
        return said["answer"]

    watch, now, notes = watched(member, ASKED, get=get)
    for size, told in ((41, 41), (40, None)):
        note = signed(member, size, key)
        said["answer"] = Answer(200, note.decode() + WITNESS.line(parse_note(note)[0], 5))
        member.history.size, member.told = 40, []
        watch._size = -1
        watch.look()
        now[0] += 300
        watch.look()
        assert member.told == [told]
    assert said["url"].startswith("https://witness.example/") and said["url"].endswith("/checkpoint") and notes == []
    unsigned = note.decode()
    for answer in (Answer(404, "nothing"), Answer(200, unsigned), Answer(200, "no note")):
        said["answer"] = answer
        assert watch.largest() == 0
    assert notes == ["witness failed"] * 3


def test_a_witness_that_does_not_answer(member):
    def get(url):
        raise OSError("refused")

    log = SimpleNamespace(name="proofward/x")
    with pytest.raises(NotSeen, match="refused"):
        seen(ASKED, log, get)


def test_what_is_chosen_lies_in_the_members_folder(tmp_path):
    assert kept(tmp_path) == Following()
    chosen = Following(True, (ASKED,))
    keep(tmp_path, chosen)
    assert kept(tmp_path) == chosen and (tmp_path / "follow").stat().st_mode & 0o777 == 0o600
    for text in ("", "everything", "heads\nwitness http://x", "heads\nwitness x y", "heads\nother", "heads\n\n"):
        (tmp_path / "follow").write_text(text)
        with pytest.raises(HomeError, match="proofward join KIT --follow"):
            kept(tmp_path)
    keep(tmp_path, Following())
    assert kept(tmp_path) == Following() and not (tmp_path / "follow").exists()


def test_who_may_follow_heads():
    agreed = agreement()
    assert "nobody signs heads" in why_not(terms_of(agreed, 100))
    everybody = replace(agreed, scaling=Scaling(follow="heads"))
    assert "every hospital holds shares" in why_not(terms_of(everybody, 100))
    assert why_not(terms_of(replace(everybody, committees=Committees(20, 10, 2, 2)), 100)) == ""


def test_status_names_it_among_what_needs_the_operator():
    said = "follows heads: entry 40"
    view = MemberView("hospital-0", "hospital", "plain", round=3, phase="upload", heads=said, entries=40)
    assert _withheld(replace(view, entries=0), 201, 100) == []
    assert _withheld(view, 199, 100) == []
    (late,) = _withheld(view, 201, 100)
    assert (late.check, late.subject) == ("heads-withheld", "hospital-0") and "phase upload of round 3" in late.sentence
    (told,) = _withheld(replace(view, withheld="expected a head after 40 entries"), 10, 100)
    assert "expected a head after 40 entries" in told.sentence and "--follow everything" in told.sentence
