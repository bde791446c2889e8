"""A member's chain key beside its other keys: made when the rules first need it, encrypted as they are.

The file's name says the kind. An operator who wants a P-256 key has it there before the first start.
"""

from __future__ import annotations

from pathlib import Path

from proofward.chain.contract.errors import ChainSignatureInvalid
from proofward.chain.contract.keys import ChainKey
from proofward.chain.seals import KeySealer
from proofward.federation.messages.randomness import Randomness
from proofward.federation.messages.rules import Rules
from proofward.federation.messages.usual import CHAIN_KEY_KINDS, SECP256K1
from proofward.ledger.key_file import read_seed, write_seed


def key_path(folder: Path, kind: str) -> Path:
    """The file of a key of this kind in a member's folder."""
    return folder / f"chain.{kind}.key"


def make_key(folder: Path, kind: str, randomness: Randomness, passphrase: bytes | None = None) -> ChainKey:
    """A new key, saved; raises KeyFileInvalid when there is one of this kind."""
    draw = randomness.source("chain-key", kind.encode())
    while True:
        try:
            key = ChainKey(kind, draw(32))
        except ChainSignatureInvalid:  # beyond the order: once in 2^32 draws at most
            continue
        write_seed(key_path(folder, kind), key.secret, passphrase)
        return key


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
