"""Values in parts have one admissible witness too: any other is refused on a whole statement.

As in `test_rejects_forged_values`, each forgery is consistent in all that follows from it. Most of them keep the
value itself, part + M excess, and so its sum; what a forgery breaks is said by plain integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest

from proofward.layers import arrangement
from proofward.layers.arrangement import Arrangement
from proofward.layers.model import FixedPoint
from proofward.layers.split import Split
from proofward.proof.field_of import P  # placeholder
