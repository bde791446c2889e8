"""Objects on their way to the aggregator: received piece by piece into files, resumed where they stopped.

Only objects that a well-signed envelope names, which could be recorded as things are, are received, and no
more bytes than that kind of object may have: nobody can fill the disk with anything else. A file is complete
when its SHA-256 is the digest. It moves into the ledger's store when the envelope is about to be recorded;
what another envelope of the same sender replaces is deleted, and at a start what nobody has gone on with for
`KEPT_SECONDS`, since nobody knows then who named it.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from threading import Lock

from proofward.engines.remote.carrying.messages import Held, Missing, Part
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.federation.storage.object_sizes import size_limits
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import make_directory

KEPT_SECONDS = 3600.0
EMPTY = hashlib.sha256(b"").digest()
"""A share that is sealed to a key which is none."""


class Incoming:
    """Unfinished objects in one directory, which lies on the ledger's file system."""

    def __init__(self, directory: Path, ledger: LedgerFolder, rules: Rules) -> None:
        make_directory(directory)
        self.directory = directory
        self._ledger = ledger
        self._rules = rules
        self._lock = Lock()
        self._wanted: dict[str, dict[bytes, int]] = {}
        self._complete: set[bytes] = set()
        self._remove_old()

    def _remove_old(self) -> None:
        for path in self.directory.glob("*.part"):
            if not 0 <= time.time() - path.stat().st_mtime < KEPT_SECONDS:
                path.unlink()

    def path(self, digest: bytes) -> Path:
        """Where an object's bytes are collected."""
        return self.directory / f"{digest.hex()}.part"

    def missing(self, envelope: Envelope) -> tuple[Missing, ...]:
        """Objects of an envelope that are not there yet.

        From now on they are received, and those of an earlier envelope of the same sender no longer, unless
        somebody else names them too.
        """
        limits = size_limits(envelope.record, self._rules.most_entries)
        with self._lock:
            wanted = {digest: most for digest, most in limits.items() if not self._ledger.has_object(digest)}
            before = self._wanted.get(envelope.sender, {})
            self._wanted[envelope.sender] = wanted
            if EMPTY in wanted:  # the one digest that everybody knows: nobody shall send its bytes
                self.path(EMPTY).write_bytes(b"")
                self._complete.add(EMPTY)
            for digest in before:
                if self._limit(digest) is None:
                    self._drop(digest)
            lacking = sorted(digest for digest in wanted if digest not in self._complete)
            return tuple(Missing(digest, self._length(digest)) for digest in lacking)

    def read(self, digest: bytes) -> bytes | None:
        """An object that is complete here, or is in the ledger's store; else None."""
        with self._lock:
            if digest in self._complete:
                return self.path(digest).read_bytes()
        return self._ledger.get_object(digest)

    def forget(self, envelope: Envelope) -> None:
        """Throws the objects of an envelope away, which is not recorded, unless somebody else names them."""
        with self._lock:
            for digest in self._wanted.pop(envelope.sender, {}):
                if self._limit(digest) is None:
                    self._drop(digest)

    def settle(self, envelope: Envelope) -> None:
        """Moves the objects of an envelope, which lacks none, into the ledger's store; raises Refusal."""
        with self._lock:
            for digest in self._wanted.pop(envelope.sender, {}):
                self._complete.discard(digest)
                if self._ledger.has_object(digest):
                    continue
                try:
                    self._ledger.adopt_object(self.path(digest), digest)
                except LedgerError as error:
                    self._drop(digest)
                    raise Refusal("object-digest", TRANSPORT, digest.hex(), describe(str(error))) from error

    def add(self, part: Part) -> Held:
        """Takes bytes at the end of what is held; the last ones complete the object.

        Raises Refusal for what nobody may send, and for a complete object with another digest, which is
        thrown away.
        """
        with self._lock:
            if self._ledger.has_object(part.digest):
                return Held(0, True)
            limit = self._limit(part.digest)
            require(limit is not None, "object", TRANSPORT, "an object that a message names", part.digest)
            assert limit is not None
            held = self._length(part.digest)
            if part.digest in self._complete:
                return Held(held, True)
            if part.offset != held:
                return Held(held, False)
            end = held + len(part.data)
            if end > limit:
                self._drop(part.digest)
                raise Refusal("object-size", TRANSPORT, f"at most {limit} bytes", f"{end} bytes and more")
            with self.path(part.digest).open("ab") as file:
                file.write(part.data)
            if part.last:
                self._finish(part.digest)
            return Held(end, part.last)

    def _finish(self, digest: bytes) -> None:
        with self.path(digest).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
        if found != digest:
            self._drop(digest)
            raise Refusal("object-digest", TRANSPORT, digest.hex(), found.hex())
        self._complete.add(digest)

    def _limit(self, digest: bytes) -> int | None:
        limits = [wanted[digest] for wanted in self._wanted.values() if digest in wanted]
        return max(limits, default=None)

    def _length(self, digest: bytes) -> int:
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def _drop(self, digest: bytes) -> None:
        self._complete.discard(digest)
        self.path(digest).unlink(missing_ok=True)
