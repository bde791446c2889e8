"""The secrets of the parties that a folder holds: keys, records, and what their states still keep.

Read only, also while a party works. What is encrypted with a passphrase is known as it lies on the disk.
Records are those that wait for their enrolment, those of a state, and a table's values for statistics, each
in the forms of `record_forms`. A hospital erases what its state keeps of them when its federation is over.
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
from proofward.engines.remote.agreement.own_counts import COUNTS, FLAG
from proofward.federation.history.sharing.beacon_keys import OWN_SHARE
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.state_store import stored_secrets
from proofward.ledger.key_file import EncryptedKey, PlainKey
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.records.secret import DatasetSecret
from proofward.report.handover.secrets.record_forms import Values, record_secrets
from proofward.report.handover.secrets.secret_scan import LEAST_BYTES, Secret, telling
from proofward.statistics.source import VALUES

MAX_KEY_BYTES = 1 << 16
PUBLISHED = (OWN_SHARE,)
"""Secrets that their owner says openly in the end."""


@dataclass
class Known:
    """What is known: keys, records, and other secrets.

    untold: how many records are so alike that they are not searched for. unread: files that could not be
    looked into.
    """

    keys: list[Secret] = field(default_factory=list)
    records: list[Secret] = field(default_factory=list)
    others: list[Secret] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    untold: int = 0

    @property
    def all(self) -> list[Secret]:
        """All of them."""
        return [*self.keys, *self.records, *self.others]

    def add_rows(self, what: str, features: Values) -> None:
        """Adds records (n, features)."""
        self.records += record_secrets(what, features, self._alike)

    def _alike(self, count: int) -> None:
        self.untold += count


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
            elif path.name == VALUES:
                _values(path, known)
            elif path.name.startswith(COUNTS.format("")) and not (path.parent / FLAG).exists():
                _counts(path, known)
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
    known.add_rows(f"a record of {_owner(path)}", features)


def _values(path: Path, known: Known) -> None:
    """Of a table whose statistics are counted: column by column."""
    try:
        with np.load(path, allow_pickle=False) as found:
            columns, lengths = found["known"].astype(np.float64), found["lengths"][:, 0].tolist()
    except (OSError, ValueError, KeyError, IndexError):
        known.unread.append(path)
        return
    at = 0
    for length in lengths:
        known.add_rows(f"values of {_owner(path)}", columns[at : at + length].reshape(-1, 1))
        at += length


def _counts(path: Path, known: Known) -> None:
    data = path.read_bytes()
    if len(data) >= LEAST_BYTES and telling(data):
        known.others.append(Secret(f"the counts of {_owner(path)}", (data,)))


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
                known.add_rows(f"a record of {_owner(path)}", DatasetSecret.from_bytes(data).features)
            except MalformedMessage:
                known.unread.append(path)
        elif name not in PUBLISHED and len(data) >= LEAST_BYTES and (len(data) < 32 or telling(data)):
            known.others.append(Secret.key(what, data))
