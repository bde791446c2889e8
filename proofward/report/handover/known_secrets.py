"""The secrets of the parties that a folder holds: keys, records, and what their states still keep.

Read only, also while a party works. What is encrypted with a passphrase is known as it lies on the disk.
Records are known as the integers in which they are kept, a row at a time; of rows that are nearly constant
nothing could be told, and they are left out.
"""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from proofward.encoding import MalformedMessage, decode
from proofward.engines.remote.agreement.home import DATASET, STATE
from proofward.federation.history.beacon_keys import OWN_SHARE
from proofward.federation.messages.refusal import Refusal
from proofward.federation.storage.state_store import stored_secrets
from proofward.field.goldilocks import to_field
from proofward.layers.model import Int64Array
from proofward.ledger.key_file import EncryptedKey, PlainKey
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.secret import DatasetSecret
from proofward.report.handover.secret_scan import LEAST_BYTES, Secret, telling

MAX_KEY_BYTES = 1 << 16
PUBLISHED = (OWN_SHARE,)
"""Secrets that their owner says openly in the end."""


@dataclass
class Known:
    """What is known: keys, records, and other secrets. unread: files that could not be looked into."""

    keys: list[Secret] = field(default_factory=list)
    records: list[Secret] = field(default_factory=list)
    others: list[Secret] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)

    @property
    def all(self) -> list[Secret]:
        """All of them."""
        return [*self.keys, *self.records, *self.others]


def known_secrets(*folders: Path) -> Known:
    """What lies under these folders, as far as they are there."""
    known = Known()
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file():
                continue
            if path.suffix in (".key", ".pem"):
                _keys(path, known)
            elif path.name == DATASET:
                _dataset(path, known)
            elif path.name == STATE:
                _state(path, known)
    return known


def _owner(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _keys(path: Path, known: Known) -> None:
    try:
        data = read_regular(path, MAX_KEY_BYTES)
    except NotReadable:
        known.unread.append(path)
        return
    what = f"the key of {_owner(path)}"
    try:
        record = decode(data, PlainKey, EncryptedKey)
    except MalformedMessage:
        known.keys += _pem(what, data)
        return
    if isinstance(record, PlainKey):
        known.keys.append(Secret.key(what, record.seed))
    elif isinstance(record, EncryptedKey):
        known.keys.append(Secret.key(what, record.sealed))


def _pem(what: str, data: bytes) -> Iterator[Secret]:
    """A private key in PEM: every line of it, and the bytes that they stand for."""
    kind, body = b"", b""
    lines: list[bytes] = []
    for line in data.splitlines():
        if line.startswith(b"-----"):
            if b"PRIVATE KEY" in kind and (forms := [it for it in (*lines, _decoded(body)) if len(it) >= 32]):
                yield Secret(what, tuple(forms))
            kind, body, lines = line, b"", []
        else:
            body += line.strip()
            lines.append(line.strip())


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        return b""


def _dataset(path: Path, known: Known) -> None:
    try:
        with np.load(path, allow_pickle=False) as found:
            features = found["features"].astype(np.int64)
    except (OSError, ValueError, KeyError):
        known.unread.append(path)
        return
    known.records += _rows(_owner(path), features)


def _rows(owner: str, features: Int64Array) -> Iterator[Secret]:
    for row in features:
        forms = [row.astype("<i8").tobytes(), to_field(row).astype("<u8").tobytes()]
        if len(forms[0]) >= LEAST_BYTES and telling(forms[0]):
            yield Secret(f"a record of {owner}", tuple(dict.fromkeys(forms)))


def _state(path: Path, known: Known) -> None:
    try:
        found = stored_secrets(path)
    except (Refusal, sqlite3.Error, OSError):
        known.unread.append(path)
        return
    for name, data in found.items():
        what = f"the secret {name} of {_owner(path)}"
        if name.startswith("dataset/"):
            try:
                known.records += _rows(_owner(path), DatasetSecret.from_bytes(data).features)
            except MalformedMessage:
                known.unread.append(path)
        elif name not in PUBLISHED and len(data) >= LEAST_BYTES and (len(data) < 32 or telling(data)):
            known.others.append(Secret.key(what, data))
