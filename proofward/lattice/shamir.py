"""Shamir's secret sharing of vectors over F: threshold t, holder i at X = i + 1, the secret at X = 0.

Every coordinate is shared by its own polynomial of degree t, so t shares say nothing about the secret and any
t + 1 give it. Shares are linear: the sum of one holder's shares is its share of the sum of the secrets.

Wrong shares   m > t + 1 shares are words of a Reed-Solomon code, one per coordinate. Two functionals with
               coefficients from SHAKE-256 of all shares map every share to two numbers; a share that differs
               from the right one keeps both with probability 2^-128. Gao's decoder finds the numbers that are
               wrong, as long as there are at most (m - t - 1) / 2. Source: Gao, "A new algorithm for decoding
               Reed-Solomon codes", 2003.
Search         a sum of secrets is small, and nearly no other vector is. Where more shares are wrong,
               `candidates` tries sets of t + 1 holders, up to `MOST_SETS`, and gives what is small: as long
               as t + 1 shares are right and the sets are few, the right secret is among them, with all wrong
               holders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from proofward.lattice import kernels
from proofward.lattice.errors import ArgumentRefused, SharesInconsistent, SharesInsufficient
from proofward.lattice.parameters import MODULUS
from proofward.lattice.polynomial import decode_reed_solomon
from proofward.lattice.ring import Words
from proofward.lattice.sampler import uniform_words
from proofward.lattice.streaming import over_items

_LABEL = b"ProofWard/v1/lattice/share-check"
MOST_SETS = 20_000
"""Sets of holders that `candidates` tries; in a federation of 13 hospitals or fewer these are all."""

_SAMPLE = 32  # coefficients that are looked at first: others are outside [-n, n] but with 2^-1600
_TILE = 256  # columns at a time, so that the coefficients of 256 holders stay in a core's cache


@dataclass(frozen=True)
class Recovered:
    """The secret, F-array (width,), and the holders whose shares were wrong, ascending."""

    secret: Words
    wrong: tuple[int, ...]


def _vector(field: str, values: Words, width: int | None = None) -> Words:
    if values.dtype != np.uint64 or values.ndim != 1 or values.size == 0 or width not in (None, values.size):
        expected = f"uint64 of ({'width' if width is None else width},), not empty"
        raise ArgumentRefused(field, expected, f"{values.dtype} of {values.shape}")
    if int(values.max()) >= MODULUS:
        raise ArgumentRefused(field, f"words below {MODULUS}", int(values.max()))
    return np.ascontiguousarray(values)


def share(secret: Words, coefficients: Words, holders: int) -> Words:
    """The shares of all holders: F-array (holders, width) from a secret (width,) and coefficients (t, width).

    The coefficients must be uniform in F and used once; 0 <= t < holders.
    """
    secret = _vector("secret", secret)
    if coefficients.dtype != np.uint64 or coefficients.ndim != 2 or coefficients.shape[1] != secret.size:
        actual = f"{coefficients.dtype} of {coefficients.shape}"
        raise ArgumentRefused("coefficients", f"uint64 of (t, {secret.size})", actual)
    if coefficients.size and int(coefficients.max()) >= MODULUS:
        raise ArgumentRefused("coefficients", f"words below {MODULUS}", int(coefficients.max()))
    if not coefficients.shape[0] < holders < 2**32:
        raise ArgumentRefused("holders", f"more than the threshold {coefficients.shape[0]}", holders)
    out = np.empty((holders, secret.size), np.uint64)

    def share_columns(tile: int) -> None:
        columns = slice(tile * _TILE, (tile + 1) * _TILE)
        part = np.empty((holders, secret[columns].size), np.uint64)
        kernels.shamir_shares(secret[columns], np.ascontiguousarray(coefficients[:, columns]), part)
        out[:, columns] = part

    over_items(-(-secret.size // _TILE), share_columns)
    return out


def lagrange_weights(holders: Sequence[int], at: int = 0) -> list[int]:
    """The weights w with f(at) = sum_i w[i] f(holders[i] + 1) for all f of degree < len(holders)."""
    points = [holder + 1 for holder in holders]
    if len(set(points)) != len(points) or not points:
        raise ArgumentRefused("holders", "at least one, no two equal", list(holders))
    weights = []
    for i, x in enumerate(points):
        above = below = 1
        for j, y in enumerate(points):
            if i != j:
                above = above * (at - y) % MODULUS
                below = below * (x - y) % MODULUS
        weights.append(above * pow(below, -1, MODULUS) % MODULUS)
    return weights


def combine(shares: Mapping[int, Words], threshold: int) -> Words:
    """The secret from the `threshold` + 1 lowest holders' shares, unchecked; see `recover` for checks."""
    return _interpolate(_checked_shares(shares, threshold), threshold)


def recover(shares: Mapping[int, Words], threshold: int) -> Recovered:
    """The secret from holder -> share (width,), and the names of the holders whose shares do not fit.

    With exactly threshold + 1 shares nothing can be checked. Raises `SharesInsufficient` below that and
    `SharesInconsistent` if more than (m - threshold - 1) / 2 of m shares are wrong.
    """
    checked = _checked_shares(shares, threshold)
    holders = list(checked)
    if len(holders) == threshold + 1:
        return Recovered(_interpolate(checked, threshold), ())
    correctable = (len(holders) - threshold - 1) // 2
    points = [holder + 1 for holder in holders]
    wrong: set[int] = set()
    for numbers in _functionals(checked):
        places = decode_reed_solomon(points, numbers, threshold + 1)
        if places is None:
            raise SharesInconsistent("wrong shares", f"at most {correctable} of {len(holders)}", "more")
        wrong |= {holders[place] for place in places}
    if len(wrong) > correctable:
        raise SharesInconsistent("wrong shares", f"at most {correctable} of {len(holders)}", len(wrong))
    good = {holder: values for holder, values in checked.items() if holder not in wrong}
    return Recovered(_interpolate(good, threshold), tuple(sorted(wrong)))


def candidates(shares: Mapping[int, Words], threshold: int, largest: int) -> Iterator[Recovered]:
    """Secrets with coefficients in [-largest, largest] on which t + 1 shares agree, and all wrong holders.

    The first is the one that `recover` finds, if it is small; then those of the first `MOST_SETS` sets of
    t + 1 holders, in lexicographic order. Raises `SharesInsufficient` below t + 1 shares.
    """
    checked = _checked_shares(shares, threshold)
    seen: set[bytes] = set()
    try:
        found = recover(shares, threshold)
    except SharesInconsistent:
        pass
    else:
        if _is_small(found.secret, largest):
            seen.add(found.secret.tobytes())
            yield found
    starts = {holder: np.ascontiguousarray(values[:_SAMPLE]) for holder, values in checked.items()}
    for chosen in islice(combinations(checked, threshold + 1), MOST_SETS):
        if not _is_small(_interpolate({holder: starts[holder] for holder in chosen}, threshold), largest):
            continue
        good = {holder: checked[holder] for holder in chosen}
        secret = _interpolate(good, threshold)
        if _is_small(secret, largest) and secret.tobytes() not in seen:
            seen.add(secret.tobytes())
            wrong = (
                holder
                for holder, values in checked.items()
                if not np.array_equal(_interpolate(good, threshold, holder + 1), values)
            )
            yield Recovered(secret, tuple(wrong))


def _is_small(values: Words, largest: int) -> bool:
    return bool(np.all((values <= np.uint64(largest)) | (values >= np.uint64(MODULUS - largest))))


def _checked_shares(shares: Mapping[int, Words], threshold: int) -> dict[int, Words]:
    if threshold < 0:
        raise ArgumentRefused("threshold", "at least 0", threshold)
    if len(shares) < threshold + 1:
        raise SharesInsufficient("shares", f"at least {threshold + 1}", len(shares))
    if not all(0 <= holder < 2**32 - 1 for holder in shares):
        raise ArgumentRefused("holders", "0 to 2^32 - 2", sorted(shares))
    width = next(iter(shares.values())).size
    return {holder: _vector(f"share of holder {holder}", shares[holder], width) for holder in sorted(shares)}


def _interpolate(shares: dict[int, Words], threshold: int, at: int = 0) -> Words:
    """The polynomial of the first t + 1 shares at a point; the secret is its value at 0."""
    holders = list(shares)[: threshold + 1]
    rows = np.stack([shares[holder] for holder in holders])
    out = np.empty(rows.shape[1], np.uint64)
    kernels.combine(np.array(lagrange_weights(holders, at), np.uint64), rows, out)
    return out


def _functionals(shares: dict[int, Words]) -> list[list[int]]:
    hasher = hashlib.shake_256(_LABEL + len(shares).to_bytes(8, "little"))
    for holder, values in shares.items():
        hasher.update(holder.to_bytes(8, "little") + values.size.to_bytes(8, "little"))
        hasher.update(values.astype("<u8").tobytes())
    width = next(iter(shares.values())).size
    weights = uniform_words(hasher.digest, 2 * width).reshape(-1, width)
    columns = np.ascontiguousarray(np.stack(list(shares.values())).T)
    numbers = np.empty(len(shares), np.uint64)
    result = []
    for row in weights:
        kernels.combine(np.ascontiguousarray(row), columns, numbers)
        result.append([int(number) for number in numbers])
    return result
