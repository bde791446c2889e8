"""Every message that does not follow from the ledger is refused, against its sender.

Each refusal has a name of its own.
"""

from __future__ import annotations

import pytest

from proofward.encoding import encode
from proofward.federation.history.state.history_state import CONFIRM, KEYS, SHARES, UNMASK, UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records import catalogue as m
from tests.federation.harness import Stopped, opened

HOSPITAL, OTHER, VERIFIER, AGGREGATOR = "hospital-3", "hospital-0", "verifier-0", "aggregator"


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    stopped = Stopped(tmp_path_factory.mktemp("upload"), UPLOAD, 2, HOSPITAL, "upload")
    yield stopped, opened(next(p for p in stopped.network.kept if opened(p).round == 2))
    stopped.engine.close()


@pytest.mark.slow
def test_the_upload_itself_is_fine(upload):
    stopped, envelope = upload
    assert stopped.history.judge(envelope.data) == envelope


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("model", {"model": bytes(32)}),
        ("beacon", {"beacon": bytes(32)}),
        ("dataset-root", {"dataset_root": bytes(32)}),
        ("rows", {"rows": 1000}),
        ("sealed-shares", {"sealed_shares": ()}),
        ("sealed-shares", {"sealed_shares": (b"", b"", b"", b"")}),
    ],
)
def test_uploads_about_something_else(upload, check, changes):
    stopped, envelope = upload
    assert stopped.check(stopped.said(envelope, **changes)) == (check, HOSPITAL)


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("round", {"round": 1}),
        ("round", {"round": 3}),
        ("attempt", {"attempt": 1}),
        ("consortium", {"consortium": bytes(32)}),
        ("role", {"role": "verifier"}),
        ("ledger-view", {"seen_root": bytes(32)}),
        ("ledger-view", {"seen_size": 1 << 40}),
        ("malformed", {"body": b"\xa0"}),
    ],
)
def test_envelopes_from_somewhere_else(upload, check, changes):
    stopped, envelope = upload
    assert stopped.check(stopped.signed(envelope, **changes)) == (check, HOSPITAL)


def test_an_upload_of_the_round_before_is_stale(upload):
    stopped, _ = upload
    old = opened(next(p for p in stopped.network.kept if opened(p).round == 1))
    assert stopped.check(old.data) == ("round", HOSPITAL)


def test_forged_senders_prove_nothing(upload):
    stopped, envelope = upload
    assert stopped.check(stopped.signed(envelope, key=OTHER)) == ("signature", "transport")
    assert stopped.check(stopped.signed(envelope, key=OTHER, sender="nobody")) == ("sender", "transport")
    assert stopped.check(b"") == ("malformed", "transport")


def test_another_hospital_cannot_use_the_message(upload):
    stopped, envelope = upload
    assert stopped.check(stopped.signed(envelope, key=OTHER, sender=OTHER)) == ("equivocation", OTHER)
    assert stopped.check(stopped.signed(envelope, key=VERIFIER, sender=VERIFIER, role="verifier")) == (
        "role",
        VERIFIER,
    )


def test_recorded_messages_are_replays_and_others_in_their_place_equivocation(upload):
    stopped, _ = upload
    recorded = stopped.history.round.uploads[OTHER].envelope
    assert stopped.check(recorded.data) == ("replay", OTHER)
    assert stopped.check(stopped.said(recorded, proof=bytes(32))) == ("equivocation", OTHER)


def test_a_proof_that_was_recorded_before_is_a_replayed_one(upload):
    stopped, envelope = upload
    stopped.history.proofs[envelope.record.proof] = (HOSPITAL, 1)
    try:
        assert stopped.check(envelope.data) == ("replayed-proof", HOSPITAL)
    finally:
        del stopped.history.proofs[envelope.record.proof]


def test_messages_of_other_phases(upload):
    stopped, envelope = upload
    body = encode(m.ShareSum(bytes(32), bytes(32)))
    assert stopped.check(stopped.signed(envelope, body=body)) == ("phase", HOSPITAL)


def test_verdicts_on_what_was_not_uploaded(upload):
    stopped, envelope = upload
    root = bytes(32)

    def verdict(**changes):
        values = {"hospital": OTHER, "upload": bytes(32), "accepted": True, "check": "", "detail": "",
                  "dataset_root": root, "share_binding": b"b"}  # fmt: skip
        body = encode(m.Verdict(**{**values, **changes}))
        return stopped.signed(envelope, key=VERIFIER, sender=VERIFIER, role="verifier", body=body, attempt=0)

    del stopped.history.slots["verdict", "2", "0", VERIFIER, OTHER]
    assert stopped.check(verdict(hospital=HOSPITAL)) == ("hospital", VERIFIER)
    assert stopped.check(verdict()) == ("subject", VERIFIER)
    right = stopped.history.round.uploads[OTHER].digest
    assert stopped.check(verdict(upload=right, dataset_root=b"")) == ("verdict", VERIFIER)
    assert stopped.check(verdict(upload=right, check="rows")) == ("verdict", VERIFIER)
    assert stopped.check(verdict(upload=right, share_binding=b"")) == ("verdict", VERIFIER)


def test_the_aggregator_cannot_choose_who_uploaded_or_refuse_the_right(upload):
    stopped, envelope = upload
    assert stopped.check(stopped.announced(m.UploadsClosed((OTHER,)))) == ("uploaded-set", AGGREGATOR)
    refused = m.MessageRefused(envelope.data, "rows", HOSPITAL, "8", "9")
    assert stopped.check(stopped.announced(refused)) == ("refusal", AGGREGATOR)
    wrong = stopped.said(envelope, rows=1000)
    assert stopped.check(stopped.announced(m.MessageRefused(wrong, "rows", HOSPITAL, "8", "9"))) == (
        "refusal",
        AGGREGATOR,
    )
    found = stopped.refusal(wrong)
    right = m.MessageRefused(wrong, found.check, found.culprit, found.expected, found.actual)
    assert stopped.history.judge(stopped.announced(right)).topic == "message-refused"
    forged = stopped.signed(envelope, key=OTHER)
    found = stopped.refusal(forged)
    unproven = m.MessageRefused(forged, found.check, found.culprit, found.expected, found.actual)
    assert stopped.check(stopped.announced(unproven)) == ("refusal", AGGREGATOR)


def test_keys(tmp_path):
    stopped = Stopped(tmp_path, KEYS, 1, HOSPITAL, "holder-keys")
    envelope = opened(stopped.network.kept[0])
    keys, rest = envelope.record.sealing_keys, ("hospital-0", "hospital-1", "hospital-2")
    assert stopped.history.judge(envelope.data) == envelope
    assert stopped.check(stopped.said(envelope, sealing_keys=keys[1:])) == ("sealing-keys", HOSPITAL)
    assert stopped.check(stopped.said(envelope, sealing_keys=(keys[0],) * 4)) == ("sealing-keys", HOSPITAL)
    for wrong in ((OTHER,), rest[::-1], (*rest, HOSPITAL), ()):
        assert stopped.check(stopped.announced(m.KeysClosed(wrong))) == ("participants", AGGREGATOR)
    assert stopped.history.judge(stopped.announced(m.KeysClosed(rest)))
    del stopped.history.round.holder_keys[OTHER]
    assert stopped.check(stopped.announced(m.KeysClosed(rest[1:]))) == ("participants", AGGREGATOR)
    stopped.history.round.participants = rest
    assert stopped.check(envelope.data) == ("participant", HOSPITAL)
    stopped.engine.close()


@pytest.mark.slow
def test_rounds_open_from_the_right_model_with_everybody(tmp_path):
    stopped = Stopped(tmp_path, CONFIRM, 1)
    engine, history = stopped.engine, stopped.history
    assert stopped.check(stopped.announced(m.RoundClosed(bytes(32)))) == ("model", AGGREGATOR)
    history.apply(stopped.announced(m.RoundClosed(history.round.aggregate.record.model)))
    everyone = history.opening()[2]

    def opening(model, participants, number=2, attempt=0):
        return stopped.aggregator.envelope(m.RoundOpened(model, participants), number, attempt).data

    assert stopped.check(opening(bytes(32), everyone)) == ("model", AGGREGATOR)
    assert stopped.check(opening(history.model, everyone[1:])) == ("participants", AGGREGATOR)
    assert stopped.check(opening(history.model, everyone, number=3)) == ("round", AGGREGATOR)
    assert stopped.check(opening(history.model, everyone, attempt=1)) == ("attempt", AGGREGATOR)
    assert stopped.check(stopped.announced(m.FederationClosed(history.model))) == ("round", AGGREGATOR)
    engine.close()


@pytest.mark.slow
def test_shares_and_the_accepted_set(tmp_path):
    stopped = Stopped(tmp_path, SHARES, 1, HOSPITAL, "shares-checked")
    envelope = opened(stopped.network.kept[0])
    uploads = stopped.history.round.uploads
    assert stopped.check(stopped.said(envelope, dealers=(OTHER,))) == ("shares-checked", HOSPITAL)

    def complaint(dealer, upload):
        return stopped.signed(envelope, body=encode(m.ShareComplaint(dealer, upload, bytes(32))))

    assert stopped.check(complaint("hospital-9", bytes(32))) == ("hospital", HOSPITAL)
    assert stopped.check(complaint(HOSPITAL, uploads[HOSPITAL].digest)) == ("hospital", HOSPITAL)
    assert stopped.check(complaint(OTHER, bytes(32))) == ("subject", HOSPITAL)
    for wrong in ((OTHER, HOSPITAL), (), ("aggregator", "hospital-0", "hospital-1", "hospital-2", HOSPITAL)):
        assert stopped.check(stopped.announced(m.AcceptedSet(wrong))) == ("accepted-set", AGGREGATOR)
    stopped.history.apply(envelope.data)
    retracted = stopped.signed(
        envelope, body=encode(m.ShareComplaint(OTHER, uploads[OTHER].digest, bytes(32)))
    )
    assert stopped.check(retracted) == ("complaint", HOSPITAL)
    stopped.engine.close()


@pytest.mark.slow
def test_unmasking_happens_once(tmp_path):
    stopped = Stopped(tmp_path, UNMASK, 1, HOSPITAL, "share-sum")
    history, hospital = stopped.history, stopped.engine.hospitals[HOSPITAL]
    envelope = opened(stopped.network.kept[0])
    assert stopped.check(stopped.said(envelope, accepted_set=bytes(32))) == ("subject", HOSPITAL)
    second = m.AcceptedSet((OTHER, HOSPITAL))
    assert stopped.check(stopped.announced(second)) == ("equivocation", AGGREGATOR)
    accepted = history.round.accepted
    other = type(accepted)(stopped.aggregator.envelope(second, 1, 0), second)
    with pytest.raises(Refusal) as caught:
        hospital.require_only_set("unmasked/1", other)
    assert (caught.value.check, caught.value.culprit) == ("second-unmasking", AGGREGATOR)
    hospital.require_only_set("unmasked/1", accepted)
    stopped.engine.close()


@pytest.mark.slow
def test_aggregates_and_confirmations(tmp_path):
    stopped = Stopped(tmp_path, CONFIRM, 1, VERIFIER, "confirmation")
    history = stopped.history
    envelope = opened(stopped.network.kept[0])
    assert stopped.check(stopped.said(envelope, model=bytes(32))) == ("model", VERIFIER)
    assert stopped.check(stopped.said(envelope, aggregate=bytes(32))) == ("subject", VERIFIER)
    model = history.round.aggregate.record.model
    assert stopped.check(stopped.announced(m.RoundClosed(model))) == ("confirmations", AGGREGATOR)
    said = history.round.aggregate.envelope
    history.phase = UNMASK
    del history.slots["aggregate", "1", "0", AGGREGATOR]
    assert stopped.check(stopped.said(said, total_rows=1, holders=said.record.holders)) == (
        "total-rows",
        AGGREGATOR,
    )
    assert stopped.check(stopped.said(said, holders=said.record.holders[1:])) == ("share-sums", AGGREGATOR)
    assert stopped.check(stopped.said(said, wrong_holders=("x",))) == ("wrong-holders", AGGREGATOR)
    stopped.engine.close()


@pytest.mark.slow
def test_the_uploads_are_not_closed_with_too_few(tmp_path):
    stopped = Stopped(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    for name in ("hospital-0", "hospital-1", "hospital-2"):
        assert name in stopped.history.round.uploads
    del stopped.history.round.uploads["hospital-1"]
    few = stopped.announced(m.UploadsClosed(("hospital-0", "hospital-2")))
    assert stopped.check(few) == ("uploaded-set", AGGREGATOR)
    stopped.engine.close()
