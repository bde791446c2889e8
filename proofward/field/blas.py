"""numpy's matrix products on one thread, where more cost more than they bring.

OpenBLAS shares a product among its threads from some thousands of terms on, and its threads then wait for
the next product by turning in a loop. A step of a small network has many products of some microseconds with
other work between, so the loops take most of the processor: forty times what the products need, and as much
from whoever else computes on the machine.

The number of threads is the library's, and so the process's: `one_thread` sets it while at least one of its
users is inside, and then puts back what there was. Products are of integers that float64 holds exactly
(`layers.arithmetic.exact`), so the number of threads changes no bit. Where numpy has another library than
OpenBLAS, nothing changes.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import numpy as np

_SPELLINGS = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),  # numpy's own wheels
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
)

_lock = threading.Lock()
_users = 0
_before = 0


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer] | None:
    """How the library that numpy multiplies with says and takes its number of threads."""
    with suppress(OSError, AttributeError):
        # A symbol that the extension does not have is looked for in what it is linked with.
        extension = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
        for ask, tell in _SPELLINGS:
            with suppress(AttributeError):
                return getattr(extension, ask), getattr(extension, tell)
    return None


def blas_threads() -> int:
    """How many threads a product may have; 0 where that is not known."""
    library = _library()
    return 0 if library is None else int(library[0]())


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Products of the process on one thread; nothing where that is not wanted. May be nested and shared."""
    global _users, _before
    library = _library() if wanted else None
    if library is None:
        yield
        return
    ask, tell = library
    with _lock:
        _users += 1
        if _users == 1:
            _before = int(ask())
            tell(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                tell(_before)
