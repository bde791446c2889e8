"""Content-addressed objects: stored once, verified at every read.

Errors are typed and name the digest. The federation's access to objects refuses what a source gives in their
place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.objects import FileSource, Objects, StoredObjects
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


def written(path: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 5])
def test_objects_as_files(tmp_path: Path, size: int) -> None:
    store = ObjectStore(tmp_path)
    data = hashlib.shake_256(b"data").digest(size)
    digest = store.put(data)
    with store.open(digest) as file:
        assert file.tell() == 0 and file.read() == data and file.seek(0, 2) == size
    assert store.size(digest) == size


def test_missing_and_damaged_objects_are_not_opened(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    for access in (store.open, store.size):
        with pytest.raises(ObjectMissing):
            access(bytes(32))
    data = bytes(3 << 20)
    digest = store.put(data)
    for damaged in (data[:-1], data + b"\0", data[:-1] + b"\1", b"\1" + data[1:], b""):
        store.path(digest).write_bytes(damaged)
        with pytest.raises(ObjectCorrupt, match=digest.hex()):
            store.open(digest)
    store.path(digest).unlink()
    store.path(digest).mkdir()
    with pytest.raises(ObjectCorrupt):
        store.open(digest)


def test_a_complete_file_becomes_an_object(tmp_path: Path) -> None:
    store, data = ObjectStore(tmp_path / "objects"), bytes(range(256)) * 8192
    digest = hashlib.sha256(data).digest()
    for _ in range(2):  # the second time it is there already
        path = written(tmp_path / "part", data)
        store.adopt(path, digest)
        assert store.get(digest) == data and not path.exists()
    store.path(digest).write_bytes(b"damaged")
    store.adopt(written(tmp_path / "part", data), digest)
    assert store.get(digest) == data
    assert store.digests() == [digest] and list(store.strays()) == []


def test_other_files_are_not_adopted(tmp_path: Path) -> None:
    store, data = ObjectStore(tmp_path / "objects"), b"data"
    digest = hashlib.sha256(data).digest()
    with pytest.raises(ObjectMissing):
        store.adopt(tmp_path / "part", digest)
    for other in (b"", b"dat", b"data ", b"datb"):
        path = written(tmp_path / "part", other)
        with pytest.raises(ObjectCorrupt):
            store.adopt(path, digest)
        assert path.read_bytes() == other and store.digests() == []
    store.put(data)
    with pytest.raises(ObjectCorrupt):
        store.adopt(path, digest)
    assert store.get(digest) == data


def test_files_that_were_never_adopted_are_removed(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    first, second = store.create(), store.create()
    assert first != second and store.digests() == []
    first.write_bytes(b"whole")
    second.write_bytes(b"interrup")
    store.adopt(first, hashlib.sha256(b"whole").digest())
    assert list(store.strays()) == [second]
    assert store.remove_unfinished() == 1
    assert list(store.strays()) == [] and len(store.digests()) == 1


DATA = b"an object"
DIGEST = hashlib.sha256(DATA).digest()


def refused(access: Callable[[bytes], object]) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        access(DIGEST)
    return caught.value.check, caught.value.culprit


def test_plain_functions_are_sources() -> None:
    objects = Objects({DIGEST: DATA}.get, "host")
    assert objects.get(DIGEST) == DATA
    with objects.open(DIGEST) as file:
        assert isinstance(file, BytesIO) and file.read() == DATA
    for access in ("get", "open"):
        assert refused(getattr(Objects({}.get, "host"), access)) == ("object-missing", "host")
        assert refused(getattr(Objects(lambda digest: b"x", "host"), access)) == ("object-digest", "host")


def test_a_store_is_a_source_of_files(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    objects = Objects(StoredObjects(store), "host")
    assert isinstance(StoredObjects(store), FileSource)
    assert refused(objects.get) == refused(objects.open) == ("object-missing", "host")
    store.put(DATA)
    assert objects.get(DIGEST) == DATA
    with objects.open(DIGEST) as file:
        assert not isinstance(file, BytesIO) and file.read() == DATA
    store.path(DIGEST).write_bytes(b"damaged")
    assert refused(objects.get) == ("object-missing", "host")
    assert refused(objects.open) == ("object-digest", "host")
