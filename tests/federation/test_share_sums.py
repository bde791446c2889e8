"""Wrong share sums are named while enough right ones are there; models that cannot be are refused."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.federation.history.sums.aggregation import compute_result
from proofward.federation.messages.basics.refusal import Refusal
from proofward.lattice.parameters import MODULUS, RING_DEGREE
from tests.federation.test_aggregation import HOSPITALS, OBJECTS, history_of, refusal_of, round_of, unfinished

__all__ = ["round_of"]


def test_a_wrong_share_sum_is_named_and_too_few_are_refused(round_of):
    told, ledger, objects = round_of()
    right = compute_result(history_of(told), objects)
    told["sums"]["b"] = ledger.put_object(bytes(8 * RING_DEGREE - 1)).hex()
    result = compute_result(history_of(told), objects)
    assert result.wrong_holders == ("b",) and result.model == right.model
    del told["sums"]["a"]
    assert refusal_of(history_of(told), objects)[:2] == ("unmasking", "aggregator")


@pytest.mark.parametrize("holder", HOSPITALS)
def test_a_wrong_share_sum_is_named_when_one_is_left_over(round_of, holder):
    """Three sums where two are needed: unique decoding corrects none, the search finds the right two."""
    told, ledger, objects = round_of()
    right = compute_result(history_of(told), objects)
    values = np.frombuffer(ledger.get_object(bytes.fromhex(told["sums"][holder])), np.uint64).copy()
    values[7] ^= np.uint64(1)
    told["sums"][holder] = ledger.put_object(values.tobytes()).hex()
    result = compute_result(history_of(told), objects)
    assert result.wrong_holders == (holder,)
    assert {name: getattr(result, name) for name in OBJECTS} == {
        name: getattr(right, name) for name in OBJECTS
    }


def test_a_failed_unmasking_names_whose_sums_there_are(round_of):
    told, ledger, objects = round_of()
    for holder in ("a", "b"):
        values = np.frombuffer(ledger.get_object(bytes.fromhex(told["sums"][holder])), np.uint64).copy()
        values[7] ^= np.uint64(1)
        told["sums"][holder] = ledger.put_object(values.tobytes()).hex()
    check, culprit, actual = refusal_of(history_of(told), objects, ledger.new_object)
    assert (check, culprit) == ("unmasking", "aggregator")
    assert actual.startswith("share sums of a, b, c: expected 2 of them that agree")
    assert unfinished(ledger) == []


def test_a_share_sum_that_moves_the_secret_by_a_small_vector_is_named(round_of):
    """S-F2: a holder that knows the others' sums gives the sum of a small neighbour of the secret."""
    told, ledger, objects = round_of(4)
    right = compute_result(history_of(told), objects)
    values = [
        np.frombuffer(ledger.get_object(bytes.fromhex(told["sums"][name])), np.uint64).astype(object)
        for name in HOSPITALS
    ]
    # from points 1 and 3 the value at 0 is (3 f(1) - f(3)) / 2: f(3) - 2 moves it by 1
    values[2][100] = (values[2][100] - 2) % MODULUS
    told["sums"]["c"] = ledger.put_object(values[2].astype(np.uint64).tobytes()).hex()
    result = compute_result(history_of(told), objects)
    assert result.wrong_holders == ("c",) and result.model == right.model
    del told["sums"]["b"]
    assert refusal_of(history_of(told), objects)[:2] == ("unmasking", "aggregator")


def test_models_that_cannot_be_are_refused(round_of):
    told, ledger, objects = round_of()
    large = np.full(told["length"], 1 << 62, np.int64)
    told["model"] = ledger.put_object(large.tobytes()).hex()
    with pytest.raises(Refusal, match="weights: expected magnitudes below") as caught:
        compute_result(history_of(told), objects, ledger.new_object)
    assert (caught.value.check, caught.value.culprit) == ("model", "aggregator")
    told["model"] = ledger.put_object(bytes(8)).hex()
    assert refusal_of(history_of(told), objects, ledger.new_object) == ("model", "aggregator", "8 bytes")
    assert unfinished(ledger) == []
