"""A statement counts with a quorum's seals: which ones do, and that no others do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.curve import ORDER
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import Seal
from proofward.chain.contract.packing import pack_bitmap, pack_weights
from proofward.chain.contract.typed_data import Checkpoint, LogCheckpoint, Outcome, Replacement, Weights
from proofward.federation.messages.consortium.usual import P256
from tests.chain.contract.anchored import CONSORTIUM, NO_KEY, ROSTER, Anchored, Reverted, digest, key, refused

Row = tuple[int, ...]
NEW = key(50).seat


def high(seal: Row) -> Row:
    """The other signature of the same key over the same digest."""
    seat, v, r, s, x, y = seal
    return seat, 55 - v, r, ORDER - s, x, y


def altered(good: Row) -> dict[str, Row]:
    """Seals that are not the seat's, or not in the one encoding."""
    seat, v, r, s, x, y = good
    return {
        "high s": high(good),
        "other v": (seat, 55 - v, r, s, x, y),
        "v of another chain": (seat, v + 8, r, s, x, y),
        "v 99, the zero address": (seat, 99, r, s, x, y),
        "v 0": (seat, 0, r, s, x, y),
        "r 0": (seat, v, 0, s, x, y),
        "s 0": (seat, v, r, 0, x, y),
        "other r": (seat, v, r ^ 1, s, x, y),
        "a point": (seat, v, r, s, 1, y),
        "half a point": (seat, v, r, s, x, 1),
        "under another seat": (2, v, r, s, x, y),
    }


def statements(anchored: Anchored) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """What a quorum seals: by function, the record and the arguments before the seals."""
    place = anchored.place(5)
    size, root, _ = place
    packed, bitmap = pack_weights([4, 5]), pack_bitmap([0, 1], 2)
    slots = anchor_artifact()
    anchored.chain.put(anchored.address, slots.slot("weights"), int.from_bytes(keccak256(packed), "big"))
    anchored.weights = packed
    outcome = anchored.outcome(5, bitmap, 9)
    return {
        "anchor": (Checkpoint(size, root), place),
        "set_weights": (Weights(size, root, 2, keccak256(packed)), (*place, 2, packed)),
        "close_round": (outcome, (*place, outcome.as_tuple(), bitmap, packed)),
        "replace_seat": (Replacement(0, 2, NEW, ROSTER), (2, NEW, ROSTER)),
    }


FUNCTIONS = ("anchor", "set_weights", "close_round", "replace_seat")


@pytest.mark.parametrize("function", FUNCTIONS)
class TestEveryFunction:
    def test_takes_any_quorum_in_any_order(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        for seats in ((0, 1), (2, 0), (2, 1, 0)):
            anchored.get(function, *arguments, anchored.seals(record, *seats))

    def test_refuses_fewer_than_a_quorum_and_a_seat_twice(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        good = anchored.seal(record, 0)
        for seals in ([], [good]):
            with refused("quorum"):
                anchored.get(function, *arguments, seals)
        for second in (good, high(good)):
            with refused("seat twice or lost"):
                anchored.get(function, *arguments, [good, second])

    def test_refuses_every_altered_seal(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        first, good = anchored.seals(record, 0, 1)
        for seal in altered(good).values():
            with refused("signature"):
                anchored.get(function, *arguments, [first, seal])
        for seat in (3, 63, 64, 2**256 - 1):
            with pytest.raises(Reverted):
                anchored.get(function, *arguments, [first, (seat, *good[1:])])

    def test_refuses_seals_for_elsewhere(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        here = anchored.domain
        elsewhere = (
            replace(here, chain_id=1),
            replace(here, contract=bytes(20)),
            replace(here, consortium=bytes(32)),
        )
        for domain in elsewhere:
            with refused("signature"):
                anchored.get(function, *arguments, anchored.seals(record, domain=domain))

    def test_refuses_seals_of_every_other_record(self, anchored: Anchored, function: str):
        known = statements(anchored)
        _, arguments = known[function]
        size, root = anchored.place(5)[:2]
        others = [record for name, (record, _) in known.items() if name != function]
        others += [LogCheckpoint(size, root), Checkpoint(size, digest("root"))]
        for record in others:
            with refused("signature"):
                anchored.get(function, *arguments, anchored.seals(record))

    def test_refuses_every_other_field(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        for name in record.__dataclass_fields__:
            value = getattr(record, name)
            wrong = replace(record, **{name: value + 1 if isinstance(value, int) else digest(value)})
            with refused("signature"):
                anchored.get(function, *arguments, anchored.seals(wrong))

    def test_refuses_a_lost_seat(self, anchored: Anchored, function: str):
        record, arguments = statements(anchored)[function]
        anchored.chain.put(anchored.address, anchor_artifact().slot("gone"), 0b010)
        with refused("seat twice or lost"):
            anchored.get(function, *arguments, anchored.seals(record, 0, 1))
        anchored.get(function, *arguments, anchored.seals(record, 0, 2))


def deploy(anchored: Anchored, quorum: int, seats: list[bytes], share: int = 10000) -> None:
    with anchored.chain.undone():
        anchored.chain.deploy(anchor_artifact(), CONSORTIUM, quorum, ROSTER, seats, NO_KEY, NO_KEY, share)


def test_seats_are_distinct_keys_and_a_quorum_is_more_than_half(anchored: Anchored):
    seats = [key(i).seat for i in range(4)]
    deploy(anchored, 3, seats)
    for quorum in (0, 2, 5):
        with refused("quorum"):
            deploy(anchored, quorum, seats)
    for wrong in ([seats[0], seats[0]], [seats[0], NO_KEY]):
        with refused("seat"):
            deploy(anchored, 2, wrong)
    for share in (0, 10001):
        with refused("share"):
            deploy(anchored, 3, seats, share)


def test_a_seat_gets_another_key(anchored: Anchored):
    new, bindings = key(50), digest("roster")
    record = Replacement(0, 1, new.seat, bindings)
    done = anchored.send("replace_seat", 1, new.seat, bindings, anchored.seals(record))
    assert done.events == [("SeatReplaced", {"seat": 1, "key": new.seat, "roster": bindings})]
    assert (anchored.get("seats", 1), anchored.get("roster"), anchored.get("replacements")) == (new.seat, bindings, 1)
    checkpoint = Checkpoint(5, anchored.log.root(5))
    with refused("signature"):
        anchored.anchor(5)
    seal = Seal(1, new.sign(anchored.domain.digest(checkpoint))).as_tuple()
    anchored.anchor(5, seals=[seal, anchored.seal(checkpoint, 2)])


def test_a_replacement_is_sealed_once(anchored: Anchored):
    there, back = Replacement(0, 1, NEW, ROSTER), Replacement(1, 1, key(1).seat, ROSTER)
    seals = anchored.seals(there, 0, 2)
    anchored.send("replace_seat", 1, NEW, ROSTER, seals)
    anchored.send("replace_seat", 1, key(1).seat, ROSTER, anchored.seals(back, 0, 2))
    with refused("signature"):
        anchored.send("replace_seat", 1, NEW, ROSTER, seals)


def test_no_replacement_by_a_known_key_of_a_lost_seat_or_of_none(anchored: Anchored):
    for wrong in (anchored.keys[2].seat, anchored.keys[1].seat, NO_KEY):
        with refused("seat"):
            anchored.send("replace_seat", 1, wrong, ROSTER, anchored.seals(Replacement(0, 1, wrong, ROSTER)))
    with pytest.raises(Reverted):
        anchored.send("replace_seat", 3, NEW, ROSTER, anchored.seals(Replacement(0, 3, NEW, ROSTER)))
    anchored.chain.put(anchored.address, anchor_artifact().slot("gone"), 0b100)
    with refused("seat is lost"):
        anchored.send("replace_seat", 2, NEW, ROSTER, anchored.seals(Replacement(0, 2, NEW, ROSTER)))


def test_what_a_contract_is_about_can_be_read(anchored: Anchored):
    names = ("consortium", "quorum", "roster", "number_of_seats", "gone", "log_key", "share_limit", "log_split")
    assert [anchored.get(name) for name in names] == [CONSORTIUM, 2, ROSTER, 3, 0, anchored.log_key.seat, 10000, False]
    assert [anchored.get("seats", i) for i in range(3)] == [own.seat for own in anchored.keys]


def test_a_statement_has_its_own_type():
    hashes = {record.struct_hash() for record in (Checkpoint(1, NO_KEY), LogCheckpoint(1, NO_KEY))}
    assert len(hashes) == 2 and Outcome.uncounted == 4


@pytest.fixture(scope="module")
def mixed() -> Anchored:
    """Two seats of P-256 beside one of secp256k1, on a chain that has the precompile."""
    return Anchored(kinds=(P256, "secp256k1", P256))


def test_seats_of_both_kinds_seal(mixed: Anchored):
    record = Checkpoint(5, mixed.log.root(5))
    for seats in ((0, 1), (2, 0), (1, 2)):
        mixed.get("anchor", *mixed.place(5), mixed.seals(record, *seats))


def test_every_altered_seal_of_p256_is_refused(mixed: Anchored):
    from proofward.chain.contract.keys import P256_ORDER

    record = Checkpoint(5, mixed.log.root(5))
    first, (seat, v, r, s, x, y) = mixed.seals(record, 1, 0)
    other = mixed.seal(record, 2)
    wrong = {
        "high s": (seat, v, r, P256_ORDER - s, x, y),
        "v 27": (seat, 27, r, s, x, y),
        "r": (seat, v, r ^ 1, s, x, y),
        "s": (seat, v, r, s - 1, x, y),
        "no point": (seat, v, r, s, 0, 0),
        "another point": (seat, v, r, s, *other[4:]),
        "another's": (seat, *other[1:]),
        "seat of another kind": (1, v, r, s, x, y),
    }
    for name, seal in wrong.items():
        seals = [seal, mixed.seal(record, 2)] if name == "seat of another kind" else [first, seal]
        with refused("signature"):
            mixed.get("anchor", *mixed.place(5), seals)


def test_without_the_precompile_no_seat_of_p256_seals():
    poor = Anchored(kinds=(P256, P256, P256), chain=Anchored().chain)
    with refused("signature"):
        poor.anchor(5)
