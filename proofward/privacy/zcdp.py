"""Concentrated differential privacy (zCDP) of discrete Gaussian noise, in closed form.

One release. A sum of integers with the L2 sensitivity D is released with the noise of n hospitals, each a
discrete Gaussian of the variance s^2 in every one of d entries. It satisfies rho-zCDP with

    rho = (D / (sqrt(n) s) + tau sqrt(d))^2 / 2,     tau = 10 sum_{k=1}^{n-1} exp(-2 pi^2 s^2 k / (k + 1)).

For n = 1 this is Theorem 14 of Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy"
(2020); for more it is Theorem 1 of Kairouz, Liu, Steinke, "The Distributed Discrete Gaussian Mechanism for
Federated Learning with Secure Aggregation" (2021): a sum of discrete Gaussians is almost one, and tau says how
nearly. With s >= 200 it is below 10^-80000, and 0 here.

Several releases. rho adds up, also where each depends on what was released before.

Conversion. rho-zCDP implies (epsilon, delta) for every order a > 1 with

    epsilon = a rho + (ln(1 / delta) + a ln(1 - 1 / a) - ln(a - 1)) / (a - 1)

(Corollary 13 of the former). Every order gives a true bound, so that the search for the best one may be
inexact. Nothing here is sampled: all records take part in every release, and nothing is gained by a choice
that everybody knows.
"""

from __future__ import annotations

from math import exp, expm1, inf, log, log1p, pi, sqrt

_STEPS = 90
"""Of a search that divides its interval each time by about 1.5, or by 2."""


def tau(variance: float, shares: int) -> float:
    """How far the sum of so many discrete Gaussians of this variance is from one; see above."""
    terms = (exp(-2 * pi**2 * variance * k / (k + 1)) for k in range(1, min(shares, 64)))
    return 10 * (sum(terms) + max(0, shares - 64) * exp(-2 * pi**2 * variance * 64 / 65))


def rho_of_release(sensitivity: float, variance: float, shares: int, entries: int) -> float:
    """rho of one release with the noise of `shares` hospitals, each of this variance in every entry."""
    return (sensitivity / sqrt(shares * variance) + tau(variance, shares) * sqrt(entries)) ** 2 / 2


def epsilon_of(rho: float, delta: float) -> float:
    """The least epsilon that some order gives for rho and delta in (0, 1)."""
    if rho == 0:
        return 0.0
    low, high = log(1e-6), log(2 + 2 * sqrt(log(1 / delta) / rho) + 2 / rho)
    third = (sqrt(5) - 1) / 2
    for _ in range(_STEPS):
        left, right = high - third * (high - low), low + third * (high - low)
        if _epsilon_by(left, rho, delta) < _epsilon_by(right, rho, delta):
            high = right
        else:
            low = left
    return max(0.0, _epsilon_by((low + high) / 2, rho, delta))


def _epsilon_by(log_excess: float, rho: float, delta: float) -> float:
    """By the order a = 1 + exp(log_excess)."""
    excess = exp(log_excess)
    order = 1 + excess
    return order * rho + (log(1 / delta) + order * (log_excess - log1p(excess)) - log_excess) / excess


def rho_of(epsilon: float, delta: float) -> float:
    """The greatest rho of which `epsilon_of` is at most epsilon."""
    low, high = 0.0, epsilon
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def added_delta(epsilon: float, distance: float) -> float:
    """What a total variation `distance` from the noise that was meant adds to delta: (1 + e^epsilon) of it."""
    return inf if epsilon > 700 else (2 + expm1(epsilon)) * distance
