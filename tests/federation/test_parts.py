"""Objects in parts: the tree over them, and what a source that lies is refused for."""

from __future__ import annotations

import hashlib

import pytest

from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.log_tree import LogTree
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.federation.storage.parts import Part, Parted, PartTree
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.ledger.objects import ObjectStore

SIZE = 3


def cut(number: int) -> list[bytes]:
    return [place.to_bytes(SIZE, "big") for place in range(number)]


def whole_of(parts: list[bytes], **changes) -> Parted:
    data = b"".join(parts)
    fields = dict(digest=hashlib.sha256(data).digest(), root=PartTree(parts).root, number=len(parts), size=SIZE)
    return Parted(**{**fields, **changes})


@pytest.mark.parametrize("number", [*range(1, 10), 16, 33])
def test_the_tree_is_that_of_the_log_and_every_path_leads_to_its_root(number):
    parts, log = cut(number), LogTree()
    for part in parts:
        log.append(part)
    tree, whole = PartTree(parts), whole_of(parts)
    assert tree.root == log.root() and whole.split(b"".join(parts)) == parts
    for place, part in enumerate(parts):
        path = tree.path(place)
        assert whole.has(place, part, path)
        assert not whole.has((place + 1) % number, part, path) or number == 1
        assert not whole.has(place, bytes(reversed(part)), path) or part == part[::-1]
        assert not whole.has(place, part, (*path, bytes(32))) and not whole.has(place, part + b"x", path)
        for step in range(len(path)):
            assert not whole.has(place, part, (*path[:step], bytes(32), *path[step + 1 :]))
    with pytest.raises(ValueError, match="of a log"):
        tree.path(number)


def test_of_as_many_parts_as_there_can_be_a_path_is_short():
    parts = cut(MAX_MEMBERS)
    tree, whole = PartTree(parts), whole_of(parts)
    for place in (0, 8191, 8192, MAX_MEMBERS - 1):
        path = tree.path(place)
        assert len(path) <= 14 and whole.has(place, parts[place], path)


class Source:
    """Gives what it is told to."""

    def __init__(self, part):
        self.part = part

    def __call__(self, digest):
        return None

    def parts(self, wholes, place):
        return [self.part] * len(wholes)


@pytest.fixture
def parts():
    return cut(5)


def test_a_store_gives_one_part_and_a_plain_source_the_whole(tmp_path, parts):
    store, whole = ObjectStore(tmp_path), whole_of(parts)
    assert store.put(b"".join(parts)) == whole.digest
    for source in (StoredObjects(store), store.get):
        assert Objects(source, "host").parts([whole, whole], 3) == [parts[3]] * 2
        assert Objects(source, "host").parts([], 3) == []


@pytest.mark.parametrize(
    ("part", "check"),
    [
        (None, "object-missing"),
        (Part(cut(5)[2], PartTree(cut(5)).path(2)), "object-part"),
        (Part(cut(5)[3], PartTree(cut(5)).path(2)), "object-part"),
        (Part(b"", PartTree(cut(5)).path(3)), "object-part"),
    ],
)
def test_rejects_another_part_in_the_name_of_the_host(parts, part, check):
    with pytest.raises(Refusal) as refusal:
        Objects(Source(part), "host").parts([whole_of(parts)], 3)
    assert (refusal.value.check, refusal.value.culprit) == (check, "host")


@pytest.mark.parametrize("changes", [{"root": bytes(32)}, {"number": 6}, {"number": 4}, {"size": 2}])
def test_rejects_an_object_that_is_not_what_its_entry_says(tmp_path, parts, changes):
    store = ObjectStore(tmp_path)
    store.put(b"".join(parts))
    for source in (StoredObjects(store), store.get):
        with pytest.raises(Refusal) as refusal:
            Objects(source, "host").parts([whole_of(parts, **changes)], 4)
        assert refusal.value.check in ("object-part", "object-missing") and refusal.value.culprit == "host"


def test_a_store_without_the_object_or_with_a_damaged_one_gives_none(tmp_path, parts):
    store, whole = ObjectStore(tmp_path), whole_of(parts)
    assert StoredObjects(store).parts([whole], 0) == [None]
    store.put(b"".join(parts))
    store.path(whole.digest).write_bytes(bytes(SIZE * 5))
    assert StoredObjects(store).parts([whole], 0) == [None]
