"""The stored vectors: the verifier and its plain-integer reference accept and refuse exactly the same."""

from __future__ import annotations

import pytest

from proofward.field import reference_arithmetic
from tests.vector_files import FOLDER, RELATIONS, Vector, load, verdict_of

VECTORS = load()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.identity)
def test_verdict(vector: Vector) -> None:
    proof = vector.proof_bytes()
    assert verdict_of(vector.relation, vector.statement, proof) == vector.verdict
    with reference_arithmetic():
        assert verdict_of(vector.relation, vector.statement, proof) == vector.verdict


@pytest.mark.parametrize("relation", RELATIONS)
def test_vectors_are_many_and_of_both_kinds(relation: str) -> None:
    verdicts = [vector.verdict for vector in VECTORS if vector.relation == relation]
    assert verdicts.count("accepted") >= 1
    assert len(verdicts) - verdicts.count("accepted") >= 20
    assert {"length", "encoding", "tableau root", "column queries", "linear constraints"} <= set(verdicts)
    names = [vector.name for vector in VECTORS if vector.relation == relation]
    assert len(set(names)) == len(names)


def test_files_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
