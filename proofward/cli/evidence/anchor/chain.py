"""`proofward chain`: anchor a ledger on a chain, from the ledger alone, and compare what is anchored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import (
    JSON,
    KIT,
    PASSPHRASE,
    SOURCE,
    Refused,
    answering,
    choose,
    opened,
    passphrase_of,
    tell,
)
from proofward.cli.common.console import FLAW, OK
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.ledger_place import history_of
from proofward.cli.evidence.anchor.dispute import dispute
from proofward.cli.evidence.anchor.file import carried_in, sent_of
from proofward.cli.evidence.anchor.options import DEV, FILE, KEY, MAX_FEE, NODE, PROOF_OUT, RPC
from proofward.cli.evidence.anchor.seat import seat
from proofward.cli.evidence.anchor.source import node_at, on_chain, proof_at, read_proof
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS

if TYPE_CHECKING:
    from proofward.chain.nodes.node import Node, Receipt
    from proofward.federation.history.history import History


@click.group(cls=GuardedGroup)
def chain() -> None:
    """Anchor a ledger on a chain: what is anchored cannot be rewritten, not even by all members together.

    Every transaction follows from the ledger, so anybody who has it may send them and needs nobody's leave.
    Nothing in a federation waits for a chain, and no proof rests on one.
    """


def _receipt(receipt: Receipt) -> dict[str, object]:
    block, gas = receipt.block, receipt.gas
    return {"what": receipt.what, "transaction": f"0x{receipt.digest.hex()}", "block": block, "gas": gas}


def _sent(receipts: list[Receipt], out: Path | None, as_json: bool, skipped: Sequence[str] = ()) -> None:
    """skipped: what the chain has already of a file."""
    lines = [f"not sent again, since the chain has it: {', '.join(skipped)}"] if skipped else []
    lines += [f"{one.what}: block {one.block}, {one.gas:,} gas, 0x{one.digest.hex()}" for one in receipts]
    if not receipts:
        lines.append("nothing is due: all that is sealed is anchored")
    if out is not None:
        lines.append(f"what the chain holds, with its proof: {out}")
    plain: Mapping[str, object] = {
        "did": "sent" if receipts else "nothing",
        "sent": list(map(_receipt, receipts)),
        "skipped": list(skipped),
    }
    tell(plain, lines, as_json)


def _write_proof(history: History, node: Node, out: Path | None) -> None:
    from proofward.chain.relay import asked_proof

    if out is not None:
        out.write_text(asked_proof(history, node).to_json())


@chain.command(name="key")
@KIT
@click.option("--member", metavar="NAME", help="Whose key, if the site has several with a seat.")
@click.option("--curve", type=click.Choice(CHAIN_KEY_KINDS), default=CHAIN_KEY_KINDS[0], show_default=True,
              help="Kind of a new key; smart cards have the other.")  # fmt: skip
@PASSPHRASE
@JSON
def make_chain_key(
    kit: Path, member: str | None, curve: str, passphrase_file: Path | None, as_json: bool
) -> None:
    """Show the chain key of a member of KIT with a seat, made if there is none.

    A site makes one by itself when it first needs it; to have the other kind, make it before `start`.
    """
    from proofward.chain.contract.keys import kind_of
    from proofward.chain.key_files import kept_key, make_key

    with answering(as_json), on_chain():
        home, passphrase = opened(kit), passphrase_of(passphrase_file)
        terms = home.terms.anchored
        if terms is None:
            raise Refused("the terms name no chain, so nobody has a chain key")
        seats = [seat for seat in home.seats if seat.member in terms.seats]
        name = choose(seats, member, "have a seat on the chain", "--member").member
        folder = home.member(name)
        known = kept_key(folder, passphrase)
        key = known or make_key(folder, curve, home.randomness(name), passphrase)
        did, seat = "made" if known is None else "was there already", key.seat.hex()
        words = f"{name}: {kind_of(key.seat)} key, seat {seat}, {did}"
        tell({"did": did, "member": name, "kind": key.kind, "seat": seat}, [words], as_json)


@chain.command()
@SOURCE
@RPC
@KEY
@MAX_FEE
@DEV
@JSON
def deploy(source: Path, rpc: str, key: Path, most: float, dev: bool, as_json: bool) -> None:
    """Deploy the contract of a ledger's anchor, once the first round's sum is recorded."""
    from proofward.chain.relay import relay

    with answering(as_json), on_chain():
        node = node_at(rpc, dev, key, most)
        _sent(list(relay(history_of(source), node, only_deploy=True)), None, as_json)


@chain.command()
@click.argument("source", metavar="RUN|KIT|FILE", type=click.Path(exists=True, path_type=Path))
@RPC
@KEY
@MAX_FEE
@DEV
@PROOF_OUT
@JSON
def anchor(
    source: Path, rpc: str, key: Path, most: float, dev: bool, out: Path | None, as_json: bool
) -> None:
    """Send everything that is due of a ledger, or of a FILE that `chain export` has written.

    That is the contract where there is none yet, then each round that enough members have sealed, in order.
    What is there already is not sent again, so the command may be repeated after any interruption. A ledger
    that does not continue the anchored one is refused, and so is a fee above --max-fee.
    """
    from proofward.chain.relay import relay

    with answering(as_json), on_chain():
        if source.is_file():
            carried = carried_in(source)
            node, sender = node_at(rpc, dev, key), node_at(rpc, True, key, most)
            receipts, skipped = sent_of(carried, source, node, sender, out)
            _sent(receipts, out, as_json, skipped)
            return
        history = history_of(source)
        node, sender = node_at(rpc, dev, key), node_at(rpc, True, key, most)
        receipts = list(relay(history, sender))  # what is there, final or not, is not due
        _write_proof(history, node, out)
        _sent(receipts, out, as_json)


@chain.command(name="export")
@SOURCE
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--chain-proof", "proof", type=FILE, metavar="FILE",
              help="What the chain holds already; without it nothing.")  # fmt: skip
@JSON
def export_due(source: Path, out: Path, proof: Path | None, as_json: bool) -> None:
    """Write the transactions that are due into the file OUT, not signed, for somebody with a network.

    `chain anchor OUT --rpc URL --key FILE --proof FILE` sends them there, and `chain import` takes the proof.
    """
    from proofward.chain.anchored_audit import anchored_state
    from proofward.chain.carried import carried_of, to_json
    from proofward.chain.relay import NOTHING_YET, transactions

    with answering(as_json), on_chain():
        history, state = history_of(source), NOTHING_YET
        if out.exists():
            raise Refused(f"{out} is there already: name another file")
        if proof is not None:
            state = anchored_state(history, read_proof(proof, "--chain-proof"))
        due = list(transactions(history, state))
        out.write_text(to_json(carried_of(history, due)))
        named = [one.what for one in due]
        words = f"{out}: {', '.join(named) or 'nothing is due'}"
        tell({"did": "written", "transactions": named}, [words], as_json)


@chain.command(name="import")
@SOURCE
@click.argument("proof", type=FILE)
@JSON
def import_proof(source: Path, proof: Path, as_json: bool) -> None:
    """Check a PROOF of what the chain holds against the ledger, and keep it beside it for audits."""
    from proofward.chain.anchored_audit import anchored_state, in_words
    from proofward.report.audits.run_audit import PROOF_OF_ANCHOR

    with answering(as_json), on_chain():
        read, history = read_proof(proof, "PROOF"), history_of(source)
        words = in_words(history, read, anchored_state(history, read))
        kept = source / PROOF_OF_ANCHOR
        kept.write_text(read.to_json())
        tell({"did": "kept", "file": str(kept), "anchored": words}, [words, f"kept as {kept}"], as_json)


@chain.command()
@SOURCE
@click.option("--rpc", type=NODE, metavar="URL",
              help="A node of the chain, which is asked what is anchored.")  # fmt: skip
@DEV
@JSON
def status(source: Path, rpc: str | None, dev: bool, as_json: bool) -> None:
    """Say where a ledger is anchored, which rounds have how many seals, and what is due."""
    from proofward.chain.standing import standing_of

    with answering(as_json), on_chain():
        plain, lines = standing_of(history_of(source), None if rpc is None else node_at(rpc, dev))
        tell(plain, lines, as_json)


@chain.command()
@SOURCE
@click.option("--rpc", type=NODE, metavar="URL", help="A node of the chain.")
@click.option("--chain-proof", "proof", type=FILE, metavar="FILE", help="Or what it has proved before.")
@DEV
@PROOF_OUT
@JSON
def verify(
    source: Path, rpc: str | None, proof: Path | None, dev: bool, out: Path | None, as_json: bool
) -> None:
    """Compare a ledger with what the chain holds of it.

    Exit code 1 when it was rewritten since.
    """
    from proofward.chain.anchored_audit import anchor_verdicts

    with answering(as_json), on_chain():
        if (rpc is None) == (proof is None):
            raise click.UsageError("give --rpc URL, or --chain-proof FILE")
        shown = proof_at(source, rpc or "", dev) if proof is None else read_proof(proof, "--chain-proof")
        verdicts = list(anchor_verdicts(history_of(source), shown))
        if out is not None:
            out.write_text(shown.to_json())
        holds = all(verdict.passed for verdict in verdicts)
        lines = list(map(str, verdicts))
        said = "the anchor holds" if holds else "THE ANCHOR DOES NOT HOLD"
        tell({"did": "verified", "holds": holds, "checks": lines}, [*lines, said], as_json)
        raise SystemExit(OK if holds else FLAW)


for command in (dispute, seat):
    chain.add_command(command)
