"""What a hospital keeps of its committed dataset.

The data, the blinding and salts of the newest tableau, and how often it may still be opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.field.goldilocks import is_canonical
from proofward.proof.errors import OpeningsExhausted
from proofward.proof.soundness import CodeParameters
from proofward.proof.tableau import CommittedTableau

Signed = npt.NDArray[np.int64]

_LARGEST = 1 << 36
Data = Annotated[bytes, Length(0, _LARGEST)]
Count = Annotated[int, Range(0, 1 << 32)]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The secret as a record; arrays are little-endian words."""

    kind: ClassVar[str] = "dataset secret"
    version: ClassVar[int] = 1

    code: tuple[Count, Count, Count, Count]
    shape: tuple[Count, Count]
    features: Data
    labels: Data
    data: Data
    blinding: Data
    salt_seed: Annotated[bytes, Length(32)]
    openings_left: Count


@dataclass(frozen=True, slots=True)
class DatasetSecret:
    """Features int64 (n, d), labels int64 (n,), the committed tableau, and the openings it still hides."""

    features: Signed
    labels: Signed
    tableau: CommittedTableau
    openings_left: int

    @property
    def root(self) -> bytes:
        return self.tableau.root

    def spend(self) -> DatasetSecret:
        """The secret after one more opening; keep it before the proof that opens it is sent.

        Raises OpeningsExhausted.
        """
        if self.openings_left < 1:
            raise OpeningsExhausted(
                "this commitment has been opened as often as its blinding hides: enrol the dataset afresh"
            )
        return DatasetSecret(self.features, self.labels, self.tableau, self.openings_left - 1)

    def to_bytes(self) -> bytes:
        """Canonical bytes; they are secret."""
        code, tableau = self.tableau.code, self.tableau
        rows, width = self.features.shape
        return encode(
            _Stored(
                code=(code.log_k, code.log_n, code.queries, code.openings),
                shape=(rows, width),
                features=self.features.astype("<i8").tobytes(),
                labels=self.labels.astype("<i8").tobytes(),
                data=tableau.data.astype("<u8").tobytes(),
                blinding=tableau.blinding.astype("<u8").tobytes(),
                salt_seed=tableau.salt_seed,
                openings_left=self.openings_left,
            )
        )

    @staticmethod
    def from_bytes(data: bytes) -> DatasetSecret:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        stored = decode(data, _Stored, max_bytes=_LARGEST)
        try:
            code = CodeParameters(*stored.code)
            features = np.frombuffer(stored.features, dtype="<i8").astype(np.int64).reshape(stored.shape)
            labels = np.frombuffer(stored.labels, dtype="<i8").astype(np.int64).reshape(stored.shape[0])
            values = np.frombuffer(stored.data, dtype="<u8").astype(np.uint64).reshape(-1, code.k)
            blinding = np.frombuffer(stored.blinding, dtype="<u8").astype(np.uint64)
            if not (is_canonical(values.reshape(-1)) and is_canonical(blinding)):
                raise ValueError("elements not below P")
            tableau = CommittedTableau(code, values, blinding.reshape(-1, code.blinding), stored.salt_seed)
        except ValueError as error:
            raise MalformedMessage("dataset secret", "bytes of DatasetSecret.to_bytes", str(error)) from None
        return DatasetSecret(features, labels, tableau, stored.openings_left)
