"""The field in plain Python integers: the specification of every kernel, and a switch to run on it.

Inside `reference_arithmetic()` each mirrored function computes with lists of Python integers and no kernel,
so a verifier run there is the
reference verifier: the same script, the slow arithmetic. F-arrays become flat lists, E-arrays lists of two
planes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

import numpy as np

_active: ContextVar[bool] = ContextVar("reference arithmetic", default=False)
F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def reference_arithmetic() -> Iterator[None]:
    """Run mirrored functions on plain integers, in this context."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def mirrored(reference: Callable[..., Any]) -> Callable[[F], F]:
    """Give a kernel function its specification.

    The specification takes and gives (nested) lists of integers where the function has arrays.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def dispatch(*arguments: Any) -> Any:
            if not _active.get():
                return function(*arguments)
            result = reference(*(_to_lists(argument) for argument in arguments))
            return _to_arrays(result)

        return dispatch  # type: ignore[return-value]

    return decorate


def _to_lists(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple) and value and not isinstance(value[0], int):
        return [_to_lists(item) for item in value]
    return value


def _to_arrays(value: Any) -> Any:
    if isinstance(value, list):
        return np.array(value, dtype=np.uint64)
    if isinstance(value, tuple):
        return tuple(_to_arrays(item) for item in value)
    return value
