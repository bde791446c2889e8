"""Compile every kernel of the field, or load it from the cache, with progress.

It takes a few seconds on the first run and none later.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.field.jit import load_all

MODULES = (
    *("scalar", "goldilocks", "extension", "multilinear"),
    *("late", "contract", "butterflies", "ntt", "sums", "rounds", "histogram", "spatial"),
)


def warm_up(progress: Callable[[str, int, int], None] | None = None) -> None:
    """Load every kernel of these modules; `progress(module, done, of)` is called before each."""
    for done, name in enumerate(MODULES):
        if progress:
            progress(f"proofward.field.{name}", done, len(MODULES))
        load_all(f"proofward.field.{name}")
    if progress:
        progress("ready", len(MODULES), len(MODULES))
