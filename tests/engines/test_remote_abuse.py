"""What one site, host or stick could do to the others for good, and what a passing fault must not do."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace

import pytest

from proofward.encoding import decode, encode
from proofward.encoding.cbor import MAX_ITEMS
from proofward.engines.operations.verification_pool import PooledProofs
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.joining import make_request
from proofward.engines.remote.agreement.terms import Terms
from proofward.engines.remote.airgap import AirGap
from proofward.engines.remote.carrying.messages import (
    Assembled,
    Declined,
    Follow,
    Held,
    Join,
    Part,
    Say,
    read_answer,
    read_request,
    write,
)
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.engines.remote.memory_sticks.bundle import (
    BACK,
    OUT,
    Asked,
    Bundle,
    BundleJoin,
    BundleWriter,
    Header,
)
from proofward.engines.remote.memory_sticks.gateway import Gateway, accept
from proofward.federation.history.proving.judging import Unable
from proofward.federation.history.proving.proof_jobs import EnrolmentJob
from proofward.federation.history.state.history_state import ENROLMENT
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import RulesError
from proofward.federation.messages.envelope import Envelope
from proofward.federation.parties import hospital
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.ledger.keys import SigningKey
from proofward.relations.records.enrolment import EnrolmentStatement
from tests.engines.remote_harness import AUDITOR, Consortium, agreement, set_up, terms_of, topic
from tests.engines.remote_kits import certificates
from tests.engines.unhurried import Unhurried
from tests.engines.waiting import Waiting
from tests.federation.fakes import FakeProofs, plan

pytestmark = pytest.mark.slow

EMPTY = hashlib.sha256(b"").digest()
JUNK = b"\x9a" + (1 << 20).to_bytes(4, "big") + b"\xa0" * (1 << 20)
"""An array of a million empty maps."""


def test_one_byte_for_an_object_that_has_none_keeps_nobody_out(tmp_path, monkeypatch):
    real = hospital.holder_keys

    def no_keys(history, name, seed):
        keys = real(history, name, seed)
        if name != "hospital-1":
            return keys
        return tuple(bytes([number]) + b"\xff" * (PUBLIC_KEY_BYTES - 1) for number in range(len(keys)))

    monkeypatch.setattr(hospital, "holder_keys", no_keys)
    with Unhurried(tmp_path, agreement(hospitals=4, verifiers=5, rounds=1)) as consortium:
        consortium.absent = lambda history: {"hospital-1"} if history.phase == "upload" else ()
        honest, byte, answers = consortium.desk.answer, write(Part(EMPTY, 0, b"x", False)), []

        def answer(data: bytes) -> bytes:
            """The byte comes before and after every message, whenever the object is named and is there."""
            answers.append(read_answer(honest(byte)))
            said = honest(data)
            answers.append(read_answer(honest(byte)))
            return said

        consortium.wire.answer = answer
        consortium.start()
        consortium.until(lambda: consortium.host_finished)
        assert Held(1, False) not in answers and Held(0, True) in answers
        assert len(consortium.host.aggregator.history.closed[0].uploads) == 3


def test_an_enrolment_that_was_declined_for_a_whole_round_is_still_there(tmp_path):
    with Unhurried(tmp_path, agreement(hospitals=4, verifiers=5, rounds=4)) as consortium:
        consortium.absent = lambda history: {"hospital-2"} if history.phase == ENROLMENT else ()
        honest, declined = consortium.desk.answer, []

        def answer(data: bytes) -> bytes:
            request = read_request(data)
            late = topic(request) == "enrolment" and decode(request.envelope, Envelope).sender == "hospital-2"
            if late and not consortium.phase("upload", 2) and not declined[3:]:
                declined.append(consortium.host.aggregator.history.position()[0])
                return write(Declined("phase", "transport", "later", "now"))
            return honest(data)

        consortium.wire.answer = answer
        consortium.start()
        consortium.until(lambda: consortium.host_finished)
        assert declined
        assert "hospital-2" in consortium.host.aggregator.history.enrolled


def test_what_nobody_signed_is_not_looked_at_while_others_wait(tmp_path):
    with Waiting(tmp_path, "upload", "upload") as consortium:
        host, judged = consortium.host, []
        judge, handle = host.aggregator.history.judge, host.aggregator.handle
        host.aggregator.history.judge = lambda data: (judged.append(data), judge(data))[1]
        host.aggregator.handle = lambda data: (judged.append(data), handle(data))[1]
        assert consortium.declined(Say(JUNK)) == "malformed"
        assert judged == []


@pytest.mark.parametrize("read", [read_request, read_answer])
def test_a_message_of_very_many_items_is_refused_early(read):
    with pytest.raises(Refusal) as caught:
        read(JUNK)
    assert caught.value.check == "malformed" and str(MAX_ITEMS) in str(caught.value)


def test_an_air_gapped_member_that_claims_a_future_ledger_holds_nobody_up(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1), deadline=3600) as consortium:
        consortium.start(AUDITOR)
        for name in ("hospital-0", "hospital-1", "hospital-2"):
            kit = certificates(tmp_path / name / "startup")
            for seat in Home(tmp_path / name / "home").seats:
                key = consortium.key(seat.member)
                consortium.desk.join(
                    make_request(consortium.terms, seat.member, key, kit.certificate, kit.private_key)
                )
        home, kit = Home(tmp_path / AUDITOR / "home"), certificates(tmp_path / AUDITOR / "startup")
        consortium.until(lambda: home.rules is not None and consortium.host.aggregator.history.size > 0)
        for member, size in (("hospital-1", 1 << 62), ("hospital-2", 0)):
            path = tmp_path / f"{member}.stick"
            header = Header(OUT, consortium.terms.digest, home.rules.digest, member, size)
            with BundleWriter(path, header) as writer:
                writer.add(Asked((), ()))
                writer.finish(consortium.key(member))
            accept(home, kit, Bundle.read(path))
        consortium.until(lambda: Gateway(home, "hospital-2").read("answer") is not None)
        assert Gateway(home, "hospital-1").read("answer") is None
        consortium.until(lambda: consortium.noted("courier failed", check="ledger-gap"))


def test_a_full_disk_once_costs_no_member_the_federation(tmp_path, monkeypatch):
    real, failed = RemoteObjects._fetch, []

    def once(self, digest):
        if "members/hospital-0" in str(self.store.directory) and not failed:
            failed.append(digest)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, digest)

    monkeypatch.setattr(RemoteObjects, "_fetch", once)
    with Consortium(tmp_path, agreement(rounds=2)) as consortium:
        consortium.start()
        consortium.join()
        assert failed and consortium.noted("failed", party="hospital-0", check="OSError")
        assert all(len(state.uploads) == 3 for state in consortium.host.aggregator.history.closed)
        assert consortium.audit() == []


@pytest.mark.parametrize(
    "wrong", [Declined("certificate", "transport", "a", "b"), Assembled((b"junk",)), None]
)
def test_one_wrong_answer_to_a_request_to_join_is_asked_about_again(tmp_path, wrong):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        honest, lied = consortium.desk.answer, []

        def answer(data: bytes) -> bytes:
            request = read_request(data)
            if isinstance(request, Join) and not lied:
                lied.append(request)
                return write(wrong or Assembled((request.request,)))
            return honest(data)

        consortium.wire.answer = answer
        consortium.start()
        consortium.join()
        assert lied and [kind for kind, _ in consortium.notes].count("declined") >= 1


def test_an_air_gapped_member_takes_no_rules_without_its_own_key(tmp_path):
    terms = set_up(tmp_path, agreement(), 60)

    def requests() -> list[bytes]:
        found = []
        for seat in terms.seats:
            home, kit = Home(tmp_path / seat.site / "home"), certificates(tmp_path / seat.site / "startup")
            key = home.key(seat.member)
            found.append(make_request(terms, seat.member, key, kit.certificate, kit.private_key))
        return found

    before, home = requests(), Home(tmp_path / "hospital-0" / "home")
    (home.member("hospital-0") / "identity.key").unlink()
    SigningKey(b"n" * 32).save(home.member("hospital-0") / "identity.key")
    gap = AirGap(home, certificates(tmp_path / "hospital-0" / "startup"), proofs=FakeProofs())
    for name, joins in (("old", before), ("new", requests())):
        with BundleWriter(tmp_path / name, Header(BACK, terms.digest, b"", "hospital-0", 0)) as writer:
            for join in joins:
                writer.add(BundleJoin(join))
            writer.finish(None)
    with pytest.raises(Refusal) as caught:
        gap.absorb(Bundle.read(tmp_path / "old"))
    assert caught.value.check == "join" and home.rules is None
    gap.absorb(Bundle.read(tmp_path / "new"))
    assert home.rules.find("hospital-0").key == home.key("hospital-0").public.raw


def test_a_bundle_is_not_written_through_a_link(tmp_path, monkeypatch):
    stick, victim = tmp_path / "stick", tmp_path / "identity.key"
    stick.mkdir()
    victim.write_bytes(b"the only copy of a key")
    monkeypatch.setattr("os.getpid", lambda: 77)
    (stick / ".out.bundle.77.tmp").symlink_to(victim)
    with BundleWriter(stick / "out.bundle", Header(OUT, bytes(32), b"", "a", 0)) as writer:
        writer.add(Asked((), ()))
        writer.finish(None)
    assert victim.read_bytes() == b"the only copy of a key"
    assert Bundle.read(stick / "out.bundle").header.member == "a" and len(list(stick.iterdir())) == 1


@pytest.mark.parametrize("name", ["../../elsewhere", "a/b", "UPPER", "transport", "."])
def test_terms_with_names_that_are_none_are_refused(name):
    terms = terms_of(agreement(), 60)
    seats = tuple(replace(seat, member=name) if seat.member == "hospital-0" else seat for seat in terms.seats)
    with pytest.raises(RulesError):
        Terms.from_bytes(encode(replace(terms, seats=seats)))


def test_a_pool_that_cannot_start_a_thread_says_so_and_goes_on(monkeypatch):
    from concurrent.futures import ProcessPoolExecutor

    real, submitted = ProcessPoolExecutor.submit, []

    def submit(self, *arguments):
        submitted.append(arguments)
        if len(submitted) <= 4:
            raise RuntimeError("can't start new thread")
        return real(self, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    statement = EnrolmentStatement(bytes(32), "h", 8, 4, plan(hospitals=3).config)
    with PooledProofs(1) as pool:
        outcomes = [
            outcome
            for _ in range(2)
            for _, outcome in pool.verify_enrolments([EnrolmentJob("h", statement, b"junk")])
        ]
    assert isinstance(outcomes[0], Unable) and "thread" in str(outcomes[0])
    assert not isinstance(outcomes[1], bytes)


def test_one_answer_about_the_ledger_is_small(tmp_path):
    with Waiting(tmp_path, "upload", "upload") as consortium:
        size = consortium.history.size
        assert size and len(consortium.desk.answer(write(Follow(0, 0)))) < (1 << 23) + (1 << 21)
