"""What this process has found valid, proofs and signed envelopes, is not verified again.

Verification is a function of the statement and the bytes: tests that audit one ledger again and again, with
something changed, verify what is changed and what they have not met, as it is. What is refused is not kept.
All parties of a federation in one process read the same envelopes: each is parsed and its signature verified
once, not once for every reader.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from proofward.encoding import decode
from proofward.federation.history.proving import proofs
from proofward.federation.messages import envelope as envelopes
from proofward.federation.messages.envelope import Envelope
from proofward.ledger.keys import PublicKey
from proofward.proof.commitment import opened

MOST = 1 << 12

_found: dict[bytes, object] = {}


def _remembering(verify: Callable[..., object]) -> Callable[..., object]:
    def remembered(*given: object) -> object:
        if opened._WATCH.get() is not None:  # what is opened is told by a verification alone
            return verify(*given)
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


class _Invalid(Exception):
    """Raised in place of False, so that it is not kept."""


@contextmanager
def remembered_envelopes() -> Iterator[None]:
    """Meanwhile this process remembers the envelopes that it has parsed, and the signatures that are valid."""
    verify_raw, signed_part = PublicKey.verify_raw, Envelope.signed_part

    @lru_cache(MOST)
    def valid(key: bytes, message: bytes, signature: bytes) -> bool:
        if not verify_raw(PublicKey(key), message, signature):
            raise _Invalid
        return True

    def verified(key: PublicKey, message: bytes, signature: bytes) -> bool:
        if type(message) is not bytes or type(signature) is not bytes:
            return verify_raw(key, message, signature)
        try:
            return valid(key.raw, message, signature)
        except _Invalid:
            return False

    parsed = lru_cache(MOST)(lambda data: decode(data, Envelope))

    def decoded(data: Any, *kinds: Any, **options: Any) -> Any:
        if kinds == (Envelope,) and type(data) is bytes and not options:
            return parsed(data)
        return decode(data, *kinds, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PublicKey, "verify_raw", verified)
        patch.setattr(Envelope, "signed_part", lru_cache(MOST)(signed_part))
        patch.setattr(envelopes, "decode", decoded)
        yield


@contextmanager
def remembered_keys() -> Iterator[None]:
    """Meanwhile a certificate's key is looked at once, whether it is one: that takes 40 ms, and tests copy kits."""
    load = serialization.load_pem_private_key
    parsed = lru_cache(MOST)(load)

    def loaded(data: Any, password: Any, *more: Any, **options: Any) -> Any:
        if type(data) is bytes and password is None and not more and not options:
            return parsed(data, None)
        return load(data, password, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serialization, "load_pem_private_key", loaded)
        yield
