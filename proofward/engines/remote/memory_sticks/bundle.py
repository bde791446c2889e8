"""Bundles: the messages of an air-gapped member and the answers to it, in one file for a memory stick.

    "proofward bundle 1\\n"
    frames: length (4 bytes, big-endian), a canonical record; a BundleObject is followed by the object's bytes
    header, then requests to join, envelopes, extensions, objects, what is asked for; end

The end names the number of frames and the SHA-256 of all bytes before it. OUT is from the member to any
connected site (its gateway), BACK is the answer. Nobody is believed for having carried or written a bundle:
envelopes, extension and requests to join are signed, objects are named by digest. The member's signature at
the end of an OUT bundle adds one thing, that the member's own machine wrote this stick, whole: a gateway does
not send on, and does not answer, what a stranger put together. A BACK bundle has none; its extensions are
signed by the aggregator and vouch for the objects. A stick says what the ledger says anyway, encrypted
shares included, and which objects the member has.

Objects are never in memory; all else is limited by MAX_WORDS. No path is read from a bundle.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, cast

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.engines.remote.carrying.caller import Stream
from proofward.engines.remote.carrying.messages import MAX_ANSWER_BYTES, MAX_OBJECT_BYTES, SmallBlob
from proofward.federation.messages.basics.field_types import Count, Digest, MaybeDigest, Name
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.files import sync_directory
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

MAGIC = b"proofward bundle 1\n"
OUT, BACK = "out", "back"
MAX_FRAME = MAX_ANSWER_BYTES + (1 << 10)
MAX_WORDS = 2 * MAX_FRAME
MAX_FRAMES = 1 << 15
MAX_NAMED = MAX_MEMBERS + 2
_PIECE = 1 << 20
_CONTEXT = b"proofward/bundle/v1"
Digests = Annotated[tuple[Digest, ...], Length(0, MAX_NAMED)]


@dataclass(frozen=True)
class Header:
    """consortium: b"" before the rules are known. size: how many entries the writer has followed."""

    kind: ClassVar[str] = "bundle"
    direction: Annotated[str, Length(1, 8)]
    terms: Digest
    consortium: MaybeDigest
    member: Name
    size: Count


@dataclass(frozen=True)
class BundleJoin:
    """A request to join."""

    kind: ClassVar[str] = "bundle-join"
    data: SmallBlob


@dataclass(frozen=True)
class BundleEnvelope:
    """A signed envelope."""

    kind: ClassVar[str] = "bundle-envelope"
    data: SmallBlob


@dataclass(frozen=True)
class BundleExtension:
    """A signed extension of the ledger; the next one goes on where it ends."""

    kind: ClassVar[str] = "bundle-extension"
    data: Annotated[bytes, Length(1, MAX_ANSWER_BYTES)]


@dataclass(frozen=True)
class BundleObject:
    """An object: `size` bytes follow the frame."""

    kind: ClassVar[str] = "bundle-object"
    digest: Digest
    size: Annotated[int, Range(0, MAX_OBJECT_BYTES)]


@dataclass(frozen=True)
class Asked:
    """Objects that the member has, and objects that it could not go on without."""

    kind: ClassVar[str] = "bundle-asked"
    holds: Digests
    lacks: Digests


@dataclass(frozen=True)
class End:
    """frames: how many before this one; digest: SHA-256 of all bytes before it; signature: the member's."""

    kind: ClassVar[str] = "bundle-end"
    frames: Count
    digest: Digest
    signature: Annotated[bytes, Length(0, 64)]


Record = Header | BundleJoin | BundleEnvelope | BundleExtension | BundleObject | Asked | End
RECORDS = (Header, BundleJoin, BundleEnvelope, BundleExtension, BundleObject, Asked, End)


class BundleWriter:
    """Writes under a temporary name beside `path`; `finish` puts it in its place, durably.

    Leaving the context without it removes what there is.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Raises Refusal when something else than a bundle is in the place, OSError when it cannot write."""
        if path.exists():
            with path.open("rb") as there:
                ours = there.read(len(MAGIC)) == MAGIC
            require(ours, "bundle-file", TRANSPORT, "a new file, or a bundle to be replaced", path.name)
        self.path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._temporary.unlink(missing_ok=True)
        self._file: BinaryIO = self._temporary.open("xb")  # not through a link
        self._digest = hashlib.sha256()
        self._frames = 0
        self._objects: set[bytes] = set()
        self._put(MAGIC)
        self.add(header)

    def __enter__(self) -> BundleWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def add(self, record: Record) -> None:
        """A frame."""
        data = encode(record)
        self._put(len(data).to_bytes(4, "big") + data)
        self._frames += 1

    def object(self, digest: bytes, file: BinaryIO) -> None:
        """An object, from the beginning of a seekable file; once only. Raises Refusal for other bytes."""
        if digest in self._objects:
            return
        self._objects.add(digest)
        left, found = file.seek(0, os.SEEK_END), hashlib.sha256()
        file.seek(0)
        self.add(BundleObject(digest, left))
        while left and (piece := file.read(min(_PIECE, left))):
            found.update(piece)
            self._put(piece)
            left -= len(piece)
        require(found.digest() == digest, "object-digest", TRANSPORT, digest, found.digest())

    def finish(self, key: SigningKey | None) -> int:
        """Ends the bundle, signed by `key` if there is one; its size in bytes."""
        digest = self._digest.digest()
        self.add(End(self._frames, digest, b"" if key is None else sign(digest, key, _CONTEXT)))
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        os.replace(self._temporary, self.path)
        sync_directory(self.path.parent)
        return size


@dataclass
class Bundle:
    """A bundle in which all but the signature is right; `objects`: (offset, size) in the file, by digest."""

    path: Path
    header: Header
    digest: bytes = b""
    signature: bytes = b""
    joins: list[bytes] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
    extensions: list[bytes] = field(default_factory=list)
    asked: Asked | None = None
    objects: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Bundle:
        """Raises Refusal for whatever is no bundle, also when it cannot be read."""
        try:
            require(stat.S_ISREG(path.stat().st_mode), "bundle-file", TRANSPORT, "a file", path.name)
            with path.open("rb") as file:
                return _Reader(path, file).bundle()
        except OSError as error:
            raise Refusal("bundle-file", TRANSPORT, "a readable file", describe(error.strerror)) from error

    def check_signature(self, keys: Iterable[bytes]) -> None:
        """Raises Refusal unless one of these keys (32 bytes each) has signed the whole."""
        for key in keys:
            try:
                verify(self.digest, self.signature, PublicKey(key), _CONTEXT)
                return
            except SignatureInvalid:
                continue
        expected = f"a bundle signed by {self.header.member}"
        raise Refusal("bundle-signature", TRANSPORT, expected, describe(self.signature))

    @contextmanager
    def streams(self) -> Iterator[dict[bytes, Stream]]:
        """The objects in the file. It may have changed: whoever uses bytes compares their digest."""
        with self.path.open("rb") as file:
            yield {digest: Stream(file, *place) for digest, place in self.objects.items()}


class _Reader:
    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._left = os.fstat(file.fileno()).st_size
        self._digest = hashlib.sha256()
        self._words = 0

    def bundle(self) -> Bundle:
        start = self._file.read(len(MAGIC))
        require(start == MAGIC, "bundle-format", TRANSPORT, MAGIC.decode().strip(), "another file")
        self._left -= len(start)
        self._digest.update(start)
        header = self._frame()
        if not isinstance(header, Header) or header.direction not in (OUT, BACK):
            raise Refusal("bundle-format", TRANSPORT, "a header first", describe(header))
        found = Bundle(self._path, header)
        for count in range(1, MAX_FRAMES):
            before = self._digest.digest()
            record = self._frame()
            if isinstance(record, End):
                require(record.frames == count, "bundle-format", TRANSPORT, f"{count} frames", record.frames)
                require(record.digest == before, "bundle-digest", TRANSPORT, before, record.digest)
                require(self._left == 0, "bundle-format", TRANSPORT, "nothing after the end", self._left)
                found.digest, found.signature = before, record.signature
                return found
            self._take(found, record)
        raise Refusal("bundle-size", TRANSPORT, f"at most {MAX_FRAMES} frames", "more")

    def _take(self, found: Bundle, record: Record) -> None:
        match record:
            case BundleJoin(data):
                found.joins.append(data)
            case BundleEnvelope(data):
                found.envelopes.append(data)
            case BundleExtension(data):
                found.extensions.append(data)
            case Asked() if found.asked is None:
                found.asked = record
            case BundleObject(digest, size) if digest not in found.objects:
                found.objects[digest] = (self._file.tell(), size)
                self._object(digest, size)
            case _:
                raise Refusal("bundle-format", TRANSPORT, "each thing once", describe(record.kind))

    def _object(self, digest: bytes, size: int) -> None:
        require(size <= self._left, "bundle-truncated", TRANSPORT, f"{size} bytes", f"{self._left} bytes")
        found, left = hashlib.sha256(), size
        while left:
            piece = self._read(min(_PIECE, left))
            found.update(piece)
            self._digest.update(piece)
            left -= len(piece)
        require(found.digest() == digest, "object-digest", TRANSPORT, digest, found.digest())

    def _frame(self) -> Record:
        prefix = self._read(4)
        length = int.from_bytes(prefix, "big")
        self._words += length
        fits = length <= MAX_FRAME and self._words <= MAX_WORDS
        require(fits, "bundle-size", TRANSPORT, f"frames of {MAX_WORDS} bytes in all", self._words)
        data = self._read(length)
        try:
            record = cast(Record, decode(data, *RECORDS, max_bytes=MAX_FRAME))
        except MalformedMessage as error:
            raise Refusal("malformed", TRANSPORT, "a canonical record", describe(str(error))) from error
        self._digest.update(prefix + data)
        return record

    def _read(self, count: int) -> bytes:
        require(count <= self._left, "bundle-truncated", TRANSPORT, f"{count} bytes", f"{self._left} bytes")
        data = self._file.read(count)
        require(len(data) == count, "bundle-truncated", TRANSPORT, f"{count} bytes", f"{len(data)} bytes")
        self._left -= count
        return data
