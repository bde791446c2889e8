"""Which secp256k1 key made a signature: recovery of the public key, as `ecrecover` does it.

Source: SEC 1, version 2.0, section 4.1.6. Only public values enter, so plain integers will do; signatures
are made by `cryptography`.
"""

from __future__ import annotations

from proofward.chain.contract.errors import ChainSignatureInvalid

PRIME = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int]
Jacobian = tuple[int, int, int]
_INFINITY: Jacobian = (0, 1, 0)


def _doubled(point: Jacobian) -> Jacobian:
    x, y, z = point
    s = 4 * x * y * y % PRIME
    m = 3 * x * x % PRIME
    found = (m * m - 2 * s) % PRIME
    return found, (m * (s - found) - 8 * y**4) % PRIME, 2 * y * z % PRIME


def _plus(left: Jacobian, right: Jacobian) -> Jacobian:
    if left[2] == 0:
        return right
    if right[2] == 0:
        return left
    (x1, y1, z1), (x2, y2, z2) = left, right
    u1, u2 = x1 * z2 * z2 % PRIME, x2 * z1 * z1 % PRIME
    s1, s2 = y1 * z2**3 % PRIME, y2 * z1**3 % PRIME
    if u1 == u2:
        return _doubled(left) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    cube, middle = h**3 % PRIME, u1 * h * h % PRIME
    x = (r * r - cube - 2 * middle) % PRIME
    return x, (r * (middle - x) - s1 * cube) % PRIME, h * z1 * z2 % PRIME


def _sum_of_two(first: int, one: Point, second: int, other: Point) -> Jacobian:
    """first one + second other, the doublings done once for both."""
    start: Jacobian = (*one, 1)
    table = (_INFINITY, start, (*other, 1), _plus(start, (*other, 1)))
    total = _INFINITY
    for i in reversed(range(256)):
        total = _doubled(total)
        if which := (first >> i & 1) | (second >> i & 1) << 1:
            total = _plus(total, table[which])
    return total


def recovered(digest: bytes, odd: bool, r: int, s: int) -> Point:
    """The public key with this signature over a digest; `odd` says which of two points r stands for.

    Raises ChainSignatureInvalid where no key has it.
    """
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise ChainSignatureInvalid("signature", "r and s from 1 to the order - 1", f"{r:x}, {s:x}")
    square = (pow(r, 3, PRIME) + 7) % PRIME
    y = pow(square, (PRIME + 1) // 4, PRIME)
    if y * y % PRIME != square:
        raise ChainSignatureInvalid("signature", "r of a point of the curve", f"{r:x}")
    if y & 1 != odd:
        y = PRIME - y
    inverse = pow(r, -1, ORDER)
    message = int.from_bytes(digest, "big")
    x, y, z = _sum_of_two(-message * inverse % ORDER, _G, s * inverse % ORDER, (r, y))
    if z == 0:
        raise ChainSignatureInvalid("signature", "a key", "none")
    scale = pow(z, -1, PRIME)
    return x * scale * scale % PRIME, y * scale**3 % PRIME
