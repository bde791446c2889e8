"""The drawn tables by which settings are chosen: as many cases as the Wisconsin data have, and 1,000 more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.privacy import drawn_tables
from proofward.privacy.drawn_tables import KINDS, Real

RECORDS, HELD_OUT, FEATURES = 456, 1000, 30
__all__ = ["FEATURES", "HELD_OUT", "KINDS", "RECORDS", "drawn_table"]


def drawn_table(seed: int) -> tuple[Real, NDArray[np.int64]]:
    """Features (n, FEATURES) and labels (n,) of the kind with this number, of RECORDS + HELD_OUT cases."""
    return drawn_tables.drawn_table(seed, RECORDS + HELD_OUT, FEATURES)
