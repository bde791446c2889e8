"""Members and strangers that misbehave towards the desk.

Nothing of theirs is recorded that the rules do not allow. Nothing is kept that nobody named, and nothing
keeps others waiting.
"""

from __future__ import annotations

import hashlib
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.encoding import decode, decode_item, encode, encode_item
from proofward.engines.remote.carrying import messages
from proofward.engines.remote.carrying.messages import Declined, Fetch, Follow, Held, NotYet, Part, Piece, Say
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import FederationOpened, SharesChecked, ShareSum, Upload
from tests.engines.remote_harness import SERVER, files_under
from tests.engines.waiting import LATE, Waiting
from tests.peak_memory import begin_peak, peak_megabytes


@pytest.fixture(scope="module")
def uploading(tmp_path_factory):
    with Waiting(tmp_path_factory.mktemp("uploading"), "upload", "upload") as found:
        yield found


@pytest.fixture(scope="module")
def unmasking(tmp_path_factory):
    with Waiting(tmp_path_factory.mktemp("unmasking"), "unmask", "share-sum") as found:
        yield found


def upload(consortium: Waiting, **changes) -> Upload:
    return replace(decode(consortium.kept[0], Envelope).record, **changes)


@pytest.mark.slow
def test_noise_is_declined(uploading, rng: random.Random):
    size = uploading.history.size
    noise = [b"", b"\x00", b"\xff" * 100, b"\xa0", bytes(messages.MAX_REQUEST_BYTES + 1)]
    noise += [rng.randbytes(rng.randrange(200)) for _ in range(300)]
    valid = [
        encode(request) for request in (Follow(0, 0), Fetch(bytes(32), 0), Part(bytes(32), 0, b"x", True))
    ]
    noise += [data[:-1] for data in valid] + [data + b"\x00" for data in valid]
    for data in noise:
        answer = messages.read_answer(uploading.desk.answer(data))
        assert isinstance(answer, Declined) and answer.check == "malformed"
    assert uploading.history.size == size


NUMBERS = st.integers(0, (1 << 63) - 1) | st.integers(0, 200)
BLOBS = st.binary(min_size=1, max_size=300)
DIGESTS = st.binary(min_size=32, max_size=32)
REQUESTS = st.one_of(
    st.builds(Follow, NUMBERS, st.integers(0, 2)),
    st.builds(messages.FollowHeads, st.sampled_from(["hospital-0", "verifier-0", "x"]), NUMBERS, st.integers(0, 2)),
    st.builds(Say, BLOBS),
    st.builds(Part, DIGESTS, NUMBERS, st.binary(max_size=100), st.booleans()),
    st.builds(Fetch, DIGESTS, NUMBERS),
    st.builds(messages.Join, BLOBS),
)


@pytest.mark.slow
@settings(max_examples=300)
@given(request=REQUESTS, place=st.integers(0, 1 << 20), value=st.integers(0, 255), spoil=st.booleans())
def test_any_request_is_answered(uploading, request, place, value, spoil):
    size, data = uploading.history.size, bytearray(encode(request))
    if spoil:
        data[place % len(data)] = value
    messages.read_answer(uploading.desk.answer(bytes(data)))
    assert uploading.history.size == size and uploading.incoming() == []


@pytest.mark.slow
@settings(max_examples=200)
@given(number=st.integers(0, 1 << 20), place=st.integers(0, 1 << 20), value=st.integers(0, 255))
def test_no_altered_envelope_is_taken(uploading, number, place, value):
    entries = [*uploading.host.aggregator.ledger.entries(0), *uploading.kept[:1]]
    data = bytearray(entries[number % len(entries)])
    size, before = uploading.history.size, data[place % len(data)]
    data[place % len(data)] = value
    answer = uploading.ask(Say(bytes(data)))
    assert isinstance(answer, Declined) or before == value
    assert uploading.history.size == size


def test_pieces_too_large_too_long_or_for_nobody(uploading):
    item = {"kind": "part", "version": 1, "digest": bytes(32), "offset": 0, "last": False}
    for size in (messages.PIECE_BYTES + 1, 2 * messages.MAX_REQUEST_BYTES):
        answer = uploading.desk.answer(encode_item({**item, "data": bytes(size)}))
        assert messages.read_answer(answer).check == "malformed"
    for digest in (b"", b"../../../../etc/passwd", b"/etc/passwd".ljust(31, b"\0"), bytes(33)):
        for request in (
            {**item, "digest": digest, "data": b""},
            {"kind": "fetch", "version": 1, "digest": digest, "offset": 0},
        ):
            answer = messages.read_answer(uploading.desk.answer(encode_item(request)))
            assert isinstance(answer, Declined) and answer.check == "malformed"
    assert uploading.declined(Part(hashlib.sha256(b"mine").digest(), 0, b"mine", True)) == "object"
    assert uploading.declined(Fetch(b"../../../../../../../etc/passwd!", 0)) == "object-missing"
    assert uploading.incoming() == []


def test_objects_that_are_not_what_was_named(uploading):
    digest = hashlib.sha256(b"right").digest()
    other = upload(uploading).sealed_shares[0]
    said = Say(uploading.spoken(LATE, upload(uploading, sealed_shares=(digest, other, b""))))
    wanted = uploading.ask(said)
    assert [missing.digest for missing in wanted.objects if missing.digest == digest and missing.held == 0]
    assert uploading.ask(Part(digest, 3, b"right", True)) == Held(0, False)
    assert uploading.ask(Part(digest, 1 << 62, b"right", True)) == Held(0, False)
    assert uploading.ask(Part(digest, 0, b"ri", False)) == Held(2, False)
    assert uploading.ask(Part(digest, 0, b"ri", False)) == Held(2, False)
    assert uploading.declined(Part(digest, 2, b"ghs", True)) == "object-digest"
    assert uploading.declined(Part(digest, 0, bytes((1 << 17) + 1), False)) == "object-size"
    assert uploading.incoming() == []
    assert uploading.ask(Part(digest, 0, b"right", True)) == Held(5, True)
    assert uploading.ask(Part(digest, 0, b"right", True)) == Held(5, True)
    assert digest not in [missing.digest for missing in uploading.ask(said).objects]
    uploading.ask(Say(uploading.kept[0]))
    assert uploading.incoming() == []
    assert not uploading.host.aggregator.ledger.has_object(digest)


def test_nobody_fills_the_disk_by_changing_its_mind(uploading, rng):
    objects = files_under(uploading.root / SERVER / "home" / "ledger")
    for _ in range(10):
        data = rng.randbytes(1000)
        proof = hashlib.sha256(data).digest()
        uploading.ask(Say(uploading.spoken(LATE, upload(uploading, proof=proof))))
        assert uploading.ask(Part(proof, 0, data, True)) == Held(1000, True)
    assert uploading.incoming() == [f"{proof.hex()}.part"]
    assert files_under(uploading.root / SERVER / "home" / "ledger") == objects
    uploading.ask(Say(uploading.kept[0]))
    assert uploading.incoming() == []


def test_forged_and_replayed_envelopes(uploading):
    history, size = uploading.history, uploading.history.size
    forged = uploading.spoken(LATE, upload(uploading), key="hospital-0")
    assert uploading.declined(Say(forged)) == "signature"
    elsewhere = decode(uploading.kept[0], Envelope)
    assert uploading.declined(Say(encode(replace(elsewhere, sender="hospital-9")))) == "sender"
    assert uploading.declined(Say(encode(replace(elsewhere, sender="hospital-1")))) == "signature"
    for entry in uploading.host.aggregator.ledger.entries(0):
        assert isinstance(uploading.ask(Say(entry)), messages.Recorded)
    assert history.size == size and history.refusals == []


@pytest.mark.slow
def test_what_breaks_the_rules_is_evidence_but_not_for_ever(tmp_path):
    with Waiting(tmp_path, "upload", "upload") as consortium:
        history = consortium.history
        for number in range(40):
            said = Say(consortium.spoken("hospital-0", SharesChecked(()), attempt=number))
            assert consortium.declined(said) in ("attempt", "phase")
            assert consortium.declined(said) in ("attempt", "phase")
        assert {refusal.culprit for refusal in history.refusals} == {"hospital-0"}
        assert len(history.refusals) == 16
        large = Say(consortium.spoken("hospital-1", FederationOpened(bytes(1 << 20))))
        assert consortium.declined(large) == "role"
        other_round = consortium.spoken("hospital-1", upload(consortium), round=7)
        assert consortium.declined(Say(other_round)) == "round"
        consortium.wire.trouble = lambda site, request, number: (1, True)
        consortium.start()
        consortium.join()
        assert consortium.audit() == []


@pytest.mark.slow
def test_no_second_share_sum(unmasking):
    state = unmasking.history.round
    first = next(iter(state.share_sums.values()))
    other = Say(unmasking.spoken("hospital-0", ShareSum(bytes(32), first.values)))
    assert unmasking.declined(other) == "equivocation"
    late = Say(unmasking.spoken(LATE, ShareSum(bytes(32), first.values)))
    assert unmasking.declined(late) == "subject"
    assert sorted(state.share_sums) == ["hospital-0", "hospital-1"]
    checks = {(refusal.culprit, refusal.check) for refusal in unmasking.history.refusals}
    assert checks == {("hospital-0", "equivocation"), (LATE, "subject")}


@pytest.mark.slow
def test_ten_thousand_followers(uploading):
    said = Say(uploading.kept[0])
    size, before = uploading.history.size, begin_peak()
    done, waited = threading.Event(), []

    def others() -> None:
        while not done.is_set():
            start = time.monotonic()
            assert isinstance(uploading.ask(said), messages.Wanted)
            waited.append(time.monotonic() - start)
            time.sleep(0.01)

    speaker = threading.Thread(target=others)
    speaker.start()
    with ThreadPoolExecutor(500) as pool:
        asked = [Follow((0, size, (1 << 63) - 1)[n % 3], 500) for n in range(10_000)]
        kinds = {type(answer) for answer in pool.map(lambda request: uploading.ask(request), asked)}
    done.set()
    speaker.join()
    assert kinds == {messages.Extended, NotYet}
    assert statistics.median(waited) < 0.5, "a member waits as long as a follower"
    assert peak_megabytes() - before < 300


def test_pieces_of_an_object_anywhere(uploading):
    digest = uploading.history.model
    whole = uploading.ask(Fetch(digest, 0))
    assert hashlib.sha256(whole.data).digest() == digest
    assert uploading.ask(Fetch(digest, (1 << 63) - 1)) == Piece(whole.size, b"")
    assert uploading.ask(Fetch(digest, 7)) == Piece(whole.size, whole.data[7:])


def test_items_of_other_shapes(uploading):
    for item in (
        None,
        [],
        {},
        {"kind": "follow"},
        {"kind": 3},
        {"kind": "say", "version": 2, "envelope": b"x"},
    ):
        answer = messages.read_answer(uploading.desk.answer(encode_item(item)))
        assert isinstance(answer, Declined)
    assert decode_item(uploading.desk.answer(encode(Follow(0, 0))), 1 << 27)["kind"] == "extended"
