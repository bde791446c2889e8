"""All layer types with parameters, all activations between them, and all heads above them, one line each."""

from __future__ import annotations

from proofward.layers.activation import Activation
from proofward.layers.affine import Affine
from proofward.layers.conv2d import Conv2d
from proofward.layers.head import Head
from proofward.layers.linear import Linear
from proofward.layers.relu import Relu
from proofward.layers.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.softmax_head import SoftmaxHead
from proofward.layers.two_class_head import TwoClassHead

AFFINE: dict[str, type[Affine]] = {layer.kind: layer for layer in (Linear, Conv2d)}

IMPLIED: type[Activation] = Relu  #: stands where a plain form names none
ACTIVATIONS: dict[str, type[Activation]] = {own.kind: own for own in (ReluMaxPool2d,)}

HEADS: tuple[type[Head], ...] = (TwoClassHead, SoftmaxHead)
