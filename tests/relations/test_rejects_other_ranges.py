"""Every layer saturates at its own range: a prover that takes another layer's, or that of all, is refused.

Single values of one layer, too early and too late, forwards and backwards, in every way there is to write them; what
each breaks is said by plain integers. Then whole trainings and predictions in which two layers have exchanged their
ranges, and every column is as the relation with these has it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.lattice.encryption import Encryption
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.arithmetic.split import Split
from proofward.layers.local_training.training import forward_pass
from proofward.layers.networks import arrangement
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Transcript
from proofward.relations.predictions.inference import InferenceWitness, inference
from proofward.relations.predictions.predict import inference_plan, prove_prediction, verify_prediction
from proofward.relations.proofs import measure
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.uploads.key_shares import Digests, deal_shares
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, make_case, round_witness, sealed
from tests.relations.forged_values import Change, broken, forge, one_step
from tests.relations.inference_cases import LINEAR, POOL, conv, public_model, some_records, whole_records

LATE = FixedPoint(activation_ranges=(10,), gradient_ranges=(8,))
"""A layer's own ranges are smaller than those of all: whoever takes the latter saturates too late."""
EARLY = FixedPoint(activation_range_bits=10, gradient_range_bits=8, activation_ranges=(12,), gradient_ranges=(9,))
LOW, HIGH, INSIDE, ABOVE = ("layer 1 low, limb 0", "layer 1 high, limb 0", "layer 1 inside", "layer 1 above")
BACK, BACK_HIGH, SIGN = ("layer 1 gradient low, limb 0", "layer 1 gradient high, limb 0", "layer 1 gradient sign")

# unit 0 has Q = 3000 and G = 1000: A is 1024 at 10 bits and 3000 at 12; G^ is 488 at 8 bits and 1000 at 9
FORGERIES: dict[str, tuple[FixedPoint, Change, str]] = {
    "too late, a low limb of 12 bits": (
        LATE, {LOW: {0: 2999}, HIGH: {0: 0}, INSIDE: {0: 1}, ABOVE: {0: 0}}, "forward: low limb",
    ),
    "too late, as if the value were inside": (
        LATE, {INSIDE: {0: 1}, ABOVE: {0: 0}}, "forward: sign",
    ),
    "too late, by a flag that is no bit": (
        LATE, {ABOVE: {0: 2}, INSIDE: {0: -2}}, "forward: bits",
    ),
    "too early, another sum": (
        EARLY, {LOW: {0: 1023}, HIGH: {0: 0}, INSIDE: {0: 1}, ABOVE: {0: 0}}, "forward: sum",
    ),
    "too early, as if the value were above": (
        EARLY, {INSIDE: {0: 0}, ABOVE: {0: 1}}, "forward: sign",
    ),
    "a gradient too late, a low limb of 10 bits": (
        LATE, {BACK: {0: 1256}, BACK_HIGH: {0: 0}, SIGN: {0: 0}}, "backward: low limb",
    ),
    "a gradient too late, by its sign": (
        LATE, {SIGN: {0: 2}}, "backward: sign",
    ),
    "a gradient too early, another sum": (
        EARLY, {BACK: {0: 1000}, BACK_HIGH: {0: 0}, SIGN: {0: 0}}, "backward: sum",
    ),
    "a gradient too early, by a negative limb": (
        EARLY, {BACK: {0: 488 + 512}, BACK_HIGH: {0: 0}}, "backward: sum, backward: sign",
    ),
}  # fmt: skip


@cache
def one_layer(scales: FixedPoint) -> Case:
    return one_step([3000, 5, -7, 900], [1000, 100, -100, 3], 1000, scales=scales)


@pytest.mark.parametrize("scales", [LATE, EARLY], ids=["late", "early"])
def test_the_honest_values_are_accepted(scales: FixedPoint) -> None:
    case = one_layer(scales)
    honest = forge(case, {})
    assert broken(honest) == set()
    verify_round(case.statement, honest.ciphertext, honest.digests, honest.proof)
    own = scales.of_layer(0)
    columns = honest.columns
    value = columns[INSIDE] * (1 + columns[LOW]) + columns[ABOVE] * own.activation_limit
    assert value[:4].tolist() == [min(3000, own.activation_limit), 5, 0, 900]
    half = 1 << own.gradient_range_bits
    gradient = columns[BACK][0] - half + 2 * half * columns[SIGN][0]
    assert gradient == (488 if scales is LATE else 1000)


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_value_saturated_at_another_range(name: str) -> None:
    scales, change, expected = FORGERIES[name]
    forged = forge(one_layer(scales), change, fitting=expected.endswith(": sum"))
    assert broken(forged) == set(expected.split(", "))
    assert refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))


NETWORKS = {
    "mlp": mlp((4, 6, 5, 2)),
    "pictures": chain((1, 5, 6), [conv(3), POOL, conv(2, 2, 1, 0), {"kind": "linear", "outputs": 3}, LINEAR]),
}
RANGES = {
    "activations": ({"activation_ranges": (7, 9)}, {"activation_ranges": (9, 7)}),
    "gradients": ({"gradient_ranges": (3, 5)}, {"gradient_ranges": (5, 3)}),
}


def in_exchange(kind: str, network: str) -> tuple[FixedPoint, FixedPoint]:
    """Scales of the statement, and those of a prover who has exchanged the first two layers."""
    more = (8,) if network == "pictures" else ()
    own, other = ({name: (*bits, *more) for name, bits in ranges.items()} for ranges in RANGES[kind])
    return FixedPoint(**own), FixedPoint(**other)


def told_with(case: Case, about: RoundStatement, witness: RoundWitness, encryption: Encryption) -> tuple[Digests, bytes]:
    """A proof that is bound to the case's statement, by the relation of another one."""
    digests: list[Digests] = []

    def deal(blinds: list[Ext]) -> Digests:
        key = witness.encryption
        digests.append(sealed(deal_shares(key.secret, key.coefficients, blinds, case.config.holders)))
        return digests[0]

    words = encryption.ciphertext
    party = Forger(Transcript(case.statement.transcript(words)), round_plan(about), seeded(4))
    proof = party.run(lambda own: training_round(own, about, words, deal, witness) and None)
    return digests[0], proof


@pytest.mark.parametrize("way", [HighLimb, Split], ids=["limbs", "parts"])
@pytest.mark.parametrize("kind", RANGES)
def test_rejects_a_training_in_which_layers_have_exchanged_their_ranges(
    kind: str, way: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the columns that the relation with the exchanged ranges has, and by those of the statement's own."""
    if way is Split:
        monkeypatch.setattr(arrangement, "_LEAST_GAIN", -(1 << 60))
        monkeypatch.setattr(measure, "_plans", {})
    own, other = in_exchange(kind, "mlp")
    case = make_case(config(network=NETWORKS["mlp"], scales=own, rate=64), spread=1000)
    verify_round(case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof)
    samples, bounds = case.statement.schedule().size, case.statement.layer_bounds()
    hidden = Arrangement.of(NETWORKS["mlp"], own, samples, bounds).hidden
    assert all(type(found) is way for pair in hidden for found in pair)
    exchanged = config(network=NETWORKS["mlp"], scales=other, rate=64)
    wished = replace(case, config=exchanged, statement=replace(case.statement, config=exchanged))
    (honest, _), (forged, encryption) = (round_witness(about, seeded(3)) for about in (case, wished))
    assert not np.array_equal(honest.update.delta, forged.update.delta)
    for about in (case.statement, wished.statement):
        digests, proof = told_with(case, about, forged, encryption)
        check = refusal(lambda told=(digests, proof): verify_round(case.statement, encryption.ciphertext, *told))
        assert check in (("column queries",) if about is case.statement else ("linear constraints", "length"))
    digests, proof = told_with(case, case.statement, honest, round_witness(case, seeded(3))[1])
    verify_round(case.statement, round_witness(case, seeded(3))[1].ciphertext, digests, proof)


@pytest.mark.parametrize("network", NETWORKS)
def test_rejects_a_prediction_in_which_layers_have_exchanged_their_ranges(network: str) -> None:
    own, other = in_exchange("activations", network)
    model, features = NETWORKS[network], some_records(NETWORKS[network], 4)
    right, wrong = (replace(public_model(model), scales=scales) for scales in (own, other))
    honest, forged = (prove_prediction(about, features, seeded(1)) for about in (right, wrong))
    verify_prediction(honest.statement, honest.proof)
    assert not np.array_equal(honest.statement.scores, forged.statement.scores)
    assert honest.statement.transcript() != replace(honest.statement, scales=other).transcript()
    claimed = replace(forged.statement, scales=own)
    with pytest.raises(ProofRejected):
        verify_prediction(claimed, forged.proof)
    about, opening = claimed.forward_pass, forged.opening
    passed = forward_pass(model, other, claimed.weights, whole_records(claimed, features))
    witness = InferenceWitness(opening.column(about), opening.commit(about), passed.sums, passed.own)
    for relation in (claimed, forged.statement):
        party = Forger(Transcript(claimed.transcript()), inference_plan(relation.forward_pass), seeded(9))
        proof = party.run(lambda own, relation=relation: inference(own, relation, witness))
        assert refusal(lambda proof=proof: verify_prediction(claimed, proof)) in ("column queries", "linear constraints")
