"""`proofward chain seat`: give a seat another key, sealed by a quorum of the seats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, PASSPHRASE, SOURCE, Refused, answering, passphrase_of, tell
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.ledger_place import history_of
from proofward.cli.evidence.anchor.options import DEV, FILE, KEY, MAX_FEE, NODE, RPC, cost_in_words
from proofward.cli.evidence.anchor.source import node_at, on_chain, proof_at, read_proof
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS

if TYPE_CHECKING:
    from proofward.chain.replacing import SeatRequest
    from proofward.chain.state.state_proof import AnchoredState
    from proofward.federation.history.history import History

SHOWN = click.option("--rpc", type=NODE, metavar="URL", help="A node of the chain, which shows the seats.")
PROOF = click.option("--chain-proof", "proof", type=FILE, metavar="FILE",
                     help="Or what it has proved, as `chain verify --proof` writes it.")  # fmt: skip
MEMBER = click.option("--member", metavar="NAME", help="Whose seat, if several members are here.")
YES = click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
REQUEST = click.argument("file", type=FILE)


@click.group(cls=GuardedGroup)
def seat() -> None:
    """Give a seat another key, when its own is lost or in wrong hands, or is to be of another kind.

    The member asks with `new`, a quorum of the seats seals with `seal`, anybody sends with `send`, and the
    member's site changes to the new key with `take`. A seat that was lost by a fault stays lost.
    """


@seat.command()
@SOURCE
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@SHOWN
@PROOF
@DEV
@MEMBER
@click.option("--curve", type=click.Choice(CHAIN_KEY_KINDS), default=CHAIN_KEY_KINDS[0], show_default=True,
              help="Kind of the new key.")  # fmt: skip
@PASSPHRASE
@JSON
def new(
    source: Path, out: Path, rpc: str | None, proof: Path | None, dev: bool, member: str | None, curve: str,
    passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the next chain key of a member here, and write the request for its seat into the file OUT."""
    from proofward.chain.key_files import next_key
    from proofward.chain.replacing import request
    from proofward.cli.evidence.models.model_statement import members_of, own_keys

    with answering(as_json), on_chain():
        history, passphrase = history_of(source), passphrase_of(passphrase_file)
        if out.exists():
            raise Refused(f"{out} is there already: name another file")
        keys = own_keys(source, history, passphrase)
        name = _one_of([own for own in keys if own in history.chain_keys], member)
        state = _state(source, history, rpc, proof, dev)
        key = next_key(members_of(source) / name, curve, passphrase)
        assert key is not None
        out.write_text(request(history, state, name, key, keys[name]).to_json())
        words = f"{out}: {name} asks for a {key.kind} key in its seat, {key.seat.hex()}; a quorum seals it"
        tell({"did": "written", "member": name, "kind": key.kind, "seat": key.seat.hex()}, [words], as_json)


@seat.command()
@SOURCE
@REQUEST
@SHOWN
@PROOF
@DEV
@MEMBER
@YES
@PASSPHRASE
@JSON
def seal(
    source: Path, file: Path, rpc: str | None, proof: Path | None, dev: bool, member: str | None, yes: bool,
    passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Add the seals of the seats here to the request in FILE.

    Ask its member first whether it is true.
    """
    from proofward.chain.key_files import kept_key
    from proofward.chain.replacing import good_seals, present_anchor, sealed
    from proofward.cli.evidence.models.model_statement import members_of

    with answering(as_json), on_chain():
        history, passphrase, asked = history_of(source), passphrase_of(passphrase_file), _request(file)
        state, folder = _state(source, history, rpc, proof, dev), members_of(source)
        anchor = present_anchor(history, state)
        known = {name: kept_key(folder / name, passphrase) for name in anchor.names}
        present = dict(zip(anchor.names, anchor.seats, strict=True))
        own = {name: key for name, key in known.items() if key is not None and key.seat == present[name]}
        names = list(own) if member is None else [_one_of(list(own), member)]
        _meant(f"{asked.member} is to have the key {asked.seat.hex()} in its seat", yes, as_json)
        for name in names:
            asked = sealed(history, state, asked, name, own[name])
        file.write_text(asked.to_json())
        number = len(good_seals(history, state, asked)[2])
        words = f"{file}: sealed by {', '.join(names) or 'nobody'} here, {number} of {anchor.quorum} seals"
        did = "sealed" if names else "nothing"
        tell({"did": did, "by": names, "seals": number, "quorum": anchor.quorum}, [words], as_json)


@seat.command()
@SOURCE
@REQUEST
@RPC
@KEY
@MAX_FEE
@YES
@JSON
def send(source: Path, file: Path, rpc: str, key: Path, most: float, yes: bool, as_json: bool) -> None:
    """Send the request in FILE to the contract, with the gas said before.

    What is sealed with the present keys has to be anchored first: seals of a key that is replaced are void.
    """
    from proofward.chain.relay import state_of, transactions
    from proofward.chain.replacing import replacement

    with answering(as_json), on_chain():
        history, asked, node = history_of(source), _request(file), node_at(rpc, True, key, most)
        node.settle()
        state = state_of(history, node)
        if due := [one.what for one in transactions(history, state)]:
            raise Refused(f"due with the present keys: {', '.join(due)}; `proofward chain anchor` first")
        transaction = replacement(history, state, asked)
        cost = cost_in_words(node.tried(transaction).gas, most)
        _meant(f"{asked.member} is to have the key {asked.seat.hex()} in its seat, {cost}", yes, as_json)
        done = node.send(transaction)
        line = f"{asked.member} has another key in its seat: block {done.block}, {done.gas:,} gas"
        advice = "its site changes to it with `proofward chain seat take`, and a start of its process"
        tell({"did": "sent", "member": asked.member, "gas": done.gas}, [line, advice], as_json)


@seat.command()
@SOURCE
@SHOWN
@PROOF
@DEV
@MEMBER
@PASSPHRASE
@JSON
def take(
    source: Path, rpc: str | None, proof: Path | None, dev: bool, member: str | None,
    passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Change a member here to the key that the chain has in its seat now; its process is to be started again.

    The key before is kept beside it.
    """
    from proofward.chain.key_files import next_key, put_in_place
    from proofward.chain.replacing import present_anchor
    from proofward.cli.evidence.models.model_statement import members_of

    with answering(as_json), on_chain():
        history, passphrase, folder = history_of(source), passphrase_of(passphrase_file), members_of(source)
        anchor = present_anchor(history, _state(source, history, rpc, proof, dev))
        waiting = {name: next_key(folder / name, None, passphrase) for name in anchor.names}
        name = _one_of([own for own, key in waiting.items() if key is not None], member)
        key = waiting[name]
        assert key is not None
        if anchor.seats[anchor.names.index(name)] != key.seat:
            raise Refused(f"the chain has another key in the seat of {name}, not {key.seat.hex()} yet")
        put_in_place(folder / name, passphrase)
        words = f"{name} seals with the {key.kind} key {key.seat.hex()}, once its process is started again"
        tell({"did": "taken", "member": name, "seat": key.seat.hex()}, [words], as_json)


def _state(source: Path, history: History, rpc: str | None, proof: Path | None, dev: bool) -> AnchoredState:
    """What the chain holds, by a node or by its proof; raises UsageError, ChainError."""
    from proofward.chain.anchored_audit import anchored_state

    if (rpc is None) == (proof is None):
        raise click.UsageError("give --rpc URL, or --chain-proof FILE")
    shown = proof_at(source, rpc or "", dev) if proof is None else read_proof(proof, "--chain-proof")
    return anchored_state(history, shown)


def _request(file: Path) -> SeatRequest:
    from proofward.chain.basics.errors import NotAnchored
    from proofward.chain.replacing import MAX_FILE, SeatRequest
    from proofward.cli.common.console import WrongThing
    from proofward.ledger.reading import NotReadable, read_regular

    try:
        return SeatRequest.from_json(read_regular(file, MAX_FILE, follow=True).decode())
    except (NotReadable, UnicodeDecodeError, NotAnchored) as error:
        raise WrongThing(f"{file} is no request of `proofward chain seat new`: {error}") from error


def _one_of(names: Sequence[str], member: str | None) -> str:
    """The member that is meant; raises Refused."""
    found = [name for name in names if member in (None, name)]
    if len(found) == 1:
        return found[0]
    if not names:
        raise Refused("no member here has such a key")
    raise Refused(f"name one with --member: {', '.join(names)}")


def _meant(words: str, yes: bool, as_json: bool) -> None:
    if not yes and (as_json or not click.confirm(f"{words}. Is that meant?", err=True)):
        raise Refused(f"{words}; --yes does it without a question")
