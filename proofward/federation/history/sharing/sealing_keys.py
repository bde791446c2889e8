"""Sealing keys of an attempt: one of each holder for each dealer, in the ledger's entries or as objects.

As objects (`scaling.sealing_keys`) an entry has the number of a holder's keys, in the order of the dealers,
their Merkle root, and the object with all of them. A dealer fetches the one key that is its own with its
path, and checks it against the root. The host records an entry only with an object that is whole: of the
length and root that the entry says, no key twice. So a holder that has not sent its keys is not present.

A complaint shows a pair's secret and the path of its key. The key follows from the secret, and whether the
holder published it from the path: nobody needs the object for that, and it goes with its round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, require
from proofward.federation.messages.records.catalogue import (
    HolderKeyRoot,
    HolderKeys,
    Message,
    PlacedComplaint,
    ShareComplaint,
)
from proofward.federation.storage.objects import Objects
from proofward.federation.storage.parts import Parted, PartTree
from proofward.lattice.errors import ComplaintRefused
from proofward.lattice.sealing import PUBLIC_KEY_BYTES, Pair, pair_secret, public_key

Said = HolderKeys | HolderKeyRoot


def pair_of(history: HistoryState, dealer: str, holder: str) -> Pair:
    """The pair of dealer and holder in the present attempt."""
    number, attempt = history.position()
    return Pair(history.rules.digest, number, attempt, dealer, holder)


def holder_keys(history: HistoryState, holder: str, seed: bytes) -> tuple[bytes, ...]:
    """A holder's public keys, one for each dealer."""
    return tuple(
        public_key(pair_secret(seed, pair_of(history, dealer, holder))) for dealer in history.dealers
    )


def keys_said(history: HistoryState, keys: tuple[bytes, ...]) -> tuple[Said, tuple[bytes, ...]]:
    """What a hospital says of its keys, and the objects that go with it; () from who holds nothing."""
    if not history.rules.scaling.key_objects:
        return HolderKeys(keys), ()
    if not keys:
        return HolderKeyRoot(b"", b"", 0), ()
    data = b"".join(keys)
    return HolderKeyRoot(hashlib.sha256(data).digest(), PartTree(keys).root, len(keys)), (data,)


def kind_of_keys(history: HistoryState) -> type[Said]:
    """The kind of record in which hospitals say their keys."""
    return HolderKeyRoot if history.rules.scaling.key_objects else HolderKeys


def parted(said: HolderKeyRoot) -> Parted:
    """The object with a holder's keys, as its entry has it."""
    return Parted(said.keys, said.root, said.number, PUBLIC_KEY_BYTES)


def key_objects(history: HistoryState) -> dict[bytes, Parted]:
    """The objects with keys of the attempt under way, by digest."""
    said = () if history.current is None else tuple(history.current.holder_keys.values())
    found = [parted(own) for own in said if isinstance(own, HolderKeyRoot) and own.number]
    return {whole.digest: whole for whole in found}


def require_whole(holder: str, said: Message, read: Callable[[bytes], bytes | None]) -> None:
    """Raises Refusal if keys in an object, which `read` gives, are not those that the message means.

    They are all, each another, and have the root. The ledger alone does not show that they are not.
    """
    if not isinstance(said, HolderKeyRoot) or not said.number:
        return
    data, expected = read(said.keys), said.number * PUBLIC_KEY_BYTES
    if data is None:
        raise Refusal("object-missing", TRANSPORT, f"object {said.keys.hex()}", "nothing")
    require(len(data) == expected, "sealing-keys", holder, f"{expected} bytes of keys", len(data))
    keys = parted(said).split(data)
    require(len(set(keys)) == len(keys), "sealing-keys", holder, "distinct keys", "a repeated key")
    root = PartTree(keys).root
    require(root == said.root, "sealing-keys", holder, f"keys under root {said.root.hex()}", root)


def published_keys(
    history: HistoryState, objects: Objects, dealer: str, holders: Iterable[str]
) -> dict[str, bytes]:
    """The keys that these holders have published for a dealer; raises Refusal where one does not come."""
    place, found, apart = history.dealer_place(dealer), dict[str, bytes](), dict[str, Parted]()
    for holder in holders:
        said = history.round.holder_keys[holder]
        if isinstance(said, HolderKeys):
            found[holder] = said.sealing_keys[place]
        else:
            apart[holder] = parted(said)
    return found | dict(zip(apart, objects.parts(list(apart.values()), place), strict=True))


def complaint_of(history: HistoryState, holder: str, dealer: str, seed: bytes) -> ShareComplaint:
    """What a holder says of a dealer's bad share: the pair's secret, and where keys are apart its path."""
    upload = history.round.uploads[dealer].digest
    secret = pair_secret(seed, pair_of(history, dealer, holder))
    if not history.rules.scaling.key_objects:
        return ShareComplaint(dealer, upload, secret)
    tree = PartTree(holder_keys(history, holder, seed))
    return PlacedComplaint(dealer, upload, secret, tree.path(history.dealers.index(dealer)))


def key_complained_of(history: HistoryState, holder: str, said: ShareComplaint) -> bytes:
    """The key that `holder` has published for the dealer; ComplaintRefused if the path shows none."""
    published, place = history.round.holder_keys[holder], history.dealers.index(said.dealer)
    if isinstance(published, HolderKeys):
        return published.sealing_keys[place]
    derived = public_key(said.pair_key)
    assert isinstance(said, PlacedComplaint)
    if not parted(published).has(place, derived, said.path):
        expected = f"the secret of key {place} under root {published.root.hex()[:16]}..., with its path"
        raise ComplaintRefused("another pair secret", expected, f"that of key {derived[:8].hex()}...")
    return derived
