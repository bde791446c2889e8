"""Public description of a training: fixed-point scales, network, hyper-parameters, and its first weights.

Flat order of a weight vector: for each layer, W row-major (d_out, d_in), then b (d_out).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from proofward.layers.errors import ConfigurationError

Int64Array = NDArray[np.int64]

MAX_WEIGHT_BITS = 30
MAX_WIDTH = 1 << 16


def padded(width: int) -> int:
    """Least power of two >= width."""
    return 1 << (width - 1).bit_length()


def _require_int(field: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ConfigurationError(field, f"an integer in [{low}, {high}]", value)


def _fields(kind: str, values: object, names: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(values, Mapping) or set(values) != set(names):
        found = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
        raise ConfigurationError(kind, f"a mapping with exactly the keys {sorted(names)}", found)
    return dict(values)


@dataclass(frozen=True)
class FixedPoint:
    """Scales are powers of two: x is the integer x*2^bits. weight_bits = activation_bits + gradient_bits + k.

    Ranges, as the relations check them (r = the range's bits):
      features and inputs      [-2^(r-1), 2^(r-1))      r = activation_range_bits
      pre-activations Q        [-(2^r - 1), 2^r]        r = activation_range_bits
      gradients G              [-2^r, 2^r)              r = gradient_range_bits
      logit difference D       [-2^r, 2^r)              r = logit_range_bits
      rounding remainders      [0, 2^weight_bits)
    """

    activation_bits: int = 6
    gradient_bits: int = 8
    weight_bits: int = 24
    activation_range_bits: int = 12
    gradient_range_bits: int = 11
    logit_range_bits: int = 12
    table_bits: int = 12

    def __post_init__(self) -> None:
        _require_int("activation_bits", self.activation_bits, 1, 14)
        _require_int("gradient_bits", self.gradient_bits, 1, 14)
        _require_int(
            "weight_bits", self.weight_bits, self.activation_bits + self.gradient_bits, MAX_WEIGHT_BITS
        )
        _require_int("table_bits", self.table_bits, 2, 20)
        _require_int("activation_range_bits", self.activation_range_bits, 2, self.table_bits)
        _require_int("gradient_range_bits", self.gradient_range_bits, 1, self.table_bits - 1)
        _require_int("logit_range_bits", self.logit_range_bits, 1, self.table_bits)

    @property
    def rate_shift(self) -> int:
        """k: the learning rate divided by the batch size is rate / 2^k."""
        return self.weight_bits - self.activation_bits - self.gradient_bits

    @property
    def input_range(self) -> tuple[int, int]:
        """Smallest and largest input feature."""
        half = 1 << (self.activation_range_bits - 1)
        return -half, half - 1

    @property
    def pre_activation_range(self) -> tuple[int, int]:
        """Smallest and largest rounded pre-activation Q (v = 2A - s - Q in [0, 2^r))."""
        return 1 - (1 << self.activation_range_bits), 1 << self.activation_range_bits

    @property
    def gradient_range(self) -> tuple[int, int]:
        """Smallest and largest rounded gradient G."""
        return -(1 << self.gradient_range_bits), (1 << self.gradient_range_bits) - 1

    @property
    def logit_range(self) -> tuple[int, int]:
        """Smallest and largest rounded logit difference D."""
        return -(1 << self.logit_range_bits), (1 << self.logit_range_bits) - 1

    def to_dict(self) -> dict[str, int]:
        """Canonical plain form, for digests and messages."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> FixedPoint:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        return cls(**_fields("scales", values, tuple(cls.__dataclass_fields__)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Training:
    """Local training of a round: the learning rate is rate * batch / 2^k.

    Exactly one of `epochs` and `steps` is positive: so many passes over a hospital's records, whatever their
    number, or so many SGD steps, the same for every hospital.
    """

    rate: int = 1
    batch: int = 16
    epochs: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        _require_int("rate", self.rate, 1, 1 << 16)
        _require_int("batch", self.batch, 1, 1 << 16)
        if self.batch & (self.batch - 1):
            raise ConfigurationError("batch", "a power of two", self.batch)
        _require_int("epochs", self.epochs, 0, 1 << 12)
        _require_int("steps", self.steps, 0, 1 << 20)
        if (self.epochs > 0) == (self.steps > 0):
            expected = "exactly one of epochs and steps above 0"
            raise ConfigurationError("epochs", expected, {"epochs": self.epochs, "steps": self.steps})

    @property
    def duration(self) -> str:
        """How long a round trains, in words."""
        count, unit = (self.epochs, "epoch") if self.epochs else (self.steps, "step")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"

    def steps_for(self, rows: int) -> int:
        """T, the SGD steps of a hospital with `rows` records: floor(epochs * rows / batch), or `steps`.

        Raises ConfigurationError where there is no whole step: fewer than batch / epochs records, or fewer
        records than a batch.
        """
        _require_int("rows", rows, 1, 1 << 32)
        if self.steps:
            if rows < self.batch:
                raise ConfigurationError("rows", f"at least one batch of {self.batch}", rows)
            return self.steps
        steps = self.epochs * rows // self.batch
        if steps == 0:
            raise ConfigurationError(
                "rows", f"epochs * rows >= batch ({self.epochs} * rows >= {self.batch})", rows
            )
        return steps

    def padded_steps(self, rows: int) -> int:
        """T_pad: T rounded up to a power of two, the length of the stacked witness."""
        return padded(self.steps_for(rows))

    def to_dict(self) -> dict[str, int]:
        """Canonical plain form, for digests and messages."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> Training:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        return cls(**_fields("training", values, tuple(cls.__dataclass_fields__)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Mlp:
    """Multilayer perceptron: linear layers widths[i] -> widths[i+1] with ReLU between, two-class head."""

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if type(self.widths) is not tuple or len(self.widths) < 2:
            raise ConfigurationError("widths", "a tuple of at least two widths", self.widths)
        for index, width in enumerate(self.widths):
            _require_int(f"widths[{index}]", width, 1, MAX_WIDTH)
        if self.widths[-1] != 2:
            raise ConfigurationError("widths[-1]", "2 (two-class head)", self.widths[-1])

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(d_out, d_in) of every linear layer."""
        return tuple(zip(self.widths[1:], self.widths[:-1], strict=True))

    @property
    def parameters(self) -> int:
        """Length of the flat weight vector."""
        return sum(d_out * (d_in + 1) for d_out, d_in in self.shapes)

    @property
    def offsets(self) -> tuple[tuple[int, int, int], ...]:
        """Per layer, positions in the flat vector: (start of W, start of b, end)."""
        result, start = [], 0
        for d_out, d_in in self.shapes:
            bias = start + d_out * d_in
            result.append((start, bias, bias + d_out))
            start = bias + d_out
        return tuple(result)

    def unflatten(self, flat: Int64Array) -> list[tuple[Int64Array, Int64Array]]:
        """Views (W (d_out, d_in), b (d_out,)) per layer of a flat vector (parameters,)."""
        self.check_flat(flat)
        return [
            (flat[start:bias].reshape(shape), flat[bias:end])
            for (start, bias, end), shape in zip(self.offsets, self.shapes, strict=True)
        ]

    def check_flat(self, flat: Int64Array) -> None:
        """Raises ConfigurationError unless `flat` is an int64 vector of length `parameters`."""
        if not isinstance(flat, np.ndarray) or flat.dtype != np.int64 or flat.shape != (self.parameters,):
            found = (str(flat.dtype), flat.shape) if isinstance(flat, np.ndarray) else type(flat).__name__
            raise ConfigurationError("weights", f"int64 array of shape ({self.parameters},)", found)

    def to_dict(self) -> dict[str, list[int]]:
        """Canonical plain form, for digests and messages."""
        return {"widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: object) -> Mlp:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        widths = _fields("model", values, ("widths",))["widths"]
        if not isinstance(widths, list | tuple):
            raise ConfigurationError("widths", "a list of integers", widths)
        return cls(tuple(widths))


def initial_weights(model: Mlp, scales: FixedPoint, seed: bytes) -> Int64Array:
    """He-uniform weights at scale 2^weight_bits, biases zero: int64 (parameters,), fixed by the seed.

    A layer's weights are uniform on [-bound, bound] with bound = isqrt(6 * 4^weight_bits / d_in), drawn from
    SHAKE-256(domain, layer, seed), four bytes (little endian) each, of which 31 bits are used.
    """
    if type(seed) is not bytes:
        raise ConfigurationError("seed", "bytes", type(seed).__name__)
    flat = np.zeros(model.parameters, dtype=np.int64)
    for index, (weights, _) in enumerate(model.unflatten(flat)):
        bound = isqrt((6 << (2 * scales.weight_bits)) // weights.shape[1])
        shake = hashlib.shake_256(b"proofward/initial-weights/v1" + index.to_bytes(4, "little") + seed)
        draws = np.frombuffer(shake.digest(4 * weights.size), dtype="<u4").astype(np.uint64) >> np.uint64(1)
        # bound <= sqrt(6) * 2^30, so draws * (2*bound + 1) < 2^31 * 2^32.4 < 2^64.
        scaled = (draws * np.uint64(2 * bound + 1)) >> np.uint64(31)
        weights[...] = scaled.astype(np.int64).reshape(weights.shape) - bound
    return flat
