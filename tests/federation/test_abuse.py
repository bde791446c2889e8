"""What members could do to each other outside the rules of a round: messages in messages, keys that are none,
claims that cost others their memory, verdicts that make others open what is secret.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from proofward.encoding import MalformedMessage, decode, encode
from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation import messages as m
from proofward.federation.enrolment_steps import MAX_ROWS
from proofward.federation.field_types import MAX_EVIDENCE_BYTES
from proofward.federation.history import MAX_REFUSALS
from proofward.federation.history_state import ENROLMENT, UPLOAD
from proofward.federation.hospital import Hospital
from proofward.federation.proofs import Unable, judged
from proofward.federation.refusal import describe
from proofward.federation.round_state import Finding
from proofward.federation.verifier import Verifier
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped

VICTIM = "hospital-0"
PRIME = 2**255 - 19
ANYBODYS = (0, 1, PRIME - 1, PRIME, PRIME + 1, 1 | 1 << 255, (PRIME - 1) | 1 << 255)
IDENTITY = (1).to_bytes(32, "little")


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    stopped = Stopped(tmp_path_factory.mktemp("upload"), UPLOAD, 1, "hospital-2", "upload")
    yield stopped
    stopped.engine.close()


def test_messages_of_the_aggregator_are_no_evidence_however_deep_they_lie(upload):
    data, deeper = b"no envelope", b""
    while len(deeper) < MAX_EVIDENCE_BYTES - 1000:
        data = deeper or data
        deeper = upload.announced(m.MessageRefused(data, "malformed", "hospital-0", "a", "b"))
    assert upload.check(data) == ("refusal", "aggregator")
    assert "its own" in upload.refusal(data).actual


@pytest.mark.parametrize("coordinate", ANYBODYS)
def test_a_key_under_which_anybody_can_sign_is_none(coordinate):
    with pytest.raises(SignatureInvalid):
        PublicKey(coordinate.to_bytes(32, "little"))


@pytest.mark.parametrize("seed", range(8))
def test_keys_that_are_made_here_are_keys(seed):
    assert SigningKey(bytes([seed]) * 32).public == PublicKey(SigningKey(bytes([seed]) * 32).public.raw)


def test_nobody_changes_to_a_key_under_which_anybody_can_sign(upload):
    rotation = m.KeyRotation(IDENTITY, IDENTITY + bytes(32))
    assert upload.check(upload.spoken("hospital-0", rotation)) == ("key-proof", "hospital-0")


def test_rows_that_no_verifier_could_hold_are_refused(tmp_path):
    stopped = Stopped(tmp_path, ENROLMENT, 0, "hospital-2", "enrolment")
    width = stopped.engine.rules.config.model.widths[0]
    said = m.Enrolment(MAX_ROWS, width, bytes(32))
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
            outcome = Finding(said.digest, bytes(32 * 3))
        return super(NamesAnotherBinding, self).verdict(hospital, said, outcome)


class ProvesNothing(Hospital):
    """Sends what is no proof."""

    def prove_round(self, statement, secret):
        made = super().prove_round(statement, secret)
        return replace(made, proof=made.proof[:32] + bytes(32) + made.proof[64:])


@pytest.mark.parametrize(
    ("colluding", "victim"), [(NamesAnotherBinding, Hospital), (NamesAnyBinding, ProvesNothing)]
)
def test_verifiers_alone_cannot_make_holders_open_their_shares_of_a_dealer(tmp_path, colluding, victim):
    agreed = plan(hospitals=3, verifiers=3, rounds=1, threshold=1)
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


def test_a_binding_that_cannot_be_checked_is_no_reason_to_open_a_share(tmp_path):
    class Overloaded(FakeProofs):
        def verify_round(self, statement, ciphertext, proof):
            if threading.current_thread() is main and hospital_works:
                raise MemoryError
            return super().verify_round(statement, ciphertext, proof)

    class Holder(Hospital):
        def _check_shares(self):
            hospital_works.append(1)
            yield from super()._check_shares()
            hospital_works.clear()

    main, hospital_works = threading.current_thread(), []
    agreed = plan(hospitals=3, verifiers=1, rounds=1, threshold=1)
    parties = Parties({VICTIM: SealsWrongShare, "hospital-1": Holder})
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", parties=parties, proofs=Overloaded()
    )
    engine.run()
    history = engine.aggregator.history
    state = history.current or history.closed[0]
    assert not any(holder == "hospital-1" for holder, _ in state.complaints)


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
