"""Where a ledger's anchor stands: keys, seals, what is anchored, what is due; for people and programs."""

from __future__ import annotations

from proofward.chain.basics.anchor import anchor_of
from proofward.chain.basics.errors import NoAnchor
from proofward.chain.nodes.node import Node
from proofward.chain.relay import NOTHING_YET, state_of, transactions
from proofward.chain.seals import seals_of
from proofward.federation.history.state.history_state import HistoryState


def standing_of(history: HistoryState, node: Node | None) -> tuple[dict[str, object], list[str]]:
    """The standing as values and as lines; node: who is asked what is anchored. Raises ChainError."""
    terms = history.rules.chain
    if terms is None:
        raise NoAnchor("the rules", "a chain", "none: this consortium has no anchor")
    lacking = [name for name in terms.seats if name not in history.chain_keys]
    lines = [terms.words]
    if lacking:
        lines.append(f"no chain key of {', '.join(lacking)}")
    plain: dict[str, object] = {"chain_id": terms.chain_id, "quorum": terms.quorum, "without_key": lacking}
    anchor = anchor_of(history)
    state = NOTHING_YET if node is None else state_of(history, node)
    there = "" if node is None or state.deployed else ", not there yet"
    lines.append(f"contract 0x{anchor.address.hex()}{there}")
    present = anchor.as_seated(state.seats)
    pairs = zip(anchor.names, anchor.seats, present.seats, strict=True)
    replaced = [name for name, before, now in pairs if before != now]
    if replaced:
        lines.append(f"another key than in the ledger: {', '.join(replaced)}")
    sealed: dict[str, object] = {}
    for number in sorted(history.outcomes):
        found = seals_of(history, present, number, state.gone)
        sealed[str(number)] = {"seals": len(found.outcome), "ignored": found.ignored}
        wrong = "".join(f"; {name} does not count: {why}" for name, why in found.ignored.items())
        lines.append(f"round {number}: {len(found.outcome)} of {anchor.quorum} seals{wrong}")
    plain |= {"contract": f"0x{anchor.address.hex()}", "rounds": sealed, "replaced": replaced}
    if node is not None:
        due = [one.what for one in transactions(history, state)]
        plain |= {"deployed": state.deployed, "anchored": state.closed, "block": state.block, "due": due}
        now = f"{state.closed} rounds, as of block {state.block}"
        lines.append(f"anchored: {now}; due: {', '.join(due) or 'nothing'}")
    return plain, lines
