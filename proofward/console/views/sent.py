"""What has left this site: every message and object of its members, when, its size and its digest."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from proofward.console.state import State
from proofward.console.stored import MemberCopy
from proofward.console.told import Moved
from proofward.console.words import moment, size, title_of
from proofward.federation.messages.envelope import parse_envelope
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME

PAGE = 25


def sent(state: State, page: int) -> dict[str, Any]:
    """A page, counted from 1, the latest first; raises LedgerError where entries cannot be read."""
    own, followed = state.source.own_members(), state.followed
    lines = followed.lines
    chosen = [position for position, line in enumerate(lines[: len(lines)]) if line.sender in own][::-1]
    pages = max(1, -(-len(chosen) // PAGE))
    page = min(max(1, page), pages)
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    data = followed.stored.at(shown) if followed.stored is not None and shown else []
    return {
        "rows": [_row(state, position, entry) for position, entry in zip(shown, data, strict=True)],
        "waiting": _waiting(state),
        "traffic": _traffic(state),
        "page": page,
        "pages": pages,
        "count": len(chosen),
        "members": own,
        "hosts": state.source.ledger is not None,
        "is_run": state.source.is_run,
    }


def _row(state: State, position: int, data: bytes) -> dict[str, Any]:
    envelope = parse_envelope(data)
    record = envelope.record
    objects: list[dict[str, str]] = []
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        for digest in value if isinstance(value, tuple) else (value,):
            if isinstance(digest, bytes) and digest in record.objects():
                objects.append(_object(state, field.name.replace("_", " "), digest))
    return {
        "number": position,
        "title": title_of(envelope.topic),
        "sender": envelope.sender,
        "round": envelope.round,
        "digest": envelope.digest.hex(),
        "size": size(len(data)),
        "when": moment(envelope.time),
        "objects": objects,
    }


def _object(state: State, name: str, digest: bytes) -> dict[str, str]:
    with state.told.lock:
        moved: Moved | None = state.told.sent.get(digest.hex())
    count = moved.bytes if moved is not None else _kept(state, digest)
    return {
        "name": name,
        "digest": digest.hex(),
        "size": "size not recorded" if count is None else size(count),
        "when": "" if moved is None else moment(moved.time),
    }


def _kept(state: State, digest: bytes) -> int | None:
    """How large an object is that the ledger's host has here."""
    if state.source.ledger is None:
        return None
    try:
        return ObjectStore(state.source.ledger / OBJECTS_NAME, create=False).size(digest)
    except LedgerError:
        return None


def _waiting(state: State) -> list[dict[str, Any]]:
    """What members here have made and the ledger does not have yet."""
    found = []
    for stored in state.source.entries():
        if isinstance(stored, MemberCopy):
            member = stored.path.parent.name
            for slot, count in stored.waiting():
                found.append({"member": member, "title": title_of(slot.split("/")[0]), "size": size(count)})
    return found


def _traffic(state: State) -> list[dict[str, Any]]:
    """All bytes that crossed by the end of each round, requests included, the latest first."""
    with state.told.lock:
        counts = dict(state.told.traffic)
    numbers = sorted({number for _, number in counts}, reverse=True)[:PAGE]
    return [
        {"round": number, "sent": size(counts.get(("traffic sent", number), 0)),
         "received": size(counts.get(("traffic received", number), 0))}
        for number in numbers
    ]  # fmt: skip
