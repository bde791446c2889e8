"""Every value of a hidden layer and of the head has one admissible witness: any other is refused.

Each forgery is consistent in all that follows from it, and breaks exactly the statement that it names.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from proofward.layers.rules.model import FixedPoint
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import refusal
from tests.relations.cases import Case
from tests.relations.forged_values import HALF, Change, broken, forge, one_step

TOP = FixedPoint().activation_limit
LOW, HIGH, INSIDE, ABOVE = ("layer 1 low, limb 0", "layer 1 high, limb 0", "layer 1 inside", "layer 1 above")
REST, REST_TOP = "layer 1 remainders, limb 0", "layer 1 remainders, limb 1"
BACK_LOW, BACK_HIGH = "layer 1 gradient low, limb 0", "layer 1 gradient high, limb 0"
SIGN = "layer 1 gradient sign"
BACK_REST, BACK_REST_TOP = "layer 1 gradient remainders, limb 0", "layer 1 gradient remainders, limb 1"

# units 0 to 3 of record 0 are the positions 0 to 3 of a column of the hidden layer
CASES = {
    "activations": ([0, 1, TOP, TOP + 1], [100, 100, 100, 100], 0),
    "gradients": ([100, 100, 100, 100], [-1537, -1536, 1535, 1536], 1000),
    "far": ([-20 * TOP // 2, 20 * TOP // 2, 100, 5], [-3000, 3000, 511, 512], 1000),
    "logit 511": ([1, 1, 1, 1], [0, 0, 0, 0], 511),
    "logit 512": ([1, 1, 1, 1], [0, 0, 0, 0], 512),
    "logit -512": ([1, 1, 1, 1], [0, 0, 0, 0], -512),
    "logit -513": ([1, 1, 1, 1], [0, 0, 0, 0], -513),
}


@lru_cache
def case(name: str) -> Case:
    return one_step(*CASES[name])


@pytest.mark.slow
def test_the_cases_are_at_the_boundaries() -> None:
    columns = forge(case("activations"), {}).columns
    assert columns[LOW][:4].tolist() == [TOP - 1, 0, TOP - 1, 0]
    assert columns[HIGH][:4].tolist() == [-1, 0, 0, 1]
    assert columns[INSIDE][:4].tolist() == [0, 1, 1, 0] and columns[ABOVE][:4].tolist() == [0, 0, 0, 1]
    assert columns[BACK_LOW][:4].tolist() == [612] * 4 and not columns[BACK_HIGH].any()
    columns = forge(case("gradients"), {}).columns
    assert columns[BACK_HIGH][:4].tolist() == [-2, -1, 1, 2] and columns[SIGN][:4].tolist() == [-1, -1, 1, 1]
    assert columns[BACK_LOW][:4].tolist() == [1023, 0, 1023, 0]
    for name, inside, above in (("511", 1, 0), ("512", 0, 1), ("-512", 1, 0), ("-513", 0, 0)):
        columns = forge(case(f"logit {name}"), {}).columns
        assert (columns["head inside"][0], columns["head above"][0]) == (inside, above)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_broken_and_accepted_without_a_change(name: str) -> None:
    forged = forge(case(name), {})
    assert broken(forged) == set()
    verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof)


FORGERIES: dict[str, tuple[str, Change, str]] = {
    # Q = 0, 1, 2^r and 2^r + 1 in units 0 to 3
    "0 taken for 1 to 2^r": ("activations", {INSIDE: {0: 1}}, "forward: sign"),
    "0 taken for above": ("activations", {ABOVE: {0: 1}}, "forward: sign"),
    "1 taken for 0": ("activations", {INSIDE: {1: 0}}, "forward: sign"),
    "1 taken for above": ("activations", {INSIDE: {1: 0}, ABOVE: {1: 1}}, "forward: sign"),
    "2^r taken for above": ("activations", {INSIDE: {2: 0}, ABOVE: {2: 1}}, "forward: sign"),
    "2^r taken for 0": ("activations", {INSIDE: {2: 0}}, "forward: sign"),
    "2^r + 1 taken for inside": ("activations", {INSIDE: {3: 1}, ABOVE: {3: 0}}, "forward: sign"),
    "2^r + 1 taken for 0": ("activations", {ABOVE: {3: 0}}, "forward: sign"),
    "both bits where inside": ("activations", {ABOVE: {2: 1}}, "forward: sign"),
    "both bits where above": ("activations", {INSIDE: {3: 1}}, "forward: sign"),
    "far below taken for inside": ("far", {INSIDE: {0: 1}}, "forward: sign"),
    "far above taken for inside": ("far", {INSIDE: {1: 1}, ABOVE: {1: 0}}, "forward: sign"),
    # bits that give the right sign and are none
    "inside 2, above -1/2": ("activations", {INSIDE: {1: 2}, ABOVE: {1: HALF}}, "forward: bits"),
    "inside -1, above 1": ("activations", {INSIDE: {1: -1}, ABOVE: {1: 1}}, "forward: bits"),
    "inside 2, above -1": ("activations", {INSIDE: {0: 2}, ABOVE: {0: -1}}, "forward: bits"),
    "above 1/2": ("activations", {INSIDE: {1: 0}, ABOVE: {1: -HALF}}, "forward: bits"),
    # the same Q from other limbs
    "0 from low -1": ("activations", {LOW: {0: -1}, HIGH: {0: 0}, INSIDE: {0: 1}}, "forward: low limb"),
    "2^r + 1 from low 2^r": (
        "activations", {LOW: {3: TOP}, HIGH: {3: 0}, INSIDE: {3: 1}, ABOVE: {3: 0}}, "forward: low limb",
    ),
    "2^r from low -1": (
        "activations", {LOW: {2: -1}, HIGH: {2: 1}, INSIDE: {2: 0}, ABOVE: {2: 1}}, "forward: low limb",
    ),
    "1 from low 2^r": (
        "activations", {LOW: {1: TOP}, HIGH: {1: -1}, INSIDE: {1: 0}}, "forward: low limb",
    ),
    # another sum
    "Q one more": ("activations", {LOW: {1: 1}}, "forward: sum"),
    "a high limb of another sum": ("far", {HIGH: {1: 8}}, "forward: sum"),
    "Q one more, remainder 2^fw less": (
        "activations", {LOW: {1: 1}, REST_TOP: {1: 2048 - 4096}}, "forward: remainder",
    ),
    "limbs of the remainder shifted": ("activations", {REST: {1: 4096}, REST_TOP: {1: 2047}}, "forward: remainder"),
    "a remainder one more": ("activations", {REST: {1: 1}}, "forward: sum"),
    "a high limb beyond its table": (
        "activations", {HIGH: {1: 1 << 40}, INSIDE: {1: 0}, ABOVE: {1: 1}}, "forward: sum, forward: high limb",
    ),
    # G = -1537, -1536, 1535, 1536 in units 0 to 3
    "gradient beyond taken as it is": ("gradients", {SIGN: {3: 2}}, "backward: sign"),
    "gradient beyond, below, taken as it is": ("gradients", {SIGN: {0: -2}}, "backward: sign"),
    "gradient without its sign": ("gradients", {SIGN: {2: 0}}, "backward: sign"),
    "gradient of the other sign": ("gradients", {SIGN: {1: 1}}, "backward: sign"),
    "gradient of a sign that it has not": ("far", {SIGN: {2: 1}}, "backward: sign"),
    "gradient 511 from low 1024 and -1": (
        "far", {BACK_LOW: {2: 2047}, BACK_HIGH: {2: -1}, SIGN: {2: -1}}, "backward: low limb",
    ),
    "gradient 512 from low 1024": ("far", {BACK_LOW: {3: 1024}, BACK_HIGH: {3: 0}, SIGN: {3: 0}}, "backward: low limb"),
    "1535 from low -1": ("gradients", {BACK_LOW: {2: -1}, BACK_HIGH: {2: 2}}, "backward: low limb"),
    "G one more": ("gradients", {BACK_LOW: {1: 1}}, "backward: sum"),
    "e one more": ("gradients", {BACK_HIGH: {3: 3}}, "backward: sum"),
    "G one more, remainder 2^fw less": (
        "gradients", {BACK_LOW: {1: 1}, BACK_REST_TOP: {1: 2048 - 4096}}, "backward: remainder",
    ),
    "limbs of its remainder shifted": (
        "gradients", {BACK_REST: {1: 4096}, BACK_REST_TOP: {1: 2047}}, "backward: remainder",
    ),
    "its remainder one more": ("gradients", {BACK_REST: {1: 1}}, "backward: sum"),
    # D = 511, 512, -512, -513
    "511 taken for above": ("logit 511", {"head inside": {0: 0}, "head above": {0: 1}}, "head: sign"),
    "512 taken for inside": (
        "logit 512", {"head inside": {0: 1}, "head above": {0: 0}, "head errors": {0: 0}}, "head: sign",
    ),
    "512 taken for below": ("logit 512", {"head above": {0: 0}, "head errors": {0: 0}}, "head: sign"),
    "-512 taken for below": ("logit -512", {"head inside": {0: 0}}, "head: sign"),
    "-513 taken for inside": (
        "logit -513", {"head inside": {0: 1}, "head errors": {0: 256}}, "head: sign",
    ),
    "-513 taken for above": (
        "logit -513", {"head above": {0: 1}, "head errors": {0: 256}}, "head: sign",
    ),
    "bits of the head that are none": (
        "logit 511",
        {"head inside": {0: 2}, "head above": {0: HALF}, "head errors": {0: 512 - 128}},
        "head: bits",
    ),
    "another entry": ("logit 511", {"head entries": {0: 255}, "head errors": {0: 255}}, "head: entry"),
    "512 from low 1024": (
        "logit 512",
        {"head low": {0: 1024}, "head high, limb 0": {0: 0}, "head high, sign from limb 1": {0: 0},
         "head inside": {0: 1}, "head above": {0: 0}, "head entries": {0: 256}},
        "head: entry",
    ),
    "D one more": ("logit -512", {"head low": {0: 1}, "head entries": {0: 0}}, "head: sum"),
    "sign of the top limb": (
        "logit 512", {"head high, sign from limb 1": {0: 1}}, "head: sign of the top limb",
    ),
    "low part of the high limb": (
        "logit 512",
        {"head high, limb 0": {0: 9}, "head high, limb 1": {0: -1}, "head high, sign from limb 1": {0: -1},
         "head above": {0: 0}, "head errors": {0: 0}},
        "head: low part of the high limb, head: sign",
    ),
    "head's remainder shifted": (
        "logit 512", {"head remainders, limb 0": {0: 4096}, "head remainders, limb 1": {0: 2047}}, "head: remainder",
    ),
    "D one more, remainder 2^fw less": (
        "logit -512", {"head low": {0: 1}, "head remainders, limb 1": {0: 2048 - 4096}}, "head: remainder",
    ),
    "another error": ("logit 511", {"head errors": {0: 255}}, "head: error"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_forged_value(name: str) -> None:
    about, change, expected = FORGERIES[name]
    forged = forge(case(about), change)
    assert broken(forged) == set(expected.split(", "))
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))
    assert check == "column queries"


@pytest.mark.parametrize(
    "name", [name for name, (_, _, expected) in FORGERIES.items() if expected.endswith(": sum")]
)
def test_rejects_a_claim_on_sums_that_fits_a_forged_value(name: str) -> None:
    """Its remainders are in their ranges, and what it says of the sums is their rounding: but other sums."""
    about, change, expected = FORGERIES[name]
    forged = forge(case(about), change, fitting=True)
    assert broken(forged) == {expected}
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))
    assert check == "column queries"


def test_a_fitting_claim_is_the_true_one_without_a_change() -> None:
    forged = forge(case("activations"), {}, fitting=True)
    verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof)


def test_every_column_of_hidden_values_is_forged() -> None:
    names = {
        name for name in forge(case("activations"), {}).columns if name.startswith(("layer 1 ", "head "))
    }
    values = {name for name in names if "weights" not in name and "biases" not in name}
    assert values == {name for _, change, _ in FORGERIES.values() for name in change}


def test_an_honest_proof_of_other_values_is_refused() -> None:
    forged = forge(case("activations"), {})
    with pytest.raises(ProofRejected):
        verify_round(case("gradients").statement, forged.ciphertext, forged.digests, forged.proof)
