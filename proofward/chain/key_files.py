"""A member's chain key beside its other keys: made when the rules first need it, encrypted as they are.

The file's name says the kind. An operator who wants a P-256 key has it there before the first start.
"""

from __future__ import annotations

from pathlib import Path

from proofward.chain.contract.errors import ChainSignatureInvalid
from proofward.chain.contract.keys import ChainKey
from proofward.chain.seals import KeySealer
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS, SECP256K1
from proofward.federation.messages.randomness import Randomness, SystemRandomness
from proofward.ledger.key_file import read_seed, write_seed


def key_path(folder: Path, kind: str) -> Path:
    """The file of a key of this kind in a member's folder."""
    return folder / f"chain.{kind}.key"


def next_path(folder: Path, kind: str) -> Path:
    """The file of a key that is to have a member's seat once the chain has it."""
    return folder / f"chain.{kind}.next.key"


def next_key(folder: Path, kind: str | None, passphrase: bytes | None = None) -> ChainKey | None:
    """The key that is to come, made if there is none and a kind is named; raises KeyFileInvalid."""
    known = [one for one in CHAIN_KEY_KINDS if next_path(folder, one).exists()]
    if known:
        return ChainKey(known[0], read_seed(next_path(folder, known[0]), passphrase))
    if kind is None:
        return None
    key = _drawn(kind, SystemRandomness())
    write_seed(next_path(folder, kind), key.secret, passphrase)
    return key


def put_in_place(folder: Path, passphrase: bytes | None = None) -> None:
    """The key that is to come takes the place of the present one, which is kept under its seat's name."""
    new, old = next_key(folder, None, passphrase), kept_key(folder, passphrase)
    if new is None:
        return
    if old is not None:
        aside = folder / f"chain.{old.kind}.{old.seat.hex()[-8:]}.key"
        key_path(folder, old.kind).replace(aside)
    next_path(folder, new.kind).replace(key_path(folder, new.kind))


def make_key(folder: Path, kind: str, randomness: Randomness, passphrase: bytes | None = None) -> ChainKey:
    """A new key, saved; raises KeyFileInvalid when there is one of this kind."""
    key = _drawn(kind, randomness)
    write_seed(key_path(folder, kind), key.secret, passphrase)
    return key


def _drawn(kind: str, randomness: Randomness) -> ChainKey:
    draw = randomness.source("chain-key", kind.encode())
    while True:
        try:
            return ChainKey(kind, draw(32))
        except ChainSignatureInvalid:  # beyond the order: once in 2^32 draws at most
            continue


def kept_key(folder: Path, passphrase: bytes | None = None) -> ChainKey | None:
    """The key in a member's folder, if there is one; raises KeyFileInvalid."""
    found = [kind for kind in CHAIN_KEY_KINDS if key_path(folder, kind).exists()]
    return ChainKey(found[-1], read_seed(key_path(folder, found[-1]), passphrase)) if found else None


def sealer_for(
    rules: Rules, member: str, folder: Path, randomness: Randomness, passphrase: bytes | None = None
) -> KeySealer | None:
    """What seals for a member with a seat, whose key is made if there is none; None without a seat."""
    if rules.chain is None or member not in rules.chain.seats:
        return None
    return KeySealer(kept_key(folder, passphrase) or make_key(folder, SECP256K1, randomness, passphrase))
