from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb, log2

import pytest

from proofward.lattice import security
from proofward.lattice.parameters import CERTAIN_HOSPITALS, ERROR_ETA, MODULUS, RING_DEGREE, UPDATE_SHIFT


def test_a_sum_of_two_ternary_coefficients_reveals_them_with_probability_two_ninths() -> None:
    revealed = 0
    for a, b in product((-1, 0, 1), repeat=2):
        origins = [pair for pair in product((-1, 0, 1), repeat=2) if sum(pair) == a + b]
        revealed += len(origins) == 1
    assert Fraction(revealed, 9) == Fraction(2, 9)


@pytest.mark.parametrize("error_sum", [0, 1, 16, -30, 66, 83])
def test_conditional_sigma_is_that_of_the_enumerated_distribution(error_sum: int) -> None:
    bits = 2 * ERROR_ETA
    weights = {
        e: comb(bits, e + ERROR_ETA) * comb(bits, error_sum - e + ERROR_ETA)
        for e in range(-ERROR_ETA, ERROR_ETA + 1)
        if -ERROR_ETA <= error_sum - e <= ERROR_ETA
    }
    total = sum(weights.values())
    mean = Fraction(sum(e * w for e, w in weights.items()), total)
    variance = Fraction(sum(e * e * w for e, w in weights.items()), total) - mean**2
    assert mean == Fraction(error_sum, 2)
    assert abs(security.conditional_sigma(error_sum) ** 2 - float(variance)) < 1e-9


def test_conditional_sigma_is_above_the_standards_up_to_16() -> None:
    assert security.conditional_sigma(16) > security.STANDARD_SIGMA > security.conditional_sigma(17)


@pytest.mark.slow
def test_revealed_coefficients_bound_is_tight() -> None:
    bound = security.revealed_coefficients(20)
    tail = sum(
        comb(RING_DEGREE, r) * 2**r * 7 ** (RING_DEGREE - r) for r in range(bound + 1, RING_DEGREE + 1)
    )
    more = tail + comb(RING_DEGREE, bound) * 2**bound * 7 ** (RING_DEGREE - bound)
    assert tail * 2**20 <= 9**RING_DEGREE < more * 2**20


def test_error_sum_bound_is_tight() -> None:
    bits = 4 * ERROR_ETA
    bound = security.error_sum_bound(20, 1)

    def two_sided(above: int) -> int:
        return 2 * sum(comb(bits, bits // 2 + c) for c in range(above + 1, bits // 2 + 1))

    assert two_sided(bound) * 2**20 <= 2**bits < two_sided(bound - 1) * 2**20


def test_table_is_interpolated() -> None:
    assert security.allowed_log_q(4096) == 109
    assert security.allowed_log_q(3072) == 81.5
    for outside in (1023, 8193):
        with pytest.raises(ValueError, match=str(outside)):
            security.allowed_log_q(outside)


@pytest.mark.parametrize("degree,log_q", list(security.STANDARD_LOG_Q.items()))
def test_the_attack_estimate_agrees_with_the_standard_at_128_bits(degree: int, log_q: int) -> None:
    bits = security.primal_attack_bits(degree, log_q, security.STANDARD_SIGMA, (2 / 3) ** 0.5)
    assert 125 < bits < 134


def test_the_attack_is_cheaper_for_larger_moduli_and_narrower_secrets() -> None:
    base = security.primal_attack_bits(2048, 54, 3.2, 0.8)
    assert security.primal_attack_bits(2048, 64, 3.2, 0.8) < base
    assert security.primal_attack_bits(2048, 54, 3.2, 0.2) < base


def test_the_margin_is_positive_against_observers_of_the_decoded_sum() -> None:
    margin = security.security_margin()
    assert margin.revealed + margin.remaining == RING_DEGREE
    assert RING_DEGREE * 2 / 9 < margin.revealed < 1200
    assert margin.typical_sigma > security.STANDARD_SIGMA
    assert margin.effective_log_q >= log2(MODULUS)
    assert margin.margin_bits > 10
    assert margin.primal_bits > 128


def test_sums_decode_and_do_not_wrap_for_the_largest_consortium() -> None:
    assert CERTAIN_HOSPITALS * ERROR_ETA < 2 ** (UPDATE_SHIFT - 1) <= (CERTAIN_HOSPITALS + 1) * ERROR_ETA
