"""What a hospital keeps of its committed dataset.

The data, what opens the newest commitment to them, and how often that may still be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.proof.commitment.contract import Committed
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.errors import OpeningsExhausted, WitnessError

Signed = npt.NDArray[np.int64]

_LARGEST = 1 << 36
Data = Annotated[bytes, Length(0, _LARGEST)]
Count = Annotated[int, Range(0, 1 << 32)]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The secret as a record; arrays are little-endian words."""

    kind: ClassVar[str] = "dataset secret"
    version: ClassVar[int] = 2

    shape: tuple[Count, Count]
    features: Data
    labels: Data
    commitment: Data
    openings_left: Count


@dataclass(frozen=True, slots=True)
class DatasetSecret:
    """Features int64 (n, d), labels int64 (n,), their commitment, and the openings it still hides."""

    features: Signed
    labels: Signed
    commitment: Committed
    openings_left: int

    @property
    def root(self) -> bytes:
        return self.commitment.root

    def spend(self) -> DatasetSecret:
        """The secret after one more opening; keep it before the proof that opens it is sent.

        Raises OpeningsExhausted.
        """
        if self.openings_left < 1:
            raise OpeningsExhausted(
                "this commitment has been opened as often as it hides the data: enrol the dataset afresh"
            )
        return DatasetSecret(self.features, self.labels, self.commitment, self.openings_left - 1)

    def open_under(self, root: bytes) -> None:
        """Before a proof opens it: raises WitnessError under another root, OpeningsExhausted."""
        if self.root != root:
            raise WitnessError(
                f"the stored dataset has commitment {self.root.hex()[:16]}, the statement names "
                f"{root.hex()[:16]}: use the newest secret"
            )
        self.spend()

    def to_bytes(self) -> bytes:
        """Canonical bytes; they are secret."""
        rows, width = self.features.shape
        return encode(
            _Stored(
                shape=(rows, width),
                features=self.features.astype("<i8").tobytes(),
                labels=self.labels.astype("<i8").tobytes(),
                commitment=self.commitment.to_bytes(),
                openings_left=self.openings_left,
            )
        )

    @staticmethod
    def from_bytes(data: bytes) -> DatasetSecret:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        stored = decode(data, _Stored, max_bytes=_LARGEST)
        try:
            features = np.frombuffer(stored.features, dtype="<i8").astype(np.int64).reshape(stored.shape)
            labels = np.frombuffer(stored.labels, dtype="<i8").astype(np.int64).reshape(stored.shape[0])
        except ValueError as error:
            raise MalformedMessage("dataset secret", "bytes of DatasetSecret.to_bytes", str(error)) from None
        return DatasetSecret(features, labels, SCHEME.from_bytes(stored.commitment), stored.openings_left)
