"""The least noise that keeps a promise: the smallest variance with which epsilon is not exceeded."""

from __future__ import annotations

from dataclasses import replace

from proofward.layers.errors import ConfigurationError
from proofward.layers.privacy import LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE, Privacy
from proofward.privacy.accountant import Accountant


def least_noise(privacy: Privacy, epsilon: float, parameters: int, minimum_updates: int) -> Privacy:
    """The mechanism with the smallest `coarse_variance` that reaches epsilon; raises ConfigurationError.

    What `privacy` says of the variance counts for nothing. epsilon falls where the variance grows.
    """

    def reaches(variance: int) -> bool:
        own = replace(privacy, coarse_variance=variance)
        return Accountant(own, parameters, minimum_updates).promised <= epsilon

    if minimum_updates <= privacy.colluders:
        raise ConfigurationError("privacy.colluders", f"fewer than {minimum_updates}", privacy.colluders)
    low, high = LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE
    if not reaches(high):
        own = replace(privacy, coarse_variance=high)
        least = Accountant(own, parameters, minimum_updates).promised
        expected = f"at least {least:.3g}, by the most noise; fewer releases, colluders or records help"
        raise ConfigurationError("privacy.epsilon", expected, epsilon)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle + 1, high)
    return replace(privacy, coarse_variance=low)
