"""All layer types with parameters, one line each."""

from __future__ import annotations

from proofward.layers.affine import Affine
from proofward.layers.conv2d import Conv2d
from proofward.layers.linear import Linear

AFFINE: dict[str, type[Affine]] = {layer.kind: layer for layer in (Linear, Conv2d)}
