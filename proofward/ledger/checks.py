"""Checks of a log's rows, one finding each; the log makes them when it opens, the audit reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from proofward.encoding import MalformedMessage
from proofward.ledger.checkpoint import open_checkpoint
from proofward.ledger.database import MAX_ENTRIES, Database
from proofward.ledger.errors import LedgerError, LogRewritten, LogTruncated, NoteInvalid
from proofward.ledger.merkle_log import HASH_BYTES, completed_nodes, leaf_hash, tree_root
from proofward.ledger.note import NoteVerifier

KindOf = Callable[[bytes], str]
Check = Literal["seal", "structure", "entry", "tree", "checkpoint", "remembered", "object", "stray"]


@dataclass(frozen=True)
class Finding:
    """Outcome of one check about one subject.

    `error` says what was expected and found, and is None when the check passed.
    """

    check: Check
    subject: str
    error: LedgerError | None = None

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return self.error is None

    def __str__(self) -> str:
        return f"{self.check} {self.subject}: {'ok' if self.error is None else self.error}"


def compare(check: Check, subject: str, expected: object, actual: object) -> Finding:
    """A finding that passes when both are equal."""
    if type(expected) is type(actual) and expected == actual:
        return Finding(check, subject)
    shown = [v.hex() if isinstance(v, bytes) else str(v) for v in (expected, actual)]
    return Finding(check, subject, LedgerError(subject, shown[0][:120], shown[1][:120]))


class Tree:
    """The tree recomputed from the entries: the hashes of its complete subtrees, level by level."""

    def __init__(self) -> None:
        self.size = 0
        self.levels: list[bytearray] = []

    def node(self, level: int, position: int) -> bytes:
        """Hash of a complete subtree."""
        return bytes(self.levels[level][HASH_BYTES * position : HASH_BYTES * (position + 1)])

    def append(self, entry: bytes) -> None:
        """Adds an entry."""
        for level, _, value in completed_nodes(self.size, leaf_hash(entry), self.node):
            if level == len(self.levels):
                self.levels.append(bytearray())
            self.levels[level] += value
        self.size += 1

    def nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """(level, position, hash), ascending."""
        for level, hashes in enumerate(self.levels):
            for position in range(len(hashes) // HASH_BYTES):
                yield level, position, self.node(level, position)

    def root(self, size: int) -> bytes:
        """Root over the first `size` entries."""
        return tree_root(size, self.node)


def entry_checks(database: Database, kind_of: KindOf, tree: Tree) -> Iterator[Finding]:
    """One finding per entry: place, kind and leaf hash. Fills `tree`; ends at the first row out of place."""
    for position, kind, data in database.rows(
        "SELECT position, kind, data FROM entries ORDER BY position", "entries"
    ):
        subject = f"entry {tree.size}"
        if position != tree.size or type(data) is not bytes or tree.size >= MAX_ENTRIES:
            found = f"position {position!r:.40}, {type(data).__name__}"
            yield compare("entry", subject, f"position {tree.size} (below {MAX_ENTRIES}) with bytes", found)
            return
        tree.append(data)
        try:
            finding = compare("entry", subject, kind_of(data), kind)
            if finding.passed:
                finding = compare(
                    "entry", subject, tree.node(0, tree.size - 1), database.node(0, tree.size - 1)
                )
        except MalformedMessage as error:
            finding = Finding("entry", subject, LedgerError(subject, error.expected, error.actual))
        except LedgerError as error:
            finding = Finding("entry", subject, error)
        yield finding


def tree_check(database: Database, tree: Tree) -> Finding:
    """The stored nodes are exactly those of the entries."""
    stored = database.rows("SELECT level, position, hash FROM nodes ORDER BY level, position", "nodes")
    for expected, found in zip_longest(tree.nodes(), stored):
        if expected != found:
            place = (expected or found or ("?", "?"))[:2]
            actual = "nothing" if found is None else f"another hash at {place!r:.80}"
            return compare("tree", "nodes", "the hashes of the entries", actual)
    return Finding("tree", "nodes")


def checkpoint_checks(database: Database, verifier: NoteVerifier, tree: Tree) -> Iterator[Finding]:
    """One finding per stored checkpoint: signature, size and root; the last one must cover every entry."""
    last = 0
    for size, note in database.rows("SELECT size, note FROM checkpoints ORDER BY size", "checkpoints"):
        subject = f"checkpoint {size!r:.40}"
        if type(size) is not int or type(note) is not bytes or size <= last:
            wanted = f"a note for more than {last} entries"
            yield compare("checkpoint", subject, wanted, f"{type(note).__name__} for {size!r:.40}")
            return
        yield _stored_checkpoint(size, note, last, verifier, tree)
        last = size
    yield compare("checkpoint", "of the last entry", tree.size, last)


def _stored_checkpoint(size: int, note: bytes, previous: int, verifier: NoteVerifier, tree: Tree) -> Finding:
    subject = f"checkpoint {size}"
    try:
        checkpoint = open_checkpoint(note, verifier)
    except NoteInvalid as error:
        return Finding("checkpoint", subject, error)
    if checkpoint.size != size:
        return compare("checkpoint", subject, size, checkpoint.size)
    if size > tree.size:
        return Finding("checkpoint", subject, LogTruncated(size, tree.size))
    if checkpoint.root != tree.root(size):
        # The previous checkpoint vouches for the entries before it: only when one entry follows is it
        # certainly that one.
        first = previous if previous == size - 1 else None
        return Finding("checkpoint", subject, LogRewritten(size, checkpoint.root, tree.root(size), first))
    return Finding("checkpoint", subject)


def remembered_check(note: bytes, verifier: NoteVerifier, database: Database, tree: Tree) -> Finding:
    """The log continues the one for which `note`, kept elsewhere, was signed."""
    try:
        checkpoint = open_checkpoint(note, verifier, others=True)
        subject = f"checkpoint {checkpoint.size}"
        if checkpoint.size > tree.size:
            return Finding("remembered", subject, LogTruncated(checkpoint.size, tree.size))
        actual = tree.root(checkpoint.size)
        if actual != checkpoint.root:
            first = first_difference(database, verifier, tree, checkpoint.size)
            return Finding(
                "remembered", subject, LogRewritten(checkpoint.size, checkpoint.root, actual, first)
            )
        return Finding("remembered", subject)
    except LedgerError as error:
        return Finding("remembered", "checkpoint", error)


def first_difference(database: Database, verifier: NoteVerifier, tree: Tree, size: int) -> int | None:
    """First entry below `size` that is not the one hashed or signed when it was appended.

    It is None if the file hides it.
    """
    previous = 0
    for position in range(size):
        try:
            if database.node(0, position) != tree.node(0, position):
                return position
            note = database.checkpoint(position + 1)
            if note is not None:
                if open_checkpoint(note, verifier).root != tree.root(position + 1):
                    return position if previous == position else None
                previous = position + 1
        except LedgerError:
            return position
    return None
