"""Kernels that are compiled, or loaded from their cache, when they are first called, and numba with them.

So a command that computes nothing in the field starts without numba. Types of signatures are numba's, as
text. numba takes what a kernel calls for constants: a kernel is compiled as a copy of its function whose
global names stand for compiled functions.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import update_wrapper
from threading import RLock
from types import FunctionType
from typing import Any

WORD, SCALAR = "int64", "uint64"
ROW, MATRIX = "uint64[::1]", "uint64[:, ::1]"
PLANES = "UniTuple(Array(uint64, 1, 'C'), 2)"
"""Both planes of an E-array as a kernel takes them."""

_loading = RLock()
_before_the_first: list[Callable[[], object]] = []


def void(*types: str) -> str:
    """The signature of a kernel that takes these types and returns nothing."""
    return f"void({', '.join(types)})"


class Deferred:
    """A compiled function, made when it is first called or another one that calls it is made."""

    def __init__(self, make: Callable[[], Any], function: Callable[..., Any]) -> None:
        self._make = make
        self._made: Any = None
        update_wrapper(self, function)

    def load(self) -> Any:
        """The compiled function."""
        if self._made is None:
            with _loading:
                while self._made is None and _before_the_first:
                    _before_the_first.pop()()
                if self._made is None:
                    self._made = self._make()
        return self._made

    def __call__(self, *arguments: Any) -> Any:
        return (self._made or self.load())(*arguments)


def kernel(signature: str | None = None) -> Callable[[Callable[..., Any]], Deferred]:
    """A function as a kernel of that signature, which runs without the interpreter's lock and is cached.

    Without a signature it is part of whatever kernel calls it.
    """

    def decorate(function: Callable[..., Any]) -> Deferred:
        def make() -> Any:
            numba = _numba()
            settled = _settled(function)
            if signature is None:
                return numba.njit(inline="always")(settled)
            return numba.njit(signature, cache=True, nogil=True)(settled)

        return Deferred(make, function)

    return decorate


def intrinsic(declare: Callable[..., Any]) -> Deferred:
    """See numba.extending.intrinsic."""

    def make() -> Any:
        return _numba().extending.intrinsic(declare)

    return Deferred(make, declare)


def load_all(module: str) -> None:
    """Imports a module and loads every kernel that it has."""
    for value in list(vars(importlib.import_module(module)).values()):
        if isinstance(value, Deferred):
            value.load()


def before_the_first(do: Callable[[], object] | None) -> None:
    """Has it called before the next kernel that is made, if one is; None for nothing any more."""
    _before_the_first[:] = [] if do is None else [do]


def _numba() -> Any:
    """numba, which with its first kernel would import scipy's linear algebra, to see whether it is there.

    That takes longer than the kernel does. Here it is believed to be; whatever needs it looks again.
    """
    import numba.extending

    from proofward.field.wide_vectors import use_wide_vectors

    use_wide_vectors()
    if "numba.np.arraymath" not in sys.modules and importlib.util.find_spec("scipy") is not None:
        linalg = importlib.import_module("numba.np.linalg")
        looks = vars(linalg).get("ensure_blas")
        if looks is not None:
            linalg.ensure_blas = lambda: None  # type: ignore[attr-defined]
            try:
                importlib.import_module("numba.np.arraymath")
            finally:
                linalg.ensure_blas = looks  # type: ignore[attr-defined]
    return numba


def _settled(function: Callable[..., Any]) -> Callable[..., Any]:
    names, code = function.__globals__, function.__code__
    called = {name: names[name].load() for name in code.co_names if isinstance(names.get(name), Deferred)}
    copy = FunctionType(code, {**names, **called}, function.__name__, function.__defaults__)
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy
