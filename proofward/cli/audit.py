"""`proofward audit`: replays a run from its folder alone."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.console import FLAW, OK, USAGE, hexadecimal, make_console, print_json

if TYPE_CHECKING:
    from proofward.federation.parties.audit_verdict import AuditVerdict


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--failures", is_flag=True, help="Print only what failed.")
@click.option("--consortium", callback=hexadecimal, metavar="DIGEST", help="Digest of the rules to expect.")
@click.option(
    "--remember", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A signed checkpoint kept elsewhere, which the ledger has to continue; may be repeated.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that verify proofs; the cores are divided among them.")  # fmt: skip
def audit(
    run: Path,
    as_json: bool,
    failures: bool,
    consortium: bytes | None,
    remember: tuple[Path, ...],
    workers: int,
) -> None:
    """Replay everything in the folder RUN with no secret: chain, every proof, sums, unmasking, models.

    A verdict a line; exit code 1 when one of them is a flaw, and 2 when the run is of an earlier protocol,
    which another release audits. Metrics and plot are a report and no evidence: they are named and not read.
    """
    from proofward.cli.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.engines.operations.verification_pool import PooledProofs
    from proofward.federation.parties.audit_verdict import VERSION
    from proofward.ledger.note import MAX_NOTE_BYTES
    from proofward.ledger.reading import NotReadable, read_regular
    from proofward.report.run_audit import RunAudit

    try:
        notes = [read_regular(path, MAX_NOTE_BYTES, follow=True) for path in remember]
    except NotReadable as error:
        raise click.BadParameter(f"--remember: {error}") from error
    console = make_console()
    started = time.perf_counter()
    verdicts: list[AuditVerdict] = []
    counts, failed, earlier = Counter[str](), 0, False
    with nullcontext() if workers == 1 else PooledProofs(workers) as proofs:
        auditor = RunAudit(run, proofs, consortium, notes)
        for verdict in auditor.run():
            counts[verdict.check] += 1
            failed += not verdict.passed
            earlier = earlier or (verdict.refusal is not None and verdict.refusal.check == VERSION)
            if as_json:
                verdicts.append(verdict)
            elif not (failures and verdict.passed):
                mark = "ok    " if verdict.passed else "FAILED"
                console.print(f"{mark} {describe(verdict)}", markup=False, soft_wrap=True)
    seconds = time.perf_counter() - started
    others = auditor.no_evidence()
    policy = None if auditor.history is None else auditor.history.rules.config.security_bits
    if as_json:
        print_json(
            {
                "passed": failed == 0,
                "checks": counts.total(),
                "failed": failed,
                "seconds": seconds,
                "policy_bits": policy,
                "no_evidence": others,
                "verdicts": [to_dict(verdict) for verdict in verdicts],
            }
        )
    else:
        proved = counts["round-proof"] + counts["enrolment-proof"]
        if others:
            console.print(f"no evidence, not read: {', '.join(others)}", markup=False, soft_wrap=True)
        outcome = "everything holds" if failed == 0 else f"{failed} checks FAILED"
        counted = f"{counts.total()} checks, {proved} proofs{demanded(policy)}"
        console.print(f"{counted}, {seconds:.1f} s: {outcome}", markup=False)
    raise SystemExit(USAGE if earlier else FLAW if failed else OK)


def demanded(policy_bits: int | None) -> str:
    """What the rules demand of proofs, in words; nothing where there are no rules."""
    from proofward.proof.soundness import LEAST_POLICY_BITS

    if policy_bits is None:
        return ""
    weak = " (WEAK: rules for tests)" if policy_bits < LEAST_POLICY_BITS else ""
    return f" of at least {policy_bits} bits{weak}"


def describe(verdict: AuditVerdict) -> str:
    """One line."""
    found = verdict.detail if verdict.refusal is None else str(verdict.refusal)
    return f"{verdict.check}: {verdict.subject}{f': {found}' if found else ''}"


def to_dict(verdict: AuditVerdict) -> dict[str, object]:
    """Plain values."""
    refusal = verdict.refusal
    plain: dict[str, object] = {
        "check": verdict.check,
        "subject": verdict.subject,
        "passed": verdict.passed,
        "detail": verdict.detail,
        "seconds": verdict.seconds,
    }
    if refusal is not None:
        plain |= {
            "failed_check": refusal.check,
            "culprit": refusal.culprit,
            "expected": refusal.expected,
            "actual": refusal.actual,
        }
    return plain
