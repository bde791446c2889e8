"""What a hospital that follows heads checks of an answer, before it believes anything in it.

In this order: encoding, whom and what it answers, keys and signatures of a quorum of verifiers, consistency
with the ledger that it knew, inclusion of its view, and what follows from both. Whatever fails speaks against
the host, who has signed the answer, but for an answer to somebody else or to an earlier question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from proofward.encoding import MalformedMessage, decode
from proofward.federation.history.light.heads import keys_digest
from proofward.federation.history.light.projection import published
from proofward.federation.history.state.history_state import BETWEEN, ROUND_PHASES
from proofward.federation.history.state.signed_heads import sealing_digest
from proofward.federation.history.steps.membership import is_rotation
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import open_envelope, parse_envelope
from proofward.federation.messages.light_answers import LightAnswer
from proofward.federation.messages.records.catalogue import KINDS
from proofward.federation.messages.records.heads import (
    MAX_HEAD_BYTES,
    Head,
    View,
    is_head_signed,
)
from proofward.federation.messages.records.ledger import KeyRotation
from proofward.federation.parties.following.extension import log_verifier
from proofward.ledger.checkpoint import open_checkpoint
from proofward.ledger.errors import MerkleProofInvalid, NoteInvalid
from proofward.ledger.merkle_log import leaf_hash, verify_consistency, verify_inclusion

R = TypeVar("R")


@dataclass(frozen=True)
class Known:
    """What a hospital knows before an answer.

    size, root, clock: of the ledger; keys: of the verifiers that are not revoked, by name
    head: digest of the head of that size, if it has followed it; b"" otherwise
    """

    size: int
    root: bytes
    clock: int
    keys: dict[str, bytes]
    head: bytes = b""


@dataclass(frozen=True)
class Taken:
    """What it knows after it: head, view, the verifiers' keys, and what holders have published for it."""

    head: Head
    view: View
    keys: dict[str, bytes]
    sealing: tuple[bytes, ...]

    @property
    def known(self) -> Known:
        """For the next answer."""
        return Known(self.head.size, self.head.root, self.head.clock, self.keys, self.head.digest)


def check_answer(rules: Rules, answer: LightAnswer, hospital: str, known: Known) -> Taken | None:
    """What an authenticated answer shows, None where it has no newer head; raises Refusal."""
    require(answer.hospital == hospital, "answer", TRANSPORT, f"an answer for {hospital}", answer.hospital)
    require(answer.known == known.size, "answer", TRANSPORT, f"one for {known.size} entries", answer.known)
    if not answer.head:
        return None
    host = rules.aggregator
    head, view = _read(answer.head, Head, host), _read(answer.view, View, host)
    require(head.consortium == rules.digest, "consortium", host, rules.digest, head.consortium)
    keys = _keys(rules, head, answer, known)
    _check_signatures(rules, head, answer, keys)
    _check_ledger(rules, head, answer, known)
    _check_view(rules, head, view, answer, hospital)
    return Taken(head, view, keys, answer.sealing)


def _read(data: bytes, kind: type[R], host: str) -> R:
    try:
        return decode(data, kind, max_bytes=MAX_HEAD_BYTES)
    except MalformedMessage as error:
        expected = f"a canonical {kind.__name__.lower()}"
        raise Refusal("malformed", host, expected, describe(str(error))) from error


def _keys(rules: Rules, head: Head, answer: LightAnswer, known: Known) -> dict[str, bytes]:
    """The verifiers' keys at the head: those known, but for changes shown and for who is revoked."""
    host, keys = rules.aggregator, dict(known.keys)
    for data in answer.rotations:
        name, key = _changed(rules, data, keys)
        keys[name] = key
    for name in head.revoked:
        keys.pop(name, None)
    found = keys_digest(rules, keys)
    require(head.verifiers == found, "head-keys", host, found, head.verifiers)
    return keys


def _changed(rules: Rules, data: bytes, keys: dict[str, bytes]) -> tuple[str, bytes]:
    """The verifier, and its new key, of a change under the key that it had."""
    host, expected = rules.aggregator, "changes of verifiers' keys, signed by the old key and the new one"
    try:
        sender = parse_envelope(data).sender
        require(sender in keys, "head-keys", host, expected, sender)
        record = open_envelope(data, rules, keys).record
    except (MalformedMessage, Refusal) as error:
        raise Refusal("head-keys", host, expected, describe(str(error))) from error
    good = isinstance(record, KeyRotation) and is_rotation(rules.digest, sender, keys[sender], record)
    require(good, "head-keys", host, expected, record.kind)
    assert isinstance(record, KeyRotation)
    return sender, record.key


def _check_signatures(rules: Rules, head: Head, answer: LightAnswer, keys: dict[str, bytes]) -> None:
    host, quorum, places = rules.aggregator, rules.head_quorum, answer.signers
    proper = list(places) == sorted(set(places)) and len(places) == len(answer.signatures)
    require(proper, "head-signatures", host, "a signature of each verifier, in ascending order", places)
    require(len(places) >= quorum, "head-signatures", host, f"at least {quorum} verifiers", len(places))
    for place, signature in zip(places, answer.signatures, strict=True):
        name = rules.verifiers[place] if place < len(rules.verifiers) else ""
        key = keys.get(name)
        good = key is not None and is_head_signed(head.digest, signature, key)
        require(good, "head-signatures", host, f"a signature by {name or f'verifier {place}'}", signature)


def _check_ledger(rules: Rules, head: Head, answer: LightAnswer, known: Known) -> None:
    host = rules.aggregator
    if head.size == known.size and known.head not in (b"", head.digest):
        raise Refusal("head-fork", host, describe(known.head), describe(head.digest))
    require(head.size > known.size, "head-size", host, f"more than {known.size} entries", head.size)
    require(head.clock >= known.clock, "ledger-time", host, f"{known.clock} or later", head.clock)
    try:
        verify_consistency(known.size, head.size, known.root, head.root, answer.consistency)
        checkpoint = open_checkpoint(answer.checkpoint, log_verifier(rules))
    except MerkleProofInvalid as error:
        raise Refusal("ledger-consistency", host, error.expected, error.actual) from error
    except NoteInvalid as error:
        raise Refusal("ledger-signature", host, error.expected, error.actual) from error
    same = (checkpoint.size, checkpoint.root) == (head.size, head.root)
    require(same, "ledger-consistency", host, "a checkpoint of the head's ledger", checkpoint.size)


def _check_view(rules: Rules, head: Head, view: View, answer: LightAnswer, hospital: str) -> None:
    host = rules.aggregator
    require(view.hospital == hospital, "head-view", host, f"the view of {hospital}", view.hospital)
    try:
        leaf = leaf_hash(answer.view)
        verify_inclusion(leaf, answer.place, head.hospitals, answer.path, head.views)
    except MerkleProofInvalid as error:
        raise Refusal("head-view", host, error.expected, error.actual) from error
    shown, count = answer.sealing, len(sealed_to(head, hospital)) if view.sealing else 0
    expected = f"what {count} holders have published"
    proper = len(shown) == count and view.sealing == (sealing_digest(shown) if view.sealing else b"")
    require(proper, "head-sealing", host, expected, len(shown))
    try:
        _ = [published(rules, data) for data in shown]
    except MalformedMessage as error:
        raise Refusal("head-sealing", host, expected, describe(str(error))) from error
    kinds = {word.slot.split("/")[0] for word in view.words}
    require(kinds <= KINDS.keys(), "head-view", host, "words of kinds that there are", sorted(kinds))
    phases = (BETWEEN, *ROUND_PHASES)
    require(head.phase in phases, "phase", host, " or ".join(phases), head.phase)
    least, few = rules.minimum_updates, head.accepted_count
    require(not head.accepted or few >= least, "accepted-set", host, f"at least {least} hospitals", few)


def sealed_to(head: Head, hospital: str) -> tuple[str, ...]:
    """The present holders of shares but for the hospital itself, ascending."""
    without = {*head.absent, hospital}
    return tuple(name for name in head.committee if name not in without)
