"""The specification of the encryption in plain Python integers: schoolbook products, bit by bit sampling.

Nothing here is constant-time; the kernels are tested against it. `masked_functional` is what a verifier
computes with inside `reference_arithmetic()`, hence its products of long integers and its short transform.
"""

from __future__ import annotations

from collections.abc import Sequence

from proofward.field.reference.ntt import at_powers
from proofward.lattice.parameters import MODULUS, RING_DEGREE, ROOT_OF_UNITY, UPDATE_SHIFT


def negacyclic_product(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """a * b modulo X^n + 1 and modulo P, n = len(a) = len(b): products that pass X^n come back negated."""
    n = len(a)
    result = [0] * n
    for i, left in enumerate(a):
        if left:
            for j, right in enumerate(b):
                sign = 1 if i + j < n else -1
                result[(i + j) % n] += sign * left * right
    return [value % MODULUS for value in result]


def transposed_product(a: Sequence[int], w: Sequence[int]) -> list[int]:
    """The vector v with <w, a * s> = <v, s> for all s: v[k] = sum_i w[i] * (factor of s[k] in (a * s)[i])."""
    n = len(a)
    return [sum(w[i] * (a[i - k] if i >= k else -a[n + i - k]) for i in range(n)) % MODULUS for k in range(n)]


def integer_product(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """`negacyclic_product` by one product of two integers with a digit of 144 bits per coefficient.

    A coefficient of the product of two polynomials is below 4096 P^2 < 2^140, so digits never carry.
    """
    n, digit = len(a), 18
    left, right = (
        int.from_bytes(b"".join(value.to_bytes(digit, "little") for value in values), "little")
        for values in (a, b)
    )
    digits = (left * right).to_bytes(2 * n * digit, "little")
    full = [int.from_bytes(digits[i : i + digit], "little") for i in range(0, len(digits), digit)]
    return [(low - high) % MODULUS for low, high in zip(full[:n], full[n:], strict=True)]


def interpolated(values: Sequence[int]) -> list[int]:
    """The coefficients with these `evaluations`: a[i] psi^i = sum_j f(psi^(2j + 1)) psi^(-2ij) / 4096."""
    bits = RING_DEGREE.bit_length() - 1
    natural = [values[bit_reversed(j, bits)] for j in range(RING_DEGREE)]
    back = pow(ROOT_OF_UNITY, -1, MODULUS)
    sums, scale = at_powers(natural, back * back % MODULUS), pow(RING_DEGREE, -1, MODULUS)
    return [total * scale * pow(back, i, MODULUS) % MODULUS for i, total in enumerate(sums)]


def masked_functional(masks: Sequence[Sequence[int]], weights: Sequence[Sequence[int]]) -> list[list[int]]:
    """The planes v with <w, a s> = <v, s> for every s: `evaluations` of the blocks' masks, planes of w.

    Per block v = a(1/X) w, where 1/X = -X^4095: its coefficients are a[0], -a[4095], .., -a[1].
    """
    result = [[0] * RING_DEGREE for _ in weights]
    for block, values in enumerate(masks):
        a = interpolated(values)
        inverted = [a[0], *(-value % MODULUS for value in reversed(a[1:]))]
        for plane, row in enumerate(weights):
            part = list(row[block * RING_DEGREE : (block + 1) * RING_DEGREE])
            product = integer_product(part + [0] * (RING_DEGREE - len(part)), inverted)
            result[plane] = [(x + y) % MODULUS for x, y in zip(result[plane], product, strict=True)]
    return result


def bit_reversed(index: int, bits: int) -> int:
    """The number whose `bits` binary digits are those of `index` in the opposite order."""
    return int(format(index, f"0{bits}b")[::-1], 2)


def evaluations(coefficients: Sequence[int]) -> list[int]:
    """Entry k is the value at psi^(2 * bit_reversed(k) + 1): the order in which masks are expanded."""
    bits = RING_DEGREE.bit_length() - 1
    values = []
    for k in range(RING_DEGREE):
        point = pow(ROOT_OF_UNITY, 2 * bit_reversed(k, bits) + 1, MODULUS)
        value = 0
        for coefficient in reversed(coefficients):
            value = (value * point + coefficient) % MODULUS
        values.append(value)
    return values


def uniform_words(stream: bytes, count: int) -> list[int]:
    """The first `count` words below P of a stream of little-endian 64-bit words."""
    words = [int.from_bytes(stream[i : i + 8], "little") for i in range(0, len(stream), 8)]
    return [word for word in words if word < MODULUS][:count]


def ternary(stream: bytes, count: int) -> list[int]:
    """Bytes below 243 give five base-3 digits each, lowest first, minus one; other bytes are skipped."""
    digits: list[int] = []
    for byte in stream:
        if byte < 243:
            digits += [byte // 3**k % 3 - 1 for k in range(5)]
    return digits[:count]


def centred_binomial(stream: bytes) -> list[int]:
    """4096 values, 84 bits less 42: word64[i] and the low 20 bits of word32[i], words32 after all words64."""
    wide, narrow = stream[: 8 * RING_DEGREE], stream[8 * RING_DEGREE :]
    return [
        int.from_bytes(wide[8 * i : 8 * i + 8], "little").bit_count()
        + (int.from_bytes(narrow[4 * i : 4 * i + 4], "little") & 0xFFFFF).bit_count()
        - 42
        for i in range(RING_DEGREE)
    ]


def encrypt_block(
    mask: Sequence[int], secret: Sequence[int], error: Sequence[int], update: Sequence[int]
) -> list[int]:
    """a s + e + 2^18 U modulo P, cut to the length of `update` (the last block of a vector may be short)."""
    product = negacyclic_product(mask, secret)
    return [(product[i] + error[i] + (value << UPDATE_SHIFT)) % MODULUS for i, value in enumerate(update)]


def share(secret: int, coefficients: Sequence[int], holder: int) -> int:
    """The polynomial secret + sum_k coefficients[k] X^(k+1) at X = holder + 1."""
    return sum(c * pow(holder + 1, k, MODULUS) for k, c in enumerate([secret, *coefficients])) % MODULUS
