"""A frozen part in a consortium's terms: which network, and how its outputs become the features of a record.

An output x becomes (x - centre) / spread, rounded and clipped as a column of a table is. The network itself
lies beside the terms, in the file FROZEN_NAME of a kit, and is known by its digest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from proofward.data.columns.schema import CLIPPED_PERCENT, Feature, FeaturesInvalid
from proofward.data.frozen.network import FrozenNetwork
from proofward.data.frozen.weights import LIMIT, VALUE_BITS
from proofward.data.frozen.windows import FloatArray, Shape
from proofward.data.images.contract.example import Bytes
from proofward.data.images.pixels.levels import Levels
from proofward.data.reading.plausibility import CLIPPED, Doubt, clipped_by_name, outside
from proofward.data.reading.records import to_fixed_point
from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.rules.model import FixedPoint, Int64Array

FROZEN_NAME = "frozen.network"
UNIT = "output"
MAX_NAME = 100


@dataclass(frozen=True)
class FrozenPart:
    """name: of the file that it was made of. digest: of the network. outputs: features of a picture.

    centre, spread: one number for all features, or one for each. network: once it is at hand.
    """

    name: str
    digest: bytes
    outputs: int
    centre: tuple[float, ...] = (0.0,)
    spread: tuple[float, ...] = (1.0,)
    network: FrozenNetwork | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise FeaturesInvalid(
                f"frozen: expected a name of 1 to {MAX_NAME} characters, found {name!r:.80}"
            )
        if "/" in name or "\\" in name or name != name.strip() or name in (".", ".."):
            raise FeaturesInvalid(f"frozen: expected a file's name without folders, found {name!r}")
        if type(self.outputs) is not int or not 1 <= self.outputs <= MAX_WIDTH:
            raise FeaturesInvalid(f"frozen: expected 1 to {MAX_WIDTH} features, found {self.outputs!r:.40}")
        if len(self.digest) != 32:
            raise FeaturesInvalid(f"frozen: expected a digest of 32 bytes, found {len(self.digest)}")
        for what, own in (("centre", self.centre), ("spread", self.spread)):
            if len(own) not in (1, self.outputs) or (len(own) > 1 and len(set(own)) == 1):
                words = f"frozen.{what}: expected one number, or different ones for {self.outputs} features"
                raise FeaturesInvalid(f"{words}, found {len(own)}")
            for value in own:
                if type(value) is not float or not math.isfinite(value) or (what == "spread" and value <= 0):
                    wanted = "numbers above 0" if what == "spread" else "numbers"
                    raise FeaturesInvalid(f"frozen.{what}: expected {wanted}, found {value!r:.40}")

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of a record, in their order."""
        centre, spread = (own * (self.outputs // len(own)) for own in (self.centre, self.spread))
        return tuple(
            Feature(f"feature {number} of {self.name}", *scale, UNIT)
            for number, scale in enumerate(zip(centre, spread, strict=True), 1)
        )

    @property
    def words(self) -> str:
        """Name, size and digest."""
        return f"{self.outputs} features of the frozen network {self.name}, {self.digest.hex()}"

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "digest": self.digest.hex(),
            "features": self.outputs,
            "centre": list(self.centre),
            "spread": list(self.spread),
        }

    @classmethod
    def from_plain(cls, plain: object) -> FrozenPart:
        """Inverse of `to_plain`; raises FeaturesInvalid."""
        match plain:
            case {"name": name, "digest": str() as digest, "features": outputs, "centre": list() as centre,
                  "spread": list() as spread, **rest} if not rest:  # fmt: skip
                try:
                    return cls(name, bytes.fromhex(digest), outputs, tuple(centre), tuple(spread))
                except ValueError as error:
                    if isinstance(error, FeaturesInvalid):
                        raise
        words = "frozen: expected name, digest, features, centre and spread"
        raise FeaturesInvalid(f"{words}, found {plain!r:.80}")

    def with_network(self, network: FrozenNetwork, shape: Shape) -> FrozenPart:
        """With the network at hand, on pictures of this shape; raises FeaturesInvalid for another one."""
        if network.digest != self.digest:
            expected, found = self.digest.hex(), network.digest.hex()
            raise FeaturesInvalid(f"frozen network {self.name}: expected digest {expected}, found {found}")
        if network.shape != shape:
            words = f"it takes pictures {network.shape}, the images are {shape}"
            raise FeaturesInvalid(f"frozen network {self.name}: {words} (channels, height, width)")
        if network.outputs != self.outputs:
            words = f"expected {self.outputs} features, found {network.outputs}"
            raise FeaturesInvalid(f"frozen network {self.name}: {words}")
        return replace(self, network=network)

    def outputs_of(self, levels: Levels, pixels: Bytes) -> FloatArray:
        """What the network makes of pixels (n, channels, height, width): float64 (n, outputs), exact."""
        if self.network is None:
            raise FeaturesInvalid(
                f"the file of the frozen network {self.name} is needed, {self.digest.hex()}"
            )
        step = self.network.at_a_time
        parts = [
            self.network.features(levels.values(pixels[at : at + step], VALUE_BITS).astype(np.float64))
            for at in range(0, len(pixels), step)
        ]
        return np.concatenate(parts) / (1 << VALUE_BITS)

    def check_levels(self, levels: Levels, channels: int) -> None:
        """Raises ConfigurationError unless black and white are values of a frozen network."""
        levels.check_range(channels, VALUE_BITS, (-LIMIT, LIMIT))


@dataclass
class Reached:
    """What the features of a set of pictures reached: for their scaling, and to say what was clipped."""

    part: FrozenPart
    count: int = 0
    outside: Int64Array = field(init=False)
    sums: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.outside = np.zeros(self.part.outputs, dtype=np.int64)
        self.sums = np.zeros((2, self.part.outputs))

    def inputs(self, levels: Levels, pixels: Bytes, scales: FixedPoint) -> Int64Array:
        """The features of pixels in integers (n, outputs), which are counted."""
        part = self.part
        values = part.outputs_of(levels, pixels)
        with np.errstate(over="ignore"):
            normalised = (values - np.array(part.centre)) / np.array(part.spread)
        self.count += len(values)
        self.outside += outside(normalised, scales).sum(axis=0)
        self.sums += np.stack([values.sum(axis=0), (values**2).sum(axis=0)])
        return to_fixed_point(normalised, scales)

    @property
    def clipped(self) -> Mapping[str, int]:
        """By feature, how many values lay outside the range of inputs."""
        return clipped_by_name(self.part.features, self.outside)

    @property
    def doubts(self) -> list[Doubt]:
        """Whether so much was clipped that the scaling cannot be meant."""
        values, hits = self.count * self.part.outputs, int(self.outside.sum())
        if 100 * hits <= CLIPPED_PERCENT * values:
            return []
        words = (
            f"clipped to the range of inputs are {hits} of {values} features of {self.part.name}, more than"
        )
        words = f"{words} {CLIPPED_PERCENT} percent; are centre and spread in [frozen] right?"
        return [Doubt(CLIPPED, "", words)]

    @property
    def note(self) -> str:
        """Centre and spread that would bring these features to mean 0 and deviation 1, all together."""
        mean, square = (float(own.mean()) / max(self.count, 1) for own in self.sums)
        spread = math.sqrt(max(square - mean * mean, 0.0))
        share = 100 * float(self.outside.sum()) / max(self.count * self.part.outputs, 1)
        scaled = f"{share:.2g} percent are clipped"
        return (
            f"features of {self.part.name}: mean {mean:.4g}, deviation {spread:.4g}, which [frozen] would "
            f"bring to 0 and 1 by centre = {mean:.4g} and spread = {spread:.4g}; as it is {scaled}"
        )
