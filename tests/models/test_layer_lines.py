"""Layers as lines of words: what they become, what is refused, and the same again from a network."""

from __future__ import annotations

import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import mlp
from proofward.models.layer_lines import line_of, lines_of, network_of, plain_layer, usage
from proofward.models.settings import Settings, settings_of

CONV = {"kind": "conv2d", "outputs": 8, "kernel": 3, "stride": 2, "padding": 1}
TRAINING = {"learning_rate": 0.0625, "batch": 16, "steps": 2, "clip_bound": 1.5}


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("conv2d 8 kernel 3 stride 2 padding 1", CONV),
        ("conv2d padding 1 stride 2 kernel 3 outputs 8", CONV),
        ("  conv2d   8 kernel 3 ", {**CONV, "stride": 1, "padding": 0}),
        ("conv2d 8 kernel 3 stride 2 padding 1 groups 4", {**CONV, "groups": 4}),
        ("conv2d 8 kernel 3 stride 2 padding 1 groups 1", CONV),
        ("linear 32", {"kind": "linear", "outputs": 32}),
        ("add 0", {"kind": "add", "from": 0}),
        ("add 12 by conv2d 8 kernel 3 stride 2 padding 1", {"kind": "add", "from": 12, "by": CONV}),
        ("relu_maxpool2d", {"kind": "relu_maxpool2d"}),
        ("relu_avgpool2d", {"kind": "relu_avgpool2d"}),
        ("relu_avgpool2d 3", {"kind": "relu_avgpool2d", "size": 3}),
        ("relu_avgpool2d size 2", {"kind": "relu_avgpool2d"}),
        ("relu_global_avgpool", {"kind": "relu_global_avgpool"}),
    ],
)
def test_lines_become_layers(line, plain):
    assert plain_layer(line) == plain
    assert plain_layer(line_of(plain)) == plain


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "`conv2d OUTPUTS kernel K [stride S] [padding P] [groups G]` or `linear OUTPUTS` or `relu_avgpool2d [SIZE]` or `relu_global_avgpool` or `relu_maxpool2d` or `add LAYER|row [by conv2d or linear ..]`, got ''"),
        ("attention 8", "`add LAYER|row [by conv2d or linear ..]`, got 'attention 8'"),
        ("add", "expected `add LAYER|row [by conv2d or linear ..]`"),
        ("add 1 by", "expected `add LAYER|row [by conv2d or linear ..]`"),
        ("add 1 conv2d 8 kernel 1", "expected `add LAYER|row [by conv2d or linear ..]`"),
        ("add 1 by relu_maxpool2d", "expected `add LAYER|row [by conv2d or linear ..]`"),
        ("add 1 by add 1", "expected `add LAYER|row [by conv2d or linear ..]`"),
        ("add 1 by conv2d 8", "got 'conv2d 8, without kernel'"),
        ("conv2d 8", "got 'conv2d 8, without kernel'"),
        ("conv2d kernel 3", "without outputs"),
        ("conv2d 8 kernel", "expected `conv2d OUTPUTS kernel K"),
        ("conv2d 8 kernel 3 kernel 5", "expected `conv2d OUTPUTS kernel K"),
        ("conv2d 8 kernel 3 dilation 2", "expected `conv2d OUTPUTS kernel K"),
        ("conv2d 8 kernel -3", "expected `conv2d OUTPUTS kernel K"),
        ("conv2d 8 kernel 9999999999999", "expected `conv2d OUTPUTS kernel K"),
        ("linear 8 9", "expected `linear OUTPUTS`"),
        ("relu_maxpool2d 2", "expected `relu_maxpool2d`, got"),
        ("relu_avgpool2d 3 4", "expected `relu_avgpool2d [SIZE]`, got"),
        ("linear " + 300 * "8", "got 'linear 8"),
    ],
)
def test_other_lines_are_refused(line, words):
    with pytest.raises(ConfigurationError) as refused:
        plain_layer(line)
    assert words in str(refused.value)


def test_a_network_of_lines():
    found = network_of((3, 16, 16), ["conv2d 8 kernel 3 stride 2 padding 1", "linear 5"])
    assert lines_of(found) == ["conv2d 8 kernel 3 stride 2 padding 1", "linear 5"]
    assert found.words == "3x16x16-8x8x8-5-2" and found.to_dict()["layers"][0] == CONV
    assert network_of((12,), ["linear 16", "linear 8"]) == mlp((12, 16, 8, 2))
    assert network_of((1, 4, 4), []).words == "1x4x4-2"
    assert usage("linear") == "linear OUTPUTS"
    pooled = ["conv2d 4 kernel 3 stride 1 padding 1", "relu_maxpool2d", "linear 6"]
    assert network_of((1, 8, 8), pooled).activations[0].gives.axes == (4, 4, 4)
    assert lines_of(network_of((1, 8, 8), pooled)) == pooled
    assert network_of((1, 8, 8), pooled[:2]).layers[-1].inputs.axes == (4, 4, 4)


@pytest.mark.parametrize(
    ("axes", "lines", "words"),
    [
        ((1, 8, 8), ["conv2d 4 kernel 3 stride 2 padding 1", "conv2d 4 kernel 5"],
         "model.layers, layer 2 (conv2d 4 kernel 5): kernel: expected at most 4, got 5"),
        ((12,), ["conv2d 4 kernel 3"], "layer 1 (conv2d 4 kernel 3): inputs of a convolution: expected (channels"),
        ((1, 8, 8), ["linear 4", "conv2d 4 kernel 3"], "layer 2 (conv2d 4 kernel 3): inputs of a convolution"),
        ((1, 8, 8), ["conv2d 4 kernel 3 stride 65"], "stride: expected an integer in [1, 64], got 65"),
        ((1, 8, 8), ["conv2d 4 kernel 3", "add 0"], "layer 2 (add 0): values that join the sums of 1x8x8 -> 4x6x6"),
        ((1, 8, 8), ["conv2d 4 kernel 3", "add 2"], "layer 2 (add 2): from: expected the number of a layer up to 0"),
        ((1, 8, 8), ["linear 4", "relu_maxpool2d"], "layer 2 (relu_maxpool2d): "),
        ((1, 8, 8), ["relu_maxpool2d"], "layer 1 (relu_maxpool2d): "),
        ((1, 8, 8), ["linear 0"], "layer 1 (linear 0): outputs: expected an integer in [1, 65536], got 0"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(axes, lines, words):
    with pytest.raises(ConfigurationError) as refused:
        network_of(axes, lines)
    assert words in str(refused.value)


def test_settings_have_widths_or_layers():
    layers = ["conv2d 4 kernel 3 stride 2 padding 1"]
    found = settings_of({"model": {"layers": layers}, "training": TRAINING})
    assert found.complete and found.preset("", "", (1, 8, 8)).model.words == "1x8x8-4x4x4-2"
    base = Settings((16,), 0.0625, 16, None, 2, 1.5)
    assert Settings(layers=tuple(layers)).over(base) == found
    assert Settings(hidden=(3,)).over(found).layers is None and not Settings(layers=()).complete
    assert Settings((5,), 0.5, 16, 1, None, 1.0).preset("", "", (1, 4, 4)).model == mlp((16, 5, 2))
    for model, words in (
        ({"layers": layers, "hidden": [3]}, "model: expected either hidden or layers, got 'both'"),
        ({"layers": "linear 3"}, "model.layers: expected a list of lines, such as"),
        ({"layers": [3]}, "model.layers: expected a list of lines"),
        ({"layers": ["linear 3", "pool 2"]}, "model.layers, layer 2: expected `conv2d"),
        ({"layers": 65 * ["linear 3"]}, "model.layers: expected at most 64 layers, got 65"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            settings_of({"model": model, "training": TRAINING})
        assert words in str(refused.value)
