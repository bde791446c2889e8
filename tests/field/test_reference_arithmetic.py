"""Whole verifications in plain integers: every compiled kernel is made to raise."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import numpy as np
import pytest

import proofward.field
from proofward.field import reference_arithmetic
from proofward.field.goldilocks import add, random_field
from proofward.field.jit import Deferred
from proofward.field.ntt import _shift_powers, _twiddles
from proofward.field.reference import mirrored
from proofward.lattice import encryption, kernels, reference, ring, sampler
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import MODULUS, RING_DEGREE
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import verify_enrolment
from tests.field.values import agrees, f_array
from tests.proof.toy import prove, seeded, toy_witness, verify
from tests.relations.cases import Case, config, make_case

CONTEXT = sampler.MaskContext(b"b" * 32, 1)


class KernelRan(BaseException):
    """A kernel was called where none may be; no handler of the verifier may swallow it."""


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """All compiled kernels of the field and of the lattice raise; the number of them."""
    modules = [
        importlib.import_module(f"proofward.field.{found.name}")
        for found in pkgutil.iter_modules(proofward.field.__path__)
    ]

    def refuse(*arguments: object) -> None:
        raise KernelRan

    for cached in (_twiddles, _shift_powers):
        cached.cache_clear()
    count = 0
    for module in (*modules, kernels):
        for name, value in list(vars(module).items()):
            if isinstance(value, Deferred):
                monkeypatch.setattr(module, name, refuse)
                count += 1
    yield count
    for cached in (_twiddles, _shift_powers):
        cached.cache_clear()


@pytest.fixture(scope="module")
def toy_proof() -> bytes:
    return prove(toy_witness(1))


@pytest.fixture(scope="module")
def round_case() -> Case:
    """MLP 3-2-2, 8 rows, two steps of 4, 30 bits."""
    return make_case(config((3, 2, 2), epochs=1, security=30), rows=8)


def test_the_kernels_are_found(no_kernels: int, toy_proof: bytes, round_case: Case) -> None:
    assert no_kernels >= 30
    with pytest.raises(KernelRan):
        verify(toy_proof)
    with pytest.raises(KernelRan):
        verify_enrolment(round_case.enrolment, round_case.enrolment_proof)
    with pytest.raises(KernelRan):
        result = round_case.result
        verify_round(round_case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_a_toy_proof(no_kernels: int, toy_proof: bytes) -> None:
    with reference_arithmetic():
        assert verify(toy_proof).soundness.bits > 20


def test_a_false_toy_proof(no_kernels: int, toy_proof: bytes) -> None:
    for position in (0, len(toy_proof) // 3, len(toy_proof) - 1):
        changed = bytearray(toy_proof)
        changed[position] ^= 1
        with reference_arithmetic(), pytest.raises(ProofRejected):
            verify(bytes(changed))


def test_an_enrolment(no_kernels: int, round_case: Case) -> None:
    with reference_arithmetic():
        verified = verify_enrolment(round_case.enrolment, round_case.enrolment_proof)
    assert verified.dataset_root == round_case.secret.root


@pytest.mark.slow
def test_a_round_and_its_shares(no_kernels: int, round_case: Case) -> None:
    result = round_case.result
    with reference_arithmetic():
        verified = verify_round(
            round_case.statement, result.ciphertext, result.sealed_shares, result.proof
        )
        for share in result.shares:
            assert verified.share_binding.matches(share.holder, share.values, share.blind)
        first = result.shares[0]
        assert not verified.share_binding.matches(first.holder + 1, first.values, first.blind)
    assert len(result.shares) == 3
    assert verified.dataset_root == result.dataset.root


@pytest.mark.slow
def test_a_round_with_another_ciphertext(no_kernels: int, round_case: Case) -> None:
    changed = round_case.result.ciphertext.copy()
    changed[-1] ^= np.uint64(1)
    with reference_arithmetic(), pytest.raises(ProofRejected):
        verify_round(round_case.statement, changed, round_case.result.sealed_shares, round_case.result.proof)


@pytest.mark.slow
def test_both_arithmetics_verify_alike(round_case: Case) -> None:
    result = round_case.result
    arguments = (round_case.statement, result.ciphertext, result.sealed_shares, result.proof)
    fast = verify_round(*arguments)
    with reference_arithmetic():
        slow = verify_round(*arguments)
    assert fast == slow


def test_the_switch_is_restored() -> None:
    ran: list[str] = []

    @mirrored(lambda value: ran.append("integers") or value)  # type: ignore[func-returns-value]
    def probe(value: list[int]) -> list[int]:
        ran.append("kernel")
        return value

    probe([1])
    with reference_arithmetic():
        probe([1])
        with reference_arithmetic():
            probe([1])
        probe([1])
    with pytest.raises(KeyError), reference_arithmetic():
        raise KeyError
    probe([1])
    assert ran == ["kernel", "integers", "integers", "integers", "kernel"]


def test_results_are_arrays_of_words() -> None:
    with reference_arithmetic():
        result = add(f_array(1, 2, 3), f_array(2, 2, 3))
    assert result.dtype == np.uint64
    assert result.shape == (2, 3)


def test_products_of_long_integers_are_the_schoolbook_s() -> None:
    for size in (1, 2, 8, 32):
        left, right = ([int(v) for v in f_array(seed, size)] for seed in (1, 2))
        assert reference.integer_product(left, right) == reference.negacyclic_product(left, right)
    largest = [MODULUS - 1] * RING_DEGREE
    signs = [(2 * (k + 1) - RING_DEGREE) % MODULUS for k in range(RING_DEGREE)]
    assert reference.integer_product(largest, largest) == signs


@pytest.mark.slow
def test_interpolation_inverts_the_evaluation() -> None:
    values = random_field(RING_DEGREE, seeded(1))
    coefficients = reference.interpolated(values.tolist())
    assert coefficients == ring.to_coefficients(values).tolist()
    sparse = [0] * RING_DEGREE
    sparse[0], sparse[1], sparse[4095] = 5, MODULUS - 1, 2**32
    assert reference.interpolated(reference.evaluations(sparse)) == sparse


@pytest.mark.parametrize("length", [1, 5, RING_DEGREE, RING_DEGREE + 1, 2 * RING_DEGREE])
def test_the_masked_functional(length: int) -> None:
    weights = f_array(3, 2, length)
    result = agrees(encryption.masked_functional, CONTEXT, length, lambda first, stop: weights[:, first:stop])
    assert result.shape == (2, RING_DEGREE)


def test_the_masked_functional_by_its_definition(no_kernels: int) -> None:
    weights = np.zeros((2, 3), dtype=np.uint64)
    weights[0, 2], weights[1, 0], weights[1, 1] = 1, MODULUS - 1, 2**32
    mask = reference.interpolated(sampler.mask_values(CONTEXT, 0, 1)[0].tolist())
    with reference_arithmetic():
        planes = encryption.masked_functional(CONTEXT, 3, lambda first, stop: weights[:, first:stop])

    def row(position: int) -> list[int]:
        """The factors of s[0], s[1], .. in (a s)[position]."""
        return [
            mask[position - k] if k <= position else -mask[RING_DEGREE + position - k]
            for k in range(RING_DEGREE)
        ]

    assert planes[0].tolist() == [v % MODULUS for v in row(2)]
    assert planes[1].tolist() == [(2**32 * b - a) % MODULUS for a, b in zip(row(0), row(1), strict=True)]


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((2, 4), dtype=np.uint64),
        np.zeros((3, 3), dtype=np.uint64),
        np.zeros((2, 3), dtype=np.int64),
        np.full((2, 3), MODULUS, dtype=np.uint64),
    ],
)
def test_the_masked_functional_refuses_weights(weights: np.ndarray) -> None:
    with pytest.raises(ArgumentRefused):
        encryption.masked_functional(CONTEXT, 3, lambda first, stop: weights)
    with reference_arithmetic(), pytest.raises(ArgumentRefused):
        encryption.masked_functional(CONTEXT, 3, lambda first, stop: weights)


def test_the_masked_functional_refuses_an_empty_vector() -> None:
    with pytest.raises(ArgumentRefused):
        encryption.masked_functional(CONTEXT, 0, lambda first, stop: f_array(1, 2, 0))
    with reference_arithmetic(), pytest.raises(ArgumentRefused):
        encryption.masked_functional(CONTEXT, 0, lambda first, stop: f_array(1, 2, 0))
