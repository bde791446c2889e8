"""A network's first weights, which a seed fixes."""

from __future__ import annotations

import hashlib
from math import isqrt

import numpy as np

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array


def largest_first_weight(model: Network, scales: FixedPoint) -> int:
    """The largest that any layer can be given at first."""
    return max(_bound(scales, layer.fan_in) for layer in model.layers)


def _bound(scales: FixedPoint, fan_in: int) -> int:
    return isqrt((6 << (2 * scales.weight_bits)) // fan_in)


def initial_weights(model: Network, scales: FixedPoint, seed: bytes) -> Int64Array:
    """He-uniform weights at scale 2^weight_bits, biases zero: int64 (parameters,), fixed by the seed.

    A layer's weights are uniform on [-bound, bound] with bound = isqrt(6 * 4^weight_bits / fan_in), drawn
    from SHAKE-256(domain, layer, seed), four bytes (little endian) each, of which 31 bits are used.
    """
    if type(seed) is not bytes:
        raise ConfigurationError("seed", "bytes", type(seed).__name__)
    flat = np.zeros(model.parameters, dtype=np.int64)
    for index, ((weights, _), layer) in enumerate(zip(model.unflatten(flat), model.layers, strict=True)):
        bound = _bound(scales, layer.fan_in)
        shake = hashlib.shake_256(b"proofward/initial-weights/v1" + index.to_bytes(4, "little") + seed)
        draws = np.frombuffer(shake.digest(4 * weights.size), dtype="<u4").astype(np.uint64) >> np.uint64(1)
        # bound <= sqrt(6) * 2^30, so draws * (2*bound + 1) < 2^31 * 2^32.4 < 2^64.
        scaled = (draws * np.uint64(2 * bound + 1)) >> np.uint64(31)
        weights[...] = scaled.astype(np.int64).reshape(weights.shape) - bound
    return flat
