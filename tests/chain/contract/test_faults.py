"""Signatures that contradict each other cost a seat, or show that the log was split."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.chain.contract.keys import Seal
from proofward.chain.contract.typed_data import Checkpoint, LogCheckpoint, TypedRecord, Verdict
from tests.chain.contract.anchored import NO_KEY, Anchored, digest, refused, verdict
from tests.chain.contract.test_seals import altered, high

OTHERS = (
    {"accepted": False, "finding": digest("finding")},
    {"finding": digest("finding")},
    {"receipt": digest("receipt")},
)


def conflict(anchored: Anchored, a: Verdict, b: Verdict, seats: tuple[int, int] = (1, 1)) -> None:
    seals = [anchored.seal(record, seat) for record, seat in zip((a, b), seats, strict=True)]
    anchored.send("verdict_conflict", a.as_tuple(), b.as_tuple(), *seals)


@pytest.mark.parametrize("other", OTHERS, ids=["decision", "finding", "receipt"])
def test_two_verdicts_on_one_upload_cost_the_seat(anchored: Anchored, other: dict[str, object]):
    a, b = verdict(), verdict(**other)
    conflict(anchored, a, b)
    assert anchored.get("gone") == 0b010
    with refused("signature"):
        conflict(anchored, a, b)
    with refused("seat twice or lost"):
        anchored.anchor(5)


def test_a_fault_is_told(anchored: Anchored):
    a, b = verdict(), verdict(receipt=digest("receipt"))
    seals = [anchored.seal(record, 0) for record in (a, b)]
    done = anchored.send("verdict_conflict", a.as_tuple(), b.as_tuple(), *seals)
    first, second = (anchored.domain.digest(record) for record in (a, b))
    assert done.events == [("Fault", {"seat": 0, "kind": 1, "first": first, "second": second})]


def test_verdicts_on_different_uploads_are_no_conflict(anchored: Anchored):
    subjects = ({"round": 2}, {"attempt": 2}, {"hospital": 4}, {"upload": digest("another")})
    for other in subjects:
        with refused("subject"):
            conflict(anchored, verdict(), verdict(accepted=False, **other))
    assert anchored.get("gone") == 0


def test_one_verdict_twice_and_two_seats_verdicts_are_no_conflict(anchored: Anchored):
    with refused("alike"):
        conflict(anchored, verdict(), verdict())
    with refused("seat"):
        conflict(anchored, verdict(), verdict(accepted=False), seats=(0, 1))


def test_nobody_loses_a_seat_by_what_it_did_not_sign(anchored: Anchored):
    a, b = verdict(), verdict(accepted=False)
    good, other = anchored.seal(a, 1), anchored.seal(b, 1)
    for wrong in altered(other).values():
        if wrong[0] == 1:
            with refused("signature"):
                anchored.send("verdict_conflict", a.as_tuple(), b.as_tuple(), good, wrong)
    with refused("signature"):
        anchored.send("verdict_conflict", a.as_tuple(), b.as_tuple(), good, high(other))
    for domain in (replace(anchored.domain, chain_id=1), replace(anchored.domain, contract=bytes(20))):
        with refused("signature"):
            anchored.send("verdict_conflict", a.as_tuple(), b.as_tuple(), good, anchored.seal(b, 1, domain))
    assert anchored.get("gone") == 0


def log_seal(anchored: Anchored, record: TypedRecord) -> tuple[int, ...]:
    return Seal(0, anchored.log_key.sign(anchored.domain.digest(record))).as_tuple()


def split(anchored: Anchored, a: bytes, b: bytes, kind: type = LogCheckpoint) -> list[object]:
    seals = [log_seal(anchored, kind(7, root)) for root in (a, b)]
    return anchored.send("checkpoint_conflict", 7, a, b, *seals).events


def test_two_roots_of_one_size_end_all_anchoring(anchored: Anchored):
    anchored.anchor(5)
    ((name, values),) = split(anchored, digest("a"), digest("b"))
    assert (name, values["seat"], values["kind"]) == ("Fault", 2**256 - 1, 2)
    assert anchored.get("log_split") is True and anchored.get("gone") == 0
    for call in (lambda: anchored.anchor(9), lambda: anchored.set_weights(9, [4, 5])):
        with refused("log split"):
            call()
    entry, proof = anchored.log.entries[3], anchored.log.inclusion(3, 5)
    assert anchored.get("includes", entry, 3, proof), "what was anchored can be shown"


def test_one_root_twice_seats_and_other_keys_split_nothing(anchored: Anchored):
    with refused("alike"):
        split(anchored, digest("a"), digest("a"))
    with refused("signature"):
        split(anchored, digest("a"), digest("b"), Checkpoint)
    seals = [anchored.seal(LogCheckpoint(7, digest(name)), 0) for name in "ab"]
    with refused("signature"):
        anchored.send("checkpoint_conflict", 7, digest("a"), digest("b"), *seals)
    other = log_seal(anchored, LogCheckpoint(8, digest("b")))
    with refused("signature"):
        anchored.send("checkpoint_conflict", 7, digest("a"), digest("b"), log_seal(anchored, LogCheckpoint(7, digest("a"))), other)


def test_a_log_without_a_key_is_never_split(deployed: Anchored):
    from proofward.chain.contract.artifact import anchor_artifact
    from tests.chain.contract.anchored import CONSORTIUM, FIRST_MODEL, ROSTER

    with deployed.chain.undone():
        address = deployed.chain.deploy(
            anchor_artifact(), CONSORTIUM, 1, ROSTER, [deployed.keys[0].seat], NO_KEY, FIRST_MODEL, 10000
        )
        seal = (0, 99, 1, 1, 0, 0)  # whose recovered address is zero
        with refused("no key of the log"):
            deployed.chain.transact(address, "checkpoint_conflict", 7, digest("a"), digest("b"), seal, seal)
