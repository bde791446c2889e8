"""Usual values of what a consortium agrees on, and the limits of what it may choose.

This file imports nothing, since help texts of commands are made from it and have to appear at once.
"""

from __future__ import annotations

LEAST_HOSPITALS = 3
"""Of two, each can subtract its own update from the sum."""
MAX_ROUNDS = 1 << 20
MOST_COUNTED = 1 << 12
"""Rounds that count, where a head shows their sums to hospitals that follow it."""
MAX_DEADLINE = 30 * 24 * 3600
UPLOAD_SLOT, MAX_UPLOAD_SLOT = 2, 3600
"""Seconds."""
SECP256K1, P256 = "secp256k1", "p256"
CHAIN_KEY_KINDS = (SECP256K1, P256)
"""Curves of members' keys on a chain; the first is usual."""


def usual_threshold(hospitals: int) -> int:
    """How many hospitals may collude and learn nothing together: fewer than half, and one at least."""
    return max(1, (hospitals - 1) // 2)


def usual_verdicts(verifiers: int) -> int:
    """Verdicts that accept a proof, the fewest that are a majority."""
    return verifiers // 2 + 1


def usual_updates(hospitals: int, threshold: int) -> int:
    """The `minimum_updates` with which two sums from one model need t + 1 dishonest hospitals."""
    return max(threshold + 2, (hospitals + threshold + 2) // 2)


def usual_abandonments(hospitals: int) -> int:
    """All hospitals but one: the one that died."""
    return hospitals - 1


def least_updates(hospitals: int, threshold: int) -> int:
    """The smallest `minimum_updates` that rules may have.

    A set has two honest hospitals beside t others, and two sets have two hospitals in common at least.
    """
    return max(threshold + 2, (hospitals + 3) // 2)
