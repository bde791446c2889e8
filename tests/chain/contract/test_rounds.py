"""Checkpoints, weights and rounds: what the contract does itself, whoever signed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.packing import pack_bitmap, pack_weights
from proofward.chain.contract.typed_data import Checkpoint
from tests.chain.contract.anchored import Anchored, Log, digest, refused

EVERYBODY = (0, 1, 2)


def test_checkpoints_follow_one_another(anchored: Anchored):
    for size in (3, 3, 8, 20):
        done = anchored.anchor(size)
        assert done.events == [("Anchored", {"size": size, "root": anchored.log.root(size)})]
        assert (anchored.get("size"), anchored.get("root")) == (size, anchored.log.root(size))


def test_an_empty_log_is_not_anchored(anchored: Anchored):
    with refused("empty log"):
        anchored.anchor(0)


class TestAFullQuorumCannot:
    """Every seat signs, and the contract refuses."""

    def forged(self, anchored: Anchored, size: int, root: bytes, proof: list[bytes]) -> None:
        anchored.anchor(20)
        with refused("consistency"):
            anchored.send("anchor", size, root, proof, anchored.seals(Checkpoint(size, root), *EVERYBODY))
        assert (anchored.get("size"), anchored.get("root")) == (20, anchored.log.root(20))

    def test_roll_the_ledger_back(self, anchored: Anchored):
        log = anchored.log
        for proof in ([], log.consistency(12, 20)):
            with anchored.chain.undone():
                self.forged(anchored, 12, log.root(12), proof)

    def test_put_another_root_at_the_same_size(self, anchored: Anchored):
        self.forged(anchored, 20, Log(64, "other").root(20), [])

    def test_rewrite_the_history(self, anchored: Anchored):
        log, other = anchored.log, Log(64, "other")
        for proof in (other.consistency(20, 40), log.consistency(20, 40)):
            with anchored.chain.undone():
                self.forged(anchored, 40, other.root(40), proof)

    def test_close_a_round_over_a_rewritten_history(self, anchored: Anchored):
        anchored.set_weights(20, [4, 5])
        other, bitmap = Log(64, "other"), pack_bitmap([0], 2)
        outcome = anchored.outcome(40, bitmap, 4, root=other.root(40))
        arguments = (outcome.as_tuple(), bitmap, anchored.weights, anchored.seals(outcome, *EVERYBODY))
        with refused("consistency"):
            anchored.send("close_round", 40, other.root(40), other.consistency(20, 40), *arguments)


def test_weights_are_kept_as_a_digest(anchored: Anchored):
    done = anchored.set_weights(9, [4, 0, 5])
    packed = pack_weights([4, 0, 5])
    assert done.events[1] == ("WeightsSet", {"hospitals": 3, "weights": keccak256(packed)})
    assert anchored.get("weights") == keccak256(packed) and anchored.get("size") == 9


def replaced(packed: bytes, word: int, bit: int) -> bytes:
    """One bit of a word turned over."""
    changed = bytearray(packed)
    changed[32 * word + 31 - bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_weights_have_one_form(anchored: Anchored):
    weights = [1, 2, 3, 4, 5, 6, 7]
    packed = pack_weights(weights)
    for word, bit in ((0, 240), (0, 255), (1, 240), (1, 96), (1, 239)):
        with refused("padding"):
            anchored.send_weights(9, 7, replaced(packed, word, bit))
    for hospitals, words in ((5, packed), (11, packed), (7, packed[:32]), (7, packed[:-1]), (7, packed + bytes(32)), (0, b"")):
        with refused("number of words"):
            anchored.send_weights(9, hospitals, words)
    anchored.send_weights(9, 7, packed)


@pytest.fixture
def weighed(anchored: Anchored) -> Anchored:
    """With the weights of seven hospitals, of which the last but one is not enrolled."""
    anchored.set_weights(9, [100, 200, 300, 400, 500, 0, 700])
    return anchored


def test_rounds_follow_one_another(weighed: Anchored):
    weights = [100, 200, 300, 400, 500, 0, 700]
    for number, (size, accepted) in enumerate(((20, (0, 1, 4)), (35, (0, 6)), (35, (2,))), start=1):
        done = weighed.close_round(size, weights, accepted)
        name, values = done.events[1]
        assert name == "RoundClosed" and values["round"] == number
        assert values["total_weight"] == sum(weights[i] for i in accepted)
        assert weighed.get("model") == digest("model", number) == values["next_model"]
        assert weighed.get("outcomes", number) == values["outcome"]
        assert (weighed.get("closed"), weighed.get("size")) == (number, size)


def test_the_kept_outcome_is_the_sealed_record(weighed: Anchored):
    bitmap = pack_bitmap([0], 7)
    outcome = weighed.outcome(20, bitmap, 100)
    weighed.close(outcome, bitmap)
    assert weighed.get("outcomes", 1) == outcome.struct_hash()
    slot = anchor_artifact().slot_of("outcomes", 1)
    assert weighed.chain.stored(weighed.address, slot) == int.from_bytes(outcome.struct_hash(), "big")


def closes(weighed: Anchored, accepted: tuple[int, ...], total: int, **other: Any) -> None:
    bitmap = pack_bitmap(accepted, 7)
    weighed.close(weighed.outcome(20, bitmap, total, **other), bitmap)


def test_the_total_is_the_sum_over_the_accepted_set(weighed: Anchored):
    for accepted, total in (((0, 1), 301), ((0, 1), 299), ((0, 1, 2), 300), ((), 0), ((0,), 0)):
        with refused("total weight"):
            closes(weighed, accepted, total)
    closes(weighed, (0, 1), 300)


def test_rounds_come_one_after_another_from_the_model_in_force(weighed: Anchored):
    for number in (0, 2, 2**64 - 1):
        with refused("round"):
            closes(weighed, (0,), 100, round=number)
    with refused("model"):
        closes(weighed, (0,), 100, base_model=digest("another"))


def test_who_is_not_enrolled_is_in_no_round(weighed: Anchored):
    with refused("not enrolled"):
        closes(weighed, (0, 5), 100)


@pytest.mark.parametrize("bit", [7, 9, 10, 255])
def test_a_bit_of_no_hospital_is_refused(weighed: Anchored, bit: int):
    bitmap = replaced(pack_bitmap([0], 7), 0, bit)
    with refused("not enrolled" if bit < 10 else "surplus bits"):
        weighed.close(weighed.outcome(20, bitmap, 100), bitmap)


def test_a_bitmap_has_one_length(weighed: Anchored):
    good = pack_bitmap([0], 7)
    for bitmap in (b"", good[:-1], good + bytes(32), good[1:], good + b"\0"):
        with refused("length of the bitmap"):
            weighed.close(weighed.outcome(20, bitmap, 100), bitmap)


def test_other_weights_are_refused(weighed: Anchored):
    bitmap = pack_bitmap([0], 7)
    outcome = weighed.outcome(20, bitmap, 100)
    for packed in (pack_weights([100] * 7), weighed.weights + bytes(32), weighed.weights[:32], b""):
        with refused("weights"):
            weighed.close(outcome, bitmap, packed=packed)


def test_no_round_before_there_are_weights(anchored: Anchored):
    bitmap = pack_bitmap([0], 1)
    with refused("weights"):
        anchored.close(anchored.outcome(20, bitmap, 1), bitmap)


def test_no_hospital_has_more_than_its_share(deployed: Anchored):
    with deployed.chain.undone():
        limited = Anchored(share_limit=4000, chain=deployed.chain)
        weights = [40, 30, 30, 1]
        limited.set_weights(9, weights)
        with refused("one hospital's share"):
            limited.close_round(20, weights, (0, 1))
        limited.close_round(20, weights, (0, 1, 2))
        with refused("one hospital's share"):
            limited.close_round(30, weights, (1, 2, 3))


def test_five_hospitals_a_word_and_256_a_word_of_the_bitmap(anchored: Anchored):
    weights = [i + 1 for i in range(260)]
    anchored.set_weights(9, weights)
    anchored.close_round(20, weights, (0, 4, 5, 254, 255, 256, 259))
    surplus = replaced(pack_bitmap([0], 260), 1, 4)
    with refused("surplus bits"):
        anchored.close(anchored.outcome(30, surplus, 1), surplus)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 2**48 - 1), min_size=1, max_size=14).flatmap(
        lambda weights: st.tuples(st.just(weights), st.sets(st.integers(0, len(weights) - 1), min_size=1))
    )
)
def test_any_round_is_closed_with_its_sum_and_with_no_other(deployed: Anchored, drawn: tuple[list[int], set[int]]):
    weights, accepted = drawn
    total = sum(weights[i] for i in accepted)
    bitmap = pack_bitmap(accepted, len(weights))
    with deployed.chain.undone():
        deployed.set_weights(9, weights)
        if any(weights[i] == 0 for i in accepted):
            with refused("not enrolled"):
                deployed.close(deployed.outcome(20, bitmap, total), bitmap)
            return
        with refused("total weight"):
            deployed.close(deployed.outcome(20, bitmap, total ^ 1), bitmap)
        deployed.close_round(20, weights, sorted(accepted))
        assert deployed.get("closed") == 1
