"""Weights of classes: rounds are proved, simulated and entered; other weights and other words of them are refused."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.heads.class_weights import WeightedLabels, checked
from proofward.layers.heads.head import Head
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Coins
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import check_round, verify_round
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import Forger, Inventory, Recorder, changing_entry, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, prove_with, round_witness
from tests.relations.softmax_cases import class_case
from tests.relations.test_soundness import check_challenges
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

WEIGHTED = {
    "two classes": ((5, 4, 2), (1, 4), {}),
    "two classes without a high limb": ((1, 2), (2, 3), {"scales": FixedPoint(4, 2, 16, 2, 4, 12, 12)}),
    "three classes": ((5, 4, 3), (3, 1, 2), {}),
    "seven classes": ((2, 7), (1, 2, 3, 4, 5, 6, 16), {}),
}


def made(name: str) -> Case:
    widths, weights, more = WEIGHTED[name]
    network = replace(mlp(widths), class_weights=weights)
    return class_case(config(network=network, rate=1, steps=2, **more), rows=7, spread=2 if more else 60)


@pytest.fixture(scope="module", params=WEIGHTED)
def case(request: pytest.FixtureRequest) -> Case:
    return made(request.param)


def test_a_round_is_proved(case: Case) -> None:
    result = case.result
    verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_every_challenge_is_entered(case: Case) -> None:
    plan = round_plan(case.statement)
    counter, empty = Inventory(plan.scheme), np.zeros_like(case.result.ciphertext)
    counter.run(lambda party: training_round(party, case.statement, empty, lambda _: (), None) and None)
    check_challenges(counter, plan)


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check_round(statement, ciphertext, DIGESTS, told, Coins(b"other coins"))


@contextmanager
def weighing(of_sample=None, of_label=None, trained=None):  # type: ignore[no-untyped-def]
    """A prover that says other weights of its samples, or of their labels, or trains with others."""
    with ExitStack() as stack:
        for target, name, own in (
            (WeightedLabels, "_of_sample", of_sample), (WeightedLabels, "_of_label", of_label), (Head, "weighted", trained),
        ):  # fmt: skip
            if own is not None:
                honest = getattr(target, name)
                changed = lambda self, *rest, honest=honest, own=own: own(self, honest(self, *rest), *rest)  # noqa: E731
                stack.enter_context(mock.patch.object(target, name, changed))
        yield


def first_changed(self, values, *_):  # type: ignore[no-untyped-def]
    values = values.copy()
    values[0] += 1
    return values


def unweighted(self, values, errors, labels):  # type: ignore[no-untyped-def]
    return errors


def as_if_another_class(self, values, errors, labels):  # type: ignore[no-untyped-def]
    own = np.roll(np.array(self.weights), 1)[labels]
    return errors * own.reshape(-1, *[1] * (errors.ndim - 1))


FORGERIES = {
    "another weight of a sample": {"of_sample": first_changed},
    "another weight of a label": {"of_label": first_changed},
    "gradients without weights": {"trained": unweighted},
    "gradients with another class's weights": {"trained": as_if_another_class},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_other_weights(case: Case, name: str) -> None:
    with weighing(**FORGERIES[name]):
        witness, encryption = round_witness(case, seeded(3))
        proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    check = refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof))
    assert check == "column queries"


def test_the_forger_is_accepted_where_it_is_honest(case: Case) -> None:
    witness, encryption = round_witness(case, seeded(3))
    proof = prove_with(case, witness, encryption.ciphertext, Forger, seeded(4))
    verify_round(case.statement, encryption.ciphertext, *proof)


def test_rejects_other_labels(case: Case) -> None:
    """Gradients and weights of a class that is not the enrolled one."""
    other = case.labels.copy()
    other[:] = (other + 1) % case.config.model.head.classes
    witness, encryption = round_witness(case, seeded(3), labels=other)
    known = replace(witness, labels=case.labels)
    proof = prove_with(case, known, encryption.ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("two classes", "head errors"), ("two classes", "head entries"),
        ("three classes", "head errors"), ("three classes", "head probability, limb 0"),
    ],
)  # fmt: skip
def test_rejects_a_changed_entry(name: str, wanted: str) -> None:
    case = made(name)
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    honest = dict(Recorder.last.columns)
    counter = Inventory(round_plan(case.statement).scheme)
    counter.run(lambda p: training_round(p, case.statement, encryption.ciphertext, lambda _: (), None) and None)
    (found,) = [own for own in counter.columns if own.name == wanted]
    forger = changing_entry((found.commitment, found.index), 1, honest)
    proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def test_weights_are_in_the_plain_form_and_the_digest() -> None:
    plain, weighted = config(widths=(5, 4, 3)), config(network=replace(mlp((5, 4, 3)), class_weights=(3, 1, 2)))
    assert plain.model.to_dict() == {"widths": [5, 4, 3]} and plain.digest() != weighted.digest()
    assert weighted.model.to_dict() == {"widths": [5, 4, 3], "class_weights": [3, 1, 2]}
    assert RoundConfig.from_dict(weighted.to_dict()) == weighted != plain
    assert replace(mlp((5, 4, 3)), class_weights=(1, 1, 1)) == mlp((5, 4, 3))
    layers = [{"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 0}, {"kind": "linear", "outputs": 3}]
    network = replace(chain((1, 3, 3), layers), class_weights=(3, 1, 2))
    assert Network.from_dict(network.to_dict()) == network


@pytest.mark.parametrize("weights", [(1, 2), (0, 1, 1), (17, 1, 1), (1.0, 2, 3), (True, 2, 3), "123", 3])
def test_other_weights_are_refused(weights: object) -> None:
    with pytest.raises(ConfigurationError, match="class_weights"):
        checked(weights, 3)
    with pytest.raises(ConfigurationError, match="class_weights"):
        Network.from_dict({"widths": [5, 3], "class_weights": weights})


def test_weights_that_are_all_one_have_another_form() -> None:
    with pytest.raises(ConfigurationError, match="not all 1"):
        Network.from_dict({"widths": [5, 3], "class_weights": [1, 1, 1]})


def test_bounds_count_the_largest_weight() -> None:
    training = Training(rate=1, batch=4, steps=2)
    light, heavy = (
        compile_bounds(replace(mlp((5, 4, 3)), class_weights=own), FixedPoint(), training, 7, 1 << 24)
        for own in ((), (1, 1, 8))
    )
    assert heavy[-1].weight_update == 8 * light[-1].weight_update
    assert heavy[-1].output_gradients == 8 * light[-1].output_gradients and heavy[-1].back_sums > light[-1].back_sums
    assert heavy[0].output_gradients == light[0].output_gradients  # hidden gradients saturate
