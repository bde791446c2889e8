"""`proofward witness`: be a witness of ledgers, or ask witnesses to cosign one (C2SP tlog-witness)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from proofward.cli.common.addresses import OwnAddress, WebAddress
from proofward.cli.common.answering import (
    JSON,
    PASSPHRASE,
    SOURCE,
    Refused,
    answering,
    passphrase_of,
    tell,
)
from proofward.cli.common.console import FLAW, OK, make_console
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.ledger_place import ledger_at
from proofward.cli.common.listening import CannotListen, listening

if TYPE_CHECKING:
    from proofward.ledger.database import Database
    from proofward.ledger.keys import SigningKey
    from proofward.witness.asking import Asked
    from proofward.witness.cosignature import Cosigner

T = TypeVar("T")
PORT, ADDRESS = 8710, "127.0.0.1"
MISSING = "a witness that serves needs packages that are not installed: pip install 'proofward[witness]'"
KEY = click.argument("key", type=click.Path(dir_okay=False, path_type=Path))
NAME = click.option("--name", required=True, metavar="NAME",
                    help="The witness's name, by custom an address without its scheme.")  # fmt: skip


@click.group(cls=GuardedGroup)
def witness() -> None:
    """Cosign ledgers as a witness, or have a ledger cosigned by others.

    A witness signs a ledger's size and root only if they continue what it signed before. Whoever asks for the
    cosignatures of several witnesses is shown the history that everybody else is shown.
    """


@witness.command(name="key")
@KEY
@NAME
@PASSPHRASE
@JSON
def make_key(key: Path, name: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a witness's private key in the file KEY, or show the public one of a key that is there."""
    from proofward.ledger.keys import SigningKey

    with answering(as_json):
        passphrase, made = passphrase_of(passphrase_file), not key.exists()
        if made:
            SigningKey.generate(os.urandom).save(key, passphrase)
        vkey = str(_cosigner(name, SigningKey.load(key, passphrase)))
        words = f"{key}: {'made' if made else 'was there already'}; others know this witness as"
        tell({"did": "made" if made else "shown", "key": vkey}, [words, vkey], as_json)


@witness.command()
@KEY
@NAME
@click.option("--log", "logs", multiple=True, required=True, metavar="VKEY",
              help="The key of a ledger that is cosigned, as `witness log` prints it; repeat.")  # fmt: skip
@click.option("--memory", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              show_default="KEY.memory", help="Where the witness remembers what it cosigned.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
              help="Where it listens; zero takes a free port.")  # fmt: skip
@click.option("--listen", "address", type=OwnAddress(), default=ADDRESS, show_default=True, metavar="ADDRESS",
              help="IP address on which it listens. There is no TLS: put a proxy before it.")  # fmt: skip
@PASSPHRASE
def serve(
    key: Path, name: str, logs: tuple[str, ...], memory: Path | None, port: int, address: str,
    passphrase_file: Path | None,
) -> None:  # fmt: skip
    """Answer requests to cosign as the witness with the private key KEY, until Ctrl-C.

    Never use one key with two memories, or with an older copy of one: then it could sign two histories.
    """
    try:
        import uvicorn

        from proofward.witness.serving import application
    except ImportError as error:
        raise click.UsageError(MISSING) from error
    from proofward.ledger.keys import SigningKey
    from proofward.ledger.note import NoteVerifier
    from proofward.witness.answering import Witness
    from proofward.witness.cosignature import CosigningKey
    from proofward.witness.memory import Memory

    with answering(False):
        known = [_parsed("--log", text, NoteVerifier.parse) for text in logs]
        signing = CosigningKey(name, SigningKey.load(key, passphrase_of(passphrase_file)))
        _cosigner(name, signing.key)
        remembered = Memory(memory or key.with_name(f"{key.name}.memory"))
        app = application(Witness(remembered, signing, known, lambda: int(time.time())))
        server = uvicorn.Server(uvicorn.Config(
            app, host=address, port=port, log_level="critical", access_log=False, server_header=False,
            proxy_headers=False, lifespan="off", ws="none", timeout_graceful_shutdown=2,
        ))  # fmt: skip
        try:
            sock = listening(address, port, "another witness")
        except CannotListen as error:
            raise Refused(str(error)) from error
        shown = f"[{address}]" if ":" in address else address
        console = make_console()
        console.print(f"witness {signing.cosigner}", markup=False, soft_wrap=True)
        console.print(f"listens at http://{shown}:{sock.getsockname()[1]}; Ctrl-C ends it", markup=False)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[sock])


@witness.command(name="log")
@SOURCE
@JSON
def show_log(source: Path, as_json: bool) -> None:
    """Print the key that signs the ledger of the folder RUN or of KIT, for a witness to know it by."""
    with answering(as_json):
        with _ledger(source) as database:
            vkey = database.verifier()
        tell({"key": vkey}, [vkey], as_json)


@witness.command()
@SOURCE
@click.option("--witness", "witnesses", multiple=True, required=True, type=(WebAddress(), str),
              metavar="URL VKEY", help="A witness's address and key; may be repeated.")  # fmt: skip
@click.option("--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE",
              help="The checkpoint with cosignatures, new ones and those that FILE has.")  # fmt: skip
@click.option("--least", type=click.IntRange(1), metavar="K", show_default="all",
              help="How many have to cosign.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=20.0, show_default=True,
              metavar="SECONDS", help="How long to wait for one.")  # fmt: skip
@JSON
def ask(
    source: Path, witnesses: Sequence[tuple[str, str]], target: Path, least: int | None, timeout: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Ask witnesses to cosign what the ledger of the folder RUN or of KIT holds now.

    FILE is for `proofward audit --cosigned`. A witness learns the ledger's name, size and root, and nothing
    of what is in it. Exit code 1 when fewer than K cosign; who did not is said with the reason.
    """
    from proofward.ledger.files import write_file
    from proofward.witness.asking import NotCosigned, cosignature, over_http
    from proofward.witness.cosigned import with_lines

    asked = [_asked(url, text) for url, text in witnesses]
    if len({one.cosigner.key.raw for one in asked}) != len(asked):
        raise click.UsageError("--witness: two of them have one key")
    if least is not None and least > len(asked):
        raise click.BadParameter(f"expected at most {len(asked)}, so many witnesses", param_hint="--least")
    wanted = least or len(asked)
    with answering(as_json):
        with _ledger(source) as database:
            size = database.size()
            note = database.checkpoint(size)
            if note is None:
                raise Refused(f"{source}: the ledger has no signed checkpoint of its {size} entries")
            lines, told, refused = [], [], {}
            for one in asked:
                try:
                    lines.append(cosignature(one, note, size, database.node, over_http(timeout)))
                    told.append(one.cosigner.name)
                except NotCosigned as error:
                    refused[one.cosigner.name] = str(error)
        if lines:
            kept = _earlier(target, note)
            write_file(target, with_lines(kept, lines), target.with_name(f"{target.name}.tmp"))
        enough = len(told) >= wanted
        said = [f"{name} cosigned {size} entries" for name in told]
        said += [f"{name} did not cosign: {why}" for name, why in refused.items()]
        if not enough:
            said.append(f"{len(told)} cosigned and {wanted} are asked for")
        plain = {"did": "cosigned" if enough else "refused", "size": size, "cosigned": told,
                 "refused": refused, "file": str(target) if lines else None}  # fmt: skip
        tell(plain, said, as_json)
    raise SystemExit(OK if enough else FLAW)


def _ledger(source: Path) -> contextlib.closing[Database]:
    """The ledger of a run or a kit, also while the federation goes on, until the block ends."""
    from proofward.ledger.database import Database

    return contextlib.closing(Database(ledger_at(source), writable=False, live=True))


def _earlier(target: Path, note: bytes) -> bytes:
    """An earlier file of the same checkpoint, whose cosignatures are kept; the checkpoint else."""
    from proofward.ledger.note import MAX_NOTE_BYTES, parse_note
    from proofward.ledger.reading import read_regular

    if not target.exists():
        return note
    earlier = read_regular(target, MAX_NOTE_BYTES, follow=True)
    return earlier if parse_note(earlier)[0] == parse_note(note)[0] else note


def _asked(url: str, text: str) -> Asked:
    from proofward.witness.asking import Asked
    from proofward.witness.cosignature import Cosigner

    return _parsed("--witness", text, lambda vkey: Asked(url, Cosigner.parse(vkey)))


def _parsed(option: str, text: str, parse: Callable[[str], T]) -> T:
    """A value of an option; raises BadParameter in the words of what is wrong."""
    from proofward.ledger.errors import LedgerError

    try:
        return parse(text)
    except (LedgerError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def _cosigner(name: str, key: SigningKey) -> Cosigner:
    """The public half under a name; raises BadParameter for what is no name."""
    from proofward.witness.cosignature import Cosigner, CosigningKey

    return _parsed("--name", str(CosigningKey(name, key).cosigner), Cosigner.parse)
