"""Memory of large arrays, kept by the process while it proves.

A prover makes and drops thousands of large arrays. By default the C library takes every one from the system
and gives it back, so that each page is fetched and cleared again; that was more than half of the processor
time of a large proof. `kept_memory` makes the C library keep what is freed, and returns it at the end. Where
the library has no such switch (other systems than Linux with glibc), nothing changes but the time.

It also stops numpy from asking for huge pages. A system whose memory is in pieces searches for one at every
fault in vain, which costs more than small pages do once they are kept.

`large_empty` asks for all pages of an array at once, which costs half as much as one fault after another.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.threads import parallel

# Options of mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEEPING = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, 1 << 26))
# What glibc's own adaptation comes to after large arrays; an option that was set once is not adapted again.
_USUAL = ((_MMAP_MAX, 65536), (_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 64 << 20), (_TOP_PAD, 1 << 17))
_LITTLE = 128 << 20
_LARGE = 1 << 20

_POPULATE_WRITE = 23
"""An advice of madvise(2): fetch the pages; as old as Linux 5.14, refused by others."""

_lock = threading.Lock()
_users = 0
_huge_pages = True


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """The C library, if it is glibc."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        if library.gnu_get_libc_version and library.mallopt and library.malloc_trim:
            return library
    return None


def _set(options: tuple[tuple[int, int], ...]) -> None:
    library = _library()
    if library is not None:
        for option, value in options:
            library.mallopt(option, value)


def _ask_for_huge_pages(wanted: bool) -> bool:
    """Switch numpy's requests; returns what was set before."""
    switch: Callable[[bool], bool] | None = getattr(
        getattr(getattr(np, "_core", None), "multiarray", None), "_set_madvise_hugepage", None
    )
    return wanted if switch is None else bool(switch(wanted))


class _Statistics(ctypes.Structure):
    """The result of mallinfo2(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def _return_memory() -> None:
    """Give free memory back to the system, unless it is little enough to wait for the next proof."""
    library = _library()
    if library is None:
        return
    with suppress(AttributeError):  # mallinfo2 is as old as glibc 2.33
        library.mallinfo2.restype = _Statistics
        if library.mallinfo2().fordblks < _LITTLE:
            return
    library.malloc_trim(0)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory for the next array; may be nested and used by several threads."""
    global _users, _huge_pages
    with _lock:
        _users += 1
        if _users == 1:
            _set(_KEEPING)
            _huge_pages = _ask_for_huge_pages(False)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _set(_USUAL)
                _ask_for_huge_pages(_huge_pages)
                _return_memory()


def large_empty(*shape: int) -> npt.NDArray[np.uint64]:
    """An F-array without values. Within `kept_memory` the pages of a large one are there when it returns."""
    array = np.empty(shape, dtype=np.uint64)
    library, page = _library(), mmap.PAGESIZE
    if array.nbytes >= _LARGE and _users and library is not None:
        first, last = -(-array.ctypes.data // page), (array.ctypes.data + array.nbytes) // page
        advise = library.madvise
        parallel(
            lambda start, stop: advise(
                ctypes.c_void_p((first + start) * page),
                ctypes.c_size_t((stop - start) * page),
                _POPULATE_WRITE,
            ),
            last - first,
            _LARGE // page,
        )
    return array
