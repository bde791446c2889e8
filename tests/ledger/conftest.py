"""A small ledger to work on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from proofward.encoding import encode_item
from proofward.ledger.keys import SigningKey
from proofward.ledger.log import Log
from proofward.ledger.note import NoteSigner
from proofward.ledger.objects import ObjectStore

SIGNER = NoteSigner("test.example/log", SigningKey(bytes(range(32))))


def entry(index: int, text: str = "") -> bytes:
    """Canonical bytes of some record."""
    return encode_item({"kind": "even" if index % 2 == 0 else "odd", "index": index, "text": text})


@pytest.fixture
def make(tmp_path: Path) -> Callable[[int], Path]:
    """Makes the directory of an unsealed ledger with this many entries and two objects."""

    def build(entries: int) -> Path:
        directory = tmp_path / "ledger"
        with Log(directory, SIGNER.verifier, SIGNER, create=True) as log:
            for index in range(entries):
                log.append(entry(index))
        store = ObjectStore(directory / "objects")
        store.put(b"first object")
        store.put(b"")
        return directory

    return build
