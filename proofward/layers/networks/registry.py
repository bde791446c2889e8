"""All layer types with parameters, all activations between them, and all heads above them, one line each."""

from __future__ import annotations

from proofward.layers.activations.activation import Activation
from proofward.layers.activations.relu import Relu
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.affine_layers.linear import Linear
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.heads.head import Head
from proofward.layers.heads.softmax_head import SoftmaxHead
from proofward.layers.heads.two_class_head import TwoClassHead

AFFINE: dict[str, type[Affine]] = {layer.kind: layer for layer in (Linear, Conv2d)}

IMPLIED: type[Activation] = Relu  #: stands where a plain form names none
ACTIVATIONS: dict[str, type[Activation]] = {
    own.kind: own for own in (ReluMaxPool2d, ReluAvgPool2d, ReluGlobalAvgPool)
}

HEADS: tuple[type[Head], ...] = (TwoClassHead, SoftmaxHead)
