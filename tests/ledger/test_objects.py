"""Content-addressed objects: stored once, verified at every read, typed errors naming the digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from proofward.ledger.errors import ObjectCorrupt, ObjectMissing
from proofward.ledger.objects import ObjectStore


def test_round_trip(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "a" / "objects")
    contents = [b"", b"x", bytes(100000)]
    digests = [store.put(data) for data in contents]
    assert digests == [hashlib.sha256(data).digest() for data in contents]
    assert [store.get(digest) for digest in digests] == contents
    assert [store.put(data) for data in contents] == digests
    assert store.digests() == sorted(digests)
    assert all(digest in store for digest in digests)
    assert list(store.strays()) == []


def test_missing_and_corrupt(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    with pytest.raises(ObjectMissing) as missing:
        store.get(bytes(32))
    assert missing.value.digest == bytes(32)
    digest = store.put(b"data")
    for damaged in (b"datb", b"", b"data "):
        store.path(digest).write_bytes(damaged)
        with pytest.raises(ObjectCorrupt, match=digest.hex()):
            store.get(digest)
    assert store.put(b"data") == digest
    assert store.get(digest) == b"data"
    store.path(digest).unlink()
    store.path(digest).mkdir()
    with pytest.raises(ObjectCorrupt):
        store.get(digest)
    with pytest.raises(ValueError, match="32 bytes"):
        store.get(b"../../etc/passwd")


def test_unfinished_files_are_no_objects(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    digest = store.put(b"data")
    unfinished = store.path(digest).with_name(".writing-1-abc")
    unfinished.write_bytes(b"da")
    assert store.digests() == [digest]
    assert list(store.strays()) == [unfinished]
    assert store.remove_unfinished() == 1
    assert list(store.strays()) == []
