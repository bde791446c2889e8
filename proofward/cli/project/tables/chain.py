"""[chain] of consortium.toml: where the ledger is anchored, and who seals. Without it nothing is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.engines.remote.agreement.terms import Seat
from proofward.federation.messages.consortium.chain_terms import (
    ADDRESS_BYTES,
    ALL_OF_IT,
    MAX_CHAIN_ID,
    MAX_SEATS,
    USUAL_FACTORY,
    ChainTerms,
)
from proofward.federation.messages.consortium.rules import VERIFIER
from proofward.federation.messages.consortium.usual import usual_verdicts
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.keys import Flag, Integer, Key, Keys, Several, Text

WHERE = "chain."
CHAIN = Keys((
    Key("chain_id", Integer(1, MAX_CHAIN_ID), "the chain's number, as it says itself", needed=True),
    Key("quorum", Integer(1, MAX_SEATS), "seals that anchor anything; without it a majority of the seats"),
    Key("seats", Several(Text(1, 40), 1, MAX_SEATS, distinct=True),
        "members with a key on the chain, who seal; without it the verifiers"),
    Key("largest_share", Integer(1, ALL_OF_IT),
        f"the most of a round's records that one hospital may have, in 1/{ALL_OF_IT}", ALL_OF_IT),
    Key("factory", Text(pattern=f"^0x[0-9a-f]{{{2 * ADDRESS_BYTES}}}$"),
        "address of the contract that deploys others by CREATE2", f"0x{USUAL_FACTORY.hex()}"),
    Key("receipts", Flag(),
        "whether verifiers sign verdicts that anybody can refute there; proofs are verified twice", False),
))  # fmt: skip


@dataclass(frozen=True)
class ChainTable:
    """quorum 0 and no seats stand for the usual ones."""

    chain_id: int
    quorum: int = 0
    seats: tuple[str, ...] = ()
    largest_share: int = ALL_OF_IT
    factory: bytes = USUAL_FACTORY
    receipts: bool = False

    def terms(self, members: Sequence[Seat]) -> ChainTerms:
        """As the rules have it; raises ProjectError."""
        from proofward.chain.basics.anchor import contract_digest

        usual = sorted(seat.member for seat in members if seat.role == VERIFIER)
        seats = tuple(sorted(self.seats or usual))
        quorum = self.quorum or usual_verdicts(len(seats))
        own = self.largest_share, self.factory, self.receipts
        found = ChainTerms(self.chain_id, quorum, seats, contract_digest(), *own)
        try:
            found.check([seat.member for seat in members])
        except ConfigurationError as error:
            raise ProjectError(WHERE + error.field, error.expected, error.actual) from error
        return found


def read_chain(values: Mapping[str, Any]) -> ChainTable:
    """The table; raises ProjectError, for an empty one too, which names no chain."""
    table = Table(values, WHERE, CHAIN)
    text = table.text("factory")
    try:
        factory = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        factory = b""
    if len(factory) != ADDRESS_BYTES or text != f"0x{factory.hex()}":
        expected = f"0x and {2 * ADDRESS_BYTES} digits or letters a to f"
        raise ProjectError(f"{WHERE}factory", expected, repr(text)[:80])
    quorum = table.integer("quorum") if table.has("quorum") else 0
    seats = tuple(table.texts("seats")) if table.has("seats") else ()
    share, receipts = table.integer("largest_share"), table.flag("receipts")
    return ChainTable(table.integer("chain_id"), quorum, seats, share, factory, receipts)


def chain_lines(chain: ChainTable | None) -> Iterator[str]:
    """The table of a completed project."""
    if chain is None:
        return
    yield from ("", "[chain]")
    for key in CHAIN.keys:
        value = getattr(chain, key.name)
        plain = f"0x{value.hex()}" if isinstance(value, bytes) else value
        if plain:
            yield f"{key.name} = {json.dumps(plain)}  # {key.meaning}"
