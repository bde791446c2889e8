"""Objects from sources that may lie: as bytes and as files, refused alike."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest

from proofward.federation.objects import FileSource, Objects, StoredObjects
from proofward.federation.refusal import Refusal
from proofward.ledger.objects import ObjectStore

DATA = b"an object"
DIGEST = hashlib.sha256(DATA).digest()


def refused(access) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        access(DIGEST)
    return caught.value.check, caught.value.culprit


def test_plain_functions_are_sources():
    objects = Objects({DIGEST: DATA}.get, "host")
    assert objects.get(DIGEST) == DATA
    with objects.open(DIGEST) as file:
        assert isinstance(file, BytesIO) and file.read() == DATA
    for access in ("get", "open"):
        assert refused(getattr(Objects({}.get, "host"), access)) == ("object-missing", "host")
        assert refused(getattr(Objects(lambda digest: b"x", "host"), access)) == ("object-digest", "host")


def test_a_store_is_a_source_of_files(tmp_path):
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
