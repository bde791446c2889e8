"""Test vectors: statements, proofs and verdicts as files, and how a verdict is reached.

`vectors/<relation>.json` lists vectors; each names a proof file `vectors/<proof>.gz` and gives edits of its
bytes, so that many small changes share one file. An edit [position, removed, inserted] replaces `removed` bytes at
`position` by the bytes whose hex is `inserted`. The verdict is "accepted", or the name of the check that refuses.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from proofward.layers.basics.errors import TrainingError
from proofward.proof.errors import ProofRejected
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, verify_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.proof import committed
from tests.proof.toy import verify

FOLDER = Path(__file__).parent / "vectors"
RELATIONS = ("toy", "committed", "enrolment", "round")
"""The second is the toy relation with the opening's polynomials committed."""


@dataclass(frozen=True)
class Vector:
    """One vector, as in the files."""

    relation: str
    name: str
    statement: dict[str, Any]
    proof: str
    edits: tuple[tuple[int, int, str], ...]
    verdict: str

    @property
    def identity(self) -> str:
        return f"{self.relation}: {self.name}"

    def proof_bytes(self) -> bytes:
        data = bytearray(stored(self.proof))
        for position, removed, inserted in self.edits:
            data[position : position + removed] = bytes.fromhex(inserted)
        return bytes(data)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "statement": self.statement,
            "proof": self.proof,
            "edits": [list(edit) for edit in self.edits],
            "verdict": self.verdict,
        }


@cache
def stored(name: str) -> bytes:
    """A proof file."""
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes())


def load() -> list[Vector]:
    """All vectors."""
    vectors = []
    for relation in RELATIONS:
        for entry in json.loads((FOLDER / f"{relation}.json").read_text()):
            edits = tuple((p, r, i) for p, r, i in entry["edits"])
            fields = {key: entry[key] for key in ("name", "statement", "proof", "verdict")}
            vectors.append(Vector(relation=relation, edits=edits, **fields))
    return vectors


def enrolment_to_dict(statement: EnrolmentStatement) -> dict[str, Any]:
    return {
        "consortium": statement.consortium.hex(),
        "hospital": statement.hospital,
        "rows": statement.rows,
        "features": statement.features,
        "config": statement.config.to_dict(),
    }


def round_to_dict(
    statement: RoundStatement, ciphertext: str, sealed_shares: tuple[bytes, ...]
) -> dict[str, Any]:
    """`ciphertext` is the name of a file of 8 bytes, little endian, a word."""
    return {
        "consortium": statement.consortium.hex(),
        "config": statement.config.to_dict(),
        "round": statement.round,
        "attempt": statement.attempt,
        "hospital": statement.hospital,
        "rows": statement.rows,
        "weight_shift": statement.weight_shift,
        "beacon": statement.beacon.hex(),
        "dataset_root": statement.dataset_root.hex(),
        "initial_weights": statement.initial_weights.tolist(),
        "ciphertext": ciphertext,
        "sealed_shares": [digest.hex() for digest in sealed_shares],
    }


def check(relation: str, statement: dict[str, Any], proof: bytes) -> None:
    """Verify a proof of a statement as in the files."""
    if relation == "toy":
        verify(proof, statement=bytes.fromhex(statement["transcript"]))
    elif relation == "committed":
        committed.verify(proof, bytes.fromhex(statement["transcript"]))
    elif relation == "enrolment":
        values = dict(statement, consortium=bytes.fromhex(statement["consortium"]))
        values["config"] = RoundConfig.from_dict(statement["config"])
        verify_enrolment(EnrolmentStatement(**values), proof)
    else:
        values = {
            key: value for key, value in statement.items() if key not in ("ciphertext", "sealed_shares")
        }
        for name in ("consortium", "beacon", "dataset_root"):
            values[name] = bytes.fromhex(statement[name])
        values["config"] = RoundConfig.from_dict(statement["config"])
        values["initial_weights"] = np.array(statement["initial_weights"], dtype=np.int64)
        ciphertext = np.frombuffer(stored(statement["ciphertext"]), dtype="<u8").astype(np.uint64)
        sealed = tuple(bytes.fromhex(digest) for digest in statement["sealed_shares"])
        verify_round(RoundStatement(**values), ciphertext, sealed, proof)


def verdict_of(relation: str, statement: dict[str, Any], proof: bytes) -> str:
    """ "accepted", or the name of the check that refuses."""
    try:
        check(relation, statement, proof)
    except ProofRejected as error:
        return error.check
    except (TrainingError, SoundnessBelowPolicy) as error:
        return type(error).__name__
    return "accepted"
