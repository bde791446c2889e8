"""The stored vectors: the verifier and its plain-integer reference accept and refuse exactly the same."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

import proofward.field
import proofward.lattice
from proofward.field import reference_arithmetic
from proofward.field.jit import Deferred
from tests.proof.cheats import Region
from tests.relations.test_tamper import MUTATIONS, mutants
from tests.vector_files import FOLDER, RELATIONS, Vector, load, verdict_of

VECTORS = load()
# of committed polynomials
CHECKS = {
    "claims on the polynomials",
    "row of the polynomials",
    "column queries of the polynomials",
    "root of polynomials",
}


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
    checks = CHECKS if relation == "committed" else {"column queries", "linear constraints"}
    assert {"length", "encoding", "tableau root"} | checks <= set(verdicts)
    names = [vector.name for vector in VECTORS if vector.relation == relation]
    assert len(set(names)) == len(names)


def test_files_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000


def kernels_used(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Watches every compiled kernel; returns the set that their names are put into when they are called."""
    used: set[str] = set()

    def watched(name: str, kernel: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            used.add(name)
            return kernel(*arguments)

        return call

    for package in (proofward.field, proofward.lattice):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in list(vars(module).items()):
                if isinstance(value, Deferred):
                    monkeypatch.setattr(module, name, watched(f"{module.__name__}.{name}", value))
    return used


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_reference_runs_no_kernel(monkeypatch: pytest.MonkeyPatch, relation: str) -> None:
    vector = next(v for v in VECTORS if v.relation == relation and v.verdict == "accepted")
    proof = vector.proof_bytes()
    used = kernels_used(monkeypatch)
    assert verdict_of(relation, vector.statement, proof) == "accepted"
    assert len(used) >= 5
    used.clear()
    with reference_arithmetic():
        assert verdict_of(relation, vector.statement, proof) == "accepted"
    assert used == set()


@pytest.mark.parametrize("relation", [relation for relation in RELATIONS if relation != "committed"])
def test_each_part_of_a_proof_is_refused_by_its_check(relation: str) -> None:
    verdicts = {v.name[len("flipped bit in ") :]: v.verdict for v in VECTORS if v.relation == relation}
    expected = {
        "padded message": "linear constraints",
        "linear test polynomial": "linear constraints",
        "quadratic test quotient": "combined row at the out-of-domain point",
        "out-of-domain evaluations": "combined row at the out-of-domain point",
        "combined row": "combined row at the out-of-domain point",
        "columns of witness": "tableau root",
        "salts of witness": "tableau root",
        "siblings of witness": "tableau root",
    }
    changed = {part: verdicts[part] for part in expected}
    # p is checked by its sum over H, which has few of its coefficients: the others by its value at the point
    assert changed.pop("linear test polynomial") in (
        "linear constraints",
        "combined row at the out-of-domain point",
    )
    del expected["linear test polynomial"]
    assert changed == expected


def test_each_part_said_for_committed_polynomials_is_refused_by_its_check() -> None:
    verdicts = {v.name[len("flipped bit in ") :]: v.verdict for v in VECTORS if v.relation == "committed"}
    expected = {
        "out-of-domain evaluations": {"row of the polynomials", "tableau root", "length"},
        "columns of witness": {"tableau root"},
        "salts of witness": {"tableau root"},
        "siblings of witness": {"tableau root"},
        "root of polynomials": {"tableau root", "length"},
        "sumcheck of polynomials": {"row of the polynomials"},
        "values of the vector": {"row of the polynomials"},
        "row of the vector": {"row of the polynomials"},
        "columns of the vector": {"root of polynomials"},
        "siblings of the vector": {"root of polynomials"},
    }
    for part, checks in expected.items():
        assert verdicts[part] in checks, part


@pytest.mark.slow
@pytest.mark.parametrize("relation", RELATIONS)
def test_mutants_get_the_same_verdict_from_the_reference(relation: str) -> None:
    vector = next(v for v in VECTORS if v.relation == relation and v.verdict == "accepted")
    proof = vector.proof_bytes()
    regions = [Region("a part", start, start + 500) for start in range(0, len(proof) - 500, 4000)]
    for what, mutant in mutants(proof, regions, 2 * len(MUTATIONS), 5):
        fast = verdict_of(relation, vector.statement, mutant)
        with reference_arithmetic():
            assert verdict_of(relation, vector.statement, mutant) == fast != "accepted", what
