"""The ledger's folder as the aggregator uses it: log, objects, seal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from proofward.encoding import decode
from proofward.federation.messages.envelope import Envelope
from proofward.federation.storage.objects import NewObject, StoredObjects
from proofward.federation.storage.snapshot_store import SnapshotFolder
from proofward.ledger.log import Log
from proofward.ledger.note import NoteSigner
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME

SNAPSHOTS = "snapshots"
_PIECE = 1 << 20


def topic_of(entry: bytes) -> str:
    """Kind of the record in an entry's envelope; raises MalformedMessage."""
    return decode(entry, Envelope).topic


class LedgerFolder:
    """Log and objects in one folder; opening a sealed one checks and removes the seal."""

    def __init__(self, directory: Path, signer: NoteSigner) -> None:
        self.directory = directory
        self._log = Log(directory, signer.verifier, signer, create=True, kind_of=topic_of)
        self._store = ObjectStore(directory / OBJECTS_NAME)
        self._store.remove_unfinished()
        self.objects = StoredObjects(self._store)
        self.snapshots = SnapshotFolder(directory / SNAPSHOTS)

    def entries(self, first: int) -> list[bytes]:
        """Entries from number `first` on."""
        return list(self._log.entries(first))

    def entry(self, number: int) -> bytes | None:
        """An entry, if there is one of this number."""
        try:
            return self._log.entry(number)
        except IndexError:
            return None

    def append(self, data: bytes, topic: str | None = None) -> None:
        """Appends an entry, durably; `topic` is its kind where that is known."""
        self._log.append(data, kind=topic)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nothing but what is done in it: an entry, an object and a snapshot are stored one by one."""
        yield

    def put_object(self, data: bytes) -> bytes:
        """Stores an object, durably; its digest."""
        return self._store.put(data)

    def put_file(self, path: Path) -> bytes:
        """Stores a copy of a file as an object, piece by piece; its digest."""
        with path.open("rb") as file, self.new_object() as copy:
            while piece := file.read(_PIECE):
                copy.write(piece)
            return copy.finish()

    def get_object(self, digest: bytes) -> bytes | None:
        """An object, None when it is missing or damaged."""
        return self.objects(digest)

    def has_object(self, digest: bytes) -> bool:
        """Whether there is an object with this digest; its bytes are not looked at."""
        return digest in self._store

    def drop_object(self, digest: bytes) -> None:
        """Deletes an object that nobody needs any more, if it is there."""
        self._store.path(digest).unlink(missing_ok=True)

    def object_path(self, digest: bytes) -> Path:
        """Where the object is, or would be."""
        return self._store.path(digest)

    def open_object(self, digest: bytes) -> BinaryIO:
        """An object as a file with verified bytes; raises ObjectMissing or ObjectCorrupt."""
        return self._store.open(digest)

    def new_object(self) -> NewObject:
        """An object to be written piece by piece.

        What an interrupted process leaves of it is removed at the next start.
        """
        return _NewFile(self._store)

    def adopt_object(self, path: Path, digest: bytes) -> None:
        """Makes a complete file the object with this digest, durably.

        Raises ObjectMissing or ObjectCorrupt, and leaves the file.
        """
        self._store.adopt(path, digest)

    def seal(self, named: Collection[bytes]) -> None:
        """Seals and closes the folder, without the objects that no entry names.

        Such objects are left by an interrupted step; they are removed first, and so are snapshots.
        """
        self.snapshots.remove()
        for digest in self._store.digests():
            if digest not in named:
                self._store.path(digest).unlink()
        self._log.seal()

    def close(self) -> None:
        """Closes the folder without sealing it."""
        self._log.close()


class _NewFile(NewObject):
    """Written to a file of the store, which becomes the object."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__()
        self._store = store
        self._path = store.create()
        self._file = self._path.open("wb")

    def write(self, data: bytes) -> None:
        """See NewObject."""
        super().write(data)
        self._file.write(data)

    def finish(self) -> bytes:
        """See NewObject."""
        digest = super().finish()
        self._file.close()
        self._store.adopt(self._path, digest)
        return digest

    def discard(self) -> None:
        """See NewObject."""
        self._file.close()
        self._path.unlink(missing_ok=True)
