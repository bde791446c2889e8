"""What a hospital keeps of its committed dataset: the data, the blinding and salts of the newest tableau, and how often it may still be opened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.encoding import MalformedMessage, decode_item, encode_item
from proofward.field.goldilocks import is_canonical
from proofward.proof.errors import OpeningsExhausted
from proofward.proof.soundness import CodeParameters
from proofward.proof.tableau import CommittedTableau

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DatasetSecret:
    """Features int64 (n, d), labels int64 (n,), the committed tableau, and the openings that its blinding still hides."""

    features: Signed
    labels: Signed
    tableau: CommittedTableau
    openings_left: int

    @property
    def root(self) -> bytes:
        return self.tableau.root

    def spend(self) -> DatasetSecret:
        """The secret after one more opening; keep it before the proof that opens it is sent. Raises OpeningsExhausted."""
        if self.openings_left < 1:
            raise OpeningsExhausted("this commitment has been opened as often as its blinding hides: enrol the dataset afresh")
        return DatasetSecret(self.features, self.labels, self.tableau, self.openings_left - 1)

    def to_bytes(self) -> bytes:
        """Canonical bytes; they are secret."""
        code = self.tableau.code
        return encode_item(
            {
                "version": 1,
                "code": [code.log_k, code.log_n, code.queries, code.openings],
                "shape": list(self.features.shape),
                "features": self.features.astype("<i8").tobytes(),
                "labels": self.labels.astype("<i8").tobytes(),
                "data": self.tableau.data.astype("<u8").tobytes(),
                "blinding": self.tableau.blinding.astype("<u8").tobytes(),
                "salts": self.tableau.salt_seed,
                "openings": self.openings_left,
            }
        )

    @staticmethod
    def from_bytes(data: bytes) -> DatasetSecret:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        try:
            fields = decode_item(data)
            code = CodeParameters(*fields["code"])
            rows, width = fields["shape"]
            features = np.frombuffer(fields["features"], dtype="<i8").astype(np.int64).reshape(rows, width)
            labels = np.frombuffer(fields["labels"], dtype="<i8").astype(np.int64).reshape(rows)
            values = np.frombuffer(fields["data"], dtype="<u8").astype(np.uint64).reshape(-1, code.k)
            blinding = np.frombuffer(fields["blinding"], dtype="<u8").astype(np.uint64).reshape(-1, code.blinding)
            if not (is_canonical(values.reshape(-1)) and is_canonical(blinding.reshape(-1))):
                raise ValueError("elements not below P")
            return DatasetSecret(features, labels, CommittedTableau(code, values, blinding, fields["salts"]), fields["openings"])
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedMessage("dataset secret", "bytes of DatasetSecret.to_bytes", str(error)) from None
