"""What members could do to each other outside the rules of a round: messages in messages, keys that are none,
claims that cost others their memory.
"""

from __future__ import annotations

import pytest

from proofward.federation import messages as m
from proofward.federation.enrolment_steps import MAX_ROWS
from proofward.federation.history_state import ENROLMENT, UPLOAD
from proofward.federation.proofs import Unable, judged
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey
from tests.federation.harness import Stopped

PRIME = 2**255 - 19
ANYBODYS = (0, 1, PRIME - 1, PRIME, PRIME + 1, 1 | 1 << 255, (PRIME - 1) | 1 << 255)
IDENTITY = (1).to_bytes(32, "little")


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    stopped = Stopped(tmp_path_factory.mktemp("upload"), UPLOAD, 1, "hospital-2", "upload")
    yield stopped
    stopped.engine.close()


def test_messages_of_the_aggregator_are_no_evidence_however_deep_they_lie(upload):
    data = b"no envelope"
    for _ in range(900):
        data = upload.announced(m.MessageRefused(data, "malformed", "hospital-0", "a", "b"))
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
