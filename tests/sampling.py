"""Sweeps of which `make test` tries a sample and `make exhaustive` everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def sampled(values: Iterable[Any], kept: Collection[Any]) -> list[Any]:
    """Parameters of one test: those that are not kept are exhaustive. A tuple is several arguments."""
    several = list(values)
    if missing := [value for value in kept if value not in several]:
        raise ValueError(f"not among the values: {missing}")
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            marks=() if value in kept else pytest.mark.exhaustive,
        )
        for value in several
    ]
