"""A member's copy of the ledger's objects: fetched piece by piece when first used, or only what is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import BinaryIO

from proofward.engines.remote.carrying.messages import (
    MAX_OBJECT_BYTES,
    MOST_PARTS,
    PIECE_BYTES,
    Answer,
    Declined,
    Fetch,
    FetchParts,
    Parts,
    Piece,
    Request,
)
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.federation.storage.objects import StoredObjects
from proofward.federation.storage.parts import Part, Parted
from proofward.ledger.errors import LedgerError, ObjectCorrupt, ObjectMissing
from proofward.ledger.objects import ObjectStore

Ask = Callable[[Request], Answer]


class RemoteObjects:
    """Objects under `directory`; what is not there is asked for. Other bytes are thrown away.

    lacking: whether the last one asked for did not come. most: bytes that an object may have.
    """

    def __init__(self, directory: Path, ask: Ask, most: int = MAX_OBJECT_BYTES) -> None:
        self.store = ObjectStore(directory)
        self.lacking = False
        self._ask = ask
        self._most = most

    def __call__(self, digest: bytes) -> bytes | None:
        """The object's bytes, or None when the host has none with this digest."""
        try:
            return self.store.get(digest)
        except LedgerError:
            return self.store.get(digest) if self._fetch(digest) else None

    def open(self, digest: bytes) -> BinaryIO:
        """The object as a file with verified bytes; raises ObjectMissing."""
        try:
            return self.store.open(digest)
        except LedgerError:
            if not self._fetch(digest):
                raise ObjectMissing(digest) from None
            return self.store.open(digest)

    def parts(self, wholes: Sequence[Parted], place: int) -> list[Part | None]:
        """The part at a place of each object; None where the host has none. They are not kept here."""
        found = list[Part | None]()
        for first in range(0, len(wholes), MOST_PARTS):
            found += self._parts([whole.digest for whole in wholes[first : first + MOST_PARTS]], place)
        return found

    def _parts(self, digests: list[bytes], place: int) -> Sequence[Part | None]:
        self.lacking = True
        answer = self._ask(FetchParts(tuple(digests), place))
        if isinstance(answer, Declined):
            return [None] * len(digests)
        if not isinstance(answer, Parts) or len(answer.parts) != len(digests):
            raise Refusal("answer", TRANSPORT, f"{len(digests)} parts", describe(type(answer).__name__))
        self.lacking = False
        return [Part(part.data, part.path) for part in answer.parts]

    def keep_only(self, digests: Collection[bytes]) -> None:
        """Removes all other objects, and what has come of them: they can be fetched again."""
        for digest in self.store.digests():
            if digest not in digests:
                self.store.path(digest).unlink(missing_ok=True)
        for part in self.store.directory.glob("*.part"):
            part.unlink(missing_ok=True)

    def keep_results(self, digests: Collection[bytes], note: Callable[..., None]) -> None:
        """Removes all objects but these, which members take home and which are fetched if they are not here.

        Where one does not come, it is noted, and asked for again by who needs it next.
        """
        self.keep_only(digests)
        for digest in sorted(digests):
            try:
                self.open(digest).close()
            except (LedgerError, Refusal) as error:
                check = error.check if isinstance(error, Refusal) else type(error).__name__
                note("declined", check=check, object=digest.hex())

    def _fetch(self, digest: bytes) -> bool:
        self.lacking = True
        part = self.store.directory / f"{digest.hex()}.part"
        held, size = part.stat().st_size if part.exists() else 0, None
        while held != size:
            answer = self._ask(Fetch(digest, held))
            if isinstance(answer, Declined):
                return False
            if not isinstance(answer, Piece):
                raise Refusal("answer", TRANSPORT, "a piece", describe(type(answer).__name__))
            due = min(PIECE_BYTES, answer.size - held)
            if answer.size > self._most or size not in (None, answer.size) or len(answer.data) != due:
                part.unlink(missing_ok=True)
                expected = f"{due} bytes of {size or f'at most {self._most}'}"
                raise Refusal("object-size", TRANSPORT, expected, f"{len(answer.data)} of {answer.size}")
            with part.open("ab") as file:
                file.write(answer.data)
            held, size = held + len(answer.data), answer.size
        try:
            self.store.adopt(part, digest)
        except ObjectCorrupt:
            part.unlink(missing_ok=True)
            return False
        self.lacking = False
        return True


class LocalObjects(StoredObjects):
    """A store as the only source; remembers what was asked for in vain."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.missing: set[bytes] = set()

    def __call__(self, digest: bytes) -> bytes | None:
        """The object, None when it is missing or damaged."""
        data = super().__call__(digest)
        if data is None:
            self.missing.add(digest)
        return data

    def parts(self, wholes: Sequence[Parted], place: int) -> list[Part | None]:
        """See PartSource: of objects that are here as a whole."""
        found = super().parts(wholes, place)
        self.missing |= {whole.digest for whole, part in zip(wholes, found, strict=True) if part is None}
        return found

    def open(self, digest: bytes) -> BinaryIO:
        """See FileSource."""
        try:
            return super().open(digest)
        except LedgerError:
            self.missing.add(digest)
            raise ObjectMissing(digest) from None
