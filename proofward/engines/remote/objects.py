"""A member's copy of the ledger's objects: fetched piece by piece when first used, resumed after a break."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from proofward.engines.remote.messages import Answer, Declined, Fetch, Piece, Request
from proofward.federation.refusal import TRANSPORT, Refusal, describe, require
from proofward.ledger.errors import LedgerError, ObjectCorrupt, ObjectMissing
from proofward.ledger.objects import ObjectStore

Ask = Callable[[Request], Answer]


class RemoteObjects:
    """Objects under `directory`; what is not there is asked for. Other bytes are thrown away."""

    def __init__(self, directory: Path, ask: Ask) -> None:
        self.store = ObjectStore(directory)
        self._ask = ask

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

    def keep_only(self, digests: Collection[bytes]) -> None:
        """Removes all other objects: they can be fetched again."""
        for digest in self.store.digests():
            if digest not in digests:
                self.store.path(digest).unlink(missing_ok=True)

    def _fetch(self, digest: bytes) -> bool:
        part = self.store.directory / f"{digest.hex()}.part"
        while True:
            held = part.stat().st_size if part.exists() else 0
            answer = self._ask(Fetch(digest, held))
            if isinstance(answer, Declined):
                return False
            if not isinstance(answer, Piece):
                raise Refusal("answer", TRANSPORT, "a piece", describe(type(answer).__name__))
            require(held + len(answer.data) <= answer.size, "object-size", TRANSPORT, answer.size, held)
            with part.open("ab") as file:
                file.write(answer.data)
            held += len(answer.data)
            if held == answer.size:
                break
            require(answer.data != b"", "answer", TRANSPORT, "some bytes", "none")
        try:
            self.store.adopt(part, digest)
        except ObjectCorrupt:
            part.unlink(missing_ok=True)
            return False
        return True
