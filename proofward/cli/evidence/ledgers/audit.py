"""`proofward audit`: replays a run from its folder alone."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.addresses import WebAddress
from proofward.cli.common.console import FLAW, OK, USAGE, WrongThing, hexadecimal, make_console, print_json
from proofward.cli.common.evidence_options import NOW, TODAYS, Todays, today

if TYPE_CHECKING:
    from rich.console import Console

    from proofward.chain.state.state_proof import StateProof
    from proofward.federation.parties.checking.audit_verdict import AuditVerdict
    from proofward.witness.cosigned import Witnesses

LEDGER_FILE = "ledger.db"


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--details", is_flag=True, help="Print a line for every check.")
@click.option("--failures", is_flag=True, help="Print a line for every check that failed.")
@click.option("--consortium", callback=hexadecimal, metavar="DIGEST", help="Digest of the rules to expect.")
@click.option(
    "--remember", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A signed checkpoint kept elsewhere, which the ledger has to continue; may be repeated.",
)  # fmt: skip
@click.option(
    "--cosigned", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint with witnesses' signatures, from `witness ask`; may be repeated.",
)  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="VKEY",
              help="With --cosigned: the key of a witness that counts; may be repeated.")  # fmt: skip
@click.option("--least", type=click.IntRange(1), metavar="K", show_default="all",
              help="With --cosigned: how many of them have to have signed.")  # fmt: skip
@click.option(
    "--chain-proof", "proof", multiple=True, metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What a chain holds of the ledger, from `chain anchor` or `chain verify`; may be repeated.",
)  # fmt: skip
@click.option("--rpc", type=WebAddress(whole=True), metavar="URL",
              help="A node of the chain, which is asked for the same.")  # fmt: skip
@click.option("--dev-chain", is_flag=True, help="With --rpc: the latest block counts, whether final or not.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that verify proofs; the cores are divided among them.")  # fmt: skip
@NOW
@TODAYS
def audit(
    run: Path,
    as_json: bool,
    details: bool,
    failures: bool,
    consortium: bytes | None,
    remember: tuple[Path, ...],
    cosigned: tuple[Path, ...],
    witnesses: tuple[str, ...],
    least: int | None,
    proof: tuple[Path, ...],
    rpc: str | None,
    dev_chain: bool,
    workers: int,
    now: bool,
    todays: Todays,
) -> None:
    """Replay everything in the folder RUN with no secret: chain, every proof, sums, unmasking, models.

    Says two things apart: whether the record is consistent, and whether everybody kept the rules, else who
    did not, where and how. Exit code 0 when both hold; 1 when the record has a flaw, somebody broke the
    rules, or fewer witnesses have cosigned than are asked for, and the sentences, or "consistent",
    "rules_kept" and "cosigned" of --json, say which; 2 when there is no ledger, or one of an earlier
    protocol, which another release audits. A refused proof is "refused": the record of it is in order, and
    the hospital broke a rule. Metrics and plot are no evidence and not read.
    """
    require_ledger(run)
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.cli.evidence.ledgers.audit_words import screen, to_document
    from proofward.engines.operations.verification_pool import PooledProofs
    from proofward.federation.parties.checking.audit_verdict import VERSION
    from proofward.report.audits.audit_summary import AuditSummary
    from proofward.report.audits.run_audit import RunAudit

    notes, witnessed = checkpoints("--remember", remember), checkpoints("--cosigned", cosigned)
    if (witnesses or least) and not cosigned:
        raise click.UsageError("--witness and --least say what is asked of --cosigned FILE, which is missing")
    known = named_witnesses(witnesses, least) if cosigned else None
    shown = proofs_of_anchor(run, proof, rpc, dev_chain)
    asked = today(now, todays)
    console = make_console()
    started = time.perf_counter()
    verdicts: list[AuditVerdict] = []
    with nullcontext() if workers == 1 else PooledProofs(workers) as proofs:
        auditor = RunAudit(run, proofs, consortium, notes, witnessed, known, shown, asked)
        for verdict in auditor.run():
            verdicts.append(verdict)
            if details and not as_json:
                print_line(console, verdict)
    summary = AuditSummary(verdicts, auditor.history)
    if failures and not details and not as_json:
        for verdict in summary.failed:
            print_line(console, verdict)
    seconds, others = time.perf_counter() - started, auditor.no_evidence()
    if as_json:
        print_json({**to_document(summary), "seconds": seconds, "no_evidence": others})
    else:
        for line in screen(summary, consortium):
            console.print(line, markup=False, soft_wrap=True)
        if others:
            console.print(f"no evidence, not read: {', '.join(others)}", markup=False, soft_wrap=True)
        console.print(f"{len(verdicts)} checks in {seconds:.1f} s; --details lists them", markup=False)
    earlier = any(entry.refusal is not None and entry.refusal.check == VERSION for entry in summary.failed)
    raise SystemExit(USAGE if earlier else OK if summary.passed else FLAW)


def checkpoints(option: str, paths: Sequence[Path]) -> list[bytes]:
    """The signed checkpoints in files; raises BadParameter."""
    from proofward.ledger.note import MAX_NOTE_BYTES, SIGNATURES
    from proofward.ledger.reading import NotReadable, read_regular

    try:
        notes = [read_regular(path, MAX_NOTE_BYTES, follow=True) for path in paths]
    except NotReadable as error:
        raise click.BadParameter(f"{option}: {error}") from error
    for path, note in zip(paths, notes, strict=True):
        if SIGNATURES not in note:  # what another file holds, records perhaps, is shown to nobody
            raise click.BadParameter(f"{option}: {path}: expected a checkpoint with signatures, found none")
    return notes


def proofs_of_anchor(run: Path, paths: Sequence[Path], rpc: str | None, dev: bool) -> list[StateProof]:
    """What a chain holds of the ledger: in files, and asked for; raises BadParameter, WrongThing."""
    from proofward.cli.evidence.anchor.source import proof_at, read_proof

    if dev and rpc is None:
        raise click.UsageError("--dev-chain says what is asked of --rpc URL, which is missing")
    found = [read_proof(path, "--chain-proof") for path in paths]
    return found if rpc is None else [*found, proof_at(run, rpc, dev)]


def named_witnesses(keys: Sequence[str], least: int | None) -> Witnesses:
    """Whose cosignatures count; raises UsageError."""
    from proofward.ledger.errors import LedgerError
    from proofward.witness.cosignature import Cosigner
    from proofward.witness.cosigned import Witnesses

    if not keys:
        raise click.UsageError("--cosigned: whose cosignatures count? Give --witness VKEY for each of them")
    try:
        return Witnesses(tuple(map(Cosigner.parse, keys)), least or len(keys))
    except LedgerError as error:
        raise click.UsageError(f"--witness: {error}") from error


def holds_ledger(run: Path) -> bool:
    """Whether a folder, or the ledger's folder in it, has anything that belongs to a ledger."""
    names = (LEDGER_FILE, "ledger.seal", "objects")
    return any(os.path.lexists(folder / name) for folder in (run, run / "ledger") for name in names)


def require_ledger(run: Path) -> None:
    """Raises WrongThing where a folder has no ledger; of the server's kit it says which folder has it."""
    from proofward.engines.contract import home_of

    if holds_ledger(run):
        return
    home = home_of(run)
    if holds_ledger(home):
        words = f"this is the server's kit: give {home / 'ledger'}, or a copy of it, once all is over"
    elif home.is_dir():
        words = f"this is a kit: the server's has the ledger, in {home_of(Path('KIT')) / 'ledger'}"
    else:
        words = f"give a run's folder, or one with {LEDGER_FILE} in it"
    raise WrongThing(f"{run}: no ledger here: {words}")


def print_line(console: Console, verdict: AuditVerdict) -> None:
    """One check with its outcome: ok, refused or FAILED."""
    from proofward.cli.evidence.ledgers.audit_words import describe
    from proofward.report.audits.audit_summary import outcome

    mark = {"passed": "ok", "refused": "refused", "failed": "FAILED"}[outcome(verdict)]
    console.print(f"{mark:7} {describe(verdict)}", markup=False, soft_wrap=True)
