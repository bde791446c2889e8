"""What a consortium fixes about its images, so that one file gives the same bytes at every site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

from proofward.encoding.errors import printable
from proofward.layers.basics.errors import ConfigurationError

LARGEST_SIDE = 4096
FROM_FILE, FIXED, FULL = "file", "fixed", "full"
WINDOWS = (FROM_FILE, FIXED, FULL)
AREA, BILINEAR = "area", "bilinear"
RESAMPLINGS = (AREA, BILINEAR)
STRETCH, CROP, PAD = "stretch", "crop", "pad"
FITS = (STRETCH, CROP, PAD)
_DOMAIN = b"proofward/image-rule/v1"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Size, channels and grey values of every image of a consortium.

    channels: 1 (colours become their luma) or 3 (grey is repeated)
    window: which values become black and white. FROM_FILE: the first window or table of a DICOM file, the
        full range where it has none; FIXED: centre and width, in the file's unit (Hounsfield for CT); FULL:
        every value that the file's number of bits can hold
    resampling: AREA, the mean of the area below each pixel; BILINEAR, between the four nearest centres
    fit: STRETCH both sides to the size; CROP the middle of the right shape; PAD with black to the right shape
    """

    height: int
    width: int
    channels: int = 1
    window: str = FROM_FILE
    window_centre: int = 0
    window_width: int = 0
    resampling: str = AREA
    fit: str = STRETCH

    def __post_init__(self) -> None:
        self._integer("height", 1, LARGEST_SIDE)
        self._integer("width", 1, LARGEST_SIDE)
        if self._integer("channels", 1, 3) == 2:
            raise ConfigurationError("channels", "1 or 3", 2)
        for name, known in (("window", WINDOWS), ("resampling", RESAMPLINGS), ("fit", FITS)):
            if getattr(self, name) not in known:
                raise ConfigurationError(name, f"one of {', '.join(known)}", printable(getattr(self, name)))
        limit = (1 << 31) if self.window == FIXED else 0
        self._integer("window_centre", -limit, limit)
        self._integer("window_width", 1 if self.window == FIXED else 0, limit)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width), as the layers take an image."""
        return self.channels, self.height, self.width

    @property
    def words(self) -> str:
        """Such as 64 x 64, grey."""
        return f"{self.height} x {self.width}, {'grey' if self.channels == 1 else 'coloured'}"

    def canonical(self) -> dict[str, int | str]:
        """The rule as plain values, each under its field's name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_canonical(cls, plain: Mapping[str, object]) -> ImageRule:
        """The rule of `canonical`; raises ConfigurationError where a name or a value is another."""
        names = {field.name for field in fields(cls)}
        if set(plain) != names:
            wrong = ", ".join(sorted(set(map(str, plain)) ^ names))
            expected = f"the names {', '.join(sorted(names))}"
            raise ConfigurationError("image rule", expected, f"another: {wrong}")
        return cls(**plain)  # type: ignore[arg-type]  # each is checked by __post_init__

    def digest(self) -> bytes:
        """SHA-256 of the rule."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(_DOMAIN + text.encode()).digest()

    def _integer(self, name: str, low: int, high: int) -> int:
        value = getattr(self, name)
        if type(value) is not int or not low <= value <= high:
            raise ConfigurationError(name, f"an integer in [{low}, {high}]", printable(value))
        return int(value)
