"""Access to the ledger's objects: nothing is used before its bytes match the digest that the ledger names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from types import TracebackType
from typing import BinaryIO, Protocol, Self, runtime_checkable

from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.storage.parts import Part, Parted, PartSource, PartTree
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


MOST_TREES = 512
"""Of objects in parts, whose trees are kept for the next question: 64 bytes a part each."""

ObjectSource = FileSource | Callable[[bytes], bytes | None]


class StoredObjects:
    """A store as a source; see FileSource and PartSource."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._trees = lru_cache(MOST_TREES)(self._tree)

    def __call__(self, digest: bytes) -> bytes | None:
        """The object, None when it is missing or damaged."""
        try:
            return self._store.get(digest)
        except LedgerError:
            return None

    def open(self, digest: bytes) -> BinaryIO:
        """See FileSource."""
        return self._store.open(digest)

    def parts(self, wholes: Sequence[Parted], place: int) -> list[Part | None]:
        """See PartSource. The tree is that of verified bytes; the part is read anew."""
        return [self._part(whole, place) for whole in wholes]

    def _part(self, whole: Parted, place: int) -> Part | None:
        try:
            path = self._trees(whole).path(place)
            with self._store.path(whole.digest).open("rb") as file:
                file.seek(place * whole.size)
                return Part(file.read(whole.size), path)
        except (LedgerError, OSError, ValueError):
            return None

    def _tree(self, whole: Parted) -> PartTree:
        return PartTree(whole.split(self._store.get(whole.digest, whole.number * whole.size)))


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

    def parts(self, wholes: Sequence[Parted], place: int) -> list[bytes]:
        """The part at a place of each object; raises Refusal where one is missing or another.

        Only a PartSource does without the whole objects.
        """
        source, found, result = self._source, list[Part | None](), list[bytes]()
        if isinstance(source, PartSource):
            found += source.parts(wholes, place)
        else:
            found += [self._cut(whole, place) for whole in wholes]
        for whole, part in zip(wholes, found, strict=True):
            if part is None:
                raise self._missing(whole.digest)
            expected = f"part {place} of {whole.number} under root {whole.root.hex()}"
            require(whole.has(place, part.data, part.path), "object-part", self._host, expected, "another")
            result.append(part.data)
        return result

    def _cut(self, whole: Parted, place: int) -> Part:
        parts = whole.split(self.get(whole.digest))
        require(place < len(parts), "object-part", self._host, f"{whole.number} parts", len(parts))
        return Part(parts[place], PartTree(parts).path(place))

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
