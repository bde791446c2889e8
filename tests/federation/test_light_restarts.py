"""Members restarted from a disk of the past, also such as follow heads, and keys that change within a phase."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote import link
from proofward.engines.remote.carrying.messages import Extended, Follow, NotYet, Recorded
from proofward.engines.remote.link import Link
from proofward.federation.history.steps.membership import rotation
from proofward.federation.messages.consortium.scaling import HEADS, Scaling
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.light_answers import LightAnswer, Wanted, open_answer, sign_answer
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.wire import Extension, Packet, parse, sign_extension
from proofward.federation.parties.following.extension import replayed
from proofward.federation.parties.light_hospital import LightHospital
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import consistency_proof
from tests.federation.committee_plans import committee_plan
from tests.federation.fakes import FakeProofs, datasets
from tests.federation.harness import opened
from tests.federation.lightly import HOST

pytestmark = pytest.mark.slow


class Started:
    """Three verifiers, all of whom have to sign a head, and hospitals of which all but the first follow heads."""

    def __init__(self, directory):
        self.plan = replace(committee_plan(6, 3), scaling=Scaling(follow=HEADS))
        self.records = datasets(self.plan)
        kinds = Parties(hospitals={f"hospital-{index}": LightHospital for index in range(1, 6)})
        self.engine = InProcessFederation(
            directory, self.plan, self.records, seed=b"s", proofs=FakeProofs(), parties=kinds, workers=1
        )
        self.aggregator, self.history = self.engine.aggregator, self.engine.aggregator.history
        assert self.engine.rules.head_quorum == len(self.engine.rules.verifiers) == 3

    def until(self, phase):
        """Runs on until a phase begins."""
        self.engine.run(lambda: self.history.phase == phase)
        assert self.history.phase == phase and self.history.position() == (1, 0)

    @property
    def outside(self):
        """Hospitals that follow heads in this round."""
        return [name for name in self.plan.hospitals[1:] if name not in self.history.round.committee]

    def restarted(self, name, state=None, next_key=None, randomness=None):
        """The member, started again."""
        around = replace(self.engine._around(name, FakeProofs()), state=state or self.engine.members[name].state)
        around = replace(around, randomness=randomness or around.randomness)
        group = self.engine.hospitals if name in self.engine.hospitals else self.engine.verifiers
        own = self.records.get(name, ())
        group[name] = type(group[name])(name, self.engine.folder.key(name), around, *own, next_key=next_key)
        return group[name]

    def asked(self, name):
        """What a member says next."""
        member = self.engine.members[name]
        packets = member.handle(self.aggregator.answer(name, member.wants))
        for packet in packets:
            self.aggregator.handle(packet)
        return [opened(packet).topic for packet in packets]

    def sign_heads(self):
        """Verifiers follow, and sign the newest head."""
        for name in self.engine.verifiers:
            self.asked(name)


class Other:
    """Randomness that is not that of the first start."""

    def source(self, label, context):
        return lambda count: b"\7" * count


@pytest.fixture
def uploading(tmp_path):
    """In phase UPLOAD, with a head of it signed; neither the first hospital nor who follows heads has uploaded."""
    made = Started(tmp_path)
    made.until("keys")
    first = made.engine.hospitals["hospital-0"]
    first.duties = lambda: iter(())
    made.until("upload")
    del first.duties
    made.sign_heads()
    yield made
    made.engine.close()


def set_back(made, name, files):
    """The member on a disk of the past: the same files with an earlier content."""
    made.engine.members[name].state.close()
    home = made.engine.folder.party(name)
    for path in home.iterdir():
        if path not in files:
            path.unlink()
    for path, data in files.items():
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(data)
            file.truncate()
    return made.restarted(name, StateStore(home / "state.sqlite"), randomness=Other())


def test_a_disk_of_the_past_is_found_before_it_speaks_though_no_newer_head_shows_it(uploading):
    """A second proof would be an equivocation of an honest hospital, and open a dataset's commitment once more."""
    name = uploading.outside[0]
    member, home = uploading.engine.members[name], uploading.engine.folder.party(name)
    member.duties = lambda: iter(())
    assert uploading.asked(name) == [] and member.follows_lightly and member.history.phase == "upload"
    files = {path: path.read_bytes() for path in home.iterdir()}
    del member.duties
    (upload,) = member.resume()
    assert opened(upload).topic == "upload" and parse(Packet, upload).attachments
    uploading.aggregator.handle(upload)
    assert name in uploading.history.round.uploads

    again = set_back(uploading, name, files)
    assert again.follows_lightly and again.wants == Wanted(light=True, known=again.full.size)
    again.at_end()  # as if there were nothing new
    assert list(again.resume()) == []
    assert uploading.asked(name) == [] and again.halted is None and not again.wants.light
    assert list(again.resume()) == []
    assert uploading.asked(name) == []
    assert (again.halted.check, again.halted.culprit) == ("state-restored", name)
    assert uploading.history.refusals == []


def test_a_host_that_says_it_has_heard_what_nobody_said_makes_a_hospital_read_everything_and_no_more(uploading):
    name, other = uploading.outside[:2]
    member = uploading.engine.members[name]
    answer = open_answer(uploading.aggregator.answer(name, member.wants), uploading.engine.rules)
    heard = tuple(replace(word, said=bytes(32)) for word in answer.heard)
    key, rules = uploading.engine.folder.key(HOST), uploading.engine.rules
    for said in (heard, open_answer(uploading.aggregator.light_answer(other, 0), rules).heard):
        lie = LightAnswer(name, member.wants.known, heard=said)
        assert member.handle(sign_answer(lie, key, rules)) == [] and member.halted is None
        assert not member.wants.light
        member._doubts = False
    member.handle(sign_answer(replace(lie, heard=heard), key, rules))
    assert uploading.asked(name) == ["upload"] and member.halted is None and member.wants.light


def test_keys_that_change_within_a_phase_keep_nobody_from_it(tmp_path):
    """A hospital's and a verifier's: what is signed with the earlier key is of no use from then on."""
    made = Started(tmp_path)
    made.until("keys")
    changing = made.outside[0]
    made.restarted("verifier-0", next_key=SigningKey(b"v" * 32))
    before = len(made.history.heads.digests)
    made.until("upload")
    assert len(made.history.heads.digests) == before + 2
    made.restarted(changing, next_key=SigningKey(b"h" * 32))
    made.engine.run(lambda: made.history.phase == "confirm")
    entries = list(made.aggregator.ledger.entries(0))
    result = made.engine.run()
    assert result.finished and result.refusals == result.faults == [] and result.halted == {}
    (closed,) = made.history.closed
    assert set(closed.accepted.record.hospitals) == set(made.plan.hospitals) and closed.attempt == 0
    assert made.history.keys[changing] == SigningKey(b"h" * 32).public.raw
    ((number, _),) = made.history.heads.rotations
    history = replayed(made.engine.rules, entries[: number + 1])
    known = set(history.heads.digests)
    assert number + 1 in known and len(history.heads.newest.signatures) < 3
    history.apply(changed_again(made, history))
    assert history.heads.rotations[-1][0] == number + 1 and set(history.heads.digests) == known


def changed_again(made, history):
    """Another change of the verifier's key, in the same phase."""
    key, name = SigningKey(b"v" * 32), "verifier-0"
    record = rotation(made.engine.rules.digest, name, key.public.raw, SigningKey(b"w" * 32))
    place = (*history.position(), history.size, history.root, history.clocks[-1])
    return seal_envelope(Envelope(made.engine.rules.digest, name, "verifier", *place, encode(record), b""), key).data


class Pieces:
    """A host that shows its ledger in two pieces, the second with the last entry, and notes what it is asked."""

    bytes_in = bytes_out = 0
    lacking = False

    def __init__(self, aggregator):
        self.aggregator, self.said = aggregator, []

    def ask(self, request):
        if not isinstance(request, Follow):
            self.said.append(request)
            return Recorded()
        history, first = self.aggregator.history, request.since
        if first == history.size:
            return NotYet("")
        size = max(history.size - 1, first + 1)
        proof = tuple(consistency_proof(first, size, history.tree.node))
        noted = sign_checkpoint(size, history.roots[size], self.aggregator.signer)
        entries = tuple(self.aggregator.ledger.entries(first))[: size - first]
        key, rules = self.aggregator.key, self.aggregator.rules
        return Extended(sign_extension(Extension(first, entries, noted, proof), key, rules), False)

    def pause(self, seconds):
        assert seconds == 0


@pytest.mark.parametrize("of_the_past", [True, False])
def test_nothing_is_said_between_two_pieces_of_the_ledger(uploading, monkeypatch, of_the_past):
    """Nor does a disk of the past speak where its own later message is in the next one."""
    monkeypatch.setattr(link, "MOST_WHOLE", 0)
    name, home = "hospital-0", uploading.engine.folder.party("hospital-0")
    files = {path: path.read_bytes() for path in home.iterdir()}
    if of_the_past:
        assert uploading.asked(name) == ["upload"] and name in uploading.history.round.uploads
        set_back(uploading, name, files)
    member, pieces = uploading.engine.members[name], Pieces(uploading.aggregator)
    joined = Link(member, pieces, pieces)
    for _ in range(2):
        assert joined.step() and pieces.said == []
    if of_the_past:
        assert (member.halted.check, member.halted.culprit) == ("state-restored", name)
    else:
        joined.step()
        assert pieces.said and member.sent(Upload) and member.halted is None
