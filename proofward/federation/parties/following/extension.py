"""An extension of the ledger as a member checks it, before its entries are applied and while they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, require
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import MessageRefused
from proofward.federation.messages.wire import Extension
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.checkpoint import open_checkpoint
from proofward.ledger.errors import MerkleProofInvalid, NoteInvalid
from proofward.ledger.keys import PublicKey
from proofward.ledger.merkle_log import verify_consistency
from proofward.ledger.note import NoteVerifier


def log_verifier(rules: Rules) -> NoteVerifier:
    """Name and key under which this consortium's checkpoints are signed."""
    member = rules.find(rules.aggregator)
    assert member is not None
    return NoteVerifier(f"proofward/{rules.digest.hex()}", PublicKey.known(member.key))


def replayed(rules: Rules, entries: Iterable[bytes]) -> History:
    """The history of a ledger's entries; raises Refusal for one that does not follow."""
    history = History(rules)
    for entry in entries:
        history.apply(entry)
    return history


def fresh_entries(history: HistoryState, extension: Extension) -> list[bytes]:
    """The entries that follow what is known.

    Raises Refusal unless a signed checkpoint covers exactly them and continues the known ledger.
    """
    culprit = history.rules.aggregator
    try:
        checkpoint = open_checkpoint(extension.checkpoint, log_verifier(history.rules))
    except NoteInvalid as error:
        raise Refusal("ledger-signature", TRANSPORT, error.expected, error.actual) from error
    size, first = checkpoint.size, extension.first
    if size <= history.size:
        known = history.roots[size]
        require(checkpoint.root == known, "ledger-consistency", culprit, known, checkpoint.root)
        require(
            size == history.size,
            "ledger-truncated",
            culprit,
            f"{history.size} entries",
            f"{size} entries",
        )
    require(first <= history.size, "ledger-gap", TRANSPORT, f"from at most {history.size}", first)
    counted = first + len(extension.entries)
    require(counted == size, "ledger-gap", TRANSPORT, f"{size} entries", f"{counted} entries")
    try:
        verify_consistency(first, size, history.roots[first], checkpoint.root, extension.consistency)
    except MerkleProofInvalid as error:
        raise Refusal("ledger-consistency", culprit, error.expected, error.actual) from error
    fresh = list(extension.entries[history.size - first :])
    tree = LogTree.over(history.tree, fresh)
    require(tree.root() == checkpoint.root, "ledger-root", TRANSPORT, checkpoint.root, tree.root())
    return fresh


def applied(history: History, fresh: list[bytes], member: str) -> Iterator[Envelope]:
    """What a member is shown, entry by entry.

    Raises Refusal against the aggregator for an entry that does not follow, and for one by which it has shown
    others another ledger than this member.
    """
    culprit = history.rules.aggregator
    for entry in fresh:
        try:
            envelope = history.apply(entry)
        except Refusal as refusal:
            raise Refusal(refusal.check, culprit, refusal.expected, refusal.actual) from refusal
        record = envelope.record
        refused = (record.check, record.culprit) if isinstance(record, MessageRefused) else None
        if refused == ("ledger-view", member):
            seen = f"the ledger that {member} was shown"
            raise Refusal("ledger-split", culprit, seen, "another, by the sender's own message")
        yield envelope
