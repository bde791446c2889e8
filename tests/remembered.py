"""Proofs that this process has found valid are not verified again.

Verification is a function of the statement and the bytes: tests that audit one ledger again and again, with
something changed, verify what is changed and what they have not met, as it is. What is refused is not kept.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from proofward.federation.history import proofs

_found: dict[bytes, object] = {}


def _remembering(verify: Callable[..., object]) -> Callable[..., object]:
    def remembered(*given: object) -> object:
        key = hashlib.sha256(pickle.dumps((verify.__name__, given))).digest()
        if key not in _found:
            _found[key] = verify(*given)
        return _found[key]

    return remembered


@contextmanager
def remembered_proofs() -> Iterator[None]:
    """Meanwhile parties of this process remember the valid proofs of all such times."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("verify_enrolment", "verify_round"):
            patch.setattr(proofs, name, _remembering(getattr(proofs, name)))
        yield
