"""Transactions that `chain export` or `chain dispute` has written, sent by somebody with a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing

if TYPE_CHECKING:
    from proofward.chain.carried import Carried
    from proofward.chain.nodes.node import Node, Receipt


def carried_in(source: Path) -> Carried:
    """What `chain export` has written; raises WrongThing for a file of another kind."""
    from proofward.chain.basics.errors import NotAnchored
    from proofward.chain.carried import MAX_FILE, from_json
    from proofward.ledger.reading import NotReadable, read_regular

    try:
        return from_json(read_regular(source, MAX_FILE, follow=True).decode())
    except (NotReadable, UnicodeDecodeError, NotAnchored) as error:
        raise WrongThing(f"{source} is no file of `proofward chain export`: {error}") from error


def sent_of(
    carried: Carried, source: Path, node: Node, sender: Node, out: Path | None
) -> tuple[list[Receipt], list[str]]:
    """What is sent of a file, and the names of what is not, since the chain has it."""
    from proofward.chain.basics.errors import NotAnchored
    from proofward.chain.carried import is_there
    from proofward.chain.state.state_proof import proved_state, slots_for

    contract, slots = carried.contract, slots_for(carried.rounds, carried.seats)
    if carried.chain_id != node.chain_id:
        raise Refused(f"{source} is for chain {carried.chain_id}, and the node is on chain {node.chain_id}")
    sender.settle()
    there = proved_state(sender.state_proof(contract, slots))
    skipped = [one.what for one in carried.due if is_there(one, contract, there)]
    receipts = []
    for one in carried.due:
        if is_there(one, contract, there):
            continue
        try:
            receipts.append(sender.send(one))
        except NotAnchored as error:
            done = [*skipped, *(receipt.what for receipt in receipts)]
            before = f"the chain has {', '.join(done)} of {source}; " if done else ""
            advice = "repeat the command to go on, or export anew with --chain-proof if others have gone on"
            raise Refused(f"{error}; {before}{advice}") from error
    if out is not None:
        out.write_text(node.state_proof(contract, slots).to_json())
    return receipts, skipped
