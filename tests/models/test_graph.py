"""The graph: one encoding and digest, every field of it counts, and which graphs can be trained."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.encoding.cbor import decode_item
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.network import compare, network
from proofward.models.graph.parts.nodes import Flatten, Input, Linear, ReLU, TwoClassHead
from proofward.models.graph.parts.refusals import ImportRefused, plain_name, unsupported
from proofward.models.graph.parts.steps import LinearStep, ReluStep

NODES = (Input((), (3, 4)), Flatten((0,)), Linear((1,), 12, 8), ReLU((2,)), Linear((3,), 8, 2), TwoClassHead((4,)))
GRAPH = Graph(NODES)


def step(outputs, inputs, key="", bias=True):
    random = np.random.default_rng(inputs)
    held = random.standard_normal(outputs) if bias else None
    return LinearStep(f"{inputs}-{outputs}", key or f"{inputs}", random.standard_normal((outputs, inputs)), held)


STEPS = (step(8, 12), ReluStep("relu"), step(2, 8))


def test_the_canonical_graph_of_a_perceptron():
    assert network_graph((3, 4), mlp((12, 8, 2))) == GRAPH and GRAPH.to_network() == mlp((12, 8, 2))
    assert network_graph((12,), mlp((12, 2))).nodes == (Input((), (12,)), Linear((0,), 12, 2), TwoClassHead((1,)))
    assert GRAPH.words() == "Input -> Flatten -> Linear(12, 8) -> ReLU -> Linear(8, 2) -> TwoClassHead"


def test_the_encoding_is_canonical_and_holds_every_field():
    form, nodes = decode_item(GRAPH.encoding())
    assert form == "proofward/graph/v1"
    assert nodes[0] == {"kind": "input", "sources": (), "shape": (3, 4)}
    assert nodes[2] == {"kind": "linear", "sources": (1,), "inputs": 12, "outputs": 8}
    assert [node["kind"] for node in nodes] == ["input", "flatten", "linear", "relu", "linear", "two-class-head"]
    assert Graph(NODES).digest == GRAPH.digest and len(GRAPH.digest) == 32


@pytest.mark.parametrize("place, node", [
    (0, Input((), (4, 3))), (2, Linear((0,), 12, 8)), (2, Linear((1,), 12, 9)), (2, Linear((1,), 11, 8)),
    (3, Flatten((2,))), (3, ReLU((1,))),
])  # fmt: skip
def test_every_field_changes_the_digest_and_is_no_other_perceptron(place, node):
    other = Graph((*NODES[:place], node, *NODES[place + 1 :]))
    assert other.digest != GRAPH.digest
    if place:
        with pytest.raises(ConfigurationError):
            other.to_network()


def test_sources_lie_before():
    for source in (1, 2, -1):
        with pytest.raises(ConfigurationError, match="node 1"):
            Graph((NODES[0], Flatten((source,))))
    with pytest.raises(ConfigurationError, match="inputs"):
        network_graph((3, 3), mlp((12, 2)))
    for nodes in ((), NODES[:-1], NODES[:1]):
        with pytest.raises(ConfigurationError):
            Graph(nodes).to_network()


def test_steps_become_a_network_that_computes_the_same():
    made = network((3, 4), STEPS)
    assert made.graph == GRAPH and made.model == mlp((12, 8, 2)) and made.settings.hidden == (8,)
    rows = np.random.default_rng(1).standard_normal((5, 12))
    hidden = np.maximum(rows @ STEPS[0].weight.T + STEPS[0].bias, 0)
    assert np.array_equal(made.logits(rows), hidden @ STEPS[2].weight.T + STEPS[2].bias)
    assert network((12,), [step(2, 12)]).settings.hidden == ()


def test_more_than_two_outputs_have_a_softmax_head():
    made = network((3, 4), [step(8, 12), ReluStep("relu"), step(5, 8)])
    assert made.model == mlp((12, 8, 5)) and made.graph == network_graph((3, 4), mlp((12, 8, 5)))
    assert made.graph.words().endswith("Linear(8, 5) -> SoftmaxHead") and made.settings.hidden == (8,)
    two = Graph((*made.graph.nodes[:-1], TwoClassHead(made.graph.nodes[-1].sources)))
    with pytest.raises(ConfigurationError):
        two.to_network()


def test_no_bias_is_zeros_and_is_said():
    made = network((12,), [step(8, 12, bias=False), ReluStep("relu"), step(2, 8)])
    assert not made.layers[0][1].any() and made.layers[0][1].shape == (8,)
    assert made.notes == ("12-8 has no bias: it starts at zeros, and is trained",)
    assert network((12,), STEPS).notes == ()


def infinite():
    made = step(8, 12)
    made.weight[3, 3] = np.nan
    return made


@pytest.mark.parametrize("steps, said", [
    ([], ["no Linear layer"]),
    ([step(8, 12), ReluStep("r"), step(1, 8)], ["one output: use two outputs"]),
    ([step(8, 12), ReluStep("r"), step(65, 8)], ["65 outputs: use at most 64"]),
    ([step(8, 12), step(2, 8)], ["12-8, 8-2: two Linear layers without ReLU between"]),
    ([ReluStep("early"), step(2, 12)], ["early: ReLU of the inputs"]),
    ([step(2, 12), ReluStep("late")], ["late: ReLU of the outputs"]),
    ([step(12, 12, "a"), ReluStep("r"), step(12, 12, "a"), ReluStep("s"), step(2, 12, "b")],
     ["12-12 and 12-12 share their weights"]),
    ([infinite(), ReluStep("r"), step(2, 8)], ["12-8: weights that are no finite numbers"]),
    ([step(8, 12), ReluStep("r"), step(2, 9)], ["12-8 gives 8 values, 9-2 takes 9"]),
    ([ReluStep("early"), step(8, 12), step(1, 8), ReluStep("late")],
     ["early: ReLU of the inputs", "two Linear", "late: ReLU", "one output"]),
])  # fmt: skip
def test_what_is_wrong_is_said_all_at_once(steps, said):
    with pytest.raises(ImportRefused) as error:
        network((12,), steps)
    assert len(error.value.problems) == len(said)
    assert all(any(words in found for found in error.value.problems) for words in said)


def test_too_wide_and_too_deep():
    with pytest.raises(ImportRefused, match=r"widths \(65537, 2\), expected at most 65536"):
        network((65537,), [step(2, 65537)])
    deep = [part for at in range(66) for part in (step(3, 3, str(at)), ReluStep("r"))]
    with pytest.raises(ImportRefused, match="66 hidden layers: expected at most 64"):
        network((3,), [*deep, step(2, 3)])


def test_weights_become_integers_and_what_was_clipped_is_counted():
    made, scales = network((12,), STEPS), FixedPoint()
    first = made.first_weights(scales)
    assert first.clipped == {} and first.weights.dtype == np.int64
    for (weight, bias), held in zip(made.layers, made.model.unflatten(first.weights), strict=True):
        assert np.array_equal(held[0], np.rint(weight * 2**24)) and np.array_equal(held[1], np.rint(bias * 2**24))
    few = made.first_weights(scales, 0.5)
    assert np.abs(few.weights).max() == 2**23
    for at, layer in enumerate(made.layers, 1):
        for name, part in zip(("weight", "bias"), layer, strict=True):
            assert few.clipped.get(f"layer{at}.{name}", 0) == (np.abs(part) > 0.5).sum()
    for limit in (0.0, -1.0, 64.5, float("nan")):
        with pytest.raises(ConfigurationError, match="limit"):
            made.first_weights(scales, limit)


def test_disagreement_is_refused_with_the_difference():
    made = network((3, 4), STEPS)
    assert compare(made, lambda rows: made.logits(rows.reshape(len(rows), -1)), "the twin") == 0
    with pytest.raises(ImportRefused, match=r"the twin and the imported network differ by 0\.001, allowed is"):
        compare(made, lambda rows: made.logits(rows.reshape(len(rows), -1)) + 1e-3, "the twin")
    with pytest.raises(ImportRefused, match="differ by nan"):
        compare(made, lambda rows: made.logits(rows.reshape(len(rows), -1)) * np.nan, "the twin")
    with pytest.raises(ImportRefused, match=r"gives outputs of shape \(64, 1\), expected \(64, 2\)"):
        compare(made, lambda rows: made.logits(rows.reshape(len(rows), -1))[:, :1], "the twin")


def test_operators_are_named_with_what_to_use_instead():
    assert plain_name("aten.leaky_relu_.default") == plain_name("LeakyRelu") == "leakyrelu"
    assert "use ReLU" in unsupported("aten.tanh.default", "act") and "use ReLU" in unsupported("Gelu", "act")
    assert "not proved by this version yet" in unsupported("aten.something_new.default", "x")
