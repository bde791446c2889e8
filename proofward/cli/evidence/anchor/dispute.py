"""`proofward chain dispute`: refute verdicts that seats have signed and that the proofs do not bear out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, SOURCE, Refused, answering, tell
from proofward.cli.common.console import FLAW, OK, make_console
from proofward.cli.common.ledger_place import followed_of
from proofward.cli.evidence.anchor.options import FILE, MAX_FEE, NODE, cost_in_words
from proofward.cli.evidence.anchor.source import node_at, on_chain

if TYPE_CHECKING:
    from proofward.chain.disputes.refuting import Examined
    from proofward.chain.nodes.node import Node, Receipt
    from proofward.federation.history.history import History
    from proofward.federation.history.state.round_state import RoundState
    from proofward.federation.storage.objects import Objects

TRUE = (1).to_bytes(32, "big")
"""What the contract answers to a dispute of a false claim."""


@click.command()
@SOURCE
@click.option("--round", "number", type=click.IntRange(1), show_default="all",
              help="Whose verdicts are examined.")  # fmt: skip
@click.option("--verifier", metavar="NAME", show_default="all", help="Whose verdicts are examined.")
@click.option("--hospital", metavar="NAME", show_default="all", help="On whose proofs.")
@click.option("--rpc", type=NODE, metavar="URL", help="A node of the chain, which is asked what it would do.")
@click.option("--key", type=FILE, metavar="FILE",
              help="Key of the account that pays; without it nothing is sent.")  # fmt: skip
@MAX_FEE
@click.option("--to", "out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the disputes, not signed, for `chain anchor FILE` elsewhere.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@JSON
def dispute(
    source: Path,
    number: int | None,
    verifier: str | None,
    hospital: str | None,
    rpc: str | None,
    key: Path | None,
    most: float,
    out: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Verify proofs again, and refute the verdicts on them that are false, which costs the seats.

    Verdicts with receipts are examined, and what each comes to is said. With --rpc the chain is asked what a
    dispute would take and do; with --key it is sent after a question; with --to it is written. The proofs
    have to be here: RUN, or the KIT of the server. Exit code 1 where a verdict is false and nothing was sent
    or written.
    """
    if key is not None and rpc is None:
        raise click.UsageError("--key pays what is sent to --rpc URL, which is missing")
    from proofward.chain.relay import state_of
    from proofward.cli.common.kernels import load_kernels

    with answering(as_json), on_chain():
        if out is not None and out.exists():
            raise Refused(f"{out} is there already: name another file")
        node = None if rpc is None else node_at(rpc, True, key, most)  # what is there, final or not
        load_kernels(make_console(quiet=True))
        history, objects = followed_of(source)
        chosen = list(_chosen(history, number, verifier, hospital))
        if not chosen:
            raise Refused("the ledger has no such verdict with a receipt: do the rules have receipts?")
        seats = () if node is None else state_of(history, node).seats
        found = list(_examined(history, objects, chosen, seats))
        lines = [f"{one.subject}: {one.words}" for one in found]
        false = [one for one in found if one.transaction is not None]
        lines += [] if false else ["no verdict can be refuted"]
        due = list(_tried(history, node, false, most, lines)) if node is not None else false
        if due and out is not None:
            _write(history, due, out)
            lines.append(f"{out}: {_number(due)}, not signed")
        sent = _sent(node, due, lines, yes, as_json) if due and node is not None and key is not None else []
        did = "sent" if sent else "written" if due and out is not None else "examined"
        plain: dict[str, object] = {
            "did": did,
            "verdicts": [{"round": one.round, "verifier": one.verifier, "hospital": one.hospital,
                          "false": one.transaction is not None, "words": one.words} for one in found],
            "gas": {one.what: one.gas for one in sent},
        }  # fmt: skip
        tell(plain, lines, as_json)
        raise SystemExit(FLAW if due and did == "examined" else OK)


def _chosen(
    history: History, number: int | None, verifier: str | None, hospital: str | None
) -> Iterator[tuple[RoundState, str, str]]:
    """Rounds, hospitals and verifiers of the receipts that are meant, each hospital's one after another."""
    for state in (*history.closed, *([history.current] if history.current else [])):
        if number in (None, state.number):
            for by, about in sorted(state.receipts, key=lambda pair: pair[::-1]):
                if verifier in (None, by) and hospital in (None, about):
                    yield state, about, by


def _examined(
    history: History,
    objects: Objects,
    chosen: Sequence[tuple[RoundState, str, str]],
    seats: tuple[bytes, ...],
) -> Iterator[Examined]:
    """Each verdict beside its proof, which is verified once for all verdicts on it."""
    from proofward.chain.disputes.refuting import examined, opened_again
    from proofward.federation.history.proving.proofs import RelationProofs

    known, proofs = None, RelationProofs()
    for state, hospital, verifier in chosen:
        if known != (state.number, hospital):
            known, opened = (state.number, hospital), opened_again(history, objects, proofs, state, hospital)
        yield examined(history, state, verifier, state.receipts[verifier, hospital], opened, seats)


def _tried(
    history: History, node: Node, false: Sequence[Examined], most: float, lines: list[str]
) -> Iterator[Examined]:
    """Those whose seats are still to be lost; adds what the chain says of each."""
    from proofward.chain.relay import state_of

    state = state_of(history, node)
    if not state.deployed:
        raise Refused("the ledger's contract is not on the chain yet: `proofward chain anchor` first")
    for one in false:
        assert one.transaction is not None
        if state.gone >> one.seat & 1:
            lines.append(f"{one.subject}: {one.verifier} has lost its seat already")
            continue
        tried = node.tried(one.transaction)
        if tried.answer != TRUE:
            raise Refused(f"{one.subject}: the chain does not find the claim false; nothing was sent")
        cost = cost_in_words(tried.gas, most)
        lines.append(f"{one.subject}: {cost}; {one.verifier} would lose its seat")
        yield one


def _sent(node: Node, due: Sequence[Examined], lines: list[str], yes: bool, as_json: bool) -> list[Receipt]:
    """Sends the disputes after a question, of which all that is known is told first."""
    if not yes and not as_json:
        tell({}, lines, False)
        lines.clear()
    words = f"{_number(due)} to be sent"
    if not yes and (as_json or not click.confirm(f"{words}. Is that meant?", err=True)):
        raise Refused(f"{words}; --yes sends it without a question")
    node.settle()
    sent, lost = [], set[int]()
    for one in due:
        if one.transaction is not None and one.seat not in lost:  # a lost seat signs nothing more
            sent.append(node.send(one.transaction))
            lost.add(one.seat)
            lines.append(f"{one.subject}: {one.verifier} has lost its seat, {sent[-1].gas:,} gas")
    return sent


def _number(due: Sequence[Examined]) -> str:
    return "1 dispute" if len(due) == 1 else f"{len(due)} disputes"


def _write(history: History, due: Sequence[Examined], out: Path) -> None:
    from proofward.chain.carried import carried_of, to_json

    transactions = [one.transaction for one in due if one.transaction is not None]
    out.write_text(to_json(carried_of(history, transactions)))
