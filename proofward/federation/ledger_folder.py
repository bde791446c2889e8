"""The ledger's folder as the aggregator uses it: log, objects, seal."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from proofward.encoding import decode
from proofward.federation.envelope import Envelope
from proofward.ledger.errors import ObjectCorrupt, ObjectMissing
from proofward.ledger.log import Log
from proofward.ledger.note import NoteSigner
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME


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

    def entries(self, first: int) -> list[bytes]:
        """Entries from number `first` on."""
        return list(self._log.entries(first))

    def append(self, data: bytes) -> None:
        """Appends an entry, durably."""
        self._log.append(data)

    def put_object(self, data: bytes) -> bytes:
        """Stores an object, durably; its digest."""
        return self._store.put(data)

    def get_object(self, digest: bytes) -> bytes | None:
        """An object, None when it is missing or damaged."""
        try:
            return self._store.get(digest)
        except (ObjectMissing, ObjectCorrupt):
            return None

    def seal(self, named: Collection[bytes]) -> None:
        """Removes objects that no entry names (left by an interrupted step), then seals and closes the
        folder.
        """
        for digest in self._store.digests():
            if digest not in named:
                self._store.path(digest).unlink()
        self._log.seal()

    def close(self) -> None:
        """Closes the folder without sealing it."""
        self._log.close()
