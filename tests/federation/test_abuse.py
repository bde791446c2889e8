"""What members could do to each other outside the rules of a round.

They send messages in messages, keys that are none, claims that cost others their memory, and verdicts that
make others open what is secret.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache

import pytest

from proofward.encoding import MalformedMessage, decode, encode
from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import MAX_REFUSALS
from proofward.federation.history.proving.judging import Unable, judged
from proofward.federation.history.state.history_state import ENROLMENT, SHARES, UPLOAD
from proofward.federation.history.state.round_state import Finding
from proofward.federation.messages.basics.field_types import MAX_EVIDENCE_BYTES
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.records import catalogue as m
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, Withholding, opened

VICTIM = "hospital-0"
PRIME = 2**255 - 19
SIGN = 1 << 255
IDENTITY = (1).to_bytes(32, "little")


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    stopped = Stopped(tmp_path_factory.mktemp("upload"), UPLOAD, 1, "hospital-2", "upload")
    yield stopped
    stopped.engine.close()


@pytest.mark.slow
def test_messages_of_the_aggregator_are_no_evidence_however_deep_they_lie(upload):
    data, deeper = b"no envelope", b""
    while len(deeper) < MAX_EVIDENCE_BYTES - 1000:
        data = deeper or data
        deeper = upload.announced(m.MessageRefused(data, "malformed", "hospital-0", "a", "b"))
    assert upload.check(data) == ("refusal", "aggregator")
    assert "its own" in upload.refusal(data).actual


@cache
def small_orders() -> tuple[int, ...]:
    """Encodings of the points whose order divides 8: eighth multiples of the curve's order times any points."""
    order = 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, PRIME) % PRIME
    found, y = set(), 2
    while len(found) < 8:
        y += 1
        square = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
        x = pow(square, (PRIME + 3) // 8, PRIME)
        x = x if x * x % PRIME == square else x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        if x * x % PRIME == square:
            point, result, left = (x, y), (0, 1), order
            while left:
                result = add(result, point, d) if left & 1 else result
                point, left = add(point, point, d), left >> 1
            found.add(result[1] | (result[0] & 1) * SIGN)
    return tuple(sorted(found))


def add(p: tuple[int, int], q: tuple[int, int], d: int) -> tuple[int, int]:
    """The sum of two points of the twisted Edwards curve of Ed25519."""
    product = d * p[0] * q[0] * p[1] * q[1] % PRIME
    x = (p[0] * q[1] + p[1] * q[0]) * pow(1 + product, -1, PRIME)
    y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


@pytest.mark.slow
def test_the_keys_under_which_anybody_can_sign_are_eight():
    found = small_orders()
    assert len(found) == 8 and {0, 1, PRIME - 1, SIGN} <= set(found)


NOT_CANONICAL = (PRIME, PRIME + 1, 1 | SIGN, (PRIME - 1) | SIGN, SIGN - 1, 2 * SIGN - 1)


@pytest.mark.parametrize("number", range(8 + len(NOT_CANONICAL)))
def test_a_key_under_which_anybody_can_sign_is_none(number):
    with pytest.raises(SignatureInvalid):
        PublicKey((*small_orders(), *NOT_CANONICAL)[number].to_bytes(32, "little"))


@pytest.mark.parametrize("seed", range(8))
def test_keys_that_are_made_here_are_keys(seed):
    assert SigningKey(bytes([seed]) * 32).public == PublicKey(SigningKey(bytes([seed]) * 32).public.raw)


def test_nobody_changes_to_a_key_under_which_anybody_can_sign(upload):
    rotation = m.KeyRotation(IDENTITY, IDENTITY + bytes(32))
    assert upload.check(upload.spoken("hospital-0", rotation)) == ("key-proof", "hospital-0")


def test_rows_that_no_verifier_could_hold_are_refused(tmp_path):
    stopped = Stopped(tmp_path, ENROLMENT, 0, "hospital-2", "enrolment")
    width = stopped.engine.rules.config.model.features
    config = stopped.engine.rules.config
    for rows in (config.most_rows + 1, config.least_rows - 1):
        said = m.Enrolment(rows, width, bytes(32), bytes(1216))
        assert stopped.check(stopped.spoken("hospital-2", said)) == ("rows", "hospital-2")
    stopped.engine.close()


def test_a_proof_that_does_not_fit_into_memory_gets_no_verdict():
    def verify(statement: object, proof: bytes) -> bytes:
        raise MemoryError

    assert isinstance(judged(verify, None, b""), Unable)


class NamesAnotherBinding(Verifier):
    """Colludes: says of the victim's upload that its proof binds other shares."""

    def verdict(self, hospital, said, outcome):
        record = super().verdict(hospital, said, outcome)
        if hospital == VICTIM:
            record = replace(record, share_binding=bytes(len(record.share_binding)))
        return record


class NamesAnyBinding(NamesAnotherBinding):
    """Colludes: accepts the victim's refused proof."""

    def verdict(self, hospital, said, outcome):
        if hospital == VICTIM:
            outcome = Finding(said.digest, bytes(32 * 4))
        return super(NamesAnotherBinding, self).verdict(hospital, said, outcome)


class ProvesNothing(Hospital):
    """Sends what is no proof."""

    def prove_round(self, statement, secret):
        made, sealed = super().prove_round(statement, secret)
        return replace(made, proof=made.proof[:32] + bytes(32) + made.proof[64:]), sealed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("colluding", "victim"), [(NamesAnotherBinding, Hospital), (NamesAnyBinding, ProvesNothing)]
)
def test_verifiers_alone_cannot_make_holders_open_their_shares_of_a_dealer(tmp_path, colluding, victim):
    agreed = plan(hospitals=4, verifiers=3, rounds=1, threshold=1)
    parties = Parties({VICTIM: victim}, {"verifier-0": colluding, "verifier-1": colluding})
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", parties=parties, proofs=FakeProofs()
    )
    result = engine.run()
    state = engine.aggregator.history.current
    assert VICTIM in state.passed and state.complaints == {} and not result.finished
    honest = {name for name in agreed.hospitals if name != VICTIM}
    assert {name: (halt.check, halt.culprit) for name, halt in result.halted.items() if name in honest} == {
        name: ("verdict", "verifier-0") for name in honest
    }


@pytest.mark.slow
def test_a_binding_that_cannot_be_checked_is_no_reason_to_open_a_share(tmp_path):
    class Overloaded(FakeProofs):
        def verify_round(self, statement, sealed_shares, ciphertext, proof):
            if threading.current_thread() is main and hospital_works:
                tried.append(statement.hospital)
                raise MemoryError
            return super().verify_round(statement, sealed_shares, ciphertext, proof)

    class Holder(Hospital):
        def check_shares(self):
            hospital_works.append(1)
            yield from super().check_shares()
            hospital_works.clear()

    main, hospital_works, tried = threading.current_thread(), [], []
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    parties = Parties({VICTIM: SealsWrongShare, "hospital-1": Holder})
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", parties=parties, proofs=Overloaded(), workers=1
    )
    engine.run()
    history = engine.aggregator.history
    state = history.current or history.closed[0]
    assert not any(holder == "hospital-1" for holder, _ in state.complaints)
    assert tried == [VICTIM]  # once, however often it was woken up


class SealsNoise(Hospital):
    """Its share for hospital-1 is another."""

    def seal_share(self, holder, share):
        return super().seal_share(holder, bytes(len(share)) if holder == "hospital-1" else share)


class TwoBadDealers:
    """Stopped when hospital-1 has complained of two dealers and nobody has heard it."""

    def __init__(self, directory):
        agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
        parties = Parties({VICTIM: SealsNoise, "hospital-2": SealsNoise})
        self.verified = []
        dealers = self

        class Counting(FakeProofs):
            def verify_round(self, statement, sealed_shares, ciphertext, proof):
                dealers.verified.append(statement.hospital)
                return super().verify_round(statement, sealed_shares, ciphertext, proof)

        self.network = Withholding("hospital-1", "share-complaint")
        self.engine = InProcessFederation(
            directory, agreed, datasets(agreed), seed=b"s", network=self.network, parties=parties,
            proofs=Counting(),
        )  # fmt: skip

    def complaints(self, packets):
        records = [opened(packet).record for packet in packets]
        return [record.dealer for record in records if isinstance(record, m.ShareComplaint)]


@pytest.mark.slow
def test_a_complaint_on_its_way_is_said_again_and_not_verified_again(tmp_path):
    bad = TwoBadDealers(tmp_path)
    bad.engine.run(lambda: len(bad.network.kept) >= 2)
    bad.verified.clear()
    assert bad.complaints(bad.engine.hospitals["hospital-1"].resume()) == [VICTIM, "hospital-2"]
    assert bad.verified == []
    bad.engine.close()


@pytest.mark.slow
def test_a_proof_that_is_not_there_keeps_no_other_dealer_from_blame(tmp_path):
    bad = TwoBadDealers(tmp_path)
    holder, history = bad.engine.hospitals["hospital-1"], bad.engine.aggregator.history
    honest, asked = holder.objects, []

    class Lacking(type(honest)):
        def open(self, digest):
            upload = history.round.uploads[VICTIM].record
            if history.phase == SHARES and digest in (upload.ciphertext, upload.proof):
                asked.append(digest)
                raise Refusal("object-missing", "aggregator", digest.hex(), "nothing")
            return super().open(digest)

    holder.objects.__class__ = Lacking
    bad.engine.run(lambda: bool(bad.network.kept))
    assert set(bad.complaints(bad.network.kept)) == {"hospital-2"}
    upload = history.round.uploads[VICTIM].record
    assert {*asked} == {upload.ciphertext, upload.proof} and holder.halted is None
    bad.engine.close()


def test_more_refusals_of_one_member_than_the_limit_do_not_follow_from_the_ledger(upload):
    for number in range(MAX_REFUSALS + 1):
        evidence = upload.spoken("hospital-0", m.SharesChecked(()), attempt=5 + number)
        found = upload.refusal(evidence)
        record = m.MessageRefused(evidence, found.check, found.culprit, found.expected, found.actual)
        if number < MAX_REFUSALS:
            upload.history.apply(upload.announced(record))
        else:
            assert upload.check(upload.announced(record)) == ("refusals", "aggregator")


@pytest.mark.parametrize("text", ["\x1b[8m", "a\nb", "\x9b2J", "\u202eabc", "\0"])
def test_text_that_would_not_show_as_it_is_is_no_text(upload, text):
    with pytest.raises(MalformedMessage):
        encode(m.RevocationVote("hospital-1", text))
    good = encode(m.RevocationVote("hospital-1", "x" * len(text.encode())))
    with pytest.raises(MalformedMessage):
        decode(good.replace(b"x" * len(text.encode()), text.encode()), m.RevocationVote)
    assert describe(text).isprintable() and describe(f"{text} is") != describe(" is")


def test_what_is_text_does_not_depend_on_the_interpreter(upload):
    record = m.RevocationVote("hospital-1", "\U0001fae8 \u0378 “so”")  # new in Unicode 15; in none; quotation marks
    assert decode(encode(record), m.RevocationVote) == record
    assert describe(record.reason) == r"\U0001fae8 \u0378 \u201cso\u201d"
    assert describe((record.reason,)) == r"('\U0001fae8 \u0378 \u201cso\u201d',)"
