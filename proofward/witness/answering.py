"""A witness (c2sp.org/tlog-witness): cosigns what continues the log that it has seen, and nothing else.

A consortium's server that shows one history to some and another to others needs two checkpoints of one log
that do not continue each other. Somebody who has not got more than the server's signature cannot notice;
whoever demands cosignatures of k of w witnesses can, unless k witnesses sign both. Each answer is a status
of HTTP: 200 with the cosignature, 400 malformed, 403 not signed by the log, 404 unknown log, 409 another
size seen last, 422 not a continuation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proofward.ledger.errors import LedgerError, MerkleProofInvalid, NoteInvalid
from proofward.ledger.merkle_log import EMPTY_ROOT, verify_consistency
from proofward.ledger.note import NoteVerifier, open_note
from proofward.witness.cosignature import CosigningKey
from proofward.witness.memory import Memory
from proofward.witness.request import AddCheckpoint, read_request

PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


@dataclass(frozen=True)
class Answer:
    """Status of HTTP, body, and the body's type."""

    status: int
    body: str
    content_type: str = PLAIN


class Witness:
    """Answers for the logs that it knows.

    memory: what was cosigned. key: with which it cosigns. logs: the keys that it trusts, each for the origin
    that is its name. clock: seconds since 1970
    """

    def __init__(
        self, memory: Memory, key: CosigningKey, logs: Iterable[NoteVerifier], clock: Callable[[], int]
    ) -> None:
        self.memory, self.key, self.clock = memory, key, clock
        self.logs: dict[str, list[NoteVerifier]] = {}
        for log in logs:
            self.logs.setdefault(log.name, []).append(log)

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to a body of `add-checkpoint`. Raises LedgerUnavailable where memory fails."""
        try:
            asked = read_request(body)
        except LedgerError as error:
            return Answer(400, f"{error}\n")
        if asked.origin not in self.logs:
            return Answer(404, "unknown origin\n")
        if (refused := self._not_signed(asked)) is not None:
            return Answer(403, f"{refused}\n")
        if asked.old > asked.size:
            return Answer(400, f"old size: expected at most {asked.size}, found {asked.old}\n")
        with self.memory.turn() as turn:
            size, root = turn.seen(asked.origin)
            if asked.old != size:
                return Answer(409, f"{size}\n", SIZE)
            try:
                verify_consistency(size, asked.size, root or EMPTY_ROOT, asked.root, asked.proof)
                if asked.size == 0 and asked.root != EMPTY_ROOT:
                    raise MerkleProofInvalid("checkpoint of size 0", EMPTY_ROOT.hex(), asked.root.hex())
            except MerkleProofInvalid as error:
                return Answer(422, f"{error}\n")
            line = self.key.line(asked.text, self.clock())
            turn.remember(asked.origin, asked.size, asked.root, asked.note + line.encode())
        return Answer(200, line)

    def _not_signed(self, asked: AddCheckpoint) -> NoteInvalid | None:
        """Why no key that is trusted for the origin has signed; None where one has."""
        wrong = NoteInvalid("checkpoint", "a signature of the log", "none")
        signed = {(name, raw[:4]) for name, raw in asked.signatures}
        found = False
        for log in self.logs[asked.origin]:
            if (log.name, log.key_id) not in signed:
                continue
            try:
                open_note(asked.note, log, others=True)
            except NoteInvalid as error:
                return error  # a line that bears the key's ID and is not its signature spoils the note
            found = True
        return None if found else wrong

    def checkpoint(self, origin_hash: str) -> Answer:
        """The checkpoint cosigned last of the log whose origin has this SHA-256, in hexadecimal.

        Raises LedgerUnavailable where memory fails.
        """
        with self.memory.turn() as turn:
            note = turn.note(origin_hash)
        return Answer(404, "nothing was cosigned\n") if note is None else Answer(200, note.decode())
