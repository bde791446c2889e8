"""The ledger's entries, a page at a time, and one of them with its fields and its proof of inclusion."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from proofward.console.state import State
from proofward.console.words import meaning_of, moment, title_of
from proofward.encoding import MalformedMessage
from proofward.federation.history.history import History
from proofward.federation.messages.consortium.declarations import Declarations
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.envelope import Envelope, parse_envelope
from proofward.federation.messages.records.catalogue import FederationOpened, Message, MessageRefused
from proofward.federation.parties.following.extension import log_verifier
from proofward.ledger.checkpoint import open_checkpoint
from proofward.ledger.errors import LedgerError
from proofward.ledger.merkle_log import inclusion_proof, leaf_hash, verify_inclusion
from proofward.ledger.note import to_base64

PAGE = 50
SHOWN = ("Digest", "MaybeDigest")
"""Types of bytes that are shown in full: digests are public names. Of all other bytes the length is told."""
MOST_ITEMS, MOST_TEXT = 200, 2048


class NoSuchEntry(Exception):
    """The ledger has no entry with this number."""


def entries(state: State, page: int, kind: str, sender: str) -> dict[str, Any]:
    """A page, counted from 1, of the entries of a kind and a sender, the latest first; "" for all."""
    lines = state.followed.lines
    chosen = [
        position
        for position, line in enumerate(lines[: len(lines)])
        if kind in ("", line.kind) and sender in ("", line.sender)
    ][::-1]
    pages = max(1, -(-len(chosen) // PAGE))
    page = min(max(1, page), pages)
    return {
        "rows": [
            {"number": position, "kind": lines[position].kind, "title": title_of(lines[position].kind),
             "sender": lines[position].sender, "round": lines[position].round,
             "attempt": lines[position].attempt + 1, "time": moment(lines[position].time)}
            for position in chosen[(page - 1) * PAGE : page * PAGE]
        ],
        "page": page,
        "pages": pages,
        "count": len(chosen),
        "all": len(lines),
        "kind_chosen": kind,
        "sender": sender,
        "kinds": [(name, title_of(name)) for name in sorted({line.kind for line in lines})],
        "senders": sorted({line.sender for line in lines}),
        "trouble": state.followed.trouble,
        "complete": state.followed.complete,
    }  # fmt: skip


def entry(state: State, number: int) -> dict[str, Any]:
    """An entry; raises NoSuchEntry, and LedgerError where the file is not readable there."""
    followed = state.followed
    if followed.stored is None or followed.history is None or not 0 <= number < len(followed.lines):
        raise NoSuchEntry
    data = followed.stored.at([number])[0]
    note = followed.stored.checkpoint(len(followed.lines))
    with followed.lock:
        proof = _proof(followed.history, number, data, note)
    found: dict[str, Any] = {"number": number, "last": len(followed.lines) - 1, "bytes": len(data),
                             "proof": proof, "unreadable": ""}  # fmt: skip
    try:
        envelope = parse_envelope(data)
        return {**found, **_said(envelope)}
    except MalformedMessage as error:
        return {**found, "unreadable": f"The stored bytes are no message: {error}."}


def _said(envelope: Envelope) -> dict[str, Any]:
    record = envelope.record
    return {
        "kind": envelope.topic,
        "title": title_of(envelope.topic),
        "meaning": meaning_of(envelope.topic),
        "envelope": [
            ("sender", f"{envelope.sender}, {envelope.role}"),
            ("time of its clock", moment(envelope.time)),
            ("round", f"{envelope.round}, attempt {envelope.attempt + 1}" if envelope.round else "none yet"),
            (
                "ledger that the sender had seen",
                f"{envelope.seen_size:,} entries, root {envelope.seen_root.hex()}",
            ),
            ("digest of the message", envelope.digest.hex()),
        ],
        "self_fields": [
            {"name": field.name.replace("_", " "), "items": _plain(record, field.name)}
            for field in fields(record)  # type: ignore[arg-type]
        ],
    }


def _plain(record: Message, name: str) -> list[str]:
    """A field's value, an item a line."""
    value = getattr(record, name)
    if isinstance(record, FederationOpened) and name == "rules":
        return _rules(value)
    if isinstance(record, MessageRefused) and name == "evidence":
        return _evidence(value)
    declared = {field.name: str(field.type) for field in fields(record)}  # type: ignore[arg-type]
    return _items(value, declared[name])


def _items(value: object, declared: str) -> list[str]:
    if isinstance(value, tuple):
        each = "Digest" if declared == "SealedShares" or "Digest" in declared else ""
        found = [_items(item, each)[0] for item in value]
        more = [f"and {len(found) - MOST_ITEMS} more"] if len(found) > MOST_ITEMS else []
        return found[:MOST_ITEMS] + more or ["none"]
    if isinstance(value, bytes):
        if not value:
            return ["none"]
        return [value.hex()] if declared in SHOWN and len(value) == 32 else [f"{len(value):,} bytes"]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int):
        return [f"{value:,}"]
    return [str(value)[:MOST_TEXT] or "none"]


def _rules(data: bytes) -> list[str]:
    try:
        rules = Rules.from_bytes(data)
    except RulesError as error:
        return [f"unreadable: {error}"]
    people = [f"{member.role}: {member.name}" for member in rules.members]
    return [
        f"federation: {rules.federation}",
        f"digest: {rules.digest.hex()}",
        f"rounds: {rules.rounds}",
        f"accepting verdicts: {rules.accepting_verdicts} of {len(rules.verifiers)} verifiers",
        f"updates in a sum: {rules.minimum_updates} at least",
        f"training: {rules.config.training_words}",
        *people[:MOST_ITEMS],
        *_declared(rules.declarations),
    ]


def _declared(found: Declarations) -> list[str]:
    """What the consortium says of itself, a line each."""
    texts = [field.name for field in fields(found) if field.name != "members"]
    lines = [f"{name.replace('_', ' ')}: {line}" for name in texts for line in getattr(found, name)]
    for entry in found.members:
        said = [word for word in (entry.legal_name, entry.responsible, entry.contact) if word]
        lines.append(f"{entry.member} in law: {', '.join(said) or 'nothing is declared'}")
    return [line[:MOST_TEXT] for line in lines[:MOST_ITEMS]]


def _evidence(data: bytes) -> list[str]:
    try:
        found = parse_envelope(data)
        said = f"{title_of(found.topic)} of {found.sender}, round {found.round}"
        return [f"a message of {len(data):,} bytes: {said}"]
    except MalformedMessage:
        return [f"{len(data):,} bytes that are no message"]


def _proof(history: History, number: int, data: bytes, note: bytes | None) -> dict[str, Any]:
    """The proof that the bytes, as they are on the disk, are in the tree that was signed."""
    leaf = leaf_hash(data)
    found: dict[str, Any] = {
        "leaf": leaf.hex(),
        "path": [],
        "root": "",
        "size": 0,
        "signer": "",
        "good": False,
    }
    if note is None:
        return {
            **found,
            "words": "There is no signed checkpoint of this ledger here, so nothing can be checked.",
        }
    try:
        checkpoint = open_checkpoint(note, log_verifier(history.rules))
        if not number < checkpoint.size <= history.size:
            words = (
                f"The newest checkpoint here is of {checkpoint.size:,} entries, and does not cover this one."
            )
            return {**found, "words": words}
        path = inclusion_proof(number, checkpoint.size, history.tree.node)
        found |= {"path": [value.hex() for value in path], "root": checkpoint.root.hex(),
                  "root64": to_base64(checkpoint.root), "size": checkpoint.size,
                  "signer": history.rules.aggregator}  # fmt: skip
        verify_inclusion(leaf, number, checkpoint.size, path, checkpoint.root)
    except LedgerError as error:
        return {**found, "words": f"The check failed: {error}."}
    words = (
        f"Checked: with {len(path)} hashes the entry's bytes give the root that {history.rules.aggregator} "
        f"signed for {checkpoint.size:,} entries."
    )
    return {**found, "good": True, "words": words}
