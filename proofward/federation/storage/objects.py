"""Access to the ledger's objects: nothing is used before its bytes match the digest that the ledger names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from io import BytesIO
from types import TracebackType
from typing import BinaryIO, Protocol, Self, runtime_checkable

from proofward.federation.messages.refusal import Refusal, require
from proofward.ledger.errors import LedgerError, ObjectCorrupt, ObjectMissing
from proofward.ledger.objects import ObjectStore


@runtime_checkable
class FileSource(Protocol):
    """A source that also gives objects as files, for those that are too large to be held in memory."""

    def __call__(self, digest: bytes) -> bytes | None:
        """The object's bytes, None when there are none."""
        ...

    def open(self, digest: bytes) -> BinaryIO:
        """The object as a seekable file, whose bytes have been verified.

        Raises ObjectMissing or ObjectCorrupt.
        """
        ...


ObjectSource = FileSource | Callable[[bytes], bytes | None]


class StoredObjects:
    """A store as a source; see FileSource."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __call__(self, digest: bytes) -> bytes | None:
        """The object, None when it is missing or damaged."""
        try:
            return self._store.get(digest)
        except LedgerError:
            return None

    def open(self, digest: bytes) -> BinaryIO:
        """See FileSource."""
        return self._store.open(digest)


class SizedObjects:
    """A store as a source of objects of known lengths.

    An object without a known length, or with a greater one, is not read.
    """

    def __init__(self, store: ObjectStore, sizes: Mapping[bytes, int]) -> None:
        self._store = store
        self._sizes = sizes

    def __call__(self, digest: bytes) -> bytes | None:
        """The object, None when it is missing, damaged or too long."""
        try:
            return self._store.get(digest, self._sizes.get(digest, 0))
        except LedgerError:
            return None

    def open(self, digest: bytes) -> BinaryIO:
        """See FileSource."""
        return self._store.open(digest, self._sizes.get(digest, 0))


class Objects:
    """Objects by SHA-256 digest, from a source that may lie; `host` answers for it."""

    def __init__(self, source: ObjectSource, host: str) -> None:
        self._source = source
        self._host = host

    def get(self, digest: bytes) -> bytes:
        """The object; raises Refusal when it is missing or altered."""
        data = self._source(digest)
        if data is None:
            raise self._missing(digest)
        found = hashlib.sha256(data).digest()
        require(found == digest, "object-digest", self._host, digest, found)
        return data

    def open(self, digest: bytes) -> BinaryIO:
        """The object as a seekable file, to be closed by the caller.

        Raises Refusal when it is missing or altered. Only a FileSource does without the whole object in
        memory.
        """
        if not isinstance(self._source, FileSource):
            return BytesIO(self.get(digest))
        try:
            return self._source.open(digest)
        except ObjectMissing:
            raise self._missing(digest) from None
        except ObjectCorrupt as error:
            raise Refusal("object-digest", self._host, digest.hex(), error.actual) from error

    def _missing(self, digest: bytes) -> Refusal:
        return Refusal("object-missing", self._host, f"object {digest.hex()}", "nothing")


class NewObject:
    """An object that is made front to back and never held as a whole.

    This one is only hashed; subclasses keep the bytes. Used in a `with` statement, at whose end an unfinished
    object is thrown away.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Appends bytes."""
        self._hash.update(data)

    def finish(self) -> bytes:
        """Completes the object; its digest."""
        return self._hash.digest()

    def discard(self) -> None:
        """Throws away what was not finished; no effect otherwise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


Spool = Callable[[], NewObject]
"""Where new objects go: `NewObject` hashes them, `LedgerFolder.new_object` keeps them."""
