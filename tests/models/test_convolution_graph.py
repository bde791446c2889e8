"""The graph of a convolutional network, what folds, and which ways to write a convolution are exact."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.encoding.cbor import decode_item
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import chain, mlp
from proofward.models.graph.parts.convolutions import Convolution, named_padding
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.network import network
from proofward.models.graph.parts.nodes import (
    Conv2d,
    Flatten,
    Input,
    Linear,
    ReLU,
    TwoClassHead,
)  # fmt: skip
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import ConvStep, LinearStep, ReluStep, ScaleStep, batch_norm, folded
from proofward.models.graph.settings_lines import settings_lines

SHAPE = (2, 9, 7)
PLAIN = [
    {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "linear", "outputs": 2},
]  # fmt: skip
MODEL = chain(SHAPE, PLAIN)
NODES = (
    Input((), SHAPE), Conv2d((0,), 3, 3, 2, 1), ReLU((1,)), Flatten((2,)), Linear((3,), 60, 2), TwoClassHead((4,)),
)  # fmt: skip
GRAPH = Graph(NODES)


def test_the_canonical_graph_of_a_convolutional_network():
    assert network_graph(SHAPE, MODEL) == GRAPH and GRAPH.to_network() == MODEL
    words = "Input -> Conv2d(3, 3, stride=2, padding=1) -> ReLU -> Flatten -> Linear(60, 2) -> TwoClassHead"
    assert GRAPH.words() == words
    _, nodes = decode_item(GRAPH.encoding())
    assert nodes[1] == {"kind": "conv2d", "sources": (0,), "outputs": 3, "kernel": 3, "stride": 2, "padding": 1}


def test_the_digest_of_a_perceptron_is_as_before_there_were_convolutions():
    digest = "7df106e0140992e8e52fee132e1fa75d2187e24de5e1bf31dde135fe332cd657"
    assert network_graph((3, 4), mlp((12, 8, 2))).digest.hex() == digest


@pytest.mark.parametrize("node", [
    Conv2d((0,), 4, 3, 2, 1), Conv2d((0,), 3, 5, 2, 1), Conv2d((0,), 3, 3, 1, 1), Conv2d((0,), 3, 3, 2, 0), Flatten((0,)),
])  # fmt: skip
def test_every_field_changes_the_digest_and_is_no_other_network(node):
    other = Graph((NODES[0], node, *NODES[2:]))
    assert other.digest != GRAPH.digest
    with pytest.raises(ConfigurationError):
        other.to_network()


def test_graphs_that_are_not_canonical_are_no_networks():
    early = (*NODES[:2], Flatten((1,)), ReLU((2,)), *NODES[4:])
    for nodes in (early, NODES[:-1], NODES[1:2], (Input((), (126,)), *NODES[1:])):
        with pytest.raises(ConfigurationError):
            Graph(tuple(nodes)).to_network()
    with pytest.raises(ConfigurationError, match="inputs"):
        network_graph((9, 7, 2), MODEL)


def test_linear_layers_alone_are_a_perceptron_however_records_lie():
    assert network_graph((1, 2, 3), chain((1, 2, 3), [{"kind": "linear", "outputs": 2}])).to_network() == mlp((6, 2))


def conv(outputs=3, channels=2, kernel=3, *, bias=True, takes=SHAPE, stride=2, padding=1, key="c"):
    random = np.random.default_rng(outputs + channels)
    weight = random.standard_normal((outputs, channels, kernel, kernel))
    held = random.standard_normal(outputs) if bias else None
    return ConvStep(f"conv {key}", key, weight, held, takes, stride, padding)


def head(inputs=60):
    return LinearStep("head", "h", np.random.default_rng(1).standard_normal((2, inputs)), np.zeros(2))


RELU = ReluStep("relu")


def test_steps_become_a_network_that_computes_the_same():
    step = conv()
    made = network(SHAPE, [step, RELU, head()])
    assert made.graph == GRAPH and made.model == MODEL
    pictures = np.random.default_rng(5).standard_normal((4, *SHAPE))
    whole = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
    sums = np.zeros((4, 3, 5, 4))
    for y in range(5):
        for x in range(4):
            window = whole[:, :, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
            sums[:, :, y, x] = np.einsum("nckl,ockl->no", window, step.weight) + step.bias
    expected = np.maximum(sums, 0).reshape(4, -1) @ head().weight.T
    assert np.abs(made.logits(pictures.reshape(4, -1)) - expected).max() < 1e-12
    with pytest.raises(ConfigurationError, match="Linear layers alone"):
        _ = made.settings


def test_a_large_network_is_computed_in_parts(monkeypatch):
    from proofward.models.graph.parts import network as module

    made = network(SHAPE, [conv(), RELU, head()])
    rows = np.random.default_rng(5).standard_normal((7, 126))
    whole = made.logits(rows)
    monkeypatch.setattr(module, "BLOCK_VALUES", 3 * 20 * 18)
    assert np.allclose(made.logits(rows), whole, rtol=1e-13, atol=1e-13)
    asked = []

    def original(pictures):
        asked.append(pictures.shape)
        return made.logits(pictures.reshape(len(pictures), -1))

    assert module.compare(made, original, "itself") < 1e-12 and asked == [(8, *SHAPE)]


def test_scalings_fold_into_what_is_before_them():
    step, one = conv(bias=False), np.ones(3)
    norm = batch_norm("n", gamma=2 * one, beta=3 * one, mean=4 * one, variance=15.75 * one, epsilon=0.25)
    assert np.array_equal(norm.scale, one / 2) and np.array_equal(norm.shift, one)
    made, notes, problems = folded([step, norm, norm, RELU])
    assert problems == [] and len(notes) == 2 and len(made) == 2
    assert np.array_equal(made[0].weight, step.weight / 4) and np.array_equal(made[0].bias, 1.5 * one)
    found = network(SHAPE, [step, norm, RELU, head()])
    assert found.notes == ("n is frozen, and folded into conv c, whose weights are trained",)


def infinite():
    with np.errstate(all="ignore"):
        return ScaleStep("n", np.full(3, np.inf), np.zeros(3))


@pytest.mark.parametrize("steps, said", [
    ([infinite(), conv(), RELU, head()], ["n: BatchNorm is taken only directly behind"]),
    ([conv(), RELU, infinite(), head()], ["n: BatchNorm is taken only directly behind"]),
    ([conv(4), ScaleStep("n", np.ones(3), np.ones(3)), RELU, head(80)], ["n: BatchNorm is taken only directly behind"]),
    ([conv(), infinite(), RELU, head()], ["conv c: weights that are no finite numbers"]),
    ([conv(), head()], ["conv c, head: two layers without ReLU between"]),
    ([RELU, conv(), RELU, head()], ["relu: ReLU of the inputs"]),
    ([conv(takes=(2, 7, 9)), RELU, head()], ["a record has the shape (2, 9, 7), conv c takes (2, 7, 9)"]),
    ([conv(), RELU, head(61)], ["conv c gives 60 values, head takes 61"]),
    ([conv(), RELU, conv(key="d", channels=3, takes=(3, 4, 5)), RELU, head(18)],
     ["conv c has the shape (3, 5, 4), conv d takes (3, 4, 5): do not reshape"]),
    ([conv(), RELU, conv(key="c", channels=3, takes=(3, 5, 4)), RELU, head(18)], ["conv c and conv c share their weights"]),
    ([conv()], ["the last layer is a convolution"]),
])  # fmt: skip
def test_what_is_wrong_is_said(steps, said):
    with pytest.raises(ImportRefused) as error:
        network(SHAPE, steps)
    assert len(error.value.problems) == len(said)
    assert all(any(words in found for found in error.value.problems) for words in said)


@settings(max_examples=80)
@given(
    kernel=st.integers(1, 6), stride=st.integers(1, 6), height=st.integers(1, 12), width=st.integers(1, 12),
    zeros=st.tuples(*[st.integers(-1, 6)] * 4),
)  # fmt: skip
def test_what_is_taken_meets_the_same_values(kernel, stride, height, width, zeros):
    """Sums of a picture of ones: how many values every kernel meets, and how many sums there are."""
    top, bottom, left, right = zeros
    written = Convolution((1, 1, kernel, kernel), (height, width), (stride, stride), (top, left), (bottom, right))
    if written.problems():
        return
    assert top == left == written.padding
    layer = chain((1, height, width), [
        {"kind": "conv2d", "outputs": 1, "kernel": kernel, "stride": stride, "padding": written.padding},
        {"kind": "linear", "outputs": 2},
    ]).layers[0]  # fmt: skip
    random = np.random.default_rng(kernel)
    picture, weight = random.standard_normal((1, height * width)), random.standard_normal((1, 1, kernel, kernel))
    whole = np.pad(picture.reshape(height, width), ((top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(whole, (kernel, kernel))[::stride, ::stride]
    expected = np.einsum("yxkl,kl->yx", windows, weight[0, 0])
    assert layer.gives.axes[1:] == expected.shape
    found = layer.real_sums(weight, np.zeros(1), picture)
    assert np.allclose(found, expected.reshape(1, -1), rtol=1e-12, atol=1e-12)


def test_some_of_the_written_convolutions_are_taken_and_others_are_not():
    def written(**options):
        return Convolution(**{"shape": (4, 2, 3, 3), "size": (9, 7), **options}).problems()

    assert written() == written(before=(1, 1), after=(1, 1)) == written(before=(2, 2), after=(2, 2)) == []
    assert written(before=(1, 1), after=(2, 2), strides=(2, 2)) == [], "no kernel reaches the last zeros"
    for before, after in (((0, 0), (1, 1)), ((1, 0), (1, 0)), ((-1, -1), (-1, -1)), ((3, 3), (3, 3))):
        (found,) = written(before=before, after=after)
        assert found.startswith("padding")
    assert "on pictures of 7" in written(shape=(4, 2, 9, 9))[0]
    assert "use at most 64" in written(shape=(4, 2, 65, 65), size=(70, 70))[0]
    assert "use at most 4096" in written(shape=(4097, 2, 3, 3))[0]
    assert "use at most 65536 along each" in written(size=(1 << 17, 9))[0]
    assert len(written(dilations=(2, 1), groups=2, shape=(6, 1, 3, 5), strides=(1, 2))) == 3


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_gives_as_many_outputs_as_inputs_by_stride(stride):
    for size, kernel in ((9, 3), (8, 3), (8, 5), (7, 4)):
        before, after = named_padding("same", kernel=(kernel,) * 2, size=(size,) * 2, strides=(stride,) * 2, dilations=(1, 1))
        zeros = before[0] + after[0]
        assert (size + zeros - kernel) // stride + 1 == -(-size // stride) and before[0] <= after[0] <= before[0] + 1
        lower = named_padding(
            "same", kernel=(kernel,) * 2, size=(size,) * 2, strides=(stride,) * 2, dilations=(1, 1), extra_first=True
        )
        assert lower == (after, before)
    assert named_padding("valid", kernel=(3, 3), size=(9, 9), strides=(1, 1), dilations=(1, 1)) == ((0, 0), (0, 0))


def test_the_lines_of_consortium_toml():
    assert settings_lines(mlp((5, 8, 2))) == ["[model]", "hidden = [8]"]
    deep = chain(SHAPE, [*PLAIN[:1], {"kind": "linear", "outputs": 6}, PLAIN[1]])
    table = tomllib.loads("\n".join(settings_lines(deep)))["model"]
    assert table == {"layers": ["conv2d 3 kernel 3 stride 2 padding 1", "linear 6"]}
