"""How to compute with a model's weights elsewhere, in words."""

from __future__ import annotations

from proofward.data.image_schema import ImageSchema
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d
from proofward.layers.basics.record import FIRST, ROW
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint


def computation(model: Network, scales: FixedPoint, images: ImageSchema | None) -> list[str]:
    """A sentence a step, from the records' values to the classes; images: where they are made of pictures."""
    low, high = scales.input_range
    unit = 1 << scales.activation_bits
    row = [f"behind the pixels x is a value of the row, of {model.row} columns"]
    layers = [
        "values lie channel by channel and row by row; a conv2d layer correlates, with zero padding, "
        "weight (outputs, channels of a group, kernel, kernel), as PyTorch's Conv2d; behind relu_maxpool2d "
        "the largest of each window of 2 x 2 values of a channel is kept, as by MaxPool2d(2)"
    ]
    pools = [
        "behind a layer that relu_maxpool2d follows: the largest of every 2 x 2 values of a channel, side by "
        "side; a last row or column that fills no window is dropped"
    ]
    sizes = sorted({own.size for own in model.activations if isinstance(own, ReluAvgPool2d)} or {2})
    words = " or ".join(f"{size} x {size}" for size in sizes)
    modules = " or ".join(f"AvgPool2d({size})" for size in sizes)
    means = [
        f"behind a layer that relu_avgpool2d follows: the mean of every {words} values of a channel, as by "
        f"{modules}, and behind relu_global_avgpool the mean of the channel; means are not rounded"
    ]
    two = [
        "the last layer: weight @ input + bias, two logits, for classes[0] and classes[1]",
        "probability of classes[1] = 1 / (1 + exp(logit 0 - logit 1)); classes[1] where it is above 1/2",
        f"in integers, which decide: activations are rounded to 1 / {unit}, halves up, and so is logit 1 - "
        "logit 0",
    ]
    several = [
        "the last layer: weight @ input + bias, a logit for each of the classes",
        "probabilities: exp(logit) / sum of exp(logits); the class is that of the largest logit",
        f"in integers, which decide: activations are rounded to 1 / {unit}, halves up, and so are logits",
    ]
    return [
        *_of_images(images),
        *(row if images and model.row else []),
        *([] if model.is_mlp else layers),
        f"input = min(max(round((x - centre) / spread * {unit}), {low}), {high}) / {unit}",
        f"every layer but the last: min(max(weight @ input + bias, 0), {_limits(model, scales)}",
        *(_shortcuts(model) if model.shortcuts else []),
        *(pools if any(isinstance(own, ReluMaxPool2d) for own in model.activations) else []),
        *(means if any(own.mean_of > 1 for own in model.activations) else []),
        *(two if model.head.classes == 2 else several),
    ]


def _limits(model: Network, scales: FixedPoint) -> str:
    """Where hidden values end: one limit, or one for each layer."""
    limits = [f"{scales.of_layer(place).real_limit:g}" for place in range(len(model.activations))]
    if not scales.activation_ranges:
        return f"{scales.real_limit:g})"
    return f"the layer's limit); of layers 1 to {len(limits)} it is {', '.join(limits)}"


_SOURCES = {FIRST: "the record", ROW: "the row"}


def _of_images(images: ImageSchema | None) -> list[str]:
    """What x is, of pictures."""
    if images is None:
        return []
    pixel = "a pixel of a picture made by the rule, channel by channel and row by row: its byte / 255"
    if (frozen := images.frozen) is None:
        return [f"x is {pixel}"]
    return [
        f"p is {pixel}; (p - centre) / spread, with the centre and spread of images, goes into the frozen "
        f"network {frozen.name}, {frozen.digest.hex()}, in its exact integers",
        "x is an output of that network; centre and spread are those of images.frozen",
    ]


def _shortcuts(model: Network) -> list[str]:
    """What joins which layer's sums, before they are cut off at 0."""
    found = []
    for own in model.shortcuts:
        source = _SOURCES.get(own.source, f"the values behind layer {own.source}")
        through = "" if own.by is None else f", through layer {own.by + 1}"
        found.append(f"{source}{through} are added to the sums of layer {own.into + 1}")
    return [f"layers 1 to {model.depth} follow one another; {'; '.join(found)}"]
