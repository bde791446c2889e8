"""`proofward model statement`: a signed statement of the final model for other tools; `verify` checks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, PASSPHRASE, Refused, answering, passphrase_of, tell
from proofward.cli.common.console import WrongThing

if TYPE_CHECKING:
    from proofward.federation.history.history import History
    from proofward.ledger.keys import SigningKey

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("source", metavar="RUN_OR_KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="File to write; one that is there gets the signatures of this site besides.")  # fmt: skip
@click.option("--model", "models", multiple=True, type=FILE, metavar="FILE",
              help="An exported model whose digest stands in it too; may be repeated.")  # fmt: skip
@PASSPHRASE
@JSON
def statement(
    source: Path, out: Path, models: tuple[Path, ...], passphrase_file: Path | None, as_json: bool
) -> None:
    """Sign a statement of the final model: its digest, and the outcome of the rounds that made it.

    It is an in-toto statement in an envelope of DSSE, signed with the keys of the members at this site. It
    follows from the ledger, so the other sites add their signatures to the same file. `proofward verify FILE
    --ledger RUN_OR_KIT` checks it, and tools that read DSSE do.
    """
    from proofward.cli.common.ledger_place import history_of
    from proofward.report.handover.statement import (
        StatementInvalid,
        opened_statement,
        payload_of,
        sealed_statement,
    )

    with answering(as_json):
        try:
            history = history_of(source)
            payload = payload_of(history, read_files(models))
            earlier: list[dict[str, Any]] = []
            if out.exists():
                known, earlier = opened_statement(out.read_text())
                if known != payload:
                    raise Refused(f"{out} is a statement of something else, and is left as it is")
            keys = own_keys(source, history, passphrase_of(passphrase_file))
            out.write_text(sealed_statement(payload, list(keys.values()), earlier))
        except StatementInvalid as error:
            raise Refused(str(error)) from error
        words = f"{out}: signed by {', '.join(sorted(keys))}"
        tell({"did": "signed", "file": str(out), "signed_by": sorted(keys)}, [words], as_json)


def read_files(paths: tuple[Path, ...]) -> dict[str, bytes]:
    """The files, by name."""
    return {path.name: path.read_bytes() for path in paths}


def own_keys(source: Path, history: History, passphrase: bytes | None) -> dict[str, SigningKey]:
    """The present keys of the members whose kit or run this is; raises Refused when there is none."""
    from proofward.ledger.keys import SigningKey

    folder, found = members_of(source), {}
    for name, known in history.keys.items():
        for path in (folder / name / "next.key", folder / name / "identity.key"):
            if path.exists() and (key := SigningKey.load(path, passphrase)).public.raw == known:
                found[name] = key
    if not found:
        raise Refused(f"{source}: no key of a member is here to sign with")
    return found


def members_of(source: Path) -> Path:
    """The folder of a kit or of a run that has a folder for each member here."""
    from proofward.cli.common.answering import opened
    from proofward.engines.run_folder import private_of
    from proofward.report.handover.models.model_source import is_kit

    return opened(source).root / "members" if is_kit(source) else private_of(source)


def check_statement(path: Path, ledger: Path | None, models: tuple[Path, ...], as_json: bool) -> None:
    """What `verify` says of a statement; ends the command where it is refused."""
    from proofward.cli.common.ledger_place import history_of
    from proofward.ledger.reading import NotReadable, read_regular
    from proofward.report.handover.statement import MAX_STATEMENT, StatementInvalid, signers

    if ledger is None:
        raise click.UsageError("--ledger: name the run or kit whose model the statement is about")
    with answering(as_json):
        try:
            text = read_regular(path, MAX_STATEMENT, follow=True).decode()
            history = history_of(ledger)
            names = signers(history, text, read_files(models))
        except (NotReadable, UnicodeDecodeError) as error:
            raise WrongThing(f"{path}: {error}") from error
        except StatementInvalid as error:
            raise Refused(str(error)) from error
        plain = {"valid": True, "signed_by": names, "model": history.model.hex()}
        about = f"the model {history.model.hex()} of {len(history.closed)} rounds"
        tell(plain, [f"VALID: {about}, signed by {', '.join(names)}"], as_json)
