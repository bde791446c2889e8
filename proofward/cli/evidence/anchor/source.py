"""What commands on an anchor read: the relayer's key, a node, proofs of what the chain holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.chain.nodes.fees import USUAL_MOST
from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.common.ledger_place import history_of

if TYPE_CHECKING:
    from proofward.chain.nodes.rpc import RpcNode
    from proofward.chain.state.state_proof import StateProof


@contextmanager
def on_chain() -> Iterator[None]:
    """Whatever is wrong with an anchor, a node or the extra becomes Refused."""
    from proofward.chain.basics.errors import ChainExtraMissing
    from proofward.chain.contract.errors import ChainError

    try:
        yield
    except (ChainError, ChainExtraMissing) as error:
        raise Refused(str(error)) from error


def read_proof(path: Path, option: str) -> StateProof:
    """The proof in a file; raises BadParameter."""
    from proofward.chain.basics.errors import ProofOfStateInvalid
    from proofward.chain.state.state_proof import MAX_FILE, StateProof
    from proofward.ledger.reading import NotReadable, read_regular

    try:
        return StateProof.from_json(read_regular(path, MAX_FILE, follow=True).decode())
    except (NotReadable, ValueError, ProofOfStateInvalid) as error:
        raise click.BadParameter(f"{option}: {path}: {error}") from error


def node_at(url: str, dev: bool, key: Path | None = None, most: float = USUAL_MOST) -> RpcNode:
    """A node; raises ChainExtraMissing, and Refused for a key file that is none.

    most: gwei for a unit of gas.
    """
    from proofward.chain.nodes.rpc import FINAL, LATEST, RpcNode

    return RpcNode(url, None if key is None else payer(key), LATEST if dev else FINAL, most)


def payer(path: Path) -> bytes:
    """The key of the account that pays: 64 hexadecimal digits in a file that others cannot read."""
    from proofward.engines.operations.suggestions import quoted
    from proofward.ledger.reading import NotReadable, read_regular

    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise Refused(f"{path} can be read by others than its owner: chmod 600 {quoted(path)}")
    try:
        key = bytes.fromhex(read_regular(path, 1024, follow=True).decode().strip().removeprefix("0x"))
    except (NotReadable, ValueError):
        key = b""
    if len(key) != 32:
        raise Refused(f"{path}: expected the key of an account on the chain, 64 hexadecimal digits")
    return key


def proof_at(source: Path, url: str, dev: bool) -> StateProof:
    """What the chain holds of a ledger, by a node; raises WrongThing."""
    from proofward.chain.relay import asked_proof

    try:
        with on_chain():
            return asked_proof(history_of(source), node_at(url, dev))
    except Refused as error:
        raise WrongThing(str(error)) from error
