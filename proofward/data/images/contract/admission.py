"""What a site admits: the largest files, identifying elements, and the salt of its patients' digests."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST_SALT = 16


@dataclass(frozen=True)
class Limits:
    """Bounds that are checked against headers before anything is decoded.

    pixels: of one picture or frame. frames, file_pixels: of one DICOM file, in all its frames. file_bytes: of
    one file in a folder. inflated: bytes of a deflated DICOM file. ratio: how many times more than its
    compressed bytes a member of an npz archive may declare, beyond 16 MiB. examples: images in one array.
    """

    pixels: int = 1 << 26
    frames: int = 1 << 14
    file_pixels: int = 1 << 31
    file_bytes: int = 1 << 31
    inflated: int = 1 << 30
    ratio: int = 200
    examples: int = 1 << 24


@dataclass(frozen=True)
class Admission:
    """salt: secret bytes of the site, which patients' digests are made with."""

    salt: bytes = field(repr=False)
    identifying: bool = False
    burned_in: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if len(self.salt) < LEAST_SALT:
            raise ValueError(f"salt: expected at least {LEAST_SALT} bytes, found {len(self.salt)}")
