"""Access to the ledger's objects: nothing is used before its bytes match the digest that the ledger names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from proofward.federation.refusal import Refusal, require

ObjectSource = Callable[[bytes], bytes | None]


class Objects:
    """Objects by SHA-256 digest, from a source that may lie; `host` answers for it."""

    def __init__(self, source: ObjectSource, host: str) -> None:
        self._source = source
        self._host = host

    def get(self, digest: bytes) -> bytes:
        """The object; raises Refusal when it is missing or altered."""
        data = self._source(digest)
        if data is None:
            raise Refusal("object-missing", self._host, f"object {digest.hex()}", "nothing")
        found = hashlib.sha256(data).digest()
        require(found == digest, "object-digest", self._host, digest, found)
        return data
