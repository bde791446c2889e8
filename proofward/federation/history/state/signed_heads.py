"""Heads as everybody who reads all entries keeps them, with the signatures recorded so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from proofward.encoding import encode
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.messages.records.catalogue import HolderKeyRoot, HolderKeys
from proofward.federation.messages.records.heads import Head
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.merkle_log import inclusion_proof

_SEALING = b"proofward/head-sealing/v1"
MOST_RECENT = 4
"""Newest heads that are kept with their views; of all others the digests."""


def sealing_digest(keys: tuple[bytes, ...]) -> bytes:
    """Of what the present holders have published for one dealer, by holder, ascending."""
    return hash_parts(_SEALING, *keys)


def sealing_for(state: RoundState, dealer: int, name: str) -> tuple[bytes, ...]:
    """What the present holders have published for the dealer of that place and name."""
    present = set(state.present) - {name}
    holders = (holder for holder in state.committee if holder in present)
    return tuple(_published(state.holder_keys[holder], dealer) for holder in holders)


def _published(said: HolderKeys | HolderKeyRoot, dealer: int) -> bytes:
    """What a holder has published for a dealer: its key, or where keys are apart the bytes of the record."""
    return said.sealing_keys[dealer] if isinstance(said, HolderKeys) else encode(said)


@dataclass
class SignedHead:
    """A head, the views under it, and its signatures by the keys that verifiers had then.

    dealers: who seals shares now, with their places among those for whom holders have published keys
    state: the round under way, None between two
    """

    head: Head
    keys: dict[str, bytes]
    views: dict[str, bytes]
    tree: LogTree
    dealers: dict[str, int] = field(default_factory=dict)
    state: RoundState | None = None
    signatures: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, int]:
        """Of the views in the tree, by hospital."""
        return {name: place for place, name in enumerate(self.views)}

    def path(self, hospital: str) -> tuple[bytes, ...]:
        """The inclusion of a hospital's view."""
        return tuple(inclusion_proof(self.places[hospital], self.tree.size, self.tree.node))

    def sealing(self, hospital: str) -> tuple[bytes, ...]:
        """What the present holders have published for a hospital."""
        place = self.dealers.get(hospital)
        return () if place is None or self.state is None else sealing_for(self.state, place, hospital)


@dataclass
class HeadsSaid:
    """The heads of a ledger.

    digests: of all of them, by size; recent: the newest, ascending
    rotations: envelopes in which verifiers have changed their keys, with their numbers, ascending
    """

    digests: dict[int, bytes] = field(default_factory=dict)
    recent: dict[int, SignedHead] = field(default_factory=dict)
    rotations: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def newest(self) -> SignedHead | None:
        """The newest head."""
        return next(reversed(self.recent.values()), None)

    def quorate(self, quorum: int) -> SignedHead | None:
        """The newest head that so many verifiers have signed."""
        found = (said for said in reversed(self.recent.values()) if len(said.signatures) >= quorum)
        return next(found, None)

    def keep(self, said: SignedHead, quorum: int) -> None:
        """Adds the head of the ledger as it is."""
        self.digests[said.head.size] = said.head.digest
        self.recent[said.head.size] = said
        self.forget(quorum)

    def forget(self, quorum: int) -> None:
        """Drops what is older than the newest head with a quorum, and more than the most recent ones.

        That newest one is kept in any case: it may be the last that a hospital can take.
        """
        kept = [size for size, said in self.recent.items() if len(said.signatures) >= quorum][-1:]
        others = [size for size in self.recent if not kept or size > kept[0]][-MOST_RECENT:]
        for size in set(self.recent) - {*kept, *others}:
            del self.recent[size]
