"""The real scripts' openings, real and simulated, span the same affine space.

What is compared. Coins are fixed, hence all challenges. After given messages the words of an opening (p, q, V,
the values at z, every opened column) and the products LEFT * RIGHT in opened columns and at z are a vector
over F. Every identity of an opening is affine in that vector, with constants that may depend on the messages.

Why it suffices. A message is a value less its pad. The values follow from coins and witness, so the messages
are uniform and independent of the witness if every message has a uniform pad of its own, which is tested
first. Given them, a simulator's openings span all coordinates less the equations counted by `dimension`. A
prover's openings lie in the same space and span it, so they obey no identity besides, whatever the witness.
Samples are dense and of full rank: dimension + 8 openings fail to span the space with probability about
2^-64 for each spare one. The code is small (two queries), since identities do not depend on its size; the
script, its columns, lookups and constraints are those of a round.
"""

from __future__ import annotations

from typing import Any

import pytest

from proofward.field.extension import Ext
from proofward.layers.networks.network import chain
from proofward.proof.commitment.ligero.simulated import OpenedColumns
from proofward.proof.prover import Prover
from proofward.proof.transcript import Coins
from tests.proof.hull import affine_dimension, affine_dimensions
from tests.proof.masks import MASKS, WithoutBlinding, with_little_blinding, without_rows
from tests.proof.tableaux import code_of
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import config
from tests.relations.hull_instances import (
    ENROLMENT_CODE,
    SPARE,
    Instance,
    counting_instance,
    enrolment_instance,
    evaluation_instance,
    prediction_instance,
    round_instance,
)
from tests.relations.noise_cases import PRIVACY
from tests.relations.pooled_cases import pooled_rules
from tests.relations.private_cases import private_rules
from tests.relations.retelling import real, simulated

pytestmark = pytest.mark.slow

Said = tuple[Ext, Ext]
IDENTITIES = ("agree_with_linear_polynomial", "agree_with_quotient")


@pytest.fixture(scope="module")
def enrolling() -> Instance:
    return enrolment_instance()


@pytest.fixture(scope="module")
def proving() -> Instance:
    return round_instance()


def conv(outputs: int, groups: dict[str, int]) -> dict[str, Any]:
    return {"kind": "conv2d", "outputs": outputs, "kernel": 1, "stride": 1, "padding": 0, **groups}


@pytest.fixture(scope="module")
def layered() -> Instance:
    """A network with two groups, windows of four sums, a mean, a hidden unit with its ReLU and three classes."""
    kinds = [
        conv(2, {"groups": 2}),
        {"kind": "relu_maxpool2d"},
        conv(1, {}),
        {"kind": "relu_global_avgpool"},
        {"kind": "linear", "outputs": 1},
        {"kind": "linear", "outputs": 3},
    ]
    return round_instance(config(network=chain((2, 2, 4), kinds), batch=1, steps=1))


@pytest.fixture(scope="module")
def pooling() -> Instance:
    """A network with one window of four sums."""
    return round_instance(pooled_rules((1, 2, 2), batch=1))


@pytest.fixture(scope="module")
def classing() -> Instance:
    """A network of three classes without a hidden layer."""
    return round_instance(config(widths=(1, 3), batch=1, steps=1))


@pytest.fixture(scope="module")
def averaging() -> Instance:
    """A network with two groups, and the mean of two values of each."""
    layers = [conv(2, {"groups": 2}), {"kind": "relu_global_avgpool"}, {"kind": "linear", "outputs": 2}]
    return round_instance(config(network=chain((2, 1, 2), layers), batch=1, steps=1))


@pytest.fixture(scope="module")
def uneven() -> Instance:
    """A network with two groups of three outputs, and means of three values."""
    layers = [conv(6, {"groups": 2}), {"kind": "relu_global_avgpool"}, {"kind": "linear", "outputs": 2}]
    return round_instance(config(network=chain((2, 1, 3), layers), batch=1, steps=1))


@pytest.fixture(scope="module")
def windowed() -> Instance:
    """A network with the mean of one window of 3 x 3 values."""
    layers = [conv(1, {}), {"kind": "relu_avgpool2d", "size": 3}, {"kind": "linear", "outputs": 2}]
    return round_instance(config(network=chain((1, 3, 3), layers), batch=1, steps=1))


@pytest.fixture(scope="module")
def noisy() -> Instance:
    """The smallest network with clipped records and noise, whose secret words are reopened."""
    return round_instance(private_rules((1, 2), 2, own=PRIVACY))


@pytest.fixture(scope="module")
def predicting() -> Instance:
    return prediction_instance()


@pytest.fixture(scope="module")
def evaluating() -> Instance:
    return evaluation_instance()


@pytest.fixture(scope="module")
def counting() -> Instance:
    return counting_instance()


@pytest.fixture(scope="module")
def noisy_counts() -> Instance:
    return counting_instance(noise=True)


@pytest.fixture(scope="module")
def noisy_evaluation() -> Instance:
    return evaluation_instance(noise=True)


ONE_KIND = [
    pytest.param(name, marks=pytest.mark.exhaustive) for name in ("pooling", "averaging", "uneven", "windowed", "classing")
]
"""Networks with one of the kinds that `layered` has, or with one of other sizes."""
NOISE = pytest.param("noisy", marks=pytest.mark.exhaustive)
"""Beside the parts of another round it has lookups, and one more commitment that is reopened."""


@pytest.fixture(params=["enrolling", "proving", "layered", *ONE_KIND, "predicting", "counting", "evaluating"])
def instance(request: pytest.FixtureRequest) -> Instance:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def said_by(instance: Instance, witness: str, seed: int, prover: type[Prover] = Prover) -> dict[int, Said]:
    """Of every pad, the message that it hides and that message in clear."""

    class Noting(prover):  # type: ignore[misc,valid-type]
        def _say(self, keys: list[int], values: Any) -> list[Ext]:
            sent = super()._say(keys, values)
            for key, value, message in zip(keys, values, sent, strict=True):
                assert key not in noted, "a pad hides two messages"
                noted[key] = (message, value)
            return sent  # type: ignore[no-any-return]

    noted: dict[int, Said] = {}
    instance.witnesses[witness](Noting(Coins(COINS), instance.plan, seeded(seed)))
    return noted


def all_hidden(one: dict[int, Said], two: dict[int, Said]) -> bool:
    """Whether every message moves with its pad, while the value in clear stays."""
    assert one.keys() == two.keys()
    assert [value for _, value in one.values()] == [value for _, value in two.values()]
    return all(one[key][0] != two[key][0] for key in one)


def test_every_message_has_a_pad_of_its_own(instance: Instance) -> None:
    for witness in instance.witnesses:
        one, two = said_by(instance, witness, 1), said_by(instance, witness, 2)
        assert len(one) == instance.plan.pads + 2 * instance.plan.products
        assert all_hidden(one, two)


@pytest.mark.parametrize("pads", ["PAD", "LEFT", "RIGHT"])
def test_fails_for_messages_without_pads(pads: str, instance: Instance) -> None:
    witness = next(iter(instance.witnesses))
    prover = without_rows(pads, data_only=True)
    assert not all_hidden(said_by(instance, witness, 1, prover), said_by(instance, witness, 2, prover))


def assert_same_hull(instance: Instance, witness: str) -> None:
    """Both have the dimension, and real openings lie in the simulated ones' space.

    An opening is a polynomial of degree at most 3 in its randomness, so one that is drawn lies in a space that
    does not hold all of them with a probability of at most 3 / |F|.
    """
    said, told = instance.real(witness)
    assert affine_dimension(told) == instance.dimension
    assert affine_dimensions(instance.simulated(said), told[:SPARE]) == (instance.dimension,) * 2


@pytest.mark.parametrize("witness", ["small", pytest.param("large", marks=pytest.mark.exhaustive)])
def test_real_and_simulated_enrolments_span_one_affine_space(witness: str, enrolling: Instance) -> None:
    """With either witness the space is the simulator's, which knows none."""
    assert_same_hull(enrolling, witness)


@pytest.mark.parametrize("witness", ["one", pytest.param("other", marks=pytest.mark.exhaustive)])
def test_real_and_simulated_predictions_span_one_affine_space(witness: str, predicting: Instance) -> None:
    assert_same_hull(predicting, witness)


@pytest.mark.exhaustive
def test_real_and_simulated_counts_span_one_affine_space(counting: Instance) -> None:
    """Beside the parts of a training round it has one linear constraint."""
    assert_same_hull(counting, "counts")


@pytest.mark.exhaustive
@pytest.mark.parametrize(("kind", "witness"), [("noisy_counts", "counts"), ("noisy_evaluation", "records")])
def test_real_and_simulated_counts_with_noise_span_one_affine_space(
    kind: str, witness: str, request: pytest.FixtureRequest
) -> None:
    """They have one more commitment that is reopened, and functionals of a column of it."""
    assert_same_hull(request.getfixturevalue(kind), witness)


@pytest.mark.exhaustive
@pytest.mark.parametrize("classes", [2, 3])
def test_real_and_simulated_evaluations_span_one_affine_space(classes: int) -> None:
    """Beside the parts of rounds and predictions it has functionals of the multiplicities."""
    assert_same_hull(evaluation_instance(classes=classes), "records")


WHOLE = [pytest.param("proving", marks=pytest.mark.exhaustive), "layered", *ONE_KIND, NOISE]
"""`layered` has all that `proving` has."""


@pytest.mark.parametrize("network", WHOLE)
def test_real_and_simulated_rounds_span_one_affine_space(
    network: str, request: pytest.FixtureRequest
) -> None:
    assert_same_hull(request.getfixturevalue(network), "records")


@pytest.mark.parametrize(
    "left_out",
    [["agree_with_linear_polynomial"], ["agree_with_quotient"], list(IDENTITIES)],
    ids=["linear", "quotient", "simulator of protocol 1"],
)
def test_fails_for_a_simulator_that_leaves_out_identities(
    left_out: list[str], enrolling: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _ = real(enrolling.witnesses["small"], enrolling.plan, 1)
    for name in left_out:
        monkeypatch.setattr(OpenedColumns, name, lambda columns, claims: None)
    # an identity is over E, so each that is missing leaves two words a column too free
    missing = 2 * code_of(enrolling.plan).queries * len(left_out)
    told = simulated(enrolling.nothing, enrolling.plan, enrolling.dimension + missing + SPARE, said)
    assert affine_dimension(told) == enrolling.dimension + missing


ZEROED = {
    **{mask: without_rows(mask) for mask in MASKS},
    **{f"rows of {pads}": without_rows(pads) for pads in ("PAD", "LEFT", "RIGHT")},
    "all blinding": WithoutBlinding,
    "blinding of the last column": with_little_blinding(ENROLMENT_CODE.queries - 1),
    "blinding of the point outside F": with_little_blinding(ENROLMENT_CODE.queries),
}


ONE_OF_A_KIND = [next(iter(MASKS)), "rows of LEFT", "rows of PAD", "blinding of the last column"]
"""The opening's code is one for all scripts; `tests/proof` has each mask's turn with a small one."""


def turns(first: list[str]) -> list[Any]:
    """All masks, those that are not among the first as a whole sweep."""
    return [mask if mask in first else pytest.param(mask, marks=pytest.mark.exhaustive) for mask in ZEROED]


@pytest.mark.parametrize("mask", turns(ONE_OF_A_KIND))
def test_fails_for_an_enrolment_without_a_mask(mask: str, enrolling: Instance) -> None:
    _, told = enrolling.real("small", ZEROED[mask])
    assert affine_dimension(told) < enrolling.dimension


@pytest.mark.parametrize("mask", turns(["rows of LEFT"]))
def test_fails_for_a_round_without_a_mask(mask: str, proving: Instance) -> None:
    _, told = proving.real("records", ZEROED[mask])
    assert affine_dimension(told) < proving.dimension


@pytest.mark.parametrize("mask", ["rows of PAD", "all blinding"])
def test_fails_for_a_prediction_without_a_mask(mask: str, predicting: Instance) -> None:
    assert affine_dimension(predicting.real("one", ZEROED[mask])[1]) < predicting.dimension
